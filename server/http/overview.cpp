#include "server/http/overview.hpp"

#include <algorithm>
#include <condition_variable>
#include <cstdint>
#include <limits>
#include <map>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "server/project/project.hpp"
#include "server/report/build.hpp"
#include "server/report/summary.hpp"

namespace upswing::http {
namespace {

using Json = nlohmann::ordered_json;

// How long after the last question summaries go on being renewed.
constexpr absl::Duration kAttention = absl::Seconds(30);
constexpr absl::Duration kSoonest = absl::Seconds(3);
constexpr int kPatience = 10;

/// What a summary was made from; it is renewed when this changes.
struct Basis {
  std::string catalog;
  std::int64_t records = 0;
  friend bool operator==(const Basis&, const Basis&) = default;
};

struct Entry {
  std::optional<Basis> basis;  // of `summary`
  absl::Time made = absl::InfinitePast();
  absl::Duration took = absl::ZeroDuration();
  Json summary;  // null before the first report
};

Json Time(std::int64_t millis) {
  if (millis == std::numeric_limits<std::int64_t>::min() ||
      millis == std::numeric_limits<std::int64_t>::max())
    return nullptr;
  return report::FormatTime(millis);
}

Json Describe(const authoring::Experiment& experiment) {
  Json variants = Json::array();
  for (const authoring::Variant& variant : experiment.variants)
    variants.push_back({{"key", variant.key}, {"weight", variant.weight}});
  Json json = {{"key", experiment.key},
               {"kind", "experiment"},
               {"name", experiment.name},
               {"hypothesis", experiment.hypothesis},
               {"owner", experiment.owner},
               {"status", authoring::StatusName(experiment.status)},
               {"iteration", experiment.iteration},
               {"unit", experiment.unit},
               {"start", Time(experiment.start_ms)},
               {"end", Time(experiment.end_ms)},
               {"control", experiment.control},
               {"variants", std::move(variants)}};
  json["share"] = experiment.share ? Json(*experiment.share) : Json(nullptr);
  json["primary_metric"] = experiment.plan ? Json(experiment.plan->primary) : Json(nullptr);
  json["min_days"] = experiment.plan ? Json(experiment.plan->min_days) : Json(nullptr);
  return json;
}

Json Describe(const authoring::Holdout& holdout) {
  return {{"key", absl::StrCat("holdout:", holdout.key)},
          {"kind", "holdout"},
          {"name", ""},
          {"hypothesis", ""},
          {"owner", ""},
          {"status", "running"},
          {"iteration", 1},
          {"unit", holdout.unit},
          {"start", nullptr},
          {"end", nullptr},
          {"control", "held"},
          {"variants", Json::array({{{"key", "held"}}, {{"key", "open"}}})},
          {"share", holdout.share},
          {"primary_metric", nullptr},
          {"min_days", nullptr}};
}

std::vector<Json> Experiments(const project::Catalog& catalog) {
  std::vector<Json> list;
  for (const authoring::Experiment& experiment : catalog.model.experiments)
    list.push_back(Describe(experiment));
  for (const authoring::Holdout& holdout : catalog.model.holdouts)
    list.push_back(Describe(holdout));
  return list;
}

Json Head(const project::Project& project, const project::Catalog* catalog, std::int64_t records) {
  Json head = {{"project", project.name()},
               {"now", report::FormatTime(absl::ToUnixMillis(absl::Now()))},
               {"records", records}};
  head["catalog"] = catalog == nullptr ? Json(nullptr)
                                       : Json{{"version", catalog->version},
                                              {"etag", catalog->ETag()},
                                              {"published", Time(catalog->published_ms)},
                                              {"timezone", catalog->model.timezone}};
  return head;
}
}  // namespace

struct Overview::State {
  explicit State(project::Project* p) : project(p), worker([this] { Work(); }) {}

  Basis Now(const project::Catalog& catalog) const {
    return {catalog.ETag(), project->ingest().Stats().records};
  }

  // The experiment whose summary is oldest among those to renew, or empty.
  std::string Next(const project::Catalog& catalog) {
    const Basis now = Now(catalog);
    std::string chosen;
    absl::Time oldest = absl::InfiniteFuture();
    for (const Json& experiment : Experiments(catalog)) {
      if (experiment["status"] == "draft") continue;  // It has no records.
      const Entry& entry = entries[experiment["key"].get<std::string>()];
      const absl::Duration pause = std::max(kSoonest, kPatience * entry.took);
      if (entry.basis == now || absl::Now() < entry.made + pause || entry.made >= oldest) continue;
      oldest = entry.made;
      chosen = experiment["key"];
    }
    return chosen;
  }

  void Work() {
    std::unique_lock lock(mutex);
    while (!stopping) {
      const auto catalog = project->catalog();
      if (catalog == nullptr || absl::Now() > wanted_until) {
        wake.wait_for(lock, std::chrono::seconds(1));
        continue;
      }
      const std::string key = Next(*catalog);
      if (key.empty()) {
        wake.wait_for(lock, std::chrono::milliseconds(500));
        continue;
      }
      const Basis basis = Now(*catalog);
      const absl::Time started = absl::Now();
      lock.unlock();
      const auto report = project->Report(key, std::nullopt);
      Json summary = report.ok() ? report::Summary(*report)
                                 : Json{{"error", std::string(report.status().message())}};
      lock.lock();
      const absl::Duration took = absl::Now() - started;
      entries[key] = {basis, absl::Now(), took, std::move(summary)};
      // As long a pause as the work, so that the records' own path keeps half of a core at least.
      if (!stopping) wake.wait_for(lock, absl::ToChronoMilliseconds(took));
    }
  }

  project::Project* const project;
  std::mutex mutex;  // Guards what follows.
  std::condition_variable wake;
  std::map<std::string, Entry> entries;
  absl::Time wanted_until = absl::InfinitePast();
  bool stopping = false;
  std::thread worker;  // Last: it uses the others.
};

Overview::Overview(project::Project* project) : state_(std::make_unique<State>(project)) {}

Overview::~Overview() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->stopping = true;
  }
  state_->wake.notify_all();
  state_->worker.join();
}

std::string Overview::LiveBody() const {
  const auto catalog = state_->project->catalog();
  return Head(*state_->project, catalog.get(), state_->project->ingest().Stats().records).dump();
}

std::string Overview::ListBody() {
  const auto catalog = state_->project->catalog();
  Json body = Head(*state_->project, catalog.get(), state_->project->ingest().Stats().records);
  Json experiments = Json::array();
  if (catalog != nullptr) {
    const std::lock_guard lock(state_->mutex);
    state_->wanted_until = absl::Now() + kAttention;
    for (Json& experiment : Experiments(*catalog)) {
      const auto entry = state_->entries.find(experiment["key"].get<std::string>());
      experiment["summary"] =
          entry == state_->entries.end() ? Json(nullptr) : entry->second.summary;
      experiments.push_back(std::move(experiment));
    }
    state_->wake.notify_one();
  }
  body["experiments"] = std::move(experiments);
  return body.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace upswing::http
