#include <cstdio>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "server/cli/command.hpp"
#include "server/cli/key_options.hpp"
#include "server/cli/remote.hpp"

namespace upswing::cli {
namespace {

struct Flags {
  std::string key, server, api_key, reason, variant;
  double share = 0;
};

absl::Status Take(const Flags& flags, const std::string& step) {
  absl::StatusOr<Remote> remote = Remote::Open(flags.server, flags.api_key);
  if (!remote.ok()) return remote.status();
  nlohmann::json body = {{"reason", flags.reason}};
  if (step == "ramp") body["share"] = flags.share;
  if (step == "ship") body["variant"] = flags.variant;
  const auto answer =
      remote->Post(absl::StrCat("/v1/experiments/", PercentEncode(flags.key), "/", step),
                   body.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
  if (!answer.ok()) return answer.status();
  const auto json = nlohmann::json::parse(*answer, nullptr, false);
  if (!json.is_object() || !json.contains("changes"))
    return absl::UnavailableError(absl::StrCat(flags.server, ": this is no Upswing server"));
  for (const auto& change : json["changes"])
    std::printf("%s\n", change.is_string() ? change.get<std::string>().c_str() : "?");
  return absl::OkStatus();
}

}  // namespace

void AddExperimentCommand(CLI::App& app, Action& action) {
  CLI::App* const experiment =
      app.add_subcommand("experiment", "Start, stop, ramp or ship an experiment on a server");
  experiment->require_subcommand(1);
  auto flags = std::make_shared<Flags>();
  const auto add = [&](const std::string& step, const char* what) {
    CLI::App* const command = experiment->add_subcommand(step, what);
    command->add_option("KEY", flags->key, "key of the experiment")->required();
    command->add_option("--server", flags->server, "URL of a running server")->required();
    AddKeyOptions(command, "admin", &flags->api_key);
    command->add_option("--reason", flags->reason, "why, for the history and the audit log");
    command->callback(
        [&action, flags, step] { action = [flags, step] { return Take(*flags, step); }; });
    return command;
  };
  add("start", "Draft or stopped to running");
  add("stop", "Running to stopped: the kill switch");
  add("ramp", "Set the share of traffic; units that are in stay in as it grows")
      ->add_option("--share", flags->share, "share of traffic, or of the layer, in (0, 1]")
      ->required();
  add("ship", "Stop, and make what the variant sets the default of its flags")
      ->add_option("--variant", flags->variant, "key of the variant")
      ->required();
}

}  // namespace upswing::cli
