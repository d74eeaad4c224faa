#include "server/access/key_file.hpp"

#include <gtest/gtest.h>

#include "platform/posix/posix_file_system.hpp"
#include "tests/support/fake_platform.hpp"
#include "tests/support/process.hpp"

namespace upswing::access {
namespace {

class KeyFileTest : public ::testing::Test {
 protected:
  std::unique_ptr<KeyFile> Open() {
    auto keys = KeyFile::Open(folder_.path().string(), &files_, &clock_);
    EXPECT_TRUE(keys.ok()) << keys.status();
    return *std::move(keys);
  }
  std::string Make(KeyFile* keys, NewKey key) {
    const auto made = keys->Create(key, "test");
    EXPECT_TRUE(made.ok()) << made.status();
    return made.value_or("");
  }

  testing::TemporaryFolder folder_;
  posix::PosixFileSystem files_;
  testing::FakeClock clock_;
};

TEST_F(KeyFileTest, AKeyIsKnownByItsSecretAndAllowsItsScopesOnly) {
  const auto keys = Open();
  const std::string app = Make(keys.get(), {.name = "app", .scopes = {Scope::kClient}});
  const CheckedKey checked = keys->Check(app);
  EXPECT_EQ(checked.verdict, KeyVerdict::kValid);
  EXPECT_EQ(checked.name, "app");
  EXPECT_TRUE(checked.scopes.Allow({Scope::kClient}));
  EXPECT_FALSE(checked.scopes.Allow({Scope::kRead}));
  EXPECT_FALSE(checked.scopes.Allow({Scope::kAdmin}));
  const Scopes admin = {Scope::kAdmin};
  EXPECT_TRUE(admin.Allow({Scope::kRead}));
}

TEST_F(KeyFileTest, NoWrongSecretOfAKnownKeyIsTaken) {
  const auto keys = Open();
  const std::string key = Make(keys.get(), {.name = "app", .scopes = {Scope::kClient}});
  for (std::size_t i = 0; i < key.size(); ++i) {
    std::string wrong = key;
    wrong[i] = wrong[i] == '0' ? '1' : '0';
    EXPECT_EQ(keys->Check(wrong).verdict, KeyVerdict::kUnknown) << i;
    EXPECT_EQ(keys->Check(key.substr(0, i)).verdict, KeyVerdict::kUnknown) << i;
  }
  EXPECT_EQ(keys->Check(key + "0").verdict, KeyVerdict::kUnknown);
}

TEST_F(KeyFileTest, TheFileHoldsNoSecret) {
  const auto keys = Open();
  const std::string key = Make(keys.get(), {.name = "app", .scopes = {Scope::kClient}});
  const auto text = files_.ReadAll(folder_ / "keys.json");
  ASSERT_TRUE(text.ok());
  EXPECT_EQ(text->find(key.substr(key.rfind('_') + 1)), std::string::npos);
}

TEST_F(KeyFileTest, AKeyOfAnotherFolderIsUnknown) {
  const auto keys = Open();
  const testing::TemporaryFolder other;
  const auto theirs = KeyFile::Open(other.path().string(), &files_, &clock_);
  ASSERT_TRUE(theirs.ok());
  const std::string key = Make(theirs->get(), {.name = "app", .scopes = {Scope::kAdmin}});
  EXPECT_EQ(keys->Check(key).verdict, KeyVerdict::kUnknown);
}

TEST_F(KeyFileTest, AKeyEndsAtItsExpiry) {
  const auto keys = Open();
  const std::string key =
      Make(keys.get(),
           {.name = "app", .scopes = {Scope::kClient}, .expires_ms = clock_.WallMillis() + 1000});
  clock_.Advance(999);
  EXPECT_EQ(keys->Check(key).verdict, KeyVerdict::kValid);
  EXPECT_EQ(keys->usable(), 1u);
  clock_.Advance(1);
  EXPECT_EQ(keys->Check(key).verdict, KeyVerdict::kExpired);
  EXPECT_EQ(keys->usable(), 0u);
}

TEST_F(KeyFileTest, ARevocationByAnotherProcessCountsAfterARefresh) {
  const auto keys = Open();
  const std::string key = Make(keys.get(), {.name = "app", .scopes = {Scope::kClient}});
  const auto other = Open();
  ASSERT_TRUE(other->Revoke("app", "test").ok());
  EXPECT_EQ(other->Check(key).verdict, KeyVerdict::kRevoked);
  ASSERT_TRUE(keys->Refresh().ok());
  EXPECT_EQ(keys->Check(key).verdict, KeyVerdict::kRevoked);
  EXPECT_EQ(keys->Rotate("app", 0, "test").status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(KeyFileTest, ARotatedKeyWorksWithBothSecretsUntilTheOverlapEnds) {
  const auto keys = Open();
  const std::string before = Make(keys.get(), {.name = "app", .scopes = {Scope::kClient}});
  const auto after = keys->Rotate("app", 5000, "test");
  ASSERT_TRUE(after.ok());
  EXPECT_EQ(keys->Check(before).verdict, KeyVerdict::kValid);
  EXPECT_EQ(keys->Check(*after).verdict, KeyVerdict::kValid);
  clock_.Advance(5000);
  EXPECT_EQ(keys->Check(before).verdict, KeyVerdict::kExpired);
  EXPECT_EQ(keys->Check(*after).verdict, KeyVerdict::kValid);
}

TEST_F(KeyFileTest, LastUseSurvivesTheProcess) {
  std::string key;
  {
    const auto keys = Open();
    key = Make(keys.get(), {.name = "app", .scopes = {Scope::kClient}});
    EXPECT_FALSE(keys->List()[0].last_used_ms.has_value());
    EXPECT_EQ(keys->Check(key).verdict, KeyVerdict::kValid);
    ASSERT_TRUE(keys->SaveUse().ok());
  }
  EXPECT_EQ(Open()->List()[0].last_used_ms, clock_.WallMillis());
}

TEST_F(KeyFileTest, AQuotaOfTheDayEndsAtMidnightAndOutlivesTheProcess) {
  constexpr std::int64_t kDay = 24 * 60 * 60 * 1000;
  clock_.wall_ms = 20'000 * kDay + 1000;
  std::string key;
  {
    const auto keys = Open();
    key = Make(keys.get(), {.name = "app", .scopes = {Scope::kClient}, .requests_per_day = 3});
    const CheckedKey checked = keys->Check(key);
    EXPECT_EQ(keys->Spend(checked), 0);
    EXPECT_EQ(keys->Spend(checked), 0);
    ASSERT_TRUE(keys->SaveUse().ok());
  }
  const auto keys = Open();
  const CheckedKey checked = keys->Check(key);
  EXPECT_EQ(keys->Spend(checked), 0);
  EXPECT_EQ(keys->Spend(checked), kDay - 1000);
  clock_.wall_ms = 20'001 * kDay - 1;
  EXPECT_EQ(keys->Spend(checked), 1);
  clock_.wall_ms = 20'001 * kDay;
  EXPECT_EQ(keys->Spend(checked), 0);
  const std::string free = Make(keys.get(), {.name = "free", .scopes = {Scope::kClient}});
  for (int i = 0; i < 100; ++i) EXPECT_EQ(keys->Spend(keys->Check(free)), 0);
  EXPECT_FALSE(
      keys->Create({.name = "none", .scopes = {Scope::kRead}, .requests_per_day = 0}, "test").ok());
}

TEST_F(KeyFileTest, EveryChangeIsHandedOverOnceAndKeptIfItWasNotTaken) {
  const auto keys = Open();
  Make(keys.get(), {.name = "app", .scopes = {Scope::kClient}});
  ASSERT_TRUE(keys->Revoke("app", "somebody").ok());
  std::vector<std::string> seen;
  ASSERT_TRUE(keys->TakeChanges([&](const KeyChange& change) {
                    seen.push_back(change.action + " " + change.name + " by " + change.actor);
                    return seen.size() < 2 ? absl::OkStatus() : absl::UnavailableError("full");
                  })
                  .ok());
  EXPECT_EQ(seen,
            (std::vector<std::string>{"key.create app by test", "key.revoke app by somebody"}));
  seen.clear();
  const auto take = [&](const KeyChange& change) {
    seen.push_back(change.action);
    return absl::OkStatus();
  };
  ASSERT_TRUE(keys->TakeChanges(take).ok());
  EXPECT_EQ(seen, std::vector<std::string>{"key.revoke"});
  ASSERT_TRUE(keys->TakeChanges(take).ok());
  EXPECT_EQ(seen.size(), 1u);
}

TEST_F(KeyFileTest, RefusesWhatIsNoKey) {
  const auto keys = Open();
  EXPECT_EQ(keys->Create({.name = "a b", .scopes = {Scope::kRead}}, "test").status().message(),
            "name: must be 1 to 64 characters of A-Z a-z 0-9 . _ -");
  EXPECT_FALSE(keys->Create({.name = "app"}, "test").ok());
  Make(keys.get(), {.name = "app", .scopes = {Scope::kRead}});
  EXPECT_EQ(keys->Create({.name = "app", .scopes = {Scope::kRead}}, "test").status().code(),
            absl::StatusCode::kAlreadyExists);
}

}  // namespace
}  // namespace upswing::access
