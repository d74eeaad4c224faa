#include "server/analysis/analyze.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <string>

#include "server/analysis/cache.hpp"
#include "server/analysis/unit_sample.hpp"
#include "server/store/embedded/embedded_store.hpp"
#include "tests/support/stream_of_records.hpp"

namespace upswing::analysis {
namespace {

using testing::EventRecord;
using testing::ExposureRecord;
using testing::RecordList;

constexpr std::int64_t kHour = 3'600'000;
constexpr std::int64_t kDay = 24 * kHour;
// 2026-11-02T00:00:00Z, a Monday.
constexpr std::int64_t kMonday = 1'793'577'600'000;

class Analyzing : public ::testing::Test {
 protected:
  void SetUp() override {
    directory_ = ::testing::TempDir() + "/analyze_" +
                 ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(directory_);
    store::EmbeddedOptions options;
    options.directory = directory_;
    options.background = false;
    options.shards = 4;
    auto store = store::EmbeddedStore::Open(options);
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    spec_.experiment = "exp";
    spec_.unit_type = "user";
    spec_.variants = {{"off", 1}, {"on", 1}};
    spec_.as_of_ms = kMonday + 30 * kDay;
  }

  void Expose(std::uint64_t user, std::int64_t time, const std::string& variant) {
    list_.exposures.push_back({{{"user", user}}, time, "exp", variant, 1, 1, 0, {}, order_++});
  }
  void Track(std::uint64_t user, std::int64_t time, const std::string& name, double value = 0) {
    list_.events.push_back({{{"user", user}}, time, name, value, 0, 0, {}, order_++});
  }
  metrics::MetricDefinition& Metric(const std::string& key, metrics::MetricType type,
                                    const std::string& event) {
    metrics::MetricDefinition& metric = spec_.metrics.emplace_back();
    metric.key = key;
    metric.type = type;
    if (!event.empty()) metric.events.events = {event};
    return metric;
  }
  AnalysisResult Analyze() {
    if (!list_.exposures.empty() || !list_.events.empty()) {
      store::LandingBatch batch = testing::ToBatch(list_, 1, ++sequence_);
      EXPECT_TRUE(store_->Land(absl::MakeSpan(&batch, 1)).ok());
      list_ = {};
    }
    const auto source = store_->Snapshot();
    EXPECT_TRUE(source.ok()) << source.status();
    const auto result = analysis::Analyze(**source, spec_);
    EXPECT_TRUE(result.ok()) << result.status();
    return *result;
  }

  std::string directory_;
  std::unique_ptr<store::EmbeddedStore> store_;
  ExperimentSpec spec_;
  RecordList list_;
  std::uint32_t order_ = 0;
  std::uint64_t sequence_ = 0;
};

TEST_F(Analyzing, CountsWhatHappensFromTheFirstExposureOn) {
  Metric("bought", metrics::MetricType::kConversion, "purchase");
  Metric("spent", metrics::MetricType::kSum, "purchase");
  Track(7, kMonday - 1, "purchase", 100);  // before the exposure
  Expose(7, kMonday, "on");
  Track(7, kMonday, "purchase", 5.5);  // at its very moment: after
  Track(7, kMonday + kDay, "purchase", 4.5);
  Expose(8, kMonday, "on");
  Expose(9, kMonday, "off");
  Track(10, kMonday, "purchase", 1000);  // never exposed

  const AnalysisResult result = Analyze();
  const VariantResult& on = result.variants[1];
  EXPECT_EQ(on.units, 2);
  EXPECT_EQ(result.variants[0].units, 1);
  EXPECT_EQ(on.metrics[0].total.sums.sum(0).Round(), 1);
  EXPECT_EQ(on.metrics[1].total.sums.sum(0).Round(), 10);
  EXPECT_EQ(on.metrics[1].total.sums.product(0, 0).Round(), 100);
  EXPECT_EQ(on.metrics[1].total.units, 2);
  EXPECT_EQ(on.metrics[1].total.events, 2);
}

TEST_F(Analyzing, SaysTheSameBeforeAndAfterCompactionAndReopening) {
  Metric("spent", metrics::MetricType::kSum, "purchase");
  for (std::uint64_t user = 1; user <= 200; ++user) {
    const std::uint64_t key = user * 0x9e3779b97f4a7c15ULL;
    Expose(key, kMonday + static_cast<std::int64_t>(user), user % 2 == 0 ? "on" : "off");
    Track(key, kMonday + kDay, "purchase", static_cast<double>(user) / 10);
  }
  const AnalysisResult landed = Analyze();
  ASSERT_TRUE(store_->Compact(false).ok());
  const AnalysisResult compacted = Analyze();
  store_.reset();
  store::EmbeddedOptions options;
  options.directory = directory_;
  options.background = false;
  store_ = *store::EmbeddedStore::Open(options);
  const AnalysisResult reopened = Analyze();
  for (const AnalysisResult* result : {&landed, &compacted, &reopened}) {
    // Sum of even users 2..200, in tenths: 100 * 101 / 10.
    EXPECT_EQ(result->variants[1].units, 100);
    EXPECT_DOUBLE_EQ(result->variants[1].metrics[0].total.sums.sum(0).Round(), 1010);
    EXPECT_EQ(result->variants[1].metrics[0].total.sums.Save(),
              landed.variants[1].metrics[0].total.sums.Save());
  }
}

// By hand: user k tracks k on its first day and 1 on its third.
TEST_F(Analyzing, TakesDownSingleUnitsAsTheyAreInTheSums) {
  Metric("spent", metrics::MetricType::kSum, "purchase");
  for (std::uint64_t user = 1; user <= 300; ++user) {
    const std::uint64_t key = user * 0x9e3779b97f4a7c15ULL;
    Expose(key, kMonday, user % 3 == 0 ? "on" : "off");
    if (user == 300) Expose(key, kMonday + kHour, "off");  // crossed over
    Track(key, kMonday + kHour, "purchase", static_cast<double>(user));
    Track(key, kMonday + 2 * kDay, "purchase", 1);
  }
  const AnalysisResult result = Analyze();
  const auto source = store_->Snapshot();
  ASSERT_TRUE(source.ok());
  SampleOptions options;
  options.ages = 3;
  const auto sample = SampleUnits(**source, spec_, options);
  ASSERT_TRUE(sample.ok()) << sample.status();
  ASSERT_EQ(sample->units.size(), 299u);
  EXPECT_EQ(sample->share, 1);
  statistics::MomentSums sums[2];
  for (std::size_t i = 0; i < sample->units.size(); ++i) {
    if (i > 0) {
      EXPECT_LT(sample->units[i - 1].key, sample->units[i].key);
    }
    sums[sample->units[i].variant].Add(sample->metrics[0].rows[i]);
  }
  for (std::size_t v = 0; v < 2; ++v)
    EXPECT_EQ(sums[v].Save(), result.variants[v].metrics[0].total.sums.Save());
  // On users 3, 6, ..., 297: 99 * 100 / 2 * 3.
  const auto& on = sample->by_age[0][1];
  EXPECT_EQ(on[0].sum(0).Round(), 14850);
  EXPECT_EQ(on[1].sum(0).Round(), 0);
  EXPECT_EQ(on[2].sum(0).Round(), 99);
  EXPECT_EQ(on[2].n(), 99);
  // A third of the units, by key: the same ones each time.
  options.most_units = 100;
  const auto part = SampleUnits(**source, spec_, options);
  ASSERT_TRUE(part.ok()) << part.status();
  EXPECT_NEAR(part->share, 1.0 / 3, 1e-12);
  EXPECT_GT(part->units.size(), 60u);  // binomial, 300 at 1/3: 5 standard deviations below 100
  EXPECT_LT(part->units.size(), 141u);
  for (std::size_t i = 0; i < part->units.size(); ++i)
    EXPECT_EQ(part->units[i].key, sample->units[i].key);
}

TEST_F(Analyzing, LeavesOutUnitsSeenInTwoVariantsAndKeepsThemInTheTwin) {
  Metric("spent", metrics::MetricType::kSum, "purchase").window_ms = 7 * kDay;
  Expose(1, kMonday, "on");
  Expose(1, kMonday + kDay, "off");  // inside the window: crossed over
  Expose(2, kMonday, "on");
  Expose(2, kMonday + 8 * kDay, "off");  // after it
  Track(1, kMonday + 1, "purchase", 3);
  Track(2, kMonday + 1, "purchase", 4);
  const AnalysisResult result = Analyze();
  EXPECT_EQ(result.crossover_units, 1);
  const VariantResult& on = result.variants[1];
  EXPECT_EQ(on.units, 1);
  EXPECT_EQ(on.units_first_variant, 2);
  EXPECT_EQ(on.metrics[0].total.sums.sum(0).Round(), 4);
  EXPECT_EQ(on.metrics[0].first_variant.sums.sum(0).Round(), 7);
}

TEST_F(Analyzing, TakesWhatClientsCountedFromTheFirstUnitsDayOn) {
  Metric("spent", metrics::MetricType::kSum, "purchase");
  Expose(7, kMonday + 5 * kHour, "on");
  Analyze();  // lands it
  using Kind = store::ClientCount::Kind;
  for (int day = -1; day <= 1; ++day) {
    store::LandingBatch batch = testing::ToBatch({}, 9, static_cast<std::uint64_t>(day + 2));
    batch.received_ms = kMonday + day * kDay;
    const auto total = static_cast<std::uint64_t>(10 * (day + 2));
    batch.counts = {{Kind::kDecisions, "exp", "on", 0, {total, total / 2, total / 5}},
                    {Kind::kDroppedEvents, "purchase", "", 3, {total, 0, 0}},
                    {Kind::kDroppedEvents, "play", "", 3, {total, 0, 0}}};
    ASSERT_TRUE(store_->Land(absl::MakeSpan(&batch, 1)).ok());
  }
  const AnalysisResult result = Analyze();
  EXPECT_EQ(result.variants[1].decisions.evaluated, 20);
  EXPECT_EQ(result.variants[1].decisions.exposed, 10);
  EXPECT_EQ(result.variants[1].decisions.queued, 4);
  EXPECT_EQ(result.variants[0].decisions.evaluated, 0);
  EXPECT_EQ(result.dropped_events,
            (std::map<std::string, std::map<std::uint8_t, std::int64_t>>{{"purchase", {{3, 20}}}}));
}

TEST_F(Analyzing, RecomputesOnlyTheUnitsThatSomethingTouches) {
  Metric("spent", metrics::MetricType::kSum, "purchase").window_ms = 7 * kDay;
  const auto key = [](std::uint64_t user) { return user * 0x9e3779b97f4a7c15ULL; };
  for (std::uint64_t user = 1; user <= 200; ++user)
    Expose(key(user), kMonday + static_cast<std::int64_t>(user) * kHour, "on");
  Track(key(1), kMonday + 2 * kHour, "purchase", 5);
  Analyze();  // lands them
  ASSERT_TRUE(store_->Compact(true).ok());
  ResultCache cache;
  std::int64_t units = 0;
  const auto ask = [&](std::int64_t cold, std::int64_t refreshed, std::int64_t touched) {
    const AnalysisResult anew = Analyze();
    const auto result = cache.Analyze(*store_->Snapshot(), spec_);
    ASSERT_TRUE(result.ok()) << result.status();
    EXPECT_EQ(cache.stats().cold, cold);
    EXPECT_EQ(cache.stats().refreshed, refreshed);
    EXPECT_EQ(cache.stats().units - units, touched);
    units = cache.stats().units;
    EXPECT_EQ(result->variants[1].metrics[0].total.sums.Save(),
              anew.variants[1].metrics[0].total.sums.Save());
    EXPECT_EQ(result->variants[1].metrics[0].total.pending,
              anew.variants[1].metrics[0].total.pending);
  };
  spec_.as_of_ms = kMonday + 8 * kDay + 10 * kHour;
  ask(1, 0, 0);
  Track(key(7), kMonday + 9 * kHour, "purchase", 2.5);  // a new purchase of user 7
  ask(1, 1, 1);
  ASSERT_TRUE(store_->Compact(false).ok());  // the same records in other chunks
  ask(1, 2, 0);
  // By now the windows of users 35, 36 and 37 have closed, and those of 11, 12 and 13 for a day.
  spec_.as_of_ms += 3 * kHour;
  ask(1, 3, 6);
  // A new unit.
  Expose(key(500), kMonday + kHour, "on");
  ask(1, 4, 1);
  // The first record of a new day: user 9's; twelve hours in which twelve windows close and twelve
  // mature; and user 500 again, who is only landed and so has no number that lasts.
  Track(key(9), kMonday + 9 * kDay + kHour / 2, "purchase", 3);
  spec_.as_of_ms += 12 * kHour;
  ask(1, 5, 26);
  // Its earlier chunks are gone with an erasure.
  ASSERT_TRUE(store_->Compact(true).ok());
  ASSERT_TRUE(store_->Erase("user", key(7), spec_.as_of_ms).ok());
  ask(2, 5, 0);
}

}  // namespace
}  // namespace upswing::analysis
