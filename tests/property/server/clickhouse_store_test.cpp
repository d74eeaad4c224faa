#include "server/store/clickhouse/clickhouse_store.hpp"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/analysis/analyze.hpp"
#include "server/analysis/sql/sql_reducer.hpp"
#include "server/store/chunk.hpp"
#include "server/store/embedded/embedded_store.hpp"
#include "tests/property/server/oracle.hpp"
#include "tests/property/server/random_history.hpp"
#include "tests/support/clickhouse_cluster.hpp"
#include "tests/support/stream_of_records.hpp"

namespace upswing::testing {
namespace {

using store::EventStore;
using store::LandingBatch;
using store::LandingOutcome;

enum class Kind { kEmbedded, kOneServer, kCluster };

// Servers are started once, when the first test asks for them, and end with the program.
ClickHouseCluster& Servers(Kind kind) {
  static std::unique_ptr<ClickHouseCluster> clusters[3];
  auto& cluster = clusters[static_cast<int>(kind)];
  if (cluster == nullptr)
    cluster = kind == Kind::kCluster ? std::make_unique<ClickHouseCluster>(2, 2)
                                     : std::make_unique<ClickHouseCluster>(1, 1);
  return *cluster;
}

std::string KeyFile() {
  static const TemporaryFolder folder;
  const std::string file = folder / "unit.key";
  EXPECT_TRUE(store::ReadOrMakeKeyChain(file).ok());
  return file;
}

store::ClickHouseOptions OptionsOf(Kind kind, const std::string& database, int first = 0) {
  store::ClickHouseOptions options;
  // Another server instead of one that is started here: tests/current_clickhouse.sh.
  const char* other = std::getenv("UPSWING_TEST_CLICKHOUSE");
  options.address =
      *store::ParseClickHouseAddress(kind == Kind::kOneServer && other != nullptr
                                         ? absl::StrCat("clickhouse://", other, "/", database)
                                         : Servers(kind).Url(database, first));
  options.key_file = KeyFile();
  return options;
}

std::unique_ptr<store::ClickHouseStore> Made(const store::ClickHouseOptions& options) {
  const absl::Status made = store::ClickHouseStore::Init(options);
  EXPECT_TRUE(made.ok()) << made;
  auto opened = store::ClickHouseStore::Open(options);
  EXPECT_TRUE(opened.ok()) << opened.status();
  return opened.ok() ? *std::move(opened) : nullptr;
}

// What every EventStore promises.
class Contract : public ::testing::TestWithParam<Kind> {
 protected:
  void SetUp() override {
    std::string name = ::testing::UnitTest::GetInstance()->current_test_info()->name();
    for (char& c : name)
      if (c == '/') c = '_';
    name_ = name;
    directory_ = ::testing::TempDir() + "/contract_" + name_;
    std::filesystem::remove_all(directory_);
    Open(true);
  }
  // Again, as a new process would; in a cluster through another server.
  void Open(bool first = false) {
    store_.reset();
    if (GetParam() == Kind::kEmbedded) {
      store_ = *store::EmbeddedStore::Open({.directory = directory_, .background = false});
    } else if (first) {
      store_ = Made(OptionsOf(GetParam(), name_));
    } else {
      auto opened = store::ClickHouseStore::Open(OptionsOf(GetParam(), name_, ++opened_));
      ASSERT_TRUE(opened.ok()) << opened.status();
      store_ = *std::move(opened);
    }
  }
  LandingOutcome Land(LandingBatch batch) {
    const auto outcomes = store_->Land(absl::MakeSpan(&batch, 1));
    EXPECT_TRUE(outcomes.ok()) << outcomes.status();
    return outcomes.ok() ? (*outcomes)[0] : LandingOutcome::kConflict;
  }
  static RecordList OneEvent(Units units, std::int64_t time, double value) {
    RecordList list;
    list.events.push_back({std::move(units), time, "purchase", value, 0, 0, {}, 1});
    return list;
  }
  std::multiset<double> Values(const std::string& type = "user") {
    std::multiset<double> values;
    const auto source = store_->Snapshot();
    EXPECT_TRUE(source.ok()) << source.status();
    if (!source.ok()) return values;
    for (int shard = 0; shard < (*source)->shards(); ++shard) {
      for (const auto& chunk : (*source)->Chunks(type, shard, store::Lane::kEvents, "purchase")) {
        const auto bytes = (*source)->Read(chunk);
        EXPECT_TRUE(bytes.ok()) << bytes.status();
        const auto reader = store::ChunkReader::Open(*bytes);
        std::vector<double> read;
        EXPECT_TRUE(reader->ReadValues(&read).ok());
        values.insert(read.begin(), read.end());
      }
    }
    return values;
  }

  std::string name_, directory_;
  int opened_ = 0;
  std::unique_ptr<EventStore> store_;
};

constexpr std::uint64_t kUser = 0x1234567890abcdefULL;
constexpr std::uint64_t kOther = 0xfedcba0987654321ULL;
constexpr std::uint64_t kDevice = 0x5555aaaa5555aaaaULL;
// Of a day that every server's Date holds.
constexpr std::int64_t kNoon = 1'793'577'600'000;

TEST_P(Contract, KnowsABatchForEverAndTellsAnotherOneUnderItsIdApart) {
  const RecordList list = OneEvent({{"user", kUser}}, kNoon, 1);
  EXPECT_EQ(Land(ToBatch(list, 1, 5)), LandingOutcome::kStored);
  EXPECT_EQ(Land(ToBatch(list, 1, 5)), LandingOutcome::kDuplicate);
  EXPECT_EQ(Land(ToBatch(list, 1, 6)), LandingOutcome::kStored);
  EXPECT_EQ(Land(ToBatch(list, 2, 5)), LandingOutcome::kStored);
  Open();
  EXPECT_EQ(Values(), (std::multiset<double>{1, 1, 1}));  // also: the new server has caught up
  EXPECT_EQ(Land(ToBatch(list, 1, 5)), LandingOutcome::kDuplicate);
  EXPECT_EQ(Land(ToBatch(OneEvent({{"user", kUser}}, kNoon, 2), 1, 5)), LandingOutcome::kConflict);
  EXPECT_EQ(store_->Stats()->conflicts, 1);
  EXPECT_EQ(store_->Stats()->records, 3);
  EXPECT_EQ(Values(), (std::multiset<double>{1, 1, 1}));
}

TEST_P(Contract, TellsTwinsInOneLandingApart) {
  std::vector<LandingBatch> twins = {ToBatch(OneEvent({{"user", kUser}}, kNoon, 1), 1, 5),
                                     ToBatch(OneEvent({{"user", kUser}}, kNoon, 1), 1, 5),
                                     ToBatch(OneEvent({{"user", kUser}}, kNoon, 2), 1, 5)};
  const auto outcomes = store_->Land(absl::MakeSpan(twins));
  ASSERT_TRUE(outcomes.ok()) << outcomes.status();
  EXPECT_EQ(*outcomes, (std::vector{LandingOutcome::kStored, LandingOutcome::kDuplicate,
                                    LandingOutcome::kConflict}));
  EXPECT_EQ(Values(), (std::multiset<double>{1}));
}

TEST_P(Contract, TakesTheHalvesOfABatchOrTheWholeButNotBoth) {
  const RecordList whole = OneEvent({{"user", kUser}}, kNoon, 1);
  LandingBatch half = ToBatch(whole, 1, 2);
  half.ancestors = {1};
  EXPECT_EQ(Land(half), LandingOutcome::kStored);
  EXPECT_EQ(Land(ToBatch(whole, 1, 1)), LandingOutcome::kSplit) << "its parts are here";
  EXPECT_EQ(Land(ToBatch(whole, 1, 10)), LandingOutcome::kStored);
  half = ToBatch(whole, 1, 11);
  half.ancestors = {10};
  EXPECT_EQ(Land(half), LandingOutcome::kDuplicate) << "the whole is here";
  EXPECT_EQ(Land(half), LandingOutcome::kDuplicate);
  EXPECT_EQ(Values(), (std::multiset<double>{1, 1}));
}

TEST_P(Contract, SumsWhatClientsCountOverEpochsWithoutCountingAnythingTwice) {
  using Count = store::ClientCount::Kind;
  constexpr std::int64_t kDayMs = 24 * 3600 * 1000;
  const auto land = [&](std::uint64_t epoch, std::uint64_t sequence, std::int64_t day,
                        std::vector<store::ClientCount> counts) {
    LandingBatch batch = ToBatch(OneEvent({{"user", kUser}}, kNoon, 7), epoch, sequence);
    batch.received_ms = day * kDayMs + 5;
    batch.counts = std::move(counts);
    Land(std::move(batch));
  };
  land(1, 2, 100,
       {{Count::kDecisions, "exp", "on", 0, {10, 5, 4}},
        {Count::kDroppedExposures, "exp", "on", 3, {2, 0, 0}},
        {Count::kDroppedEvents, "purchase", "", 4, {9, 0, 0}}});
  land(1, 1, 100, {{Count::kDecisions, "exp", "on", 0, {6, 3, 3}}});
  land(1, 2, 100, {{Count::kDecisions, "exp", "on", 0, {10, 5, 4}}});
  Open();
  store_->Snapshot().IgnoreError();  // catches up
  land(1, 3, 101, {{Count::kDecisions, "exp", "on", 0, {11, 6, 5}}});
  land(2, 1, 101,
       {{Count::kDecisions, "exp", "on", 0, {1, 1, 1}},
        {Count::kDecisions, "exp", "off", 0, {~std::uint64_t{0}, 1, 1}}});
  const auto source = *store_->Snapshot();
  const auto one = *source->Decisions("exp", 100 * kDayMs, 101 * kDayMs - 1);
  ASSERT_EQ(one.size(), 1u);
  EXPECT_EQ(one.at("on").evaluated, 10);
  EXPECT_EQ(one.at("on").exposed, 5);
  EXPECT_EQ(one.at("on").queued, 4);
  EXPECT_EQ(one.at("on").dropped, (std::map<std::uint8_t, std::int64_t>{{3, 2}}));
  const auto both = *source->Decisions("exp", 100 * kDayMs, 102 * kDayMs);
  EXPECT_EQ(both.at("on").evaluated, 12);
  EXPECT_EQ(both.at("on").queued, 6);
  EXPECT_EQ(both.at("off").exposed, 1);
  EXPECT_GT(both.at("off").evaluated, 0);  // whatever a client claims
  EXPECT_TRUE(source->Decisions("purchase", 0, 102 * kDayMs)->empty());
  EXPECT_EQ(*source->DroppedEvents("purchase", 100 * kDayMs, 100 * kDayMs),
            (std::map<std::uint8_t, std::int64_t>{{4, 9}}));
}

TEST_P(Contract, ErasesAUnitFromEveryCopyAndRefusesItsOldRecords) {
  RecordList both = OneEvent({{"user", kUser}, {"device", kDevice}}, kNoon, 7);
  both.exposures.push_back({{{"user", kUser}}, kNoon - 100, "exp", "on", 1, 1, 0, {}, 1});
  Land(ToBatch(both, 1, 1));
  Land(ToBatch(OneEvent({{"user", kOther}}, kNoon, 8), 1, 2));
  Land(ToBatch(OneEvent({{"user", kUser}}, kNoon + 1, 9), 1, 3));
  const auto erased = store_->Erase("user", kUser, kNoon + 4000);
  ASSERT_TRUE(erased.ok()) << erased.status();
  EXPECT_EQ(erased->records, 3);
  EXPECT_EQ(Values("user"), (std::multiset<double>{8}));
  EXPECT_EQ(Values("device"), (std::multiset<double>{}));
  EXPECT_EQ((*store_->Snapshot())->Erased("exp"), (std::map<std::string, std::int64_t>{{"on", 1}}));
  ASSERT_EQ(store_->AuditLog()->size(), 1u);
  EXPECT_EQ(store_->AuditLog()->front().action, "erase");
  // A device sends an old record in a batch that was never seen; and later the user comes back.
  EXPECT_EQ(store_->ErasedAt("user", kUser), kNoon + 4000);
  Land(ToBatch(OneEvent({{"user", kUser}}, kNoon + 3000, 10), 2, 1));
  Land(ToBatch(OneEvent({{"user", kUser}}, kNoon + 6000, 11), 2, 2));
  EXPECT_EQ(Values("user"), (std::multiset<double>{8, 11}));
}

TEST_P(Contract, ExpiresOldRecordsButTheExposuresToBeKept) {
  RecordList list = OneEvent({{"user", kUser}}, kNoon, 1);
  list.events.push_back({{{"user", kUser}}, kNoon + 500, "purchase", 2, 0, 0, {}, 2});
  list.exposures.push_back({{{"user", kUser}}, kNoon, "kept", "on", 1, 1, 0, {}, 3});
  list.exposures.push_back({{{"user", kUser}}, kNoon, "gone", "on", 1, 1, 0, {}, 4});
  Land(ToBatch(list, 1, 1));
  const auto expired = store_->Expire(kNoon + 100, {"kept"});
  ASSERT_TRUE(expired.ok()) << expired.status();
  EXPECT_EQ(expired->records, 2);
  EXPECT_EQ(Values(), (std::multiset<double>{2}));
  std::set<std::string> left;
  for (const auto& group : (*store_->Snapshot())->Groups())
    if (group.lane == store::Lane::kExposures) left.insert(group.name);
  EXPECT_EQ(left, (std::set<std::string>{"kept"}));
}

TEST_P(Contract, KeepsSmallValuesTheAuditLogAndTheFirstOffsetOfABoot) {
  const std::string odd("a\0'\\\n\xff", 6);
  ASSERT_TRUE(store_->PutMeta("list/b", "1").ok());
  ASSERT_TRUE(store_->PutMeta("list/a", odd).ok());
  ASSERT_TRUE(store_->PutMeta("list/b", "2").ok());
  ASSERT_TRUE(store_->PutMeta("other", "3").ok());
  EXPECT_EQ(**store_->GetMeta("list/a"), odd);
  EXPECT_EQ(**store_->GetMeta("list/b"), "2");
  EXPECT_FALSE(store_->GetMeta("list/c")->has_value());
  using Pairs = std::vector<std::pair<std::string, std::string>>;
  EXPECT_EQ(*store_->ListMeta("list/"), (Pairs{{"list/a", odd}, {"list/b", "2"}}));
  ASSERT_TRUE(store_->Audit({5, "one", "x"}).ok());
  ASSERT_TRUE(store_->Audit({5, "two", odd}).ok());
  ASSERT_EQ(store_->AuditLog()->size(), 2u);
  EXPECT_EQ((*store_->AuditLog())[1].detail, odd);
  for (std::uint64_t sequence : {3, 4}) {
    LandingBatch batch = ToBatch(OneEvent({{"user", kUser}}, kNoon, 7), 1, sequence);
    batch.boot_id = 77;
    batch.received_ms = kNoon + static_cast<std::int64_t>(sequence);
    batch.boot_offset = static_cast<std::int64_t>(sequence) * 10;
    Land(std::move(batch));
  }
  const store::BatchKey key = ToBatch(OneEvent({{"user", kUser}}, kNoon, 7), 1, 3).key;
  EXPECT_EQ(*store_->BootOffset(key.epoch_hi, key.epoch_lo, 77), 30);
  EXPECT_FALSE(store_->BootOffset(key.epoch_hi, key.epoch_lo, 78)->has_value());
}

TEST_P(Contract, CountsEventsWithoutAUnit) {
  RecordList list = OneEvent({{"user", kUser}, {"device", kDevice}}, kNoon, 1);
  list.events.push_back({{{"device", kDevice}}, kNoon, "purchase", 2, 0, 0, {}, 2});
  list.events.push_back({{{"room", 5}}, kNoon + 9, "purchase", 2, 0, 0, {}, 3});
  Land(ToBatch(list, 1, 1));
  const auto source = *store_->Snapshot();
  EXPECT_EQ(source->EventsWithout("purchase", {"user"}), 2);
  EXPECT_EQ(source->EventsWithout("purchase", {"user", "device"}), 1);
  EXPECT_EQ(source->EarliestEventMs(), kNoon);
}

INSTANTIATE_TEST_SUITE_P(Embedded, Contract, ::testing::Values(Kind::kEmbedded));
INSTANTIATE_TEST_SUITE_P(OneServer, Contract, ::testing::Values(Kind::kOneServer));
INSTANTIATE_TEST_SUITE_P(Cluster, Contract, ::testing::Values(Kind::kCluster));

// What the oracle does not look at.
void ExpectSameBeside(const analysis::AnalysisResult& a, const analysis::AnalysisResult& b) {
  EXPECT_EQ(a.exposures, b.exposures);
  EXPECT_EQ(a.events, b.events);
  EXPECT_EQ(a.first_exposure_ms, b.first_exposure_ms);
  for (std::size_t v = 0; v < a.variants.size(); ++v)
    for (std::size_t m = 0; m < a.variants[v].metrics.size(); ++m)
      EXPECT_EQ(a.variants[v].metrics[m].histogram, b.variants[v].metrics[m].histogram)
          << a.variants[v].metrics[m].metric;
  for (const auto caps :
       {&analysis::AnalysisResult::caps, &analysis::AnalysisResult::covariate_caps}) {
    ASSERT_EQ((a.*caps).size(), (b.*caps).size());
    for (const auto& [metric, cap] : b.*caps) {
      const analysis::CapResult& other = (a.*caps).at(metric);
      EXPECT_EQ(other.cap, cap.cap) << metric;
      EXPECT_EQ(other.nonzero_units, cap.nonzero_units) << metric;
      EXPECT_NEAR(other.removed_share, cap.removed_share, 1e-9) << metric;
    }
  }
}

// Random records through two nodes that know nothing of each other, in batches of random size, some
// sent again to the other node.
class ClusterHistory : public ::testing::TestWithParam<std::tuple<Kind, int>> {};

TEST_P(ClusterHistory, GivesTheOraclesNumbersToTheBit) {
  const auto [kind, seed] = GetParam();
  Dice dice(static_cast<std::uint64_t>(seed));
  const RecordList list = RandomRecords(&dice, 150 + static_cast<int>(dice.Below(500)));
  const std::string database = absl::StrCat("history_", seed);
  const std::unique_ptr<store::ClickHouseStore> nodes[2] = {
      Made(OptionsOf(kind, database)), *store::ClickHouseStore::Open(OptionsOf(kind, database, 1))};
  std::vector<RecordList> sent;
  std::size_t exposure = 0;
  std::size_t event = 0;
  while (exposure < list.exposures.size() || event < list.events.size()) {
    RecordList batch;
    for (std::int64_t n = 1 + dice.Below(200); n > 0; --n) {
      if (dice.OneIn(4) && exposure < list.exposures.size())
        batch.exposures.push_back(list.exposures[exposure++]);
      else if (event < list.events.size())
        batch.events.push_back(list.events[event++]);
      else if (exposure < list.exposures.size())
        batch.exposures.push_back(list.exposures[exposure++]);
    }
    sent.push_back(batch);
    std::vector<LandingBatch> landing = {ToBatch(batch, 7, sent.size())};
    const auto again = static_cast<std::size_t>(dice.Below(static_cast<std::int64_t>(sent.size())));
    landing.push_back(ToBatch(sent[again], 7, again + 1));
    const auto outcomes = nodes[dice.Below(2)]->Land(absl::MakeSpan(landing));
    ASSERT_TRUE(outcomes.ok()) << outcomes.status();
  }
  for (int question = 0; question < 4; ++question) {
    const analysis::ExperimentSpec spec = RandomSpec(&dice);
    SCOPED_TRACE(::testing::Message() << "question " << question << ", unit " << spec.unit_type
                                      << ", fallback '" << spec.fallback_unit << "'");
    const auto source = nodes[question % 2]->Snapshot({.experiment = spec.experiment});
    ASSERT_TRUE(source.ok()) << source.status();
    const auto real = analysis::Analyze(**source, spec);
    ASSERT_TRUE(real.ok()) << real.status();
    const analysis::AnalysisResult oracle = Oracle(list, spec);
    ExpectSame(*real, oracle, spec);

    // Summed up by the shards, in parts.
    const analysis::SqlReducer reducer(&nodes[question % 2]->client(),
                                       {.rows_at_once = 150 + dice.Below(300)});
    const auto summed = analysis::Analyze(**source, spec, {.reducer = &reducer});
    ASSERT_TRUE(summed.ok()) << summed.status();
    ExpectSame(*summed, oracle, spec, 1e-9);
    ExpectSameBeside(*summed, *real);
  }
}

INSTANTIATE_TEST_SUITE_P(OneServer, ClusterHistory,
                         ::testing::Combine(::testing::Values(Kind::kOneServer),
                                            ::testing::Range(1, 9)));
INSTANTIATE_TEST_SUITE_P(Cluster, ClusterHistory,
                         ::testing::Combine(::testing::Values(Kind::kCluster),
                                            ::testing::Range(101, 105)));

}  // namespace
}  // namespace upswing::testing
