// What `upswing simulate --data` and `upswing import --data` write through: a store that is behind
// is asked again.
#include "server/cli/batch_sink.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>

#include "sdk/wire/protocol.hpp"
#include "server/ingest/ingest.hpp"

namespace upswing::cli {
namespace {

using ::testing::HasSubstr;

// Refuses each batch so many times with one status, then takes it.
class BusyIngest final : public ingest::Ingest {
 public:
  BusyIngest(int refusals, int status) : refusals_(refusals), status_(status) {}

  void Submit(const ingest::IngestHeaders& headers, std::string_view,
              std::function<void(ingest::IngestResponse)> done) override {
    int& attempts = attempts_[std::string(headers.batch)];
    if (attempts++ < refusals_) {
      done({.status = status_, .headers = {}, .body = "compaction is behind"});
    } else {
      done({.status = 200, .headers = {}, .body = wire::FormatAnswer({.accepted = 10})});
    }
  }
  void Stop() override {}
  ingest::IngestStats Stats() const override { return {}; }
  ingest::Recheck RecheckOf(std::string_view) const override { return {}; }

  const std::map<std::string, int>& attempts() const { return attempts_; }

 private:
  const int refusals_;
  const int status_;
  std::map<std::string, int> attempts_;
};

importer::Batch BatchNumber(std::uint64_t sequence) { return {{1, 2, sequence}, "bytes", 10, 0}; }

TEST(StoreWith, AsksAStoreThatIsBehindAgainUntilItTakesEveryBatch) {
  for (const int status : {503, 429}) {
    BusyIngest ingest(2, status);
    const auto sink = StoreWith(&ingest);
    for (std::uint64_t i = 1; i <= 5; ++i) ASSERT_TRUE(sink->Put(BatchNumber(i)).ok());
    const auto totals = sink->Finish();
    ASSERT_TRUE(totals.ok()) << totals.status();
    EXPECT_EQ(totals->batches, 5);
    EXPECT_EQ(totals->records, 50);
    ASSERT_EQ(ingest.attempts().size(), 5u);
    for (const auto& [id, attempts] : ingest.attempts()) EXPECT_EQ(attempts, 3) << id;
  }
}

TEST(StoreWith, DoesNotAskAgainWhereTheStoreSaysNo) {
  BusyIngest ingest(1, 500);
  const auto sink = StoreWith(&ingest);
  // The refusal may be seen with the next batch only.
  (void)sink->Put(BatchNumber(7));
  const auto totals = sink->Finish();
  ASSERT_FALSE(totals.ok());
  EXPECT_THAT(totals.status().message(), HasSubstr("batch 7 could not be stored"));
  EXPECT_EQ(ingest.attempts().begin()->second, 1);
}

}  // namespace
}  // namespace upswing::cli
