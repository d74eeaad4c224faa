#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "server/http/answer.hpp"
#include "server/http/service.hpp"

namespace upswing::http {
namespace {

using Json = nlohmann::ordered_json;
using access::Scope;

// "TYPE=ID" in the member `unit`.
absl::StatusOr<std::pair<std::string, std::string>> UnitOf(const Request& request) {
  const auto body = ParseObject(request);
  if (!body.ok()) return body.status();
  const auto unit = StringMember(body->root, "unit");
  if (!unit.ok()) return unit.status();
  const std::size_t equals = unit->find('=');
  if (equals == std::string::npos || equals == 0 || equals + 1 == unit->size())
    return absl::InvalidArgumentError("unit: must be a string TYPE=ID, e.g. user=u-42");
  return std::pair(unit->substr(0, equals), unit->substr(equals + 1));
}

Response Erase(Service* service, const Call& call) {
  const auto unit = UnitOf(call.request);
  if (!unit.ok()) return FromStatus(unit.status());
  store::EmbeddedStore& store = service->project->store();
  const std::uint64_t key = store.hasher().Key(unit->first, unit->second);
  const auto erased = store.Erase(unit->first, key, service->clock->WallMillis());
  if (!erased.ok()) return FromStatus(erased.status());
  // The log says which unit by its key: who has the id can find the entry, nobody else can.
  const absl::Status audited = service->Audit(
      call, "unit.erase", absl::StrCat(unit->first, "=", absl::Hex(key, absl::kZeroPad16)), "",
      absl::StrCat(erased->records, " records"));
  if (!audited.ok()) return FromStatus(audited);
  return {.body = Json{{"records", erased->records}}.dump()};
}

}  // namespace

void AddUnitRoutes(Service* service, Router* router) {
  router->Add({"POST", "/v1/units/erase", {Scope::kAdmin}, [service](Call call) {
                 service->InBackground(std::move(call), [service](const Call& erasing) {
                   erasing.respond(Erase(service, erasing));
                 });
               }});
}

}  // namespace upswing::http
