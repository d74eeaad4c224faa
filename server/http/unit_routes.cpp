#include <string>
#include <utility>

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "sdk/assignment/explain.hpp"
#include "server/evaluation/decision_json.hpp"
#include "server/evaluation/subject_reader.hpp"
#include "server/http/answer.hpp"
#include "server/http/service.hpp"
#include "server/store/export.hpp"

namespace upswing::http {
namespace {

using Json = nlohmann::ordered_json;
using access::Scope;

constexpr std::string_view kAttributePrefix = "attr.";

struct Unit {
  std::string type;
  std::string id;
};

// "TYPE=ID" in the member `unit` of the body.
absl::StatusOr<Unit> UnitOfBody(const Request& request) {
  const auto body = ParseObject(request);
  if (!body.ok()) return body.status();
  const auto unit = StringMember(body->root, "unit");
  if (!unit.ok()) return unit.status();
  const std::size_t equals = unit->find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == unit->size())
    return absl::InvalidArgumentError("unit: must be a string TYPE=ID, e.g. user=u-42");
  return Unit{unit->substr(0, equals), unit->substr(equals + 1)};
}

absl::StatusOr<Unit> UnitOfQuery(const Request& request) {
  Unit unit{std::string(request.Query("type")), std::string(request.Query("id"))};
  if (unit.type.empty() || unit.id.empty())
    return absl::InvalidArgumentError("type, id: both are needed, e.g. ?type=user&id=u-42");
  return unit;
}

// The logs say which unit by its key: who has the id can find the entry, nobody else can.
std::string Name(const Unit& unit, std::uint64_t key) {
  return absl::StrCat(unit.type, "=", absl::Hex(key, absl::kZeroPad16));
}

Response Erase(Service* service, const Call& call) {
  const auto unit = UnitOfBody(call.request);
  if (!unit.ok()) return FromStatus(unit.status());
  store::EventStore& store = service->project->store();
  const std::uint64_t key = store.hasher().Key(unit->type, unit->id);
  const std::int64_t now = service->clock->WallMillis();
  const auto erased = store.Erase(unit->type, key, now, [&](const store::EraseResult& result) {
    std::string detail = absl::StrCat(result.records, " records");
    if (!result.unreadable.empty())
      absl::StrAppend(&detail, ", not erased: ", absl::StrJoin(result.unreadable, "; "));
    return access::ToEntry(
        {now, call.caller.key, "unit.erase", Name(*unit, key), "", std::move(detail)});
  });
  if (!erased.ok()) return FromStatus(erased.status());
  return {.body = Json{{"records", erased->records}}.dump()};
}

Response Records(Service* service, const Call& call) {
  const auto unit = UnitOfQuery(call.request);
  if (!unit.ok()) return FromStatus(unit.status());
  store::EventStore& store = service->project->store();
  const store::ExportedUnit only{unit->type, store.hasher().Key(unit->type, unit->id)};
  const auto snapshot = store.Snapshot();
  if (!snapshot.ok()) return FromStatus(snapshot.status());
  std::string lines;
  const absl::Status status = store::Export(
      **snapshot, store::ExportFormat::kJsonLines,
      [&](std::string_view more) { lines.append(more); }, &only);
  if (!status.ok()) return FromStatus(status);
  // Whoever reads what a person did leaves a trace.
  const absl::Status audited = service->Audit(call, "unit.export", Name(*unit, only.key), "", "");
  if (!audited.ok()) return FromStatus(audited);
  std::string body = "{\"records\":[";
  const char* comma = "";
  for (const absl::string_view line : absl::StrSplit(lines, '\n', absl::SkipEmpty())) {
    absl::StrAppend(&body, comma, line);
    comma = ",";
  }
  return {.body = body + "]}"};
}

Response Explain(Service* service, const Call& call) {
  const auto unit = UnitOfQuery(call.request);
  if (!unit.ok()) return FromStatus(unit.status());
  const auto view = service->View();
  if (!view.ok()) return FromStatus(view.status());
  Subject subject(unit->type, unit->id);
  for (const auto& [name, value] : call.request.query) {
    if (!name.starts_with(kAttributePrefix)) continue;
    const absl::Status status = evaluation::SetAttribute(
        **view, std::string_view(name).substr(kAttributePrefix.size()), value, &subject);
    if (!status.ok()) return FromStatus(status);
  }
  const assignment::Environment environment{.now_ms = service->clock->WallMillis()};
  Json decisions = Json::array();
  const auto add = [&](const assignment::Explanation& explanation) {
    Json row = evaluation::ToJson(explanation.decision);
    row["trace"] = Json::array();
    for (const absl::string_view line : absl::StrSplit(explanation.text, '\n', absl::SkipEmpty()))
      row["trace"].push_back(std::string(line));
    decisions.push_back(std::move(row));
  };
  for (const catalog::Experiment& experiment : (*view)->experiments())
    add(assignment::ExplainExperiment(**view, experiment.key.view(), subject, environment));
  for (const catalog::Flag& flag : (*view)->flags())
    add(assignment::ExplainFlag(**view, flag.key.view(), subject, environment));
  return {.body = Json{{"catalog_version", (*view)->version()}, {"decisions", std::move(decisions)}}
                      .dump(-1, ' ', false, Json::error_handler_t::replace)};
}

}  // namespace

void AddUnitRoutes(Service* service, Router* router) {
  router->Add({"POST", "/v1/units/erase", {Scope::kAdmin}, [service](Call call) {
                 service->InBackground(std::move(call), [service](const Call& erasing) {
                   erasing.respond(Erase(service, erasing));
                 });
               }});
  router->Add({"GET", "/v1/units/records", {Scope::kAdmin}, [service](Call call) {
                 service->InBackground(std::move(call), [service](const Call& reading) {
                   reading.respond(Records(service, reading));
                 });
               }});
  router->Add({"GET", "/v1/units/explain", {Scope::kRead}, [service](const Call& call) {
                 call.respond(Explain(service, call));
               }});
}

}  // namespace upswing::http
