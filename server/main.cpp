#include <cstdio>
#include <string>

#include <CLI/CLI.hpp>

#include "server/cli/command.hpp"
#include "upswing/version.hpp"

namespace {

constexpr int kWorkFailed = 1;
constexpr int kWrongUsage = 2;

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Upswing: A/B experiments from assignment to lift", "upswing");
  app.set_version_flag("--version", std::string("upswing ") + upswing::kVersion);
  app.require_subcommand(1);
  app.get_formatter()->column_width(34);

  upswing::cli::Action action;
  upswing::cli::AddServeCommand(app, action);
  upswing::cli::AddImportCommand(app, action);
  upswing::cli::AddReportCommand(app, action);
  upswing::cli::AddSimulateCommand(app, action);
  upswing::cli::AddCatalogCommand(app, action);
  upswing::cli::AddAssignCommand(app, action);
  upswing::cli::AddStatsCommand(app, action);
  upswing::cli::AddPowerCommand(app, action);
  upswing::cli::AddStoreCommand(app, action);
  upswing::cli::AddEraseCommand(app, action);
  upswing::cli::AddExperimentCommand(app, action);
  upswing::cli::AddKeysCommand(app, action);

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int status = app.exit(error);
    return status == 0 ? 0 : kWrongUsage;
  }
  const absl::Status status = action();
  if (status.ok()) return 0;
  std::fprintf(stderr, "upswing: %s\n", std::string(status.message()).c_str());
  return kWorkFailed;
}
