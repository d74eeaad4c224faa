// Lands and compacts N million records and times the report on them. Prints one JSON object.
//   report_benchmark load DIR MILLIONS [UNITS] [ROWS.bin] | report DIR [THREADS]
//                    | answers DIR | refresh DIR UNITS NEW_RECORDS [THREADS]
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string>
#include <vector>

#include "sdk/base/hash.hpp"
#include "server/analysis/analyze.hpp"
#include "server/analysis/cache.hpp"
#include "server/store/embedded/embedded_store.hpp"
#include "server/store/records.hpp"

namespace {

using namespace upswing;

constexpr std::int64_t kDay = 24LL * 3600 * 1000;
constexpr std::int64_t kStart = 1'790'812'800'000;  // 2026-10-01T00:00:00Z
const char* const kNames[] = {"impression", "play", "like", "click", "purchase", "refund"};

double Seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// Record i of the whole: its unit, time, name and value depend on i alone.
struct Generated {
  std::uint64_t key;
  std::int64_t time;
  int name;  // -1 = exposure
  double value;
};

Generated Generate(std::uint64_t i, std::uint64_t units) {
  const std::uint64_t random = base::Mix(i * 0x9e3779b97f4a7c15ULL + 1);
  Generated g;
  // The first `units` records expose each unit once, in a mixed order.
  if (i < units) {
    g.key = base::Mix(i + 77) | 1;
    g.name = -1;
    g.time = kStart + static_cast<std::int64_t>(random % static_cast<std::uint64_t>(7 * kDay));
    g.value = 0;
    return g;
  }
  g.key = base::Mix(random % units + 77) | 1;
  g.time =
      kStart + static_cast<std::int64_t>((random >> 20) % static_cast<std::uint64_t>(28 * kDay));
  const std::uint64_t draw = (random >> 8) % 100;
  g.name = draw < 40 ? 0 : draw < 65 ? 1 : draw < 80 ? 2 : draw < 92 ? 3 : draw < 99 ? 4 : 5;
  g.value = g.name >= 4 ? static_cast<double>((random >> 30) % 50000) / 100
                        : static_cast<double>((random >> 30) % 60);
  return g;
}

analysis::ExperimentSpec Spec(bool days) {
  using metrics::MetricType;
  analysis::ExperimentSpec spec;
  spec.experiment = "exp";
  spec.unit_type = "user";
  spec.variants = {{"off", 1}, {"on", 1}};
  spec.as_of_ms = kStart + 40 * kDay;
  spec.by_day = days;
  const auto add = [&](const char* key, MetricType type,
                       const char* event) -> metrics::MetricDefinition& {
    auto& metric = spec.metrics.emplace_back();
    metric.key = key;
    metric.type = type;
    metric.events.events = {event};
    return metric;
  };
  add("impressions", MetricType::kCount, "impression");
  add("dwell", MetricType::kSum, "play");
  add("liked", MetricType::kConversion, "like");
  add("ctr", MetricType::kRatio, "click").denominator.events = {"impression"};
  add("gmv", MetricType::kSum, "purchase");
  add("refunded", MetricType::kConversion, "refund");
  return spec;
}

double CpuSeconds() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

long PeakKiB() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

// Records [from, from + count) of the whole; also as rows for another database.
store::Records Batch(std::uint64_t from, std::uint64_t count, std::uint64_t units,
                     std::FILE* rows = nullptr) {
  store::Records batch;
  const std::uint32_t user = batch.strings.Intern("user");
  const std::uint32_t experiment = batch.strings.Intern("exp");
  const std::uint32_t on = batch.strings.Intern("on");
  const std::uint32_t off = batch.strings.Intern("off");
  std::uint32_t names[6];
  for (int n = 0; n < 6; ++n) names[n] = batch.strings.Intern(kNames[n]);
  for (std::uint64_t i = from; i < from + count; ++i) {
    const Generated g = Generate(i, units);
    batch.subjects.unit_type.push_back(user);
    batch.subjects.key.push_back(g.key);
    batch.subjects.first.push_back(static_cast<std::uint32_t>(batch.subjects.key.size()));
    const auto subject = static_cast<std::uint32_t>(batch.subjects.size() - 1);
    const auto order = static_cast<std::uint32_t>(i);
    const bool is_on = base::Mix(g.key) % 2 == 0;
    if (rows != nullptr) {
      // RowBinary: key, time, name (255 = exposure), value or variant.
      const std::uint8_t name = g.name < 0 ? 255 : static_cast<std::uint8_t>(g.name);
      const double value = g.name < 0 ? (is_on ? 1 : 0) : g.value;
      std::fwrite(&g.key, 8, 1, rows);
      std::fwrite(&g.time, 8, 1, rows);
      std::fwrite(&name, 1, 1, rows);
      std::fwrite(&value, 8, 1, rows);
    }
    if (g.name < 0) {
      auto& x = batch.exposures;
      x.subject.push_back(subject);
      x.experiment.push_back(experiment);
      x.variant.push_back(is_on ? on : off);
      x.iteration.push_back(1);
      x.phase.push_back(1);
      x.order.push_back(order);
      x.reason.push_back(0);
      x.catalog_version.push_back(1);
      x.time_ms.push_back(g.time);
      x.attributes.first.push_back(0);
    } else {
      auto& e = batch.events;
      e.subject.push_back(subject);
      e.name.push_back(names[g.name]);
      e.order.push_back(order);
      e.value.push_back(g.value);
      e.time_ms.push_back(g.time);
      e.event_id.push_back(0);
      e.ref_id.push_back(0);
      e.properties.first.push_back(0);
    }
  }
  return batch;
}

store::LandingBatch Landing(const store::Records& batch, const store::BatchKey& key) {
  store::LandingBatch landing;
  landing.key = key;
  landing.records = static_cast<std::uint32_t>(batch.size());
  landing.blob = store::EncodeRecords(batch);
  landing.checksum = key.sequence;
  return landing;
}

int Load(const std::string& directory, std::uint64_t records, std::uint64_t units,
         const char* csv) {
  store::EmbeddedOptions options;
  options.directory = directory;
  options.background = false;
  auto opened = store::EmbeddedStore::Open(options);
  if (!opened.ok()) {
    std::fprintf(stderr, "%s\n", std::string(opened.status().message()).c_str());
    return 1;
  }
  store::EmbeddedStore& store = **opened;
  std::FILE* rows = csv == nullptr ? nullptr : std::fopen(csv, "wb");
  constexpr std::uint64_t kBatch = 10'000;
  const double begin = Seconds();
  double compacting = 0;
  std::uint64_t sequence = 0;
  store::Records batch;
  for (std::uint64_t from = 0; from < records; from += kBatch) {
    batch = Batch(from, std::min(kBatch, records - from), units, rows);
    store::LandingBatch landing = Landing(batch, {9, 9, ++sequence});
    if (!store.Land(absl::MakeSpan(&landing, 1)).ok()) return 1;
    if (sequence % 150 == 0) {
      const double start = Seconds();
      if (!store.Compact(false).ok()) return 1;
      compacting += Seconds() - start;
    }
  }
  const double start = Seconds();
  if (!store.Compact(true).ok()) return 1;  // as ClickHouse's parts are merged too
  const double merging = Seconds() - start;
  if (rows != nullptr) std::fclose(rows);
  const auto stats = *store.Stats();
  std::printf(
      "{\"loaded\": %llu, \"seconds\": %.2f, \"compaction_seconds\": %.2f, "
      "\"final_merge_seconds\": %.2f, \"chunks\": %lld, \"chunk_bytes_per_record\": %.2f, "
      "\"file_bytes_per_record\": %.2f, \"peak_mib\": %ld}\n",
      static_cast<unsigned long long>(records), Seconds() - begin, compacting, merging,
      static_cast<long long>(stats.chunks),
      static_cast<double>(stats.chunk_bytes) / static_cast<double>(records),
      static_cast<double>(stats.file_bytes) / static_cast<double>(records), PeakKiB() / 1024);
  return 0;
}

int Report(const std::string& directory, int threads) {
  store::EmbeddedOptions options;
  options.directory = directory;
  options.read_only = true;
  auto store = store::EmbeddedStore::Open(options);
  if (!store.ok()) return 1;
  for (const bool days : {false, true}) {
    for (int run = 0; run < 2; ++run) {
      const double begin = Seconds();
      const double cpu = CpuSeconds();
      const auto source = (*store)->Snapshot();
      if (!source.ok()) return 1;
      const double snapshot = Seconds() - begin;
      const auto result = analysis::Analyze(**source, Spec(days), {.threads = threads});
      if (!result.ok()) {
        std::fprintf(stderr, "%s\n", std::string(result.status().message()).c_str());
        return 1;
      }
      std::printf(
          "{\"days\": %s, \"run\": %d, \"seconds\": %.3f, \"cpu\": %.3f, \"snapshot\": %.3f, "
          "\"records\": %lld, \"peak_mib\": %ld}\n",
          days ? "true" : "false", run, Seconds() - begin, CpuSeconds() - cpu, snapshot,
          static_cast<long long>(result->exposures + result->events), PeakKiB() / 1024);
      if (run > 0 || days) continue;
      for (const auto& variant : result->variants)
        for (const auto& metric : variant.metrics)
          std::printf(
              "{\"variant\": \"%s\", \"metric\": \"%s\", \"units\": %lld, \"sum\": %.17g, "
              "\"square\": %.17g}\n",
              variant.key.c_str(), metric.metric.c_str(),
              static_cast<long long>(metric.total.units), metric.total.sums.sum(0).Round(),
              metric.total.sums.product(0, 0).Round());
    }
  }
  return 0;
}

// The numbers themselves, for another database to be compared with: kind, variant (1 = on), day
// since 1970 (0 = all), then per metric the sum and the sum of squares of its first component.
int Answers(const std::string& directory) {
  store::EmbeddedOptions options;
  options.directory = directory;
  options.read_only = true;
  auto store = store::EmbeddedStore::Open(options);
  if (!store.ok()) return 1;
  const auto source = (*store)->Snapshot();
  if (!source.ok()) return 1;
  const auto result = analysis::Analyze(**source, Spec(true));
  if (!result.ok()) return 1;
  const auto print = [](const analysis::Cell& cell) {
    std::printf("\t%.17g\t%.17g", cell.sums.sum(0).Round(), cell.sums.product(0, 0).Round());
  };
  for (std::size_t v = 0; v < result->variants.size(); ++v) {
    const auto& variant = result->variants[v];
    std::printf("total\t%zu\t0\t%lld", v, static_cast<long long>(variant.units));
    for (const auto& metric : variant.metrics) print(metric.total);
    std::printf("\n");
    for (std::size_t day = 0; day < result->days.size(); ++day) {
      for (const bool daily : {false, true}) {
        std::printf("%s\t%zu\t%lld", daily ? "daily" : "cumulative", v,
                    static_cast<long long>(kStart / kDay) + static_cast<long long>(day));
        for (const auto& metric : variant.metrics)
          print(daily ? metric.daily[day] : metric.cumulative[day]);
        std::printf("\n");
      }
    }
  }
  return 0;
}

// What a live experiment costs: asks, lands and compacts `fresh` new records, and asks again.
int Refresh(const std::string& directory, std::uint64_t units, std::uint64_t fresh, int threads) {
  store::EmbeddedOptions options;
  options.directory = directory;
  options.background = false;
  auto store = store::EmbeddedStore::Open(options);
  if (!store.ok()) return 1;
  analysis::ResultCache cache;
  analysis::ExperimentSpec spec = Spec(true);
  // Windows that close while we ask, so that the time of asking matters too.
  for (auto& metric : spec.metrics) metric.window_ms = 7 * kDay;
  spec.as_of_ms = kStart + 12 * kDay + kDay / 2;
  for (int round = 0; round < 6; ++round) {
    if (round > 0) {
      const auto batch = Batch(static_cast<std::uint64_t>(round) << 40, fresh, units);
      store::LandingBatch landing = Landing(batch, {9, 10, static_cast<std::uint64_t>(round)});
      if (!(*store)->Land(absl::MakeSpan(&landing, 1)).ok()) return 1;
      if (round % 2 == 0 && !(*store)->Compact(false).ok()) return 1;
      spec.as_of_ms += 10'000;
    }
    const double begin = Seconds();
    const double cpu = CpuSeconds();
    const auto source = (*store)->Snapshot();
    if (!source.ok()) return 1;
    const double snapshot = Seconds() - begin;
    const analysis::ResultCache::Stats before = cache.stats();
    const auto cached = cache.Analyze(*source, spec, {.threads = threads});
    if (!cached.ok()) return 1;
    const double seconds = Seconds() - begin;
    const double used = CpuSeconds() - cpu;
    const auto cold = analysis::Analyze(**source, spec, {.threads = threads});
    if (!cold.ok()) return 1;
    for (std::size_t v = 0; v < spec.variants.size(); ++v)
      for (std::size_t m = 0; m < spec.metrics.size(); ++m)
        if (cached->variants[v].metrics[m].total.sums.Save() !=
            cold->variants[v].metrics[m].total.sums.Save()) {
          std::fprintf(stderr, "the cache says something else\n");
          return 1;
        }
    std::printf(
        "{\"refresh\": %s, \"new_records\": %llu, \"units_recomputed\": %lld, \"seconds\": %.3f, "
        "\"cpu\": %.3f, \"snapshot\": %.3f, \"peak_mib\": %ld}\n",
        cache.stats().refreshed > before.refreshed ? "true" : "false",
        static_cast<unsigned long long>(round == 0 ? 0 : fresh),
        static_cast<long long>(cache.stats().units - before.units), seconds, used, snapshot,
        PeakKiB() / 1024);
    std::fflush(stdout);
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fprintf(
        stderr,
        "usage: report_benchmark load DIR MILLIONS [UNITS] [ROWS.bin] | report DIR [THREADS] | "
        "answers DIR | refresh DIR UNITS NEW_RECORDS [THREADS]\n");
    return 2;
  }
  const std::string mode = argv[1];
  if (mode == "load") {
    const auto records = static_cast<std::uint64_t>(std::atof(argv[3]) * 1e6);
    const std::uint64_t units = argc > 4 ? std::strtoull(argv[4], nullptr, 10) : records / 20;
    return Load(argv[2], records, units, argc > 5 ? argv[5] : nullptr);
  }
  if (mode == "answers") return Answers(argv[2]);
  if (mode == "refresh" && argc > 4)
    return Refresh(argv[2], std::strtoull(argv[3], nullptr, 10),
                   std::strtoull(argv[4], nullptr, 10), argc > 5 ? std::atoi(argv[5]) : 2);
  return Report(argv[2], argc > 3 ? std::atoi(argv[3]) : 2);
}
