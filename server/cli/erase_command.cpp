#include <cstdio>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "server/cli/command.hpp"
#include "server/cli/key_options.hpp"
#include "server/cli/remote.hpp"
#include "server/store/embedded/embedded_store.hpp"

namespace upswing::cli {
namespace {

struct Flags {
  std::string unit;
  std::string server;
  std::string api_key;
  std::string data;
};

absl::Status OnServer(const Flags& flags) {
  absl::StatusOr<Remote> remote = Remote::Open(flags.server, flags.api_key);
  if (!remote.ok()) return remote.status();
  const auto answer = remote->Post("/v1/units/erase", nlohmann::json{{"unit", flags.unit}}.dump());
  if (!answer.ok()) return answer.status();
  std::printf("%s\n", answer->c_str());
  return absl::OkStatus();
}

absl::Status InFolder(const Flags& flags) {
  store::EmbeddedOptions options;
  options.directory = flags.data;
  options.background = false;
  const auto store = store::EmbeddedStore::Open(options);
  if (!store.ok()) return store.status();
  const std::size_t equals = flags.unit.find('=');
  const std::string type = flags.unit.substr(0, equals);
  const auto erased =
      (*store)->Erase(type, (*store)->hasher().Key(type, flags.unit.substr(equals + 1)),
                      absl::ToUnixMillis(absl::Now()));
  if (!erased.ok()) return erased.status();
  std::printf("{\"records\":%lld}\n", static_cast<long long>(erased->records));
  return absl::OkStatus();
}

}  // namespace

void AddEraseCommand(CLI::App& app, Action& action) {
  CLI::App* erase = app.add_subcommand("erase", "Remove every record of a unit, for good");
  auto flags = std::make_shared<Flags>();
  erase->add_option("--unit", flags->unit, "The unit as TYPE=ID")->required();
  CLI::Option* server = erase->add_option("--server", flags->server, "URL of a running server");
  AddKeyOptions(erase, "admin", &flags->api_key);
  erase->add_option("--data", flags->data, "Data folder of a stopped server")->excludes(server);
  erase->callback([&action, flags] {
    const std::size_t equals = flags->unit.find('=');
    if (equals == std::string::npos || equals == 0 || equals + 1 == flags->unit.size())
      throw CLI::ValidationError("--unit", "must be TYPE=ID, e.g. user=u-42");
    if (flags->server.empty() == flags->data.empty())
      throw CLI::ValidationError("--server", "give either --server or --data");
    action = [flags] { return flags->server.empty() ? InFolder(*flags) : OnServer(*flags); };
  });
}

}  // namespace upswing::cli
