#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>
#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "platform/posix/posix_clock.hpp"
#include "sdk/assignment/evaluate.hpp"
#include "sdk/base/hash.hpp"
#include "server/authoring/metrics.hpp"
#include "server/authoring/re2_matcher.hpp"
#include "server/authoring/reported.hpp"
#include "server/cli/batch_sink.hpp"
#include "server/cli/catalog_file.hpp"
#include "server/cli/command.hpp"
#include "server/cli/device_with_own_clock.hpp"
#include "server/cli/key_options.hpp"
#include "server/cli/remote.hpp"
#include "server/cli/simulate_studies.hpp"
#include "server/metrics/pack.hpp"
#include "server/project/project.hpp"
#include "server/report/build.hpp"
#include "server/report/words.hpp"
#include "server/simulation/life.hpp"
#include "server/simulation/records.hpp"
#include "server/simulation/truth.hpp"
#include "server/simulation/world.hpp"
#include "upswing/client.hpp"

namespace upswing::cli {
namespace {

using std::chrono::milliseconds;

constexpr std::string_view kFeedShop =
#include "samples/feed_shop/world.inc"
    ;

// Few enough that their records fit the SDK's queue between two flushes.
constexpr std::uint64_t kUsersPerFlush = 250;
constexpr int kRoomsPerFlush = 100;
// How often a large run into a data folder says how far it is.
constexpr std::uint64_t kUsersPerLine = 1'000'000;
constexpr std::size_t kQueueBytes = std::size_t{16} << 20;
constexpr auto kCatalogTimeout = std::chrono::seconds(30);
constexpr auto kFlushTimeout = std::chrono::minutes(10);

struct Flags {
  std::string world;
  std::string server;
  std::string api_key;
  std::string storage;
  std::string data;
  std::string catalog;
  std::string truth_out;
  std::uint64_t first = 1;
  std::uint64_t users = 20'000;
  std::uint64_t seed = 1;
  std::uint64_t false_positives = 0;
  std::uint64_t interleave = 0;
  bool truth = false;
};

std::string Count(std::uint64_t n) { return report::Count(static_cast<std::int64_t>(n)); }

absl::StatusOr<simulation::World> LoadWorld(const Flags& flags) {
  std::string text(kFeedShop);
  if (!flags.world.empty()) {
    absl::StatusOr<std::string> file = ReadFile(flags.world);
    if (!file.ok()) return file.status();
    text = *std::move(file);
  }
  auto world = simulation::ReadWorld(text);
  if (!world.ok())
    return absl::Status(world.status().code(),
                        absl::StrCat(flags.world, flags.world.empty() ? "" : ": ",
                                     std::string(world.status().message())));
  return world;
}

// When the last window that the world can fill has closed for everybody, the report's usual day of
// lateness included.
std::int64_t Mature(const simulation::World& world) {
  return world.DayStart(world.enrol_days + world.follow_days + 1);
}

// --- Truth ---------------------------------------------------------------------------------------

// The metrics of the catalog's experiment, in the order of its plan if it has one.
absl::StatusOr<std::vector<metrics::MetricDefinition>> MetricsFor(const Flags& flags,
                                                                  const simulation::World& world) {
  if (flags.catalog.empty()) return metrics::FindPack("short_video_shop")->metrics;
  const auto parsed = ParseCatalogFile(flags.catalog);
  if (!parsed.ok()) return parsed.status();
  if (!parsed->ok()) return parsed->status();
  std::vector<json::Problem> problems;
  return authoring::MetricsOf(*parsed->model, parsed->model->FindExperiment(world.experiment),
                              problems);
}

nlohmann::ordered_json TruthJson(const simulation::World& world,
                                 const std::vector<metrics::MetricDefinition>& metrics) {
  const simulation::Truth truth(world);
  nlohmann::ordered_json json{{"experiment", world.experiment},
                              {"as_of", report::FormatTime(Mature(world))},
                              {"share_exposed", truth.entering()},
                              {"metrics", nlohmann::ordered_json::object()}};
  for (const metrics::MetricDefinition& metric : metrics) {
    const auto rows = truth.Of(metric, metrics);
    if (!rows.ok()) {
      json["metrics"][metric.key] = {{"reason", std::string(rows.status().message())}};
      continue;
    }
    for (const simulation::TruthRow& row : *rows) {
      auto& entry = json["metrics"][row.name] = nlohmann::ordered_json::object();
      for (std::size_t v = 0; v < row.values.size(); ++v) {
        auto& value = entry[world.variants[v].first] = nullptr;
        if (row.values[v]) value = *row.values[v];
      }
    }
  }
  return json;
}

absl::Status PrintTruth(const Flags& flags, const simulation::World& world) {
  const auto metrics = MetricsFor(flags, world);
  if (!metrics.ok()) return metrics.status();
  const nlohmann::ordered_json json = TruthJson(world, *metrics);
  const std::string& control = world.variants[0].first;
  std::printf("The truth behind the simulated shop:\n");
  for (const auto& [name, entry] : json["metrics"].items()) {
    if (entry.contains("reason")) continue;
    std::printf("  %-28s", name.c_str());
    for (const auto& [variant, weight] : world.variants) {
      const auto& value = entry[variant];
      if (value.is_null()) continue;
      std::printf("  %s %.5g", variant.c_str(), value.get<double>());
      if (variant != control && entry[control].is_number() && entry[control].get<double>() != 0)
        std::printf(
            " (%s)",
            report::SignedPercent(value.get<double>() / entry[control].get<double>() - 1).c_str());
    }
    std::printf("\n");
  }
  return absl::OkStatus();
}

absl::Status WriteTruth(const Flags& flags, const simulation::World& world,
                        const std::string& path) {
  const auto metrics = MetricsFor(flags, world);
  if (!metrics.ok()) return metrics.status();
  return WriteFile(path, TruthJson(world, *metrics).dump(2) + "\n");
}

// --- Deciding ------------------------------------------------------------------------------------

void Describe(const simulation::World& world, const simulation::Portraits& portraits,
              const simulation::Person& person, const simulation::Identity& identity, bool known,
              Subject* subject) {
  subject->Clear();
  if (world.unit == "device") subject->SetUnit("device", identity.device);
  if (world.unit != "device" || known) subject->SetUnit("user", identity.user);
  for (std::size_t a = 0; a < world.portrait.size(); ++a)
    subject->Set(world.portrait[a].name,
                 world.portrait[a].values[portraits.value(person.portrait, a)].name);
}

std::optional<std::size_t> VariantIndex(const simulation::World& world, std::string_view variant) {
  for (std::size_t v = 0; v < world.variants.size(); ++v) {
    if (world.variants[v].first == variant) return v;
  }
  return std::nullopt;
}

// --- Through the SDK -----------------------------------------------------------------------------

// Every event has an id and its own time, so that a process that is killed and started again
// reports the same again, and nothing counts twice.
class App {
 public:
  // `options`: of the client, for devices with clocks of their own.
  App(const simulation::World& world, std::uint64_t seed, Client* client, ClientOptions options)
      : world_(world),
        seed_(seed),
        client_(client),
        options_(std::move(options)),
        calendar_(world),
        portraits_(world),
        rates_(world, portraits_),
        vocabulary_(world) {}

  absl::Status Open(std::uint64_t number) {
    simulation::SeededLuck luck(seed_, number);
    const auto person = simulation::DrawPerson(world_, calendar_, portraits_, rates_, number, luck);
    if (!person) return absl::OkStatus();
    const simulation::Identity identity = simulation::IdentityOf(seed_, number);
    Describe(world_, portraits_, *person, identity, !person->anonymous, &subject_);
    const std::int64_t t0 = world_.DayStart(person->entry_day) + person->habit_ms;
    const Decision decision = client_->Peek(world_.experiment, subject_);
    const auto variant = VariantIndex(world_, decision.variant());
    if (!variant) return absl::OkStatus();
    // Lived first and told then, as `BatchMaker` does, so that the same seed is the same life.
    life_.clear();
    const auto keep = [this](const simulation::Happening& happening) {
      life_.push_back(happening);
    };
    simulation::Life<simulation::SeededLuck, decltype(keep)>(world_, calendar_, rates_, luck, keep)
        .Run(*person, portraits_, *variant);
    bool known = !person->anonymous;
    const auto tell = [&](const simulation::Happening& happening, const auto& track) {
      track(happening);
      if (luck.Chance(world_.duplicates)) track(happening);
      if (happening.kind == simulation::Kind::kPurchase && !known) {
        // From here on the records carry both ids; the experiment goes on by device.
        known = true;
        subject_.SetUnit("user", identity.user);
      }
    };
    if (const auto error = simulation::ClockErrorOf(world_, seed_, number)) {
      // By then it had been on for a day; every device was booted by itself.
      DeviceWithOwnClock device(options_, base::Mix(seed_ ^ base::Mix(number)) | 1,
                                world_.DayStart(-world_.history_days - 1), *error);
      std::stable_sort(life_.begin(), life_.end(),
                       [](const auto& a, const auto& b) { return a.time_ms < b.time_ms; });
      bool exposed = false;
      const auto expose_by = [&](std::int64_t time_ms) {
        if (exposed || time_ms < t0) return;
        exposed = true;
        device.At(t0).Expose(decision, subject_);
      };
      for (const simulation::Happening& happening : life_) {
        expose_by(happening.time_ms);
        tell(happening, [&](const simulation::Happening& one) {
          Track(one, number, std::nullopt, &device.At(one.time_ms));
        });
      }
      expose_by(t0);
      absl::Status status = device.Send(kFlushTimeout);
      const ClientStats stats = device.Stats();
      acknowledged_.acknowledged += stats.acknowledged;
      acknowledged_.batches_acknowledged += stats.batches_acknowledged;
      acknowledged_.bytes_sent += stats.bytes_sent;
      return status;
    }
    client_->Expose(decision, subject_, Moment(t0));
    for (const simulation::Happening& happening : life_) {
      tell(happening, [&](const simulation::Happening& one) {
        Track(one, number, Moment(one.time_ms), client_);
      });
    }
    return absl::OkStatus();
  }

  // Of devices with clocks of their own.
  const ClientStats& acknowledged() const { return acknowledged_; }

 private:
  using Time = std::chrono::system_clock::time_point;
  static Time Moment(std::int64_t time_ms) { return Time(milliseconds(time_ms)); }

  // Without a time: as the client's clock says.
  template <class Recorder>
  void Track(const simulation::Happening& happening, std::uint64_t number, std::optional<Time> time,
             Recorder* to) {
    std::array<simulation::Vocabulary::Detail, 4> details;
    const std::size_t size = vocabulary_.Details(happening, &details);
    std::vector<Property> properties;
    properties.reserve(size);
    for (std::size_t i = 0; i < size; ++i) {
      if (details[i].text.empty()) {
        properties.emplace_back(details[i].name, details[i].number);
      } else {
        properties.emplace_back(details[i].name, details[i].text);
      }
    }
    const std::string prefix = absl::StrCat(seed_, "-", number, "-");
    const std::string id = absl::StrCat(prefix, happening.id);
    const std::string ref = happening.ref == 0 ? "" : absl::StrCat(prefix, happening.ref);
    to->Track(subject_, simulation::KindName(happening.kind), happening.value, properties,
              {.time = time, .event_id = id, .ref_id = ref});
  }

  const simulation::World& world_;
  const std::uint64_t seed_;
  Client* const client_;
  const ClientOptions options_;
  ClientStats acknowledged_;
  const simulation::Calendar calendar_;
  const simulation::Portraits portraits_;
  const simulation::RateTable rates_;
  const simulation::Vocabulary vocabulary_;
  Subject subject_;
  std::vector<simulation::Happening> life_;
};

ClientOptions OptionsOf(const Flags& flags) {
  ClientOptions options;
  options.server_url = flags.server;
  options.api_key = flags.api_key;
  options.ca_bundle_path = TrustedAuthorities();
  return options;
}

// A client of the server that has its catalog.
absl::StatusOr<std::unique_ptr<Client>> Connect(const Flags& flags) {
  ClientOptions options = OptionsOf(flags);
  options.storage_directory = flags.storage;
  options.delivery.queue_bytes = kQueueBytes;
  options.delivery.flush_interval = milliseconds(200);
  options.delivery.max_backoff = std::chrono::seconds(2);
  auto client = Client::Create(options);
  if (!client.ok()) return client.status();
  const auto deadline = std::chrono::steady_clock::now() + kCatalogTimeout;
  while ((*client)->Stats().catalog_version == 0) {
    if (std::chrono::steady_clock::now() > deadline) {
      return absl::UnavailableError(absl::StrCat(
          flags.server, ": no catalog came within 30 seconds: ", (*client)->Stats().last_error));
    }
    std::this_thread::sleep_for(milliseconds(20));
  }
  return client;
}

// Waits until everything was acknowledged, and says how far it is.
absl::Status FlushAfter(const Flags& flags, std::uint64_t done, std::uint64_t all,
                        std::string_view what, Client* client) {
  const FlushResult flushed = client->Flush(kFlushTimeout);
  if (flushed.dropped > 0 || flushed.kept > 0) {
    return absl::UnavailableError(absl::StrCat(flags.server, ": ", flushed.kept,
                                               " records are still on disk and ", flushed.dropped,
                                               " were dropped: ", client->Stats().last_error));
  }
  std::printf("%s of %s %s\n", Count(done).c_str(), Count(all).c_str(), std::string(what).c_str());
  std::fflush(stdout);
  return absl::OkStatus();
}

// `more`: of other clients.
void PrintAcknowledged(const Client& client, const ClientStats& more = {}) {
  ClientStats stats = client.Stats();
  stats.acknowledged += more.acknowledged;
  stats.batches_acknowledged += more.batches_acknowledged;
  stats.bytes_sent += more.bytes_sent;
  std::printf("%s records acknowledged in %s batches, %s bytes\n",
              Count(stats.acknowledged).c_str(), Count(stats.batches_acknowledged).c_str(),
              Count(stats.bytes_sent).c_str());
}

absl::Status Drive(const Flags& flags, const simulation::World& world) {
  const auto client = Connect(flags);
  if (!client.ok()) return client.status();
  App app(world, flags.seed, client->get(), OptionsOf(flags));
  for (std::uint64_t i = 0; i < flags.users; ++i) {
    if (absl::Status status = app.Open(flags.first + i); !status.ok())
      return absl::Status(status.code(), absl::StrCat(flags.server, ": ", status.message()));
    if ((i + 1) % kUsersPerFlush != 0 && i + 1 != flags.users) continue;
    if (absl::Status status = FlushAfter(flags, i + 1, flags.users, "users", client->get());
        !status.ok())
      return status;
  }
  PrintAcknowledged(**client, app.acknowledged());
  return absl::OkStatus();
}

// The viewers' apps; each decides for its room and its viewer's tier.
absl::Status DriveLiveShop(const Flags& flags, const simulation::LiveShop& shop) {
  const auto client = Connect(flags);
  if (!client.ok()) return client.status();
  Subject subject;
  const auto at = [](std::int64_t time_ms) {
    return std::chrono::system_clock::time_point(milliseconds(time_ms));
  };
  const auto assign = [&](std::size_t tier, const std::string& room, const std::string& user,
                          std::int64_t time_ms) -> std::optional<bool> {
    subject.Clear();
    subject.SetUnit("room", room).SetUnit("user", user);
    subject.Set("member_tier", shop.tiers[tier].name);
    const Decision decision = (*client)->Peek(shop.tiers[tier].experiment, subject);
    if (!decision.in_experiment()) return std::nullopt;
    (*client)->Expose(decision, subject, at(time_ms));
    return decision.variant() == "coupon";
  };
  int room = 0;
  const auto all = static_cast<std::uint64_t>(shop.rooms);
  const auto tell = [&](const simulation::LiveVisit& visit) {
    if (visit.room_number != room && visit.room_number % kRoomsPerFlush == 0) {
      const auto done = static_cast<std::uint64_t>(visit.room_number);
      absl::Status status = FlushAfter(flags, done, all, "rooms", client->get());
      if (!status.ok()) return status;
    }
    room = visit.room_number;
    int number = 0;
    for (const simulation::LiveVisit::Event& event : visit.Events()) {
      (*client)->Track(
          subject, simulation::KindName(event.kind), event.value, {},
          {.time = at(event.time_ms), .event_id = absl::StrCat(visit.user, "-", ++number)});
    }
    return absl::OkStatus();
  };
  absl::Status status = simulation::VisitLiveShop(shop, flags.seed, assign, tell);
  if (status.ok()) status = FlushAfter(flags, all, all, "rooms", client->get());
  if (!status.ok()) return status;
  PrintAcknowledged(**client);
  return absl::OkStatus();
}

// --- Into a data folder --------------------------------------------------------------------------

absl::Status PublishOnce(const Flags& flags, project::Project* project) {
  if (flags.catalog.empty()) return absl::OkStatus();
  const absl::StatusOr<std::string> source = ReadFile(flags.catalog);
  if (!source.ok()) return source.status();
  const auto current = project->catalog();
  if (current != nullptr && current->source == *source) return absl::OkStatus();
  const auto published = project->Publish(*source, "");
  if (published.ok()) return absl::OkStatus();
  return absl::Status(published.status().code(),
                      absl::StrCat(flags.catalog, ": ", std::string(published.status().message())));
}

// A data folder that takes batches, and decides by the catalog in force.
class DataFolder {
 public:
  static absl::StatusOr<std::unique_ptr<DataFolder>> Open(const Flags& flags) {
    std::string name;
    if (!flags.catalog.empty()) {
      const auto parsed = ParseCatalogFile(flags.catalog);
      if (!parsed.ok()) return parsed.status();
      if (!parsed->ok()) return parsed->status();
      name = parsed->model->project;
    }
    auto folder = std::make_unique<DataFolder>();
    auto project =
        project::Project::Open({.directory = flags.data, .name = name, .clock = &folder->clock_});
    if (!project.ok()) return project.status();
    folder->project_ = *std::move(project);
    if (absl::Status status = PublishOnce(flags, folder->project_.get()); !status.ok())
      return status;
    folder->catalog_ = folder->project_->catalog();
    if (folder->catalog_ == nullptr)
      return absl::NotFoundError("the data folder has no catalog; give --catalog FILE");
    auto view = catalog::View::Load(std::make_shared<const std::string>(folder->catalog_->bytes),
                                    {.interner = &folder->interner_,
                                     .blobs = folder->catalog_->blobs,
                                     .matchers = &authoring::Re2Matchers()});
    if (!view.ok()) return view.status();
    folder->view_ = *std::move(view);
    folder->sink_ = StoreWith(&folder->project_->ingest());
    return folder;
  }

  Decision Decide(std::string_view experiment, const Subject& subject, std::int64_t time_ms) const {
    return assignment::DecideExperiment(*view_, experiment, subject, {.now_ms = time_ms});
  }
  absl::StatusOr<const authoring::Experiment*> Find(const std::string& experiment) const {
    const authoring::Experiment* found = catalog_->model.FindExperiment(experiment);
    if (found != nullptr) return found;
    return absl::NotFoundError(absl::StrCat("the catalog has no experiment \"", experiment,
                                            "\" that the world is about; give --catalog FILE"));
  }
  std::vector<std::string> ReportedBy(const authoring::Experiment& experiment) const {
    return authoring::ReportedAttributes(catalog_->model, experiment);
  }
  absl::Status Put(simulation::Batch batch) {
    checksum_ = base::Mix(checksum_ ^ base::Hash64(batch.bytes));
    return sink_->Put({batch.id, std::move(batch.bytes), batch.records, batch.clock_error_ms});
  }
  // `status` is that of making the batches.
  absl::Status Finish(const absl::Status& status) {
    const absl::StatusOr<SinkTotals> totals = sink_->Finish();
    if (!status.ok()) return status;
    if (!totals.ok()) return totals.status();
    if (totals->rejected > 0)
      return absl::InternalError(absl::StrCat("refused: ", totals->first_rejection));
    std::printf("%s records stored in %s batches, %s bytes, checksum %016llx\n",
                report::Count(totals->records).c_str(), report::Count(totals->batches).c_str(),
                report::Count(totals->bytes).c_str(), static_cast<unsigned long long>(checksum_));
    return absl::OkStatus();
  }

 private:
  posix::PosixClock clock_;
  std::unique_ptr<project::Project> project_;
  std::shared_ptr<const project::Catalog> catalog_;
  catalog::Interner interner_;
  std::shared_ptr<const catalog::View> view_;
  std::unique_ptr<BatchSink> sink_;
  std::uint64_t checksum_ = 0;  // of all batches' bytes, in their order
};

absl::Status Store(const Flags& flags, const simulation::World& world) {
  const auto folder = DataFolder::Open(flags);
  if (!folder.ok()) return folder.status();
  const auto experiment = (*folder)->Find(world.experiment);
  if (!experiment.ok()) return experiment.status();
  const simulation::Portraits portraits(world);
  Subject subject;
  const auto assign = [&](const simulation::Person& person, const simulation::Identity& identity,
                          std::int64_t time_ms) -> std::optional<simulation::Assigned> {
    Describe(world, portraits, person, identity, !person.anonymous, &subject);
    const Decision decision = (*folder)->Decide(world.experiment, subject, time_ms);
    const auto variant = VariantIndex(world, decision.variant());
    if (!variant) return std::nullopt;
    return simulation::Assigned{*variant, decision.iteration, decision.phase,
                                static_cast<std::uint8_t>(decision.reason),
                                decision.catalog_version};
  };
  simulation::BatchMaker maker(
      world, flags.seed, (*folder)->ReportedBy(**experiment), assign,
      [&](simulation::Batch batch) { return (*folder)->Put(std::move(batch)); });
  std::int64_t exposed = 0;
  absl::Status made;
  for (std::uint64_t done = 0; made.ok() && done < flags.users;) {
    const std::uint64_t part = std::min(kUsersPerLine, flags.users - done);
    const absl::StatusOr<std::int64_t> came = maker.Add(flags.first + done, part);
    made = came.status();
    if (!made.ok()) break;
    exposed += *came;
    done += part;
    if (flags.users > kUsersPerLine) {
      std::printf("%s of %s users\n", Count(done).c_str(), Count(flags.users).c_str());
      std::fflush(stdout);
    }
  }
  absl::Status status = (*folder)->Finish(made.ok() ? maker.Finish() : made);
  if (!status.ok()) return status;
  std::printf("%s users, %s of them exposed\n", Count(flags.users).c_str(),
              report::Count(exposed).c_str());
  return absl::OkStatus();
}

absl::Status StoreLiveShop(const Flags& flags, const simulation::LiveShop& shop) {
  const auto folder = DataFolder::Open(flags);
  if (!folder.ok()) return folder.status();
  for (const auto& tier : shop.tiers) {
    if (const auto found = (*folder)->Find(tier.experiment); !found.ok()) return found.status();
  }
  Subject subject;
  const auto assign = [&](std::size_t tier, const std::string& room, const std::string& user,
                          std::int64_t time_ms) -> std::optional<bool> {
    subject.Clear();
    subject.SetUnit("room", room).SetUnit("user", user);
    subject.Set("member_tier", shop.tiers[tier].name);
    const Decision decision = (*folder)->Decide(shop.tiers[tier].experiment, subject, time_ms);
    if (!decision.in_experiment()) return std::nullopt;
    return decision.variant() == "coupon";
  };
  return (*folder)->Finish(simulation::MakeLiveShop(
      shop, flags.seed, assign,
      [&](simulation::Batch batch) { return (*folder)->Put(std::move(batch)); }));
}

// Gross profit is 30 % of GMV, as in the pack.
void PrintLiveTruth(const simulation::LiveShop& shop) {
  std::printf("The truth behind the live shop, per viewer:\n");
  for (std::size_t t = 0; t < shop.tiers.size(); ++t) {
    const simulation::LiveTruth plain = LiveTruthOf(shop, t, false);
    const simulation::LiveTruth coupon = LiveTruthOf(shop, t, true);
    std::printf(
        "  %-8s contribution  plain %.4f  coupon %.4f (%s)   promotion_roi %.3f\n",
        shop.tiers[t].name.c_str(), plain.Contribution(0.3), coupon.Contribution(0.3),
        report::SignedPercent(coupon.Contribution(0.3) / plain.Contribution(0.3) - 1).c_str(),
        0.3 * (coupon.gmv - plain.gmv) / coupon.coupon_cost);
  }
}

absl::StatusOr<std::optional<simulation::LiveShop>> LoadLiveShop(const Flags& flags) {
  if (flags.world.empty()) return std::optional<simulation::LiveShop>();
  const absl::StatusOr<std::string> text = ReadFile(flags.world);
  if (!text.ok()) return text.status();
  auto shop = simulation::ReadLiveShop(*text);
  if (!shop.ok())
    return absl::Status(shop.status().code(),
                        absl::StrCat(flags.world, ": ", std::string(shop.status().message())));
  return shop;
}

absl::Status Run(const Flags& flags) {
  const auto live = LoadLiveShop(flags);
  if (!live.ok()) return live.status();
  if (flags.false_positives > 0 && !*live)
    return absl::InvalidArgumentError(
        absl::StrCat(flags.world, ": $.live_shop: is missing; --false-positives is about rooms"));
  if (*live) {
    if (flags.false_positives > 0)
      return CountFalsePositives(**live, flags.false_positives, flags.seed);
    if (flags.truth) {
      PrintLiveTruth(**live);
      return absl::OkStatus();
    }
    return flags.data.empty() ? DriveLiveShop(flags, **live) : StoreLiveShop(flags, **live);
  }
  const auto world = LoadWorld(flags);
  if (!world.ok()) return world.status();
  if (world->experiment.empty())
    return absl::InvalidArgumentError(absl::StrCat(flags.world, ": $.experiment: is missing"));
  if (flags.truth) return PrintTruth(flags, *world);
  if (flags.interleave > 0) return Interleave(*world, flags.interleave, flags.seed);
  absl::Status status = flags.data.empty() ? Drive(flags, *world) : Store(flags, *world);
  if (!status.ok()) return status;
  std::string out = flags.truth_out;
  if (out.empty() && !flags.data.empty()) out = absl::StrCat(flags.data, "/truth.json");
  if (!out.empty()) {
    if (status = WriteTruth(flags, *world, out); !status.ok()) return status;
  }
  if (!flags.data.empty())
    std::printf("The truth is in %s; everything is complete from --as-of %s on\n", out.c_str(),
                report::FormatTime(Mature(*world)).c_str());
  return absl::OkStatus();
}

}  // namespace

void AddSimulateCommand(CLI::App& app, Action& action) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app.add_subcommand(
      "simulate", "Lives through a short-video shop whose true effects are known");
  command->add_option("--world", flags->world,
                      "JSON file that says what the shop is like and what the variants change "
                      "(default: samples/feed_shop/world.json)");
  command->add_option("--server", flags->server,
                      "URL of a server with the world's experiment in its catalog: the records go "
                      "through the SDK");
  AddKeyOptions(command, "client", &flags->api_key);
  command->add_option("--storage", flags->storage,
                      "folder of the SDK's spool; default: memory only");
  command->add_option("--data", flags->data, "or write batches straight into this data folder");
  command->add_option("--catalog", flags->catalog,
                      "catalog file: published into --data, and whose metrics --truth is about");
  command->add_option("--users,--devices", flags->users, "how many users there are (default 20000)")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000'000}));
  command->add_option("--first", flags->first, "number of the first user (default 1)");
  command->add_option("--seed", flags->seed, "same seed, same shop (default 1)");
  command->add_option("--truth-out", flags->truth_out,
                      "write the exact expectations here (with --data: DIR/truth.json)");
  command->add_option(
      "--false-positives", flags->false_positives,
      "run this many A/A tests of a live shop and count p < 0.05, by viewers and by "
      "rooms");
  command->add_option("--interleave", flags->interleave,
                      "show this many users interleaved lists of the world's two variants");
  command->add_flag("--truth", flags->truth, "print the exact expectations and end");
  command->callback([flags, &action] {
    const bool study = flags->truth || flags->false_positives > 0 || flags->interleave > 0;
    if (flags->server.empty() == flags->data.empty() && !study)
      throw CLI::ValidationError("--server",
                                 "say where the records go: --server or --data; or ask "
                                 "for the --truth");
    action = [flags] { return Run(*flags); };
  });
}

}  // namespace upswing::cli
