// shop_coverage [RUNS] [USERS] [COUNTS]
//
// Lives through simulated shops RUNS times per effect, from batches through ingest, store, join and
// report, and counts how often the true value of each metric of the pack lies outside the report's
// 95 % intervals. Prints a Markdown table of the cells that are worst; exit status 1 if a count
// lies outside its band: the 99.9 % one of the binomial distribution, Bonferroni-corrected over all
// cells, so that a correct engine fails one whole run of this program in a thousand. Seeds come
// from the effects' names and the numbers of the runs. The short form of the tests is 20 runs, the
// long one 2,000; it can be cut: the file COUNTS keeps what was counted, and each call adds RUNS
// more to it and judges them all.
#include <algorithm>
#include <cmath>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "platform/posix/posix_clock.hpp"
#include "sdk/base/hash.hpp"
#include "sdk/wire/protocol.hpp"
#include "server/analysis/analyze.hpp"
#include "server/metrics/pack.hpp"
#include "server/project/project.hpp"
#include "server/report/build.hpp"
#include "server/simulation/records.hpp"
#include "server/simulation/rooms.hpp"
#include "server/simulation/truth.hpp"
#include "server/statistics/distributions.hpp"

namespace upswing::simulation {
namespace {

// A shop in which everything happens often enough for a few hundred users to judge.
constexpr std::string_view kShop = R"({
  "enrol_days": 2, "follow_days": 31, "history_days": 0, "slots": 2, "weekend": 1.1,
  "products_per_category": 5, "creators_per_category": 5, "topics": 6, "duplicates": 0.01,
  "wrong_clocks": 0.02,
  "rates": {"open": 0.45, "product_view": 0.3, "add_to_cart": 0.5, "purchase": 0.6, "coupon_issue": 0.5,
            "refund": 0.4, "points_use": 0.5, "ticket": 0.25, "member_join": 0.2, "live_enter": 0.3, "like": 0.2, "comment": 0.1, "share": 0.1, "follow": 0.1},
  "portrait": {"activity": {"mid": {"share": 1}}}})";

struct Scenario {
  const char* name;
  const char* world;    // more of the world
  const char* effects;  // of the variant "on"
  bool costs = false;   // it spends on coupons
};
constexpr Scenario kScenarios[] = {
    {"nothing", "{}", ""},
    {"funnel", "{}", R"({"variant": "on", "stage": "product_view", "relative": 0.2},
      {"variant": "on", "stage": "add_to_cart", "relative": 0.15, "when": {"price_sensitivity": "high"}},
      {"variant": "on", "stage": "purchase", "relative": 0.1}, {"variant": "on", "stage": "amount", "relative": 0.1},
      {"variant": "on", "stage": "more_items", "relative": 0.3}, {"variant": "on", "stage": "refund", "relative": 0.3})"},
    {"watching, fading", "{}",
     R"({"variant": "on", "stage": "play", "relative": -0.2, "half_life_days": 3, "stays": 0.3},
      {"variant": "on", "stage": "dwell", "relative": 0.1}, {"variant": "on", "stage": "complete", "relative": 0.2},
      {"variant": "on", "stage": "like", "relative": 0.2, "half_life_days": 2}, {"variant": "on", "stage": "follow", "relative": 0.3},
      {"variant": "on", "stage": "comment", "relative": 0.3}, {"variant": "on", "stage": "share", "relative": 0.3},
      {"variant": "on", "stage": "focus", "relative": 0.3})"},
    {"returns and after-sales", "{}", R"({"variant": "on", "stage": "open", "relative": -0.1},
      {"variant": "on", "stage": "more_sessions", "relative": 0.2}, {"variant": "on", "stage": "reply", "relative": -0.3},
      {"variant": "on", "stage": "ticket", "relative": 0.3})"},
    {"promotion", "{}",
     R"({"variant": "on", "stage": "coupon_issue", "relative": 0.6}, {"variant": "on", "stage": "coupon_depth", "relative": 1},
      {"variant": "on", "stage": "purchase", "relative": 0.15}, {"variant": "on", "stage": "points_use", "relative": 0.3},
      {"variant": "on", "stage": "member_join", "relative": 0.3})",
     true},
    {"live rooms that spill over, and notes", "{}",
     R"({"variant": "on", "stage": "live_enter", "relative": 0.2, "spill": 0.5},
      {"variant": "on", "stage": "live_stay", "relative": 0.15}, {"variant": "on", "stage": "note_view", "relative": 0.3},
      {"variant": "on", "stage": "note_save", "relative": 0.3}, {"variant": "on", "stage": "note_focus", "relative": 0.3})"},
    {"with a history", R"({"history_days": 15, "follow_days": 8})",
     R"({"variant": "on", "stage": "product_view", "relative": 0.2}, {"variant": "on", "stage": "dwell", "relative": 0.1})"},
};

constexpr int kShown = 20;

// Fewer units than this without (or with) the event, and a share has few possible values: its
// interval may then hold the truth more often than it promises, which is judged on one side only.
constexpr double kRare = 10;
constexpr std::string_view kRareMark = " (rare)";

struct Count {
  std::int64_t runs = 0;
  std::int64_t outside = 0;
};
using Counts = std::map<std::string, Count>;

void Judge(const std::string& cell, const report::Interval& interval, double truth,
           Counts* counts) {
  if (!interval.estimate.value || !interval.low || !interval.high) return;
  Count& count = (*counts)[cell];
  ++count.runs;
  count.outside += truth < *interval.low || truth > *interval.high;
}

// Fieller's set may be unbounded; the report then has no ends, and nothing is excluded.
void JudgeRatio(const std::string& cell, const report::Interval& interval, double truth,
                Counts* counts) {
  if (!interval.estimate.value) return;
  if (interval.low && interval.high) return Judge(cell, interval, truth, counts);
  ++(*counts)[cell].runs;
}

// One data folder from batches to the report's comparisons.
class Folder {
 public:
  explicit Folder(const std::string& path) : path_(path) {
    std::filesystem::remove_all(path_);
    project_ = *project::Project::Open({.directory = path_, .name = "p", .clock = &clock_});
  }
  ~Folder() {
    project_.reset();
    std::filesystem::remove_all(path_);
  }

  absl::Status Put(Batch batch) {
    std::mutex mutex;
    std::condition_variable answered;
    std::optional<ingest::IngestResponse> response;
    const std::string id = wire::FormatBatchId(batch.id);
    // The server learns how wrong the sender's clock is from the clock itself, at sending.
    const std::string sent = wire::FormatSentAt({clock_.WallMillis() + batch.clock_error_ms, 0, 0});
    project_->ingest().Submit({.sent_at = sent, .batch = id}, batch.bytes,
                              [&](ingest::IngestResponse answer) {
                                const std::lock_guard lock(mutex);
                                response = std::move(answer);
                                answered.notify_one();
                              });
    std::unique_lock lock(mutex);
    answered.wait(lock, [&] { return response.has_value(); });
    return response->status == 200 ? absl::OkStatus() : absl::InternalError(response->body);
  }

  absl::StatusOr<report::Report> Report(analysis::ExperimentSpec spec, std::string control) {
    spec.by_day = false;
    const auto source = project_->store().Snapshot();
    if (!source.ok()) return source.status();
    const auto result = analysis::Analyze(**source, spec);
    if (!result.ok()) return result.status();
    report::Input input;
    input.control = std::move(control);
    input.spec = &spec;
    input.result = &*result;
    return report::Build(input);
  }

 private:
  std::string path_;
  posix::PosixClock clock_;
  std::unique_ptr<project::Project> project_;
};

std::string Scratch() {
  std::error_code error;
  const std::filesystem::path memory = "/dev/shm";
  const auto base = std::filesystem::is_directory(memory, error)
                        ? memory
                        : std::filesystem::temp_directory_path();
  return (base / ("upswing_coverage_" +
                  std::to_string(base::Mix(reinterpret_cast<std::uintptr_t>(&error)) ^
                                 posix::PosixClock().BootMillis())))
      .string();
}

// What does not change from run to run.
struct Known {
  World world;
  std::vector<metrics::MetricDefinition> metrics;
  std::map<std::string, TruthRow> truth;
  std::set<std::string> rare;  // rows whose values are 0 and 1, nearly all of them the same
};

absl::StatusOr<Known> Learn(const Scenario& scenario, std::uint64_t users) {
  const std::string experiment =
      std::string(R"({"experiment": {"key": "e", "variants": {"off": 1, "on": 1}, "effects": [)") +
      scenario.effects + "]}}";
  auto world = ReadWorlds({kShop, scenario.world, experiment});
  if (!world.ok()) return world.status();
  Known known{*std::move(world), {}, {}, {}};
  const Truth truth(known.world);
  const auto& pack = metrics::FindPack("short_video_shop")->metrics;
  for (const metrics::MetricDefinition& metric : pack) {
    const auto rows = truth.Of(metric, pack);
    if (!rows.ok()) continue;  // Longer than this world goes on.
    known.metrics.push_back(metric);
    const bool binary = metric.type == metrics::MetricType::kConversion ||
                        metric.type == metrics::MetricType::kRetention ||
                        metric.type == metrics::MetricType::kFunnel;
    const double units = truth.entering() * static_cast<double>(users) / 2;
    for (const TruthRow& row : *rows) {
      known.truth.emplace(row.name, row);
      for (const std::optional<double>& share : row.values) {
        if (binary && share && units * std::min(*share, 1 - *share) < kRare)
          known.rare.insert(row.name);
      }
    }
  }
  return known;
}

absl::Status Run(const Scenario& scenario, const Known& known, std::int64_t run,
                 std::uint64_t users, const std::string& scratch, Counts* counts) {
  const World* world = &known.world;
  Folder folder(scratch);
  const std::uint64_t seed =
      base::Mix(base::Hash64(scenario.name) + static_cast<std::uint64_t>(run));
  BatchMaker maker(
      *world, seed, {},
      [&](const Person& person, const Identity&, std::int64_t) {
        return std::optional<Assigned>(
            {.variant = static_cast<std::size_t>(base::Mix(seed ^ base::Mix(person.number)) & 1)});
      },
      [&](Batch batch) { return folder.Put(std::move(batch)); });
  if (const auto added = maker.Add(1, users); !added.ok()) return added.status();
  if (absl::Status status = maker.Finish(); !status.ok()) return status;

  analysis::ExperimentSpec spec;
  spec.experiment = "e";
  spec.unit_type = "user";
  spec.variants = {{"off", 1}, {"on", 1}};
  spec.timezone = "Asia/Shanghai";
  spec.as_of_ms = world->DayStart(world->enrol_days + world->follow_days + 2);
  spec.metrics = known.metrics;
  const auto report = folder.Report(spec, "off");
  if (!report.ok()) return report.status();
  for (const report::Comparison& comparison : report->comparisons) {
    const auto& values = known.truth.at(comparison.metric).values;
    const std::string cell = std::string(scenario.name) + " | " + comparison.metric + " | ";
    if (!values[1]) continue;
    if (!values[0]) {
      // Without an effect on the cost there is no ratio to speak of.
      if (scenario.costs) JudgeRatio(cell + "ratio", comparison.absolute, *values[1], counts);
      continue;
    }
    const double difference = *values[1] - *values[0];
    const std::string mark(known.rare.contains(comparison.metric) ? kRareMark : "");
    Judge(cell + "absolute" + mark, comparison.absolute, difference, counts);
    Judge(cell + "relative" + mark, comparison.relative, difference / *values[0], counts);
    if (comparison.cuped && world->history_days > 0) {
      Judge(cell + "cuped", comparison.cuped->absolute, difference, counts);
    }
  }
  return absl::OkStatus();
}

// Rooms are randomised; the report compares rooms.
absl::Status RunRooms(std::int64_t run, std::uint64_t viewers, const std::string& scratch,
                      Counts* counts) {
  const auto shop = ReadLiveShop(R"({"live_shop": {
    "rooms": 1, "fewest_viewers": 5, "most_viewers": 15, "purchase": 0.3, "coupon_depth": 0.1,
    "moods": [{"share": 0.3, "factor": 0.5}, {"share": 0.4, "factor": 1}, {"share": 0.3, "factor": 1.5}],
    "tiers": {"all": {"share": 1, "experiment": "e", "effect": 0.2}}}})");
  if (!shop.ok()) return shop.status();
  LiveShop live = **shop;
  live.rooms = static_cast<int>(viewers / 5);
  Folder folder(scratch);
  const std::uint64_t seed = base::Mix(base::Hash64("rooms") + static_cast<std::uint64_t>(run));
  absl::Status status = MakeLiveShop(
      live, seed,
      [&](std::size_t, const std::string& room, const std::string&, std::int64_t) {
        return std::optional<bool>((base::Mix(base::Hash64(room)) & 1) == 1);
      },
      [&](Batch batch) { return folder.Put(std::move(batch)); });
  if (!status.ok()) return status;
  analysis::ExperimentSpec spec;
  spec.experiment = "e";
  spec.unit_type = "room";
  spec.observation_unit = "user";
  spec.variants = {{"plain", 1}, {"coupon", 1}};
  spec.as_of_ms = live.start_ms + 60 * std::int64_t{86'400'000};
  spec.metrics = metrics::FindPack("short_video_shop")->metrics;
  const auto report = folder.Report(spec, "plain");
  if (!report.ok()) return report.status();
  const LiveTruth off = LiveTruthOf(live, 0, false);
  const LiveTruth on = LiveTruthOf(live, 0, true);
  const std::map<std::string, std::pair<double, double>> truth = {
      {"purchase_conversion", {off.purchase_conversion, on.purchase_conversion}},
      {"gmv_per_user", {off.gmv, on.gmv}},
      {"contribution_per_user", {off.Contribution(0.3), on.Contribution(0.3)}},
      {"live_stay_per_user", {live.stay, live.stay}},
      {"coupon_cost_per_user", {0, on.coupon_cost}}};
  for (const report::Comparison& comparison : report->comparisons) {
    const std::string cell = "rooms | " + comparison.metric + " | ";
    if (comparison.metric == "promotion_roi")
      JudgeRatio(cell + "ratio", comparison.absolute, 0.3 * (on.gmv - off.gmv) / on.coupon_cost,
                 counts);
    const auto row = truth.find(comparison.metric);
    if (row == truth.end()) continue;
    const double difference = row->second.second - row->second.first;
    Judge(cell + "absolute", comparison.absolute, difference, counts);
    if (row->second.first != 0)
      Judge(cell + "relative", comparison.relative, difference / row->second.first, counts);
  }
  return absl::OkStatus();
}

// A file of counts: how many runs there were, then a cell a line. An absent file is 0 runs.
std::int64_t ReadCounts(const std::string& path, Counts* counts) {
  std::ifstream file(path);
  std::int64_t runs = 0;
  if (!(file >> runs)) return 0;
  Count count;
  std::string cell;
  while (file >> count.runs >> count.outside && std::getline(file >> std::ws, cell))
    (*counts)[cell] = count;
  return runs;
}

bool WriteCounts(const std::string& path, std::int64_t runs, const Counts& counts) {
  const std::string written = path + ".new";
  std::ofstream file(written);
  file << runs << "\n";
  for (const auto& [cell, count] : counts)
    file << count.runs << " " << count.outside << " " << cell << "\n";
  file.close();
  std::error_code error;
  if (file.good()) std::filesystem::rename(written, path, error);
  return file.good() && !error;
}

double Share(std::int64_t part, std::int64_t of) {
  return 100 * static_cast<double>(part) / static_cast<double>(of);
}

// The cells of an effect and a kind of interval in one line.
void PrintSummary(const Counts& counts) {
  struct Line {
    std::int64_t cells = 0, runs = 0, outside = 0;
    double least = 100, most = 0;
  };
  std::map<std::string, Line> lines;
  for (const auto& [cell, count] : counts) {
    Line& line =
        lines[cell.substr(0, cell.find(" | ")) + " | " + cell.substr(cell.rfind(" | ") + 3)];
    ++line.cells;
    line.runs += count.runs;
    line.outside += count.outside;
    line.least = std::min(line.least, Share(count.outside, count.runs));
    line.most = std::max(line.most, Share(count.outside, count.runs));
  }
  std::printf(
      "| effect | interval | cells | truth outside | least | most |\n|---|---|---|---|---|---|\n");
  for (const auto& [name, line] : lines)
    std::printf("| %s | %lld | %.2f %% | %.2f %% | %.2f %% |\n", name.c_str(),
                static_cast<long long>(line.cells), Share(line.outside, line.runs), line.least,
                line.most);
  std::printf("\n");
}

int Main(std::int64_t more, std::uint64_t users, const std::string& kept) {
  const std::string scratch = Scratch();
  Counts counts;
  const std::int64_t before = kept.empty() ? 0 : ReadCounts(kept, &counts);
  const std::int64_t runs = before + more;
  std::vector<Known> known;
  for (const Scenario& scenario : kScenarios) {
    auto learnt = Learn(scenario, users);
    if (!learnt.ok()) {
      std::fprintf(stderr, "%s: %s\n", scenario.name, learnt.status().ToString().c_str());
      return 1;
    }
    known.push_back(*std::move(learnt));
  }
  for (std::int64_t run = before; run < runs; ++run) {
    for (std::size_t s = 0; s < std::size(kScenarios); ++s) {
      const absl::Status status = Run(kScenarios[s], known[s], run, users, scratch, &counts);
      if (!status.ok()) {
        std::fprintf(stderr, "%s: %s\n", kScenarios[s].name, status.ToString().c_str());
        return 1;
      }
    }
    if (absl::Status status = RunRooms(run, users, scratch, &counts); !status.ok()) {
      std::fprintf(stderr, "rooms: %s\n", status.ToString().c_str());
      return 1;
    }
  }
  if (!kept.empty() && !WriteCounts(kept, runs, counts)) {
    std::fprintf(stderr, "%s: cannot be written\n", kept.c_str());
    return 1;
  }
  const double side = 0.001 / static_cast<double>(counts.size()) / 2;
  int outside = 0;
  std::int64_t all = 0;
  std::int64_t missed = 0;
  std::vector<std::pair<double, std::string>> worst;
  for (const auto& [cell, count] : counts) {
    all += count.runs;
    missed += count.outside;
    std::int64_t upper = count.runs / 20;
    std::int64_t lower = upper;
    while (statistics::BinomialSurvivalAtLeast(upper + 1, count.runs, 0.05) > side) ++upper;
    while (lower > 0 && statistics::BinomialCdf(lower - 1, count.runs, 0.05) > side) --lower;
    if (cell.ends_with(kRareMark)) lower = 0;
    const bool ok = count.outside >= lower && count.outside <= upper && 2 * count.runs >= runs;
    outside += !ok;
    const double share = Share(count.outside, count.runs);
    char line[300];
    std::snprintf(line, sizeof line, "| %s | %lld | %.2f %% | %.2f - %.2f %% | %s |", cell.c_str(),
                  static_cast<long long>(count.runs), share, Share(lower, count.runs),
                  Share(upper, count.runs), ok ? "ok" : "**outside**");
    worst.emplace_back(ok ? -std::fabs(share - 5) : -100, line);
  }
  std::sort(worst.begin(), worst.end());
  PrintSummary(counts);
  std::printf(
      "The %d furthest from 5 %%:\n\n"
      "| effect | metric | interval | runs | truth outside | band | |\n"
      "|---|---|---|---|---|---|---|\n",
      kShown);
  for (std::size_t i = 0; i < worst.size() && i < kShown; ++i)
    std::printf("%s\n", worst[i].second.c_str());
  std::printf(
      "\n%zu cells, %d outside their band; over all, the truth lies outside %.3f %% of the "
      "95 %% intervals\n",
      counts.size(), outside, Share(missed, all));
  return outside == 0 ? 0 : 1;
}

}  // namespace
}  // namespace upswing::simulation

int main(int argc, char** argv) {
  const long runs = argc > 1 ? std::atol(argv[1]) : 20;
  const long users = argc > 2 ? std::atol(argv[2]) : 600;
  if (runs < 10 || users < 100) {
    std::fprintf(stderr, "usage: shop_coverage [RUNS >= 10] [USERS >= 100] [COUNTS]\n");
    return 2;
  }
  return upswing::simulation::Main(runs, static_cast<std::uint64_t>(users),
                                   argc > 3 ? argv[3] : "");
}
