#include "server/project/frozen_caps.hpp"

#include <cstdint>
#include <map>
#include <string>

#include <nlohmann/json.hpp>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "server/metrics/fingerprint.hpp"

namespace upswing::project {
namespace {

constexpr std::int64_t kUnitsToFreeze = 1000;  // DESIGN section 6, winsorising

std::string KeyOf(const analysis::ExperimentSpec& spec, const std::string& metric) {
  return absl::StrCat("caps/", spec.experiment, "#", spec.iteration, "/", metric);
}

// What is kept of a metric; an empty object if nothing is.
absl::StatusOr<nlohmann::json> Load(store::EventStore* store, const std::string& key) {
  const absl::StatusOr<std::optional<std::string>> text = store->GetMeta(key);
  if (!text.ok()) return text.status();
  if (!text->has_value()) return nlohmann::json::object();
  nlohmann::json found = nlohmann::json::parse(**text, nullptr, false);
  if (!found.is_object()) return absl::DataLossError(absl::StrCat(key, ": cannot be read"));
  return found;
}

}  // namespace

absl::Status LoadFrozenCaps(store::EventStore* store, analysis::ExperimentSpec* spec) {
  for (const metrics::MetricDefinition& metric : spec->metrics) {
    if (!metric.winsorize.has_value()) continue;
    const absl::StatusOr<nlohmann::json> found = Load(store, KeyOf(*spec, metric.key));
    if (!found.ok()) return found.status();
    if (found->value("definition", "") != metrics::Fingerprint(metric, spec->metrics)) continue;
    if (found->contains("cap")) spec->caps[metric.key] = found->at("cap").get<double>();
    if (found->contains("covariate_cap"))
      spec->covariate_caps[metric.key] = found->at("covariate_cap").get<double>();
  }
  return absl::OkStatus();
}

absl::Status FreezeCaps(store::EventStore* store, const analysis::ExperimentSpec& spec,
                        const analysis::AnalysisResult& result) {
  for (const metrics::MetricDefinition& metric : spec.metrics) {
    if (!metric.winsorize.has_value() || metric.winsorize->value.has_value()) continue;
    const std::map<std::string, double> fresh = [&] {
      std::map<std::string, double> caps;
      const auto take = [&](const std::map<std::string, analysis::CapResult>& of,
                            const char* name) {
        const auto found = of.find(metric.key);
        if (found != of.end() && !found->second.frozen &&
            found->second.nonzero_units >= kUnitsToFreeze)
          caps[name] = found->second.cap;
      };
      take(result.caps, "cap");
      take(result.covariate_caps, "covariate_cap");
      return caps;
    }();
    if (fresh.empty()) continue;
    const std::string key = KeyOf(spec, metric.key);
    absl::StatusOr<nlohmann::json> kept = Load(store, key);
    if (!kept.ok()) return kept.status();
    const std::string definition = metrics::Fingerprint(metric, spec.metrics);
    if (kept->value("definition", "") != definition)
      *kept = {{"definition", definition}, {"version", kept->value("version", 0) + 1}};
    for (const auto& [name, cap] : fresh) (*kept)[name] = cap;
    (*kept)["as_of_ms"] = spec.as_of_ms;
    const std::string text = kept->dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
    if (absl::Status status = store->PutMeta(key, text); !status.ok()) return status;
  }
  return absl::OkStatus();
}

}  // namespace upswing::project
