#include "server/authoring/parse.hpp"

#include <absl/time/time.h>

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "sdk/base/hash.hpp"
#include "sdk/base/text.hpp"
#include "sdk/catalog/blob.hpp"
#include "server/authoring/check.hpp"
#include "server/authoring/reader.hpp"

namespace upswing::authoring {
namespace {

using Member = json::Member;

/// Calls `read(member, path)` for each member of the object `section`, if it is there.
template <class Read>
void ForEach(const Scope& root, std::string_view section, Read read) {
  const json::Node* const node = root.Get(section);
  if (node == nullptr) return;
  if (!node->is_object()) {
    root.Error(*node, section, "must be an object", "write {\"<key>\": {...}, ...}");
    return;
  }
  for (const Member& member : node->members()) {
    const std::string path = json::PathOf(root.PathOf(section), member.key);
    if (member.key.empty()) {
      AddError(root.problems(), {path, member.position}, "a key must not be empty");
    }
    read(member, path);
  }
}

void ReadAttribute(const Member& member, const std::string& path, Problems& problems,
                   Model& model) {
  static constexpr std::array<std::string_view, 7> kTypes = {
      "string", "version", "int", "double", "bool", "time", "strings"};
  Attribute attribute{member.key, AttributeType::kString, PlaceOf(member.value, path)};
  const auto found = member.value.is_string()
                         ? std::find(kTypes.begin(), kTypes.end(), member.value.as_string())
                         : kTypes.end();
  if (found == kTypes.end()) {
    AddError(problems, attribute.place, base::Concat({"unknown type ", member.value.Text()}),
             "use \"string\", \"version\", \"int\", \"double\", \"bool\", \"time\" or \"strings\"");
  } else {
    attribute.type = static_cast<AttributeType>(found - kTypes.begin());
  }
  model.attributes.push_back(std::move(attribute));
}

void ReadSegment(const Member& member, const std::string& path, Problems& problems, Model& model) {
  Segment segment;
  segment.key = member.key;
  segment.place = PlaceOf(member.value, path);
  std::string forms;
  int form_count = 0;
  for (const std::string_view form : {"ids", "ids_file", "ids_blob"}) {
    if (!member.value.is_object() || member.value.Find(form) == nullptr) continue;
    forms += base::Concat({form_count++ == 0 ? "" : " and ", json::Quote(form)});
  }
  if (form_count > 0) {
    const Scope scope(problems, member.value, path, {"unit", "ids", "ids_file", "ids_blob"});
    scope.RequireString("unit", segment.unit);
    scope.String("ids_file", segment.ids_file);
    if (form_count > 1) {
      AddError(problems, segment.place, base::Concat({"has ", forms}), "keep one of them");
    }
    if (const json::Node* const blob = scope.Get("ids_blob")) {
      if (blob->is_string()) segment.ids_blob = catalog::ParseBlobName(blob->as_string());
      if (!segment.ids_blob.has_value()) {
        scope.Error(*blob, "ids_blob",
                    "must be the name of a list, 16 lower-case hexadecimal digits",
                    "write \"ids_file\": publishing sends the list and puts its name here");
      }
    }
    const json::Node* const ids = scope.Get("ids");
    if (ids != nullptr && !ids->is_array()) scope.Error(*ids, "ids", "must be a list of ids");
    if (ids != nullptr && ids->is_array()) {
      for (std::size_t i = 0; i < ids->items().size(); ++i) {
        const json::Node& id = ids->items()[i];
        if (!id.is_string() || id.as_string().empty()) {
          AddError(problems, PlaceOf(id, json::PathOf(scope.PathOf("ids"), i)),
                   "an id must be a non-empty string");
        } else {
          segment.ids.push_back(id.as_string());
        }
      }
    }
  } else {
    segment.condition = ReadCondition(problems, model, member.value, path);
  }
  model.segments.push_back(std::move(segment));
}

void ReadLayer(const Member& member, const std::string& path, Problems& problems, Model& model) {
  const Scope scope(problems, member.value, path, {"unit", "salt", "in", "description"});
  Layer layer;
  layer.key = member.key;
  layer.place = scope.place();
  if (scope.ok()) {
    scope.RequireString("unit", layer.unit);
    scope.String("salt", layer.salt);
    if (const json::Node* const node = scope.Get("in")) {
      const Scope in(problems, *node, scope.PathOf("in"), {"layer", "buckets"});
      if (in.ok()) {
        in.RequireString("layer", layer.parent);
        if (const json::Node* const buckets =
                in.Require("buckets", "the buckets of the outer layer, [[from, to], ...]")) {
          layer.buckets =
              ReadRanges(problems, *buckets, in.PathOf("buckets"), upswing::base::kBucketCount);
        }
      }
    }
  }
  model.layers.push_back(std::move(layer));
}

void ReadHoldout(const Member& member, const std::string& path, Problems& problems, Model& model) {
  const Scope scope(problems, member.value, path,
                    {"unit", "share", "salt", "global", "description"});
  Holdout holdout;
  holdout.key = member.key;
  holdout.place = scope.place();
  if (scope.ok()) {
    scope.RequireString("unit", holdout.unit);
    scope.Require("share", "\"share\": 0.05");
    scope.Number("share", holdout.share, 0, 1);
    scope.String("salt", holdout.salt);
    scope.Bool("global", holdout.global);
  }
  model.holdouts.push_back(std::move(holdout));
}

}  // namespace

bool ParseResult::ok() const {
  return model.has_value() &&
         std::none_of(problems.begin(), problems.end(), [](const json::Problem& problem) {
           return problem.severity == json::Problem::Severity::kError;
         });
}

absl::Status ParseResult::status() const {
  if (ok()) return absl::OkStatus();
  std::size_t errors = 0;
  std::string first;
  for (const json::Problem& problem : problems) {
    if (problem.severity != json::Problem::Severity::kError) continue;
    if (errors++ == 0) first = problem.ToString();
  }
  if (errors > 1) first += " (and " + std::to_string(errors - 1) + " more)";
  return absl::InvalidArgumentError(first);
}

ParseResult Parse(std::string_view text) {
  ParseResult result;
  json::Problem syntax;
  auto parsed = json::Parse(text, {}, &syntax);
  if (!parsed.ok()) {
    result.problems.push_back(std::move(syntax));
    return result;
  }
  auto document = std::make_shared<json::Parsed>(*std::move(parsed));
  result.problems = std::move(document->problems);
  Problems& problems = result.problems;
  const Scope root(problems, document->root, "$",
                   {"project", "timezone", "description", "attributes", "segments", "layers",
                    "holdouts", "flags", "experiments", "metrics", "metric_packs"});
  if (!root.ok()) return result;

  Model& model = result.model.emplace();
  model.document = document;
  root.RequireString("project", model.project);
  root.String("timezone", model.timezone);
  absl::TimeZone zone;
  if (!absl::LoadTimeZone(model.timezone, &zone)) {
    root.Error(*root.Get("timezone"), "timezone",
               base::Concat({"unknown time zone ", json::Quote(model.timezone)}),
               "use an IANA name, e.g. \"Asia/Shanghai\" or \"UTC\"");
  }
  // In this order: conditions need attributes, experiments need flags.
  ForEach(root, "attributes", [&](const Member& member, const std::string& path) {
    ReadAttribute(member, path, problems, model);
  });
  ForEach(root, "segments", [&](const Member& member, const std::string& path) {
    ReadSegment(member, path, problems, model);
  });
  ForEach(root, "layers", [&](const Member& member, const std::string& path) {
    ReadLayer(member, path, problems, model);
  });
  ForEach(root, "holdouts", [&](const Member& member, const std::string& path) {
    ReadHoldout(member, path, problems, model);
  });
  ForEach(root, "flags", [&](const Member& member, const std::string& path) {
    model.flags.push_back(ReadFlag(problems, model, member, path));
  });
  ForEach(root, "experiments", [&](const Member& member, const std::string& path) {
    model.experiments.push_back(ReadExperiment(problems, model, member, path));
  });
  model.metrics = root.Get("metrics");
  model.metric_packs = root.Get("metric_packs");
  if (model.metric_packs != nullptr && !model.metric_packs->is_array()) {
    root.Error(*model.metric_packs, "metric_packs", "must be a list of names",
               "write [\"short_video_shop\"]");
    model.metric_packs = nullptr;
  }
  if (model.metrics != nullptr && !model.metrics->is_object()) {
    root.Error(*model.metrics, "metrics", "must be an object");
    model.metrics = nullptr;
  }
  CheckReferences(model, problems);
  std::stable_sort(problems.begin(), problems.end(),
                   [](const json::Problem& a, const json::Problem& b) {
                     return a.position.offset < b.position.offset;
                   });
  return result;
}

}  // namespace upswing::authoring
