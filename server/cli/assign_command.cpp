#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "absl/strings/str_cat.h"
#include "sdk/assignment/evaluate.hpp"
#include "sdk/assignment/explain.hpp"
#include "sdk/base/text.hpp"
#include "server/authoring/reader.hpp"
#include "server/cli/catalog_file.hpp"
#include "server/cli/command.hpp"
#include "server/evaluation/subject_reader.hpp"
#include "upswing/subject.hpp"

namespace upswing::cli {
namespace {

struct Options {
  std::string catalog;
  std::vector<std::string> units;
  std::vector<std::string> attributes;
  std::string at;
  std::vector<std::string> keys;
  bool explain = false;
};

struct Pair {
  std::string name;
  std::string value;
};

Pair Split(const std::string& flag, const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0) {
    throw CLI::ValidationError(flag, "must be NAME=VALUE, not " + json::Quote(text));
  }
  return {text.substr(0, equals), text.substr(equals + 1)};
}

std::string ValueText(const Value& value) {
  switch (value.type()) {
    case ValueType::kNone:
      return "null";
    case ValueType::kBool:
      return *value.as_bool() ? "true" : "false";
    case ValueType::kInt:
      return std::to_string(*value.as_int());
    case ValueType::kDouble: {
      std::array<char, 32> text;
      const auto end = std::to_chars(text.data(), text.data() + text.size(), *value.as_double());
      return {text.data(), end.ptr};
    }
    case ValueType::kString:
      return json::Quote(*value.as_text());
    case ValueType::kJson:
      return std::string(*value.as_text());
  }
  return "null";
}

std::string QuoteOrNull(std::string_view text) { return text.empty() ? "null" : json::Quote(text); }

std::string Line(std::string_view key, const Decision& decision) {
  std::string line = base::Concat(
      {"{\"key\": ", json::Quote(key),
       ", \"kind\": ", decision.kind == DecisionKind::kFlag ? "\"flag\"" : "\"experiment\"",
       ", \"variant\": ", QuoteOrNull(decision.variant()),
       ", \"value\": ", ValueText(decision.value),
       ", \"reason\": ", json::Quote(ReasonName(decision.reason)), ", \"bucket\": ",
       decision.bucket == Decision::kNoBucket ? "null" : std::to_string(decision.bucket),
       ", \"experiment\": ", QuoteOrNull(decision.experiment()),
       ", \"unit\": ", QuoteOrNull(decision.unit_type())});
  if (decision.kind == DecisionKind::kFlag) {
    line += ", \"rule\": ";
    line += decision.rule_index < 0 ? "null" : std::to_string(decision.rule_index);
  }
  if (!decision.experiment().empty()) {
    line += base::Concat({", \"iteration\": ", std::to_string(decision.iteration),
                          ", \"phase\": ", std::to_string(decision.phase)});
  }
  line += ", \"holdouts\": {";
  for (std::uint32_t i = 0; i < decision.holdouts_consulted; ++i) {
    const bool held = decision.held && i + 1 == decision.holdouts_consulted;
    line += base::Concat({i == 0 ? "" : ", ", json::Quote(decision.holdouts[i].view()),
                          held ? ": \"held\"" : ": \"open\""});
  }
  return line + "}}";
}

absl::Status Assign(const Options& options, const std::vector<Pair>& units,
                    const std::vector<Pair>& attributes, std::int64_t now_ms) {
  catalog::Interner interner;
  const auto view = LoadView(options.catalog, interner);
  if (!view.ok()) return view.status();
  Subject subject;
  for (const Pair& unit : units) subject.SetUnit(unit.name, unit.value);
  for (const Pair& attribute : attributes) {
    const absl::Status status =
        evaluation::SetAttribute(**view, attribute.name, attribute.value, &subject);
    if (!status.ok()) return absl::InvalidArgumentError(absl::StrCat("--attr ", status.message()));
  }
  const assignment::Environment environment{.now_ms = now_ms};
  const auto print = [&](std::string_view key, bool flag) {
    const assignment::Explanation explanation =
        flag ? assignment::ExplainFlag(**view, key, subject, environment)
             : assignment::ExplainExperiment(**view, key, subject, environment);
    std::printf("%s\n", Line(key, explanation.decision).c_str());
    if (options.explain) std::printf("%s", explanation.text.c_str());
  };
  if (options.keys.empty()) {
    for (const catalog::Experiment& e : (*view)->experiments()) print(e.key.view(), false);
    for (const catalog::Flag& flag : (*view)->flags()) print(flag.key.view(), true);
  }
  for (const std::string& key : options.keys) {
    const bool flag = (*view)->FindFlag(key) != nullptr;
    const bool experiment = (*view)->FindExperiment(key) != nullptr;
    if (experiment || !flag) print(key, false);
    if (flag) print(key, true);
  }
  return absl::OkStatus();
}

}  // namespace

void AddAssignCommand(CLI::App& app, Action& action) {
  auto options = std::make_shared<Options>();
  CLI::App* const assign =
      app.add_subcommand("assign", "Print decisions with reasons, as JSON lines");
  assign->add_option("--catalog", options->catalog, "catalog file (JSON or compiled)")->required();
  assign->add_option("--unit", options->units, "TYPE=ID, once per unit type")
      ->allow_extra_args(false);
  assign->add_option("--attr", options->attributes, "NAME=VALUE; lists as a,b,c")
      ->allow_extra_args(false);
  assign->add_option("--at", options->at, "time of the decision, RFC 3339 (default: now)");
  assign->add_flag("--explain", options->explain, "print how each decision came about below it");
  assign->add_option("KEY", options->keys, "experiments and flags (default: all)");
  assign->callback([options, &action] {
    std::vector<Pair> units;
    std::vector<Pair> attributes;
    for (const std::string& unit : options->units) units.push_back(Split("--unit", unit));
    for (const std::string& a : options->attributes) attributes.push_back(Split("--attr", a));
    std::int64_t now_ms = std::chrono::floor<std::chrono::milliseconds>(
                              std::chrono::system_clock::now().time_since_epoch())
                              .count();
    if (!options->at.empty()) {
      const auto at = authoring::ParseTime(options->at);
      if (!at.has_value()) throw CLI::ValidationError("--at", "must be a time in RFC 3339");
      now_ms = *at;
    }
    action = [options, units, attributes, now_ms] {
      return Assign(*options, units, attributes, now_ms);
    };
  });
}

}  // namespace upswing::cli
