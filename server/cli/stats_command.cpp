#include <algorithm>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "server/cli/command.hpp"
#include "server/stats_json/check.hpp"
#include "server/stats_json/method.hpp"

namespace upswing::cli {
namespace {

using Json = nlohmann::json;

absl::StatusOr<Json> Parse(std::istream& stream, const std::string& name) {
  const std::string text((std::istreambuf_iterator<char>(stream)),
                         std::istreambuf_iterator<char>());
  if (stream.bad()) return absl::DataLossError(absl::StrCat(name, ": cannot be read"));
  Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded()) return absl::InvalidArgumentError(absl::StrCat(name, ": is not JSON"));
  return json;
}

absl::Status RunOne(const std::string& method) {
  const auto inputs = Parse(std::cin, "stdin");
  if (!inputs.ok()) return inputs.status();
  const auto result = stats_json::RunMethod(method, *inputs);
  if (!result.ok())
    return absl::Status(result.status().code(),
                        absl::StrCat("stats ", method, ": ", result.status().message()));
  std::printf("%s\n", result->dump().c_str());
  return absl::OkStatus();
}

absl::Status CheckFiles(const std::vector<std::string>& files) {
  int passed = 0;
  int failed = 0;
  for (const std::string& name : files) {
    std::ifstream stream(name);
    if (!stream) return absl::NotFoundError(absl::StrCat(name, ": cannot be opened"));
    const auto json = Parse(stream, name);
    if (!json.ok()) return json.status();
    const auto result = stats_json::CheckCases(*json);
    if (!result.ok())
      return absl::InvalidArgumentError(absl::StrCat(name, ": ", result.status().message()));
    passed += result->passed;
    failed += result->failed;
    for (const std::string& failure : result->failures) std::printf("%s\n", failure.c_str());
  }
  std::printf("%d passed, %d failed\n", passed, failed);
  if (failed > 0) return absl::FailedPreconditionError(absl::StrCat(failed, " cases failed"));
  return absl::OkStatus();
}

}  // namespace

void AddStatsCommand(CLI::App& app, Action& action) {
  struct Options {
    std::string method;
    std::vector<std::string> files;
    bool list = false;
  };
  const auto options = std::make_shared<Options>();
  CLI::App* command = app.add_subcommand(
      "stats", "Run a statistical method on JSON from stdin, or check reference cases");
  command->add_option("METHOD", options->method, "Method, or 'check' to run the cases of files");
  command->add_option("FILE", options->files, "Files of reference cases, for 'check'");
  command->add_flag("--list", options->list, "Print the names of the methods");
  command->callback([options, &action] {
    if (options->list) {
      action = [] {
        for (const std::string& name : stats_json::MethodNames()) std::printf("%s\n", name.c_str());
        return absl::OkStatus();
      };
      return;
    }
    if (options->method.empty())
      throw CLI::ValidationError("METHOD", "is missing; --list prints the names");
    const bool check = options->method == "check";
    if (check && options->files.empty()) throw CLI::ValidationError("FILE", "is missing");
    if (!check && !options->files.empty())
      throw CLI::ValidationError("FILE", "a method reads its input from stdin");
    const std::vector<std::string> names = stats_json::MethodNames();
    if (!check && std::find(names.begin(), names.end(), options->method) == names.end())
      throw CLI::ValidationError("METHOD",
                                 "unknown method " + options->method + "; --list prints the names");
    action = [options, check] {
      return check ? CheckFiles(options->files) : RunOne(options->method);
    };
  });
}

void AddPowerCommand(CLI::App& app, Action& action) {
  struct Options {
    Json inputs = Json::object();
    double rate = NAN;
    bool one_sided = false;
    bool json = false;
    std::vector<double> per_day;
  };
  const auto options = std::make_shared<Options>();
  CLI::App* command =
      app.add_subcommand("power", "Sample size, smallest detectable effect, power and days");
  const auto number = [&](const char* flag, const char* field, const char* help) {
    command->add_option_function<double>(
        flag, [options, field](const double& value) { options->inputs[field] = value; }, help);
  };
  command->add_option("--rate", options->rate, "Control's conversion rate (instead of --mean)");
  number("--mean", "mean", "Control's mean per unit (of a ratio: the ratio)");
  number("--variance", "variance", "Variance per unit (of a ratio: by the delta method)");
  number("--effect", "effect", "True effect to find, in the metric's own unit");
  number("--relative-effect", "relative_effect", "True effect to find; 0.05 is +5 %");
  number("--units", "units_total", "Units of both arms: gives the detectable effect");
  number("--alpha", "alpha", "Error probability (default 0.05)");
  number("--power", "power", "Probability of finding the effect (default 0.8)");
  number("--ratio", "ratio", "Treatment units per control unit (default 1)");
  number("--correlation", "correlation", "Of the metric with its CUPED covariate (default 0)");
  number("--cluster-size", "cluster_size", "Mean units per randomised cluster (default 1)");
  number("--cluster-size-cv", "cluster_size_cv", "Variation of the cluster sizes (default 0)");
  number("--icc", "icc", "Correlation of units within a cluster (default 0)");
  number("--margin", "margin", "Non-inferiority margin, in the metric's own unit");
  number("--relative-margin", "relative_margin", "Non-inferiority margin; 0.02 is 2 %");
  number("--anytime", "anytime_tuning_units", "Judge by the anytime interval tuned to this size");
  command->add_option("--per-day", options->per_day, "New units on each past day: gives the days")
      ->delimiter(',');
  number("--after-days", "after_days", "With --per-day: gives the effect detectable after so long");
  command->add_flag("--one-sided", options->one_sided, "One-sided test");
  command->add_flag("--json", options->json, "One JSON object instead of lines");
  command->callback([options, &action] {
    if (!std::isnan(options->rate)) {
      if (!(options->rate > 0 && options->rate < 1))
        throw CLI::ValidationError("--rate", "must be above 0 and below 1");
      options->inputs["mean"] = options->rate;
      options->inputs["variance"] = options->rate * (1 - options->rate);
    }
    if (!options->inputs.contains("mean")) throw CLI::ValidationError("--rate or --mean", "needed");
    if (!options->inputs.contains("variance")) throw CLI::ValidationError("--variance", "needed");
    const bool effect =
        options->inputs.contains("effect") || options->inputs.contains("relative_effect") ||
        options->inputs.contains("margin") || options->inputs.contains("relative_margin");
    if (!effect && !options->inputs.contains("units_total") &&
        !options->inputs.contains("after_days"))
      throw CLI::ValidationError("--relative-effect or --units", "needed");
    if (options->inputs.contains("after_days") && options->per_day.empty())
      throw CLI::ValidationError("--per-day", "needed by --after-days");
    if (options->inputs.contains("after_days") && options->inputs.contains("units_total"))
      throw CLI::ValidationError("--after-days", "cannot stand beside --units");
    if (!options->per_day.empty()) options->inputs["new_units_per_day"] = options->per_day;
    if (options->one_sided) options->inputs["alternative"] = "greater";
    action = [options]() -> absl::Status {
      const auto plan = stats_json::RunMethod("plan", options->inputs);
      if (!plan.ok())
        return absl::InvalidArgumentError(absl::StrCat("power: ", plan.status().message()));
      if (options->json) {
        std::printf("%s\n", plan->dump().c_str());
        return absl::OkStatus();
      }
      for (const auto& [name, value] : plan->items())
        std::printf("%-14s %s\n", name.c_str(),
                    value.is_string() ? value.get<std::string>().c_str() : value.dump().c_str());
      return absl::OkStatus();
    };
  });
}

}  // namespace upswing::cli
