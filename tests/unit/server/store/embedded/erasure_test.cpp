#include <algorithm>

#include "tests/unit/server/store/embedded/store_fixture.hpp"

// What becomes of an erasure, or an expiry, that cannot be done at one go.
namespace upswing::testing {
namespace {

class Erasure : public StoreInFolder {
 protected:
  // A user with a device, whose records lie in both their shards and in several chunks; somebody
  // else with the same device.
  void Fill() {
    const Units both = {{"user", kUser}, {"device", kDevice}};
    RecordList list;
    list.events = {Event(both, "purchase", 1000, 1), Event(both, "view", 1000, 2),
                   Event({{"user", kOther}, {"device", kDevice}}, "purchase", 1000, 3),
                   Event({{"user", kOther}}, "view", 1000, 4)};
    list.exposures = {{{{"user", kUser}}, 900, "exp", "on", 1, 1, 0, {}, 1},
                      {both, 800, "more", "off", 1, 1, 0, {}, 2}};
    Land(list);
    ASSERT_TRUE(store_->Compact(false).ok());
  }
  void ExpectErased() {
    EXPECT_EQ(Values("user", "purchase"), (std::multiset<double>{3}));
    EXPECT_EQ(Values("user", "view"), (std::multiset<double>{4}));
    EXPECT_EQ(Values("device", "purchase"), (std::multiset<double>{3}));
    EXPECT_EQ(Values("device", "view"), (std::multiset<double>{}));
    EXPECT_EQ(LiveKeys().count(kUser), 0u);
    EXPECT_FALSE(FileHolds(kUser));
    EXPECT_EQ(Unfinished(), 0u);
    EXPECT_EQ(Erased("exp"), (std::map<std::string, std::int64_t>{{"on", 1}}));
    EXPECT_EQ(Erased("more"), (std::map<std::string, std::int64_t>{{"off", 1}}));
  }
  // Id of the chunk with the events of a name in a unit type's shards.
  std::string ChunkOf(const std::string& type, const std::string& name) {
    const auto ids =
        Sql("SELECT id FROM chunk WHERE lane=1 AND type=(SELECT id FROM name WHERE text=x'" +
            Hex(type) + "') AND name=(SELECT id FROM name WHERE text=x'" + Hex(name) + "')");
    EXPECT_EQ(ids.size(), 1u) << type << " " << name;
    return ids.empty() ? "0" : ids[0];
  }
  static std::string Hex(const std::string& text) {
    std::string hex;
    for (const char c : text) {
      hex += "0123456789abcdef"[c >> 4];
      hex += "0123456789abcdef"[c & 15];
    }
    return hex;
  }
  void Damage(const std::string& chunk) {
    Sql("CREATE TABLE kept AS SELECT id, data FROM chunk_data WHERE id=" + chunk +
        "; UPDATE chunk_data SET data=substr(data,1,length(data)-1)||x'ee' WHERE id=" + chunk);
  }
  void Repair() {
    Sql("UPDATE chunk_data SET data=(SELECT data FROM kept WHERE kept.id=chunk_data.id) WHERE id "
        "IN (SELECT id FROM kept); UPDATE kept SET data=zeroblob(length(data)); DROP TABLE kept");
  }
};

// The process ends at every single file operation of an erasure.
TEST_F(Erasure, CutShortAnywhereIsFinishedByTheNextOpenWithItsCopiesAndItsCounts) {
  Fill();
  store_.reset();
  const std::string filled = options_.directory + "_filled";
  std::filesystem::remove_all(filled);
  std::filesystem::rename(options_.directory, filled);
  int finished_later = 0;
  for (std::int64_t operation = 1;; ++operation) {
    SCOPED_TRACE(operation);
    std::filesystem::remove_all(options_.directory);
    std::filesystem::copy(filled, options_.directory);
    options_.vfs = "faulty";
    Open();
    StartFaults({.fail_at = operation, .die = true});
    const bool erased = store_->Erase("user", kUser, 5000).ok();
    store_.reset();
    StartFaults({});
    options_.vfs = "";
    Open();
    if (store_->ErasedAt("user", kUser).has_value()) {
      ExpectErased();
      const auto log = *store_->AuditLog();
      ASSERT_EQ(log.size(), 1u);
      EXPECT_NE(log[0].detail.find(": 4 records"), std::string::npos) << log[0].detail;
      if (!erased) ++finished_later;
    } else {
      EXPECT_FALSE(erased);
      EXPECT_EQ(LiveKeys().count(kUser), 1u);
    }
    if (erased || HasFailure()) break;
  }
  EXPECT_GT(finished_later, 50);
}

TEST_F(Erasure, AChunkThatCannotBeReadHoldsNothingElseUp) {
  struct Case {
    std::string type;  // in whose shard the damaged chunk lies
    std::multiset<double> purchases, views;
  };
  // The rows that lead to copies in the damaged chunk, and others with that device, are there
  // still.
  for (const auto& [type, purchases, views] :
       {Case{"user", {}, {4}}, Case{"device", {1, 3}, {2, 4}}}) {
    SCOPED_TRACE(type);
    std::filesystem::remove_all(options_.directory);
    sequence_ = 0;
    Open();
    Fill();
    const std::string chunk = ChunkOf(type, "purchase");
    Damage(chunk);
    const absl::Status status = store_->Erase("user", kUser, 5000).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    EXPECT_NE(status.message().find("chunk " + chunk + ": "), std::string::npos) << status;
    EXPECT_NE(store_->AuditLog()->back().detail.find("not erased: chunk " + chunk),
              std::string::npos);
    for (int start = 0; start < 2; ++start) {
      EXPECT_EQ(Values("user", "view"), views);
      EXPECT_EQ(Values("device", "view"), (std::multiset<double>{}));
      EXPECT_EQ(Values("user", "purchase"), purchases);
      EXPECT_EQ(Unfinished(), 1u);
      EXPECT_EQ(store_->AuditLog()->size(), 1u);
      Open();
    }
    // Another unit, of which nothing lies there, is erased all the same.
    EXPECT_TRUE(store_->Erase("user", kOther + 1, 5000).ok());
    EXPECT_EQ(Unfinished(), 1u);
    store_.reset();
    Repair();
    Open();
    ExpectErased();
  }
}

// They came back, while a damaged chunk kept the erasure from its end.
TEST_F(Erasure, FinishedLaterLeavesWhatCameAfterIt) {
  Fill();
  Damage(ChunkOf("user", "purchase"));
  EXPECT_FALSE(store_->Erase("user", kUser, 5000).ok());
  RecordList back;
  back.events = {Event({{"user", kUser}, {"device", kDevice}}, "view", 6000, 5)};
  Land(back);
  for (int start = 0; start < 2; ++start) {
    Open();
    EXPECT_EQ(Values("user", "view"), (std::multiset<double>{4, 5}));
    EXPECT_EQ(Values("device", "view"), (std::multiset<double>{5}));
    EXPECT_EQ(LiveKeys().count(kUser), 1u);
    EXPECT_EQ(Unfinished(), start == 0 ? 1u : 0u);
    store_.reset();
    if (start == 0) Repair();
  }
  Open();
  EXPECT_EQ(Values("user", "purchase"), (std::multiset<double>{3}));
  EXPECT_EQ(Values("device", "purchase"), (std::multiset<double>{3}));
}

TEST_F(Erasure, IsNotDoneWhileTheLogIsReadAndHoldsNothingUp) {
  Fill();
  ASSERT_TRUE(FileHolds(kUser));
  {
    const LogReader reader(Path("upswing.db"));
    EXPECT_EQ(store_->Erase("user", kUser, 5000).status().code(), absl::StatusCode::kUnavailable);
    EXPECT_TRUE(FileHolds(kUser)) << "in the log, or in what it did not overwrite";
    EXPECT_EQ(Unfinished(), 1u);
    Open();
    EXPECT_EQ(Unfinished(), 1u);
    EXPECT_EQ(Values("user", "view"), (std::multiset<double>{4}));
  }
  const auto again = store_->Erase("user", kUser, 5001);
  ASSERT_TRUE(again.ok()) << again.status();
  ExpectErased();
}

TEST_F(Erasure, OldRecordsExpireBesideAChunkThatCannotBeRead) {
  Fill();
  const std::string chunk = ChunkOf("user", "purchase");
  Damage(chunk);
  const auto expired = store_->Expire(2000, {"exp"});
  ASSERT_TRUE(expired.ok()) << expired.status();
  ASSERT_EQ(expired->unreadable.size(), 1u);
  EXPECT_EQ(expired->unreadable.begin()->find("chunk " + chunk + ": "), 0u);
  EXPECT_EQ(Sql("SELECT id FROM chunk WHERE lane=1"), std::vector<std::string>{chunk});
  EXPECT_EQ(Sql("SELECT 1 FROM chunk WHERE lane=0").size(), 1u);
}

}  // namespace
}  // namespace upswing::testing
