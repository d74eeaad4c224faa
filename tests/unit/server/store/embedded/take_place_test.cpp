#include "server/store/embedded/take_place.hpp"

#include "server/store/embedded/restore.hpp"
#include "server/store/embedded/rotation.hpp"
#include "tests/unit/server/store/embedded/store_fixture.hpp"

// Whatever keeps a new database from taking the place of the old one, the old one is whole.
namespace upswing::testing {
namespace {

class TakesPlace : public StoreInFolder {
 protected:
  void Add(std::uint64_t user, double value) {
    RecordList list;
    list.events = {Event({{"user", user}}, "purchase", 1000, value)};
    Land(list);
  }
};

TEST_F(TakesPlace, ARotationWhoseCopyDidNotGetToItsFileIsUndone) {
  Add(kUser, 1);
  ASSERT_TRUE(store_->Compact(false).ok());
  Add(kOther, 2);
  store_.reset();
  StartFaults({.full = "rotating/upswing.db", .everywhere = true});
  const absl::Status status = store::RotateUnitKey(options_.directory, 77).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
  StartFaults({});
  EXPECT_FALSE(std::filesystem::exists(Path("rotating")));
  Open();
  EXPECT_EQ(store_->hasher().links(), 1u);
  EXPECT_EQ(Values("user", "purchase"), (std::multiset<double>{1, 2}));
  store_.reset();
  ASSERT_TRUE(store::RotateUnitKey(options_.directory, 78).ok());
  Open();
  EXPECT_EQ(store_->hasher().links(), 2u);
  EXPECT_EQ(Values("user", "purchase"), (std::multiset<double>{1, 2}));
}

TEST_F(TakesPlace, ARestoreThatFailsLeavesTheOldDatabaseWithItsLog) {
  Add(kUser, 1);
  const std::string backup = options_.directory + ".backup";
  std::filesystem::remove(backup);
  ASSERT_TRUE(store_->Backup(backup).ok());
  Add(kOther, 2);
  {
    const LogReader reader(Path("upswing.db"));
    store_.reset();
    const absl::Status status = store::RestoreStore(backup, options_.directory);
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
    EXPECT_FALSE(std::filesystem::exists(Path("upswing.db.restored")));
  }
  Open();
  EXPECT_EQ(Values("user", "purchase"), (std::multiset<double>{1, 2}));
  store_.reset();
  ASSERT_TRUE(store::RestoreStore(backup, options_.directory).ok());
  Open();
  EXPECT_EQ(Values("user", "purchase"), (std::multiset<double>{1}));
}

// What a backup is for: the log of a database that is damaged must not hold it up.
TEST_F(TakesPlace, ARestoreReplacesADatabaseThatCannotBeRead) {
  Add(kUser, 1);
  const std::string backup = options_.directory + ".backup";
  std::filesystem::remove(backup);
  ASSERT_TRUE(store_->Backup(backup).ok());
  store_.reset();
  std::ofstream(Path("upswing.db"), std::ios::binary) << "no database";
  std::ofstream(Path("upswing.db-wal"), std::ios::binary) << "no log";
  ASSERT_TRUE(store::RestoreStore(backup, options_.directory).ok());
  Open();
  EXPECT_EQ(Values("user", "purchase"), (std::multiset<double>{1}));
}

TEST_F(TakesPlace, NeedsBothFilesWhole) {
  Add(kUser, 1);
  store_.reset();
  const absl::Status status = store::TakePlace(Path("none"), Path("upswing.db"));
  EXPECT_FALSE(status.ok());
  Open();
  EXPECT_EQ(Values("user", "purchase"), (std::multiset<double>{1}));
}

}  // namespace
}  // namespace upswing::testing
