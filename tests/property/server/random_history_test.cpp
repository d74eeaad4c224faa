#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "sdk/base/hash.hpp"
#include "server/analysis/analyze.hpp"
#include "server/analysis/cache.hpp"
#include "server/store/embedded/embedded_store.hpp"
#include "tests/property/server/oracle.hpp"

namespace upswing::testing {
namespace {

using analysis::AnalysisResult;
using analysis::Cell;
using analysis::ExperimentSpec;
using metrics::Condition;
using metrics::MetricDefinition;
using metrics::MetricType;

constexpr std::int64_t kHour = 3'600'000;
constexpr std::int64_t kDay = 24 * kHour;
// 2026-10-20T00:00:00Z: twelve days before New York leaves daylight-saving time (1 November).
constexpr std::int64_t kStart = 1'792'454'400'000;

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : random_(seed) {}
  std::int64_t Below(std::int64_t n) {
    return static_cast<std::int64_t>(random_() % static_cast<std::uint64_t>(n));
  }
  bool OneIn(std::int64_t n) { return Below(n) == 0; }

 private:
  std::mt19937_64 random_;
};

std::uint64_t Key(const char* type, std::int64_t number) {
  return base::Mix(base::Hash64(type) + static_cast<std::uint64_t>(number)) | 1;
}

Units RandomUnits(Dice* dice) {
  Units units;
  const std::int64_t user = dice->Below(30);
  if (!dice->OneIn(5)) units.emplace_back("user", Key("user", user));
  // A user has two devices; some devices are seen before anyone logs in.
  if (!dice->OneIn(3) || units.empty())
    units.emplace_back("device", Key("device", user * 2 + dice->Below(2)));
  if (dice->OneIn(2)) units.emplace_back("room", Key("room", dice->Below(6)));
  return units;
}

std::int64_t RandomTime(Dice* dice) {
  // Mostly anywhere, sometimes on the hour, so that times collide and fall on boundaries.
  const std::int64_t time = kStart + dice->Below(25 * kDay);
  return dice->OneIn(4) ? time - time % kHour : time;
}

RecordList RandomRecords(Dice* dice, int count) {
  RecordList list;
  std::vector<std::uint64_t> event_ids = {0};
  std::uint32_t order = 0;
  // Ties of (time, order) between records of one unit that differ have no order; real batches give
  // none.
  for (int i = 0; i < count; ++i) {
    ++order;
    if (dice->OneIn(4)) {
      ExposureRecord x;
      x.units = RandomUnits(dice);
      x.time = RandomTime(dice);
      x.experiment = dice->OneIn(5) ? "other" : "exp";
      // Units mostly stay where their key puts them; some cross over.
      const std::uint64_t key = x.units.back().second;
      x.variant = dice->OneIn(40) ? "gone" : (key % 2 == 0) != dice->OneIn(12) ? "on" : "off";
      x.iteration = dice->OneIn(8) ? 2 : 1;
      x.phase = dice->OneIn(3) ? 2 : 1;
      x.reason = dice->OneIn(15) ? 2 : 0;
      if (!dice->OneIn(3)) x.attributes.emplace_back("country", dice->OneIn(2) ? "CN" : "DE");
      if (!dice->OneIn(3)) x.attributes.emplace_back("age", dice->Below(3));
      x.order = order;
      list.exposures.push_back(x);
      continue;
    }
    EventRecord e;
    e.units = RandomUnits(dice);
    e.time = RandomTime(dice);
    const char* names[] = {"purchase", "refund", "view", "ask", "answer", "ignored"};
    e.name = names[dice->Below(6)];
    e.value = static_cast<double>(dice->Below(2000) - 200) / 100;
    if (dice->OneIn(50)) e.value *= 1e9;
    if (dice->OneIn(3)) {
      e.event_id = dice->OneIn(4) ? event_ids[static_cast<std::size_t>(
                                        dice->Below(static_cast<std::int64_t>(event_ids.size())))]
                                  : base::Mix(order) | 1;
      event_ids.push_back(e.event_id);
    }
    if (e.name == "refund" || dice->OneIn(4))
      e.ref_id = event_ids[static_cast<std::size_t>(
          dice->Below(static_cast<std::int64_t>(event_ids.size())))];
    if (dice->OneIn(2)) e.properties.emplace_back("category", dice->OneIn(2) ? "beauty" : "food");
    if (dice->OneIn(2))
      e.properties.emplace_back("amount", static_cast<double>(dice->Below(500)) / 7);
    if (dice->OneIn(3)) {
      e.properties.emplace_back("count", dice->Below(4));
    } else if (dice->OneIn(6)) {
      e.properties.emplace_back("count", dice->OneIn(2));  // another type: bool
    }
    e.order = order;
    list.events.push_back(e);
  }
  return list;
}

MetricDefinition Metric(const char* key, MetricType type, const char* event) {
  MetricDefinition metric;
  metric.key = key;
  metric.type = type;
  if (*event != 0) metric.events.events = {event};
  return metric;
}

std::vector<MetricDefinition> AllMetrics(Dice* dice) {
  std::vector<MetricDefinition> all;
  const auto add = [&](MetricDefinition metric) -> MetricDefinition& {
    if (metric.type == MetricType::kTimeTo || dice->OneIn(2))
      metric.window_ms = (1 + dice->Below(9)) * kDay;
    return all.emplace_back(std::move(metric));
  };
  add(Metric("bought", MetricType::kConversion, "purchase")).threshold = 1 + dice->Below(2);
  MetricDefinition& count = add(Metric("views", MetricType::kCount, "view"));
  count.events.events.push_back("purchase");
  count.events.where = {{"category", Condition::Operator::kNotIn, {std::string("food")}}};
  count.covariate = metrics::Covariate{3 * kDay, {}, false};
  MetricDefinition& sum = add(Metric("spent", MetricType::kSum, "purchase"));
  sum.winsorize = metrics::Winsorize{0.8, std::nullopt};
  sum.covariate = metrics::Covariate{5 * kDay, {}, dice->OneIn(2)};
  MetricDefinition& where = add(Metric("beauty", MetricType::kSum, "purchase"));
  where.events.value = "amount";
  where.events.where = {{"category", Condition::Operator::kIn, {std::string("beauty")}},
                        {"count", Condition::Operator::kLess, {3.0}}};
  where.covariate = metrics::Covariate{4 * kDay, {{"view"}, {}, "", false, ""}, true};
  add(Metric("basket", MetricType::kMean, "purchase")).winsorize =
      metrics::Winsorize{std::nullopt, 50.0};
  add(Metric("largest", MetricType::kMax, "purchase"));
  MetricDefinition& last = add(Metric("latest", MetricType::kLast, "view"));
  if (dice->OneIn(2)) last.missing = -1;
  MetricDefinition& ratio = add(Metric("refund_rate", MetricType::kRatio, "refund"));
  ratio.denominator.events = {"purchase"};
  ratio.events.refers_to = "purchase";
  ratio.covariate = metrics::Covariate{6 * kDay, {}, false};
  MetricDefinition& money = add(Metric("refund_share", MetricType::kRatio, "refund"));
  money.denominator.events = {"purchase", "view"};
  money.events.sum = money.denominator.sum = true;
  MetricDefinition& d1 = all.emplace_back(Metric("d1", MetricType::kRetention, "view"));
  d1.first_day = d1.last_day = 1;
  MetricDefinition& d7 = all.emplace_back(Metric("d2_5", MetricType::kRetention, "view"));
  d7.first_day = 2;
  d7.last_day = 5;
  d7.elapsed_days = true;
  MetricDefinition& funnel = add(Metric("funnel", MetricType::kFunnel, ""));
  funnel.steps = {{{"view", "ask"}, {}, "", false, ""},
                  {{"purchase"}, {}, "", false, ""},
                  {{"purchase", "refund"}, {}, "", false, ""}};
  add(Metric("until", MetricType::kTimeTo, "purchase"));
  add(Metric("kinds", MetricType::kDistinct, "purchase")).events.value = "count";
  MetricDefinition& pair = add(Metric("response", MetricType::kPair, "answer"));
  pair.from.events = {"ask"};
  MetricDefinition& quantile = add(Metric("typical", MetricType::kQuantile, "purchase"));
  quantile.quantile = dice->OneIn(2) ? 0.5 : 0.9;
  if (dice->OneIn(2))
    quantile.covariate = metrics::Covariate{4 * kDay, {{"view"}, {}, "", false, ""}, true};
  MetricDefinition& net = add(Metric("net", MetricType::kLinear, ""));
  net.terms = {{"spent", 1}, {"beauty", -0.5}, {"bought", 3}};
  add(Metric("return", MetricType::kIncrementalRatio, "")).terms = {{"net", 1}, {"bought", 1}};
  std::shuffle(all.begin(), all.end(),
               std::mt19937_64(static_cast<std::uint64_t>(dice->Below(1 << 30))));
  all.resize(static_cast<std::size_t>(1 + dice->Below(static_cast<std::int64_t>(all.size()))));
  std::set<std::string> kept;
  for (const auto& metric : all) kept.insert(metric.key);
  for (auto& metric : all)
    std::erase_if(metric.terms, [&](const auto& term) { return kept.count(term.metric) == 0; });
  std::erase_if(all, [](const auto& metric) {
    return metric.type == MetricType::kIncrementalRatio && metric.terms.size() != 2;
  });
  return all;
}

ExperimentSpec RandomSpec(Dice* dice) {
  ExperimentSpec spec;
  spec.experiment = "exp";
  spec.variants = {{"off", 1}, {"on", 1}};
  spec.unit_type = "user";
  switch (dice->Below(4)) {
    case 0:
      spec.fallback_unit = "device";
      break;
    case 1:
      spec.unit_type = "device";
      break;
    case 2:
      spec.unit_type = "room";
      spec.observation_unit = "user";
      break;
    default:
      break;
  }
  spec.metrics = AllMetrics(dice);
  spec.as_of_ms = kStart + (8 + dice->Below(20)) * kDay + dice->Below(kDay);
  if (dice->OneIn(3)) spec.end_ms = kStart + (5 + dice->Below(15)) * kDay;
  spec.timezone = dice->OneIn(2) ? "America/New_York" : "Asia/Shanghai";
  spec.lateness_ms = dice->Below(3) * 12 * kHour;
  spec.mature_only = !dice->OneIn(5);
  if (dice->OneIn(2)) spec.report_by = {"country", "age"};
  if (dice->OneIn(2)) spec.looks = {4, 9, 12 + static_cast<int>(dice->Below(10))};
  return spec;
}

// Compares cell by cell, so that a difference says where it is.
void ExpectSame(const Cell& real, const Cell& oracle, const std::string& where) {
  EXPECT_EQ(real.units, oracle.units) << where;
  EXPECT_EQ(real.pending, oracle.pending) << where;
  EXPECT_EQ(real.events, oracle.events) << where;
  ASSERT_EQ(real.sums.dimension(), oracle.sums.dimension()) << where;
  EXPECT_EQ(real.sums.n(), oracle.sums.n()) << where;
  EXPECT_TRUE(real.sums.Save() == oracle.sums.Save())
      << where << ": " << real.sums.sum(0).Round() << " instead of " << oracle.sums.sum(0).Round();
}

void ExpectSame(const AnalysisResult& real, const AnalysisResult& oracle,
                const ExperimentSpec& spec) {
  EXPECT_EQ(real.phases, oracle.phases);
  EXPECT_EQ(real.days, oracle.days);
  EXPECT_EQ(real.forced_units, oracle.forced_units);
  EXPECT_EQ(real.crossover_units, oracle.crossover_units);
  EXPECT_EQ(real.unknown_variant_records, oracle.unknown_variant_records);
  EXPECT_EQ(real.events_without_unit, oracle.events_without_unit);
  EXPECT_TRUE(real.unreadable.empty());
  ASSERT_EQ(real.variants.size(), oracle.variants.size());
  for (std::size_t v = 0; v < real.variants.size(); ++v) {
    const auto& a = real.variants[v];
    const auto& b = oracle.variants[v];
    EXPECT_EQ(a.units, b.units);
    EXPECT_EQ(a.units_first_variant, b.units_first_variant);
    EXPECT_EQ(a.crossovers, b.crossovers);
    EXPECT_EQ(a.units_by_day, b.units_by_day);
    EXPECT_EQ(a.units_by_phase, b.units_by_phase);
    for (std::size_t m = 0; m < spec.metrics.size(); ++m) {
      const std::string where = a.key + "/" + spec.metrics[m].key;
      const auto& x = a.metrics[m];
      const auto& y = b.metrics[m];
      ExpectSame(x.total, y.total, where + " total");
      ASSERT_EQ(x.quantile.has_value(), y.quantile.has_value()) << where;
      if (x.quantile.has_value()) {
        EXPECT_EQ(x.quantile->nu, y.quantile->nu) << where;
        EXPECT_EQ(x.quantile->estimate, y.quantile->estimate) << where;
        EXPECT_EQ(x.quantile->lower, y.quantile->lower) << where;
        EXPECT_EQ(x.quantile->upper, y.quantile->upper) << where;
        EXPECT_EQ(x.quantile->n, y.quantile->n) << where;
      }
      ExpectSame(x.first_variant, y.first_variant, where + " first variant");
      ASSERT_EQ(x.phases.size(), y.phases.size());
      for (std::size_t p = 0; p < x.phases.size(); ++p)
        ExpectSame(x.phases[p], y.phases[p], where + " phase " + std::to_string(p));
      ASSERT_EQ(x.cumulative.size(), y.cumulative.size()) << where;
      for (std::size_t d = 0; d < x.cumulative.size(); ++d)
        ExpectSame(x.cumulative[d], y.cumulative[d], where + " cumulative " + real.days[d]);
      ASSERT_EQ(x.looks.size(), y.looks.size()) << where;
      for (std::size_t k = 0; k < x.looks.size(); ++k)
        ExpectSame(x.looks[k], y.looks[k], where + " look at day " + std::to_string(spec.looks[k]));
      ASSERT_EQ(x.daily.size(), y.daily.size()) << where;
      for (std::size_t d = 0; d < x.daily.size(); ++d)
        ExpectSame(x.daily[d], y.daily[d], where + " daily " + real.days[d]);
    }
    ASSERT_EQ(a.segments.size(), b.segments.size());
    for (std::size_t s = 0; s < a.segments.size(); ++s) {
      const std::string where = a.key + "/" + b.segments[s].attribute + "=" + b.segments[s].value;
      EXPECT_EQ(a.segments[s].attribute, b.segments[s].attribute);
      EXPECT_EQ(a.segments[s].value, b.segments[s].value);
      EXPECT_EQ(a.segments[s].units_first_variant, b.segments[s].units_first_variant) << where;
      for (std::size_t m = 0; m < spec.metrics.size(); ++m)
        ExpectSame(a.segments[s].metrics[m], b.segments[s].metrics[m],
                   where + "/" + spec.metrics[m].key);
    }
  }
}

// Lands the records in batches of random size and order, some twice, with compactions, merges and
// restarts in between.
std::unique_ptr<store::EmbeddedStore> Land(const RecordList& list, Dice* dice,
                                           const std::string& directory) {
  std::filesystem::remove_all(directory);
  store::EmbeddedOptions options;
  options.directory = directory;
  options.background = false;
  options.shards = 1 << dice->Below(4);
  options.merge_runs = 2 + static_cast<int>(dice->Below(4));
  options.snapshot_records = dice->OneIn(2) ? 1 + dice->Below(200) : 500'000;
  // A unit's rows then go on in the next chunk.
  if (dice->OneIn(2)) options.chunk_rows = 1 + dice->Below(30);
  auto store = *store::EmbeddedStore::Open(options);
  std::vector<std::pair<bool, std::size_t>> all;
  for (std::size_t i = 0; i < list.exposures.size(); ++i) all.emplace_back(true, i);
  for (std::size_t i = 0; i < list.events.size(); ++i) all.emplace_back(false, i);
  std::shuffle(all.begin(), all.end(),
               std::mt19937_64(static_cast<std::uint64_t>(dice->Below(1 << 30))));
  std::vector<RecordList> sent;
  std::size_t next = 0;
  while (next < all.size()) {
    RecordList batch;
    const std::size_t end =
        std::min(all.size(), next + 1 + static_cast<std::size_t>(dice->Below(120)));
    for (; next < end; ++next) {
      if (all[next].first)
        batch.exposures.push_back(list.exposures[all[next].second]);
      else
        batch.events.push_back(list.events[all[next].second]);
    }
    sent.push_back(batch);
    std::vector<store::LandingBatch> landing = {ToBatch(batch, 7, sent.size())};
    const std::size_t again =
        static_cast<std::size_t>(dice->Below(static_cast<std::int64_t>(sent.size())));
    landing.push_back(ToBatch(sent[again], 7, again + 1));
    const auto outcomes = store->Land(absl::MakeSpan(landing));
    EXPECT_TRUE(outcomes.ok()) << outcomes.status();
    EXPECT_EQ((*outcomes)[0], store::LandingOutcome::kStored);
    EXPECT_EQ((*outcomes)[1], store::LandingOutcome::kDuplicate);
    if (dice->OneIn(3)) {
      EXPECT_TRUE(store->Compact(dice->OneIn(5)).ok());
    }
    if (dice->OneIn(10)) {
      store.reset();
      store = *store::EmbeddedStore::Open(options);
    }
  }
  return store;
}

class RandomHistory : public ::testing::TestWithParam<int> {};

TEST_P(RandomHistory, GivesTheOraclesNumbersToTheBit) {
  Dice dice(static_cast<std::uint64_t>(GetParam()));
  const RecordList list = RandomRecords(&dice, 150 + static_cast<int>(dice.Below(500)));
  const auto store =
      Land(list, &dice, ::testing::TempDir() + "/random_history_" + std::to_string(GetParam()));
  const auto source = store->Snapshot();
  ASSERT_TRUE(source.ok()) << source.status();
  for (int question = 0; question < 4; ++question) {
    const ExperimentSpec spec = RandomSpec(&dice);
    SCOPED_TRACE(::testing::Message()
                 << "question " << question << ", unit " << spec.unit_type << ", fallback '"
                 << spec.fallback_unit << "', as of day " << (spec.as_of_ms - kStart) / kDay);
    const auto real = analysis::Analyze(
        **source, spec,
        {.threads = 1 + static_cast<int>(dice.Below(3)),
         // Small enough that quantiles and caps take several passes.
         .pooled_numbers = static_cast<std::size_t>(dice.OneIn(2) ? 1 : 1 << 20)});
    ASSERT_TRUE(real.ok()) << real.status();
    ExpectSame(*real, Oracle(list, spec), spec);
  }
}

// All that `ExpectSame` looks at, and what the oracle does not know.
void ExpectEqual(const AnalysisResult& cached, const AnalysisResult& cold,
                 const ExperimentSpec& spec) {
  ExpectSame(cached, cold, spec);
  EXPECT_EQ(cached.exposures, cold.exposures);
  EXPECT_EQ(cached.events, cold.events);
  EXPECT_EQ(cached.erased_units, cold.erased_units);
  EXPECT_EQ(cached.first_exposure_ms, cold.first_exposure_ms);
  EXPECT_EQ(cached.last_record_ms, cold.last_record_ms);
  for (std::size_t v = 0; v < cold.variants.size(); ++v) {
    for (std::size_t m = 0; m < cold.variants[v].metrics.size(); ++m)
      EXPECT_EQ(cached.variants[v].metrics[m].histogram, cold.variants[v].metrics[m].histogram);
  }
  for (const auto caps : {&AnalysisResult::caps, &AnalysisResult::covariate_caps}) {
    ASSERT_EQ((cached.*caps).size(), (cold.*caps).size());
    for (const auto& [metric, cap] : cold.*caps) {
      ASSERT_EQ((cached.*caps).count(metric), 1u) << metric;
      const analysis::CapResult& other = (cached.*caps).at(metric);
      EXPECT_EQ(other.cap, cap.cap) << metric;
      EXPECT_EQ(other.nonzero_units, cap.nonzero_units) << metric;
      EXPECT_EQ(other.removed_share, cap.removed_share) << metric;
      EXPECT_EQ(other.frozen, cap.frozen) << metric;
    }
  }
}

// Nothing but the records and the time moves the numbers: no fallback units, no quantiles, frozen
// caps.
ExperimentSpec Steady(ExperimentSpec spec) {
  spec.fallback_unit.clear();
  std::erase_if(spec.metrics, [](const auto& m) { return m.type == MetricType::kQuantile; });
  spec.caps["spent"] = 10;
  spec.covariate_caps["spent"] = 8;
  return spec;
}

class CachedHistory : public ::testing::TestWithParam<int> {
 protected:
  // Or else nothing was shown.
  static void TearDownTestSuite() {
    if (seeds_ < kSeeds) return;
    EXPECT_GT(refreshed_, cold_ / 4) << refreshed_ << " refreshed, " << cold_ << " from nothing";
  }
  static constexpr int kSeeds = 12;
  static inline int seeds_ = 0;
  static inline std::int64_t refreshed_ = 0;
  static inline std::int64_t cold_ = 0;
};

// After landing, compaction, merging, erasure, expiry, changed metrics and caps, and a time of
// asking that moves both ways: the cache says what a new analysis says.
TEST_P(CachedHistory, GivesWhatStartingAnewGives) {
  Dice dice(1000 + static_cast<std::uint64_t>(GetParam()));
  const RecordList list = RandomRecords(&dice, 1500);
  store::EmbeddedOptions options;
  options.directory = ::testing::TempDir() + "/cached_history_" + std::to_string(GetParam());
  std::filesystem::remove_all(options.directory);
  options.background = false;
  options.shards = 1 << dice.Below(3);
  options.merge_runs = 2 + static_cast<int>(dice.Below(4));
  if (dice.OneIn(2)) options.snapshot_records = 1 + dice.Below(40);
  if (dice.OneIn(2)) options.chunk_rows = 1 + dice.Below(30);
  // Sometimes earlier snapshots cannot be read any more.
  if (dice.OneIn(4)) options.retired_bytes = 0;
  const auto store = *store::EmbeddedStore::Open(options);
  std::vector<std::pair<bool, std::size_t>> all;
  for (std::size_t i = 0; i < list.exposures.size(); ++i) all.emplace_back(true, i);
  for (std::size_t i = 0; i < list.events.size(); ++i) all.emplace_back(false, i);
  std::shuffle(all.begin(), all.end(),
               std::mt19937_64(static_cast<std::uint64_t>(dice.Below(1 << 30))));

  analysis::ResultCache cache(2, 1.0);
  const auto draw = [&] {
    const ExperimentSpec spec = RandomSpec(&dice);
    return dice.OneIn(3) ? spec : Steady(spec);
  };
  std::vector<ExperimentSpec> specs = {draw(), draw()};
  specs[1].experiment = "other";
  std::int64_t as_of = kStart + 12 * kDay;
  std::size_t next = 0;
  for (std::uint64_t sequence = 1; next < all.size(); ++sequence) {
    RecordList batch;
    const std::size_t size =
        sequence == 1 ? all.size() / 2 : static_cast<std::size_t>(dice.Below(60));
    for (const std::size_t end = std::min(all.size(), next + size); next < end; ++next) {
      if (all[next].first)
        batch.exposures.push_back(list.exposures[all[next].second]);
      else
        batch.events.push_back(list.events[all[next].second]);
    }
    store::LandingBatch landing = ToBatch(batch, 7, sequence);
    ASSERT_TRUE(store->Land(absl::MakeSpan(&landing, 1)).ok());
    if (dice.OneIn(2)) {
      ASSERT_TRUE(store->Compact(dice.OneIn(6)).ok());
    }
    if (dice.OneIn(12)) {
      ASSERT_TRUE(
          store->Erase("user", Key("user", dice.Below(30)), kStart + dice.Below(20 * kDay)).ok());
    }
    if (dice.OneIn(25)) {
      ASSERT_TRUE(store->Expire(kStart + dice.Below(6 * kDay), {"exp"}).ok());
    }
    ExperimentSpec& spec = specs[dice.OneIn(3) ? 1 : 0];
    if (dice.OneIn(12)) {
      const std::string experiment = spec.experiment;
      spec = draw();
      spec.experiment = experiment;
    }
    if (dice.OneIn(8)) spec.caps["spent"] = 1 + static_cast<double>(dice.Below(20));
    as_of += dice.OneIn(8) ? dice.Below(3 * kDay) - kDay : dice.Below(kDay / 48);
    spec.as_of_ms = as_of;
    SCOPED_TRACE(::testing::Message() << "after batch " << sequence << ", " << spec.experiment
                                      << " by " << spec.unit_type);
    const auto source = store->Snapshot();
    ASSERT_TRUE(source.ok()) << source.status();
    const auto cached = cache.Analyze(*source, spec);
    ASSERT_TRUE(cached.ok()) << cached.status();
    const auto cold = analysis::Analyze(**source, spec);
    ASSERT_TRUE(cold.ok()) << cold.status();
    ExpectEqual(*cached, *cold, spec);
    if (::testing::Test::HasFailure()) return;
  }
  ++seeds_;
  refreshed_ += cache.stats().refreshed;
  cold_ += cache.stats().cold;
  RecordProperty("refreshed", static_cast<int>(cache.stats().refreshed));
  RecordProperty("cold", static_cast<int>(cache.stats().cold));
}

INSTANTIATE_TEST_SUITE_P(Seeds, CachedHistory, ::testing::Range(1, 13));

INSTANTIATE_TEST_SUITE_P(Seeds, RandomHistory, ::testing::Range(1, 31));

}  // namespace
}  // namespace upswing::testing
