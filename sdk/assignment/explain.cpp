#include "sdk/assignment/explain.hpp"

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "sdk/assignment/condition.hpp"
#include "sdk/assignment/evaluator.hpp"
#include "sdk/base/text.hpp"
#include "sdk/schema/catalog_generated.h"

namespace upswing::assignment {
namespace {

using base::Concat;
using schema::AttributeType;
using schema::NodeKind;
using schema::Operator;

constexpr std::uint32_t kMostShown = 8;  // values of a list, ranges of a shard

std::string_view TextOf(const flatbuffers::String* text) {
  return text == nullptr ? std::string_view() : std::string_view(text->c_str(), text->size());
}

std::string Quoted(std::string_view text) { return Concat({"\"", text, "\""}); }

// Civil date of a day count: H. Hinnant, "chrono-compatible low-level date algorithms", 2014.
std::string Utc(std::int64_t ms) {
  const auto floor_div = [](std::int64_t a, std::int64_t b) { return a / b - (a % b < 0 ? 1 : 0); };
  const std::int64_t days = floor_div(ms, 86'400'000);
  const std::int64_t in_day = ms - days * 86'400'000;
  const std::int64_t shifted = days + 719'468;
  const std::int64_t era = floor_div(shifted, 146'097);
  const std::int64_t doe = shifted - era * 146'097;
  const std::int64_t yoe = (doe - doe / 1460 + doe / 36'524 - doe / 146'096) / 365;
  const std::int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
  const std::int64_t mp = (5 * doy + 2) / 153;
  const std::int64_t month = mp < 10 ? mp + 3 : mp - 9;
  const auto padded = [](std::int64_t value, std::size_t width) {
    std::string digits = std::to_string(value);
    return digits.size() < width ? std::string(width - digits.size(), '0') + digits : digits;
  };
  std::string text =
      Concat({padded(yoe + era * 400 + (month <= 2 ? 1 : 0), 4), "-", padded(month, 2), "-",
              padded(doy - (153 * mp + 2) / 5 + 1, 2), "T", padded(in_day / 3'600'000, 2), ":",
              padded(in_day / 60'000 % 60, 2), ":", padded(in_day / 1000 % 60, 2)});
  if (in_day % 1000 != 0) text += "." + padded(in_day % 1000, 3);
  return text + "Z";
}

// Six digits of what is no integer. std::to_string would ask the locale.
std::string Real(double value) {
  constexpr double kExact = 9007199254740992;  // 2^53: integers up to it are exact
  if (value == std::trunc(value) && std::abs(value) <= kExact) {
    return std::to_string(static_cast<std::int64_t>(value));
  }
  return absl::StrCat(value);
}

std::string_view OperatorText(std::uint8_t op) {
  switch (static_cast<Operator>(op)) {
    case Operator::set:
      return "set";
    case Operator::in:
      return "in";
    case Operator::less:
      return "<";
    case Operator::less_equal:
      return "<=";
    case Operator::greater:
      return ">";
    case Operator::greater_equal:
      return ">=";
    case Operator::starts_with:
      return "starts_with";
    case Operator::ends_with:
      return "ends_with";
    case Operator::contains:
      return "contains";
    case Operator::matches:
      return "matches";
    case Operator::before:
      return "before";
    case Operator::after:
      return "after";
    case Operator::has_any:
      return "has_any";
    case Operator::has_all:
      return "has_all";
  }
  return "an operator this SDK does not know";
}

class Writer {
 public:
  Writer(const catalog::View& view, const Subject& subject, const Environment& environment,
         std::string& out)
      : view_(view), subject_(subject), environment_(environment), out_(out) {}

  void Decided(std::string_view kind, std::string_view key, const Decision& decision) {
    Line(0,
         Concat({kind, " ", Quoted(key), ": ", ReasonName(decision.reason),
                 decision.in_experiment() ? Concat({", variant ", Quoted(decision.variant())}) : "",
                 " (catalog version ", std::to_string(decision.catalog_version), ", at ",
                 Utc(environment_.now_ms), ")"}));
  }

  void Steps(const Trace& trace, const catalog::Experiment* experiment, const catalog::Flag* flag) {
    depth_ = flag == nullptr ? 1 : 2;
    for (const Step& step : trace) {
      if (step.kind == StepKind::kExperiment) {
        experiment = &view_.experiments()[step.index];
        Line(1, Concat({"experiment ", Quoted(experiment->key.view())}));
      } else if (step.kind == StepKind::kRule) {
        const std::uint32_t rule = flag->first_rule + step.index;
        const auto& table = *view_.table().flags();
        const auto& rules =
            *table.Get(static_cast<std::uint32_t>(flag - view_.flags().data()))->rules();
        Line(1, Concat({"rule ", Quoted(TextOf(rules.Get(step.index)->key())), ": ",
                        step.passed ? "applies" : "does not apply"}));
        if (view_.rules()[rule].condition != catalog::kNone && view_.rules()[rule].supported) {
          Condition(2, view_.rules()[rule].condition);
        }
      } else if (step.kind == StepKind::kDefault) {
        Line(1, "default value");
      } else {
        StepOf(*experiment, step);
      }
    }
  }

 private:
  void Line(int depth, std::string_view text) {
    out_.append(static_cast<std::size_t>(depth) * 2, ' ');
    out_ += text;
    out_ += '\n';
  }

  void StepOf(const catalog::Experiment& e, const Step& step) {
    const auto variant = [&] {
      return step.index < e.variant_count ? Quoted(e.variants[step.index].view())
                                          : std::string("a variant it does not have");
    };
    switch (step.kind) {
      case StepKind::kStatus:
        return Line(depth_, step.passed ? "status: running" : "status: not running");
      case StepKind::kSupported:
        return Line(depth_, "needs something this SDK does not know, or a list not loaded yet");
      case StepKind::kOverride:
        return Line(depth_, Concat({"local override: ", variant()}));
      case StepKind::kForced:
        return Line(depth_, Concat({"QA list: forced into ", variant()}));
      case StepKind::kUnit:
        return Unit(e, step.passed);
      case StepKind::kSchedule:
        return Schedule(e);
      case StepKind::kHoldout: {
        const catalog::Holdout& holdout = view_.holdouts()[step.index];
        return Line(depth_,
                    Concat({"holdout ", Quoted(holdout.key.view()), ": bucket ",
                            std::to_string(step.bucket), step.passed ? " is not in " : " is in ",
                            Ranges(holdout.shard), step.passed ? ": open" : ": held"}));
      }
      case StepKind::kSticky:
        return Line(depth_, Concat({"sticky: stored ", variant()}));
      case StepKind::kPrerequisite:
        return Line(depth_,
                    Concat({"prerequisite: flag ", Quoted(view_.flags()[step.index].key.view()),
                            step.passed ? " has" : " does not have", " the required value"}));
      case StepKind::kTargeting:
        Line(depth_, Concat({"targeting: ", step.passed ? "holds" : "does not hold"}));
        return Condition(depth_ + 1, step.index);
      case StepKind::kLayer: {
        const catalog::Shard& shard = view_.shards()[step.index];
        return Line(depth_, Concat({"layer, salt ", Quoted(shard.salt()), ": bucket ",
                                    std::to_string(step.bucket),
                                    step.passed ? " is in " : " is not in ", Ranges(shard)}));
      }
      case StepKind::kShare: {
        const catalog::Shard& shard = view_.shards()[step.index];
        return Line(depth_,
                    Concat({"traffic, salt ", Quoted(shard.salt()), ": bucket ",
                            std::to_string(step.bucket), step.passed ? " is in " : " is not in ",
                            (e.steps & catalog::kHasRamp) != 0
                                ? Concat({"[0, ", std::to_string(step.limit), ") (ramp)"})
                                : Ranges(shard)}));
      }
      case StepKind::kSplit:
        return Line(depth_, Concat({"split, salt ", Quoted(TextOf(e.table->split()->salt())),
                                    ": bucket ", std::to_string(step.bucket), " of ",
                                    std::to_string(e.split_bucket_count), " is ",
                                    step.passed ? variant() : std::string("no variant's")}));
      default:
        return;
    }
  }

  void Unit(const catalog::Experiment& e, bool found) {
    std::string text = Concat({"unit: ", view_.unit_types()[e.unit_type].name.view()});
    if (e.fallback_unit != 0xff) {
      text += Concat({", else ", view_.unit_types()[e.fallback_unit].name.view()});
    }
    Line(depth_, Concat({text, found ? "" : ": the subject has no such id"}));
  }

  void Schedule(const catalog::Experiment& e) {
    const bool open_start = e.start_ms == std::numeric_limits<std::int64_t>::min();
    const bool open_end = e.end_ms == std::numeric_limits<std::int64_t>::max();
    std::string text = "schedule: ";
    text += open_start ? "no start" : "from " + Utc(e.start_ms);
    text += open_end ? ", no end" : ", until " + Utc(e.end_ms);
    if (environment_.now_ms < e.start_ms) text += ": not started";
    if (environment_.now_ms >= e.end_ms) text += ": ended";
    Line(depth_, text);
  }

  static std::string Ranges(const catalog::Shard& shard) {
    if (shard.range_count == 0) return "no bucket";
    std::string text;
    for (std::uint32_t i = 0; i < shard.range_count && i < kMostShown; ++i) {
      text += Concat({i == 0 ? "" : " ", "[", std::to_string(shard.ranges[i].begin()), ", ",
                      std::to_string(shard.ranges[i].end()), ")"});
    }
    if (shard.range_count > kMostShown) {
      text += Concat({" and ", std::to_string(shard.range_count - kMostShown), " more"});
    }
    return text;
  }

  void Condition(int depth, std::uint32_t root) {
    const schema::Node& node = view_.nodes()[root];
    const std::string_view verdict = Holds(view_, subject_, root) ? "true" : "false";
    switch (static_cast<NodeKind>(node.kind())) {
      case NodeKind::all:
      case NodeKind::any:
      case NodeKind::negation:
        Line(depth, Concat({verdict, "  ",
                            node.kind() == static_cast<std::uint8_t>(NodeKind::all)   ? "all"
                            : node.kind() == static_cast<std::uint8_t>(NodeKind::any) ? "any"
                                                                                      : "not"}));
        for (std::uint32_t i = root + 1; i < node.end(); i = view_.nodes()[i].end()) {
          Condition(depth + 1, i);
        }
        return;
      case NodeKind::segment: {
        const catalog::Segment& segment = view_.segments()[node.operand()];
        Line(depth, Concat({verdict, "  segment ", Quoted(segment.key),
                            segment.list == catalog::kNone ? "" : " (id list)"}));
        if (segment.list == catalog::kNone) Condition(depth + 1, segment.root);
        return;
      }
      case NodeKind::never:
        return Line(depth, "false  never");
      case NodeKind::leaf:
        break;
    }
    const schema::Attribute& attribute = *view_.table().attributes()->Get(node.attribute());
    Line(depth, Concat({verdict, "  ", TextOf(attribute.name()), " ", OperatorText(node.op()), " ",
                        Operands(node, attribute), "   (is ", Actual(node), ")"}));
  }

  std::string Operands(const schema::Node& node, const schema::Attribute& attribute) const {
    if (static_cast<Operator>(node.op()) == Operator::set) return "";
    const schema::Operand& operand = *view_.operands()[node.operand()].table;
    std::string text;
    std::uint32_t shown = 0;
    const auto add = [&](std::string_view value) {
      if (shown++ < kMostShown) text += Concat({shown == 1 ? "" : ", ", value});
    };
    const auto type = static_cast<AttributeType>(attribute.type());
    if (operand.strings() != nullptr) {
      for (const auto* const string : *operand.strings()) add(Quoted(TextOf(string)));
    }
    if (operand.ints() != nullptr) {
      for (const std::int64_t value : *operand.ints()) {
        add(type == AttributeType::boolean ? (value != 0 ? "true" : "false")
            : type == AttributeType::time  ? Utc(value)
                                           : std::to_string(value));
      }
    }
    if (operand.doubles() != nullptr) {
      for (const double value : *operand.doubles()) add(Real(value));
    }
    if (shown > kMostShown) text += Concat({", and ", std::to_string(shown - kMostShown), " more"});
    return shown == 1 ? text : Concat({"[", text, "]"});
  }

  std::string Actual(const schema::Node& node) const {
    const Subject::Attribute* const attribute =
        subject_.FindAttribute(view_.attributes()[node.attribute()].hash);
    if (attribute == nullptr) return "not set";
    switch (attribute->kind) {
      case AttributeKind::kString:
        return Quoted(subject_.text(*attribute));
      case AttributeKind::kInt:
        return std::to_string(attribute->int_value);
      case AttributeKind::kDouble:
        return Real(attribute->double_value);
      case AttributeKind::kBool:
        return attribute->bool_value ? "true" : "false";
      case AttributeKind::kTime:
        return Utc(attribute->int_value);
      case AttributeKind::kStrings:
        break;
    }
    std::string text = "[";
    subject_.VisitStrings(*attribute, [&text](std::string_view value) {
      text += Concat({text.size() == 1 ? "" : ", ", Quoted(value)});
      return true;
    });
    return text + "]";
  }

  const catalog::View& view_;
  const Subject& subject_;
  const Environment& environment_;
  std::string& out_;
  int depth_ = 1;  // of an experiment's steps
};

}  // namespace

Explanation ExplainExperiment(const catalog::View& view, std::string_view key,
                              const Subject& subject, const Environment& environment) {
  Explanation explanation;
  Decision& decision = explanation.decision;
  Writer writer(view, subject, environment, explanation.text);
  const catalog::Experiment* const experiment = view.FindExperiment(key);
  if (experiment == nullptr) {
    decision = DecideExperiment(view, key, subject, environment);
    writer.Decided("experiment", key, decision);
    return explanation;
  }
  Evaluator<RecordTrace>(view, subject, environment, {explanation.trace})
      .Experiment(*experiment, decision);
  writer.Decided("experiment", key, decision);
  writer.Steps(explanation.trace, experiment, nullptr);
  return explanation;
}

Explanation ExplainFlag(const catalog::View& view, std::string_view key, const Subject& subject,
                        const Environment& environment) {
  Explanation explanation;
  Decision& decision = explanation.decision;
  Writer writer(view, subject, environment, explanation.text);
  const catalog::Flag* const flag = view.FindFlag(key);
  if (flag == nullptr) {
    decision = DecideFlag(view, key, subject, environment);
    writer.Decided("flag", key, decision);
    return explanation;
  }
  Evaluator<RecordTrace>(view, subject, environment, {explanation.trace}).Flag(*flag, decision);
  decision.catalog_version = view.version();
  writer.Decided("flag", key, decision);
  writer.Steps(explanation.trace, nullptr, flag);
  return explanation;
}

}  // namespace upswing::assignment
