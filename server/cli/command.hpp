#pragma once

#include <functional>

#include "absl/status/status.h"

namespace CLI {
class App;
}

namespace upswing::cli {

/// What a subcommand does once the command line has been read. A status that is not OK ends the
/// program with exit status 1 and its message as one line on stderr: it names the file, field or
/// flag.
using Action = std::function<absl::Status()>;

// The subcommands of `upswing`. Each function adds one to `app`; when it is the one chosen, its
// callback fills `action`. What is wrong with the flags themselves is thrown from the callback as
// `CLI::ValidationError(flag, message)`, which ends the program with exit status 2.
//
// A subcommand lives in `<name>_command.cpp`, is declared here and called in `server/main.cpp`.

/// `upswing assign`: decisions with reasons, as the SDK takes them.
void AddAssignCommand(CLI::App& app, Action& action);
/// `upswing catalog check | allocate | compile`.
void AddCatalogCommand(CLI::App& app, Action& action);

/// `upswing serve`, `import`, `report`, `simulate`: see docs/reference/commands.md.
void AddServeCommand(CLI::App& app, Action& action);
void AddImportCommand(CLI::App& app, Action& action);
void AddReportCommand(CLI::App& app, Action& action);
void AddSimulateCommand(CLI::App& app, Action& action);

/// `upswing experiment start | stop | ramp | ship`: steps in an experiment's life, on a server.
void AddExperimentCommand(CLI::App& app, Action& action);

/// `upswing keys create | list | rotate | revoke`: who may call the server of a data folder.
void AddKeysCommand(CLI::App& app, Action& action);

/// `upswing stats METHOD`, `upswing stats check FILE...`: the statistics, for audit against other
/// data.
void AddStatsCommand(CLI::App& app, Action& action);
/// `upswing power`: planning an experiment.
void AddPowerCommand(CLI::App& app, Action& action);

/// `upswing store verify | stats | compact | backup | restore | export | expire`.
void AddStoreCommand(CLI::App& app, Action& action);
/// `upswing erase`: removes a unit's records for good.
void AddEraseCommand(CLI::App& app, Action& action);

}  // namespace upswing::cli
