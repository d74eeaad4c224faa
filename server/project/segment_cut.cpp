#include "server/project/segment_cut.hpp"

#include <cstdint>
#include <memory>
#include <utility>

#include <nlohmann/json.hpp>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "sdk/assignment/evaluate.hpp"
#include "server/authoring/compile.hpp"
#include "server/authoring/parse.hpp"
#include "server/authoring/re2_matcher.hpp"

namespace upswing::project {
namespace {

using Json = nlohmann::ordered_json;

// A catalog whose only experiments are the segments: who is in one is in its segment. So a cut and
// targeting cannot disagree.
struct Conditions {
  catalog::Interner interner;
  std::shared_ptr<const catalog::View> view;
  std::vector<std::pair<std::string, authoring::AttributeType>> attributes;

  bool Holds(const std::string& segment, absl::Span<const std::string> values) const {
    Subject subject("cut", "unit");
    for (std::size_t i = 0; i < attributes.size() && i < values.size(); ++i) {
      const std::string& value = values[i];
      if (value.empty()) continue;  // The exposure carried none.
      const auto& [name, type] = attributes[i];
      std::int64_t whole = 0;
      double real = 0;
      switch (type) {
        case authoring::AttributeType::kInt:
          if (absl::SimpleAtoi(value, &whole)) subject.Set(name, whole);
          break;
        case authoring::AttributeType::kDouble:
          if (absl::SimpleAtod(value, &real)) subject.Set(name, real);
          break;
        case authoring::AttributeType::kBool:
          subject.Set(name, value == "true");
          break;
        default:
          subject.Set(name, value);
      }
    }
    return assignment::DecideExperiment(*view, segment, subject, {.now_ms = 0}).in_experiment();
  }
};

}  // namespace

absl::StatusOr<std::vector<analysis::SegmentCut>> SegmentCuts(
    const authoring::Model& model, const std::string& source,
    const authoring::Experiment& experiment, const std::vector<std::string>& attributes) {
  std::vector<analysis::SegmentCut> cuts;
  Json experiments = Json::object();
  for (const std::string& name : experiment.report_by) {
    if (model.FindAttribute(name) != nullptr) continue;
    cuts.push_back({name, "", nullptr});
    experiments[name] = {{"status", "running"},
                         {"unit", "cut"},
                         {"when", {{"segment", name}}},
                         {"control", "in"},
                         {"variants", {{"in", Json::object()}, {"also_in", Json::object()}}}};
  }
  if (cuts.empty()) return cuts;
  const Json whole = Json::parse(source, nullptr, false);
  if (!whole.is_object()) return absl::DataLossError("the catalog cannot be read");
  const Json file = {{"project", model.project},
                     {"attributes", whole.value("attributes", Json::object())},
                     {"segments", whole.value("segments", Json::object())},
                     {"experiments", std::move(experiments)}};
  const std::string text = file.dump();
  authoring::ParseResult parsed = authoring::Parse(text);
  if (!parsed.ok()) return absl::InternalError(parsed.problems.front().ToString());
  for (authoring::Segment& segment : parsed.model->segments)
    segment.blob_bytes = model.FindSegment(segment.key)->blob_bytes;
  const auto compiled = authoring::Compile(*parsed.model);
  if (!compiled.ok()) return compiled.status();
  auto conditions = std::make_shared<Conditions>();
  auto view = catalog::View::Load(std::make_shared<const std::string>(compiled->bytes),
                                  {.interner = &conditions->interner,
                                   .blobs = compiled->blobs,
                                   .matchers = &authoring::Re2Matchers()});
  if (!view.ok()) return view.status();
  conditions->view = *std::move(view);
  for (const std::string& name : attributes)
    conditions->attributes.emplace_back(name, model.FindAttribute(name)->type);
  for (analysis::SegmentCut& cut : cuts) {
    cut.definition = text;
    cut.holds = [conditions, key = cut.key](absl::Span<const std::string> values) {
      return conditions->Holds(key, values);
    };
  }
  return cuts;
}

}  // namespace upswing::project
