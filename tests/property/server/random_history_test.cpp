#include "tests/property/server/random_history.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <random>
#include <string>
#include <vector>

#include "server/analysis/analyze.hpp"
#include "server/analysis/cache.hpp"
#include "server/store/embedded/embedded_store.hpp"
#include "tests/property/server/oracle.hpp"

namespace upswing::testing {
namespace {

using analysis::AnalysisResult;
using analysis::ExperimentSpec;
using metrics::MetricType;

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
