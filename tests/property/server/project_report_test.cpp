// What a project makes of its catalog's history and of other experiments when it reports.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "server/project/project.hpp"
#include "tests/support/fake_platform.hpp"
#include "tests/support/stream_of_records.hpp"

namespace upswing::project {
namespace {

constexpr std::int64_t kHour = 3'600'000;
constexpr std::int64_t kDay = 24 * kHour;

class Reporting : public ::testing::Test {
 protected:
  void SetUp() override {
    directory_ = ::testing::TempDir() + "/reporting_" +
                 ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(directory_);
    clock_.wall_ms = kStart;
    Open();
  }
  void Open() {
    project_.reset();
    Options options;
    options.directory = directory_;
    options.name = "shop";
    options.clock = &clock_;
    auto project = Project::Open(options);
    ASSERT_TRUE(project.ok()) << project.status();
    project_ = *std::move(project);
  }

  // The experiments "e" and "f" by user; `plan` is that of "e".
  void Publish(int weight_off, int weight_on, const std::string& plan = R"({"primary": "spent"})") {
    const std::string common =
        R"("status": "running", "unit": "user", "control": "off", "variants": {"off": {"weight": )";
    const auto published = project_->Publish(
        R"({"project": "shop", "metrics": {"spent": {"type": "sum", "event": "purchase", "window": "2d"}},
            "experiments": {
              "e": {)" +
            common + std::to_string(weight_off) + R"(}, "on": {"weight": )" +
            std::to_string(weight_on) + R"(}}, "plan": )" + plan + R"(},
              "f": {)" +
            common + R"(1}, "on": {"weight": 1}}}}})",
        "");
    ASSERT_TRUE(published.ok()) << published.status();
  }
  static std::uint64_t Key(std::uint64_t user) { return user * 0x9e3779b97f4a7c15ULL; }
  void Expose(std::uint64_t user, std::int64_t time, const std::string& experiment, bool on,
              std::uint32_t phase = 1) {
    list_.exposures.push_back(
        {{{"user", Key(user)}}, time, experiment, on ? "on" : "off", 1, phase, 0, {}, order_++});
  }
  void Track(std::uint64_t user, std::int64_t time, double value) {
    list_.events.push_back({{{"user", Key(user)}}, time, "purchase", value, 0, 0, {}, order_++});
  }
  void Land() {
    store::LandingBatch batch = testing::ToBatch(list_, 1, ++sequence_);
    ASSERT_TRUE(project_->store().Land(absl::MakeSpan(&batch, 1)).ok());
    list_ = {};
  }
  report::Report Report() {
    auto report = project_->Report("e", std::nullopt);
    EXPECT_TRUE(report.ok()) << report.status();
    return *std::move(report);
  }

  static constexpr std::int64_t kStart = 1'793'577'600'000;  // 2026-11-02T00:00:00Z
  std::string directory_;
  testing::FakeClock clock_;
  std::unique_ptr<Project> project_;
  testing::RecordList list_;
  std::uint32_t order_ = 0;
  std::uint64_t sequence_ = 0;
};

const report::HealthCheck* Find(const report::Report& report, std::string_view name) {
  for (const report::HealthCheck& check : report.health.checks) {
    if (check.name == name) return &check;
  }
  return nullptr;
}

// 1,000 users at 1 to 1, then 1,000 at 4 to 1, who spend 10 more: pooled, the variant would look
// better only because it has more of the first.
TEST_F(Reporting, HoldsUnitsAgainstTheWeightsThatWereInForce) {
  Publish(1, 1);
  for (std::uint64_t user = 1; user <= 1000; ++user) {
    Expose(user, kStart + kHour, "e", user % 2 == 0, 1);
    Track(user, kStart + 2 * kHour, static_cast<double>(user % 7));
  }
  Publish(4, 1);
  for (std::uint64_t user = 1001; user <= 2000; ++user) {
    Expose(user, kStart + kDay, "e", user % 5 == 0, 2);
    Track(user, kStart + kDay + kHour, static_cast<double>(10 + user % 7));
  }
  Land();
  clock_.wall_ms = kStart + 10 * kDay;
  for (const bool again : {false, true}) {
    if (again) Open();  // The history is in the store.
    const report::Report report = Report();
    EXPECT_TRUE(report.health.ok);
    EXPECT_EQ(report.health.srm_p_value.value, 1);
    ASSERT_EQ(report.comparisons.size(), 1u);
    EXPECT_EQ(report.comparisons[0].method, "post_stratified");
    EXPECT_NEAR(*report.comparisons[0].absolute.estimate.value, 0, 0.3);
  }
}

TEST_F(Reporting, ReportsPlannedLooksAsTheyWereWheneverItIsRead) {
  Publish(1, 1, R"({"primary": "spent", "mde": {"relative": 0.1}, "sequential":
      {"type": "group_sequential", "looks": [5, 9], "spending": "pocock"}})");
  for (std::uint64_t user = 1; user <= 4000; ++user) {
    const auto time = kStart + static_cast<std::int64_t>(user) * kDay / 1000;
    Expose(user, time, "e", user % 2 == 0);
    Track(user, time + kHour, static_cast<double>(user % 7) + (user % 2 == 0 ? 1 : 0));
  }
  // Traffic goes on: a day is known by its records.
  for (int day = 5; day <= 10; ++day) Track(9999, kStart + day * kDay, 1);
  Land();
  clock_.wall_ms = kStart + 5 * kDay + kHour;
  const report::Report first = Report();
  ASSERT_TRUE(first.comparisons[0].judged.has_value());
  const report::Judgement at_first = *first.comparisons[0].judged;
  ASSERT_TRUE(at_first.look.has_value());
  EXPECT_EQ(at_first.look->number, 1);
  EXPECT_EQ(at_first.look->next_day, 9);
  EXPECT_EQ(first.decision.action, "ship") << first.decision.reason;
  EXPECT_TRUE(first.comparisons[0].outlook.has_value());
  // More units have become mature since, and the look does not move.
  clock_.wall_ms = kStart + 8 * kDay;
  const report::Report later = Report();
  EXPECT_GT(later.variants[0].metrics[0].units, first.variants[0].metrics[0].units);
  EXPECT_EQ(later.comparisons[0].judged->look->z, at_first.look->z);
  EXPECT_EQ(later.comparisons[0].judged->p_value.value, at_first.p_value.value);
  clock_.wall_ms = kStart + 10 * kDay;
  EXPECT_EQ(Report().comparisons[0].judged->look->number, 2);
}

// "on" of both experiments at once takes 4 away.
TEST_F(Reporting, SeesThatAnEffectDependsOnAnotherExperiment) {
  Publish(1, 1);
  for (std::uint64_t user = 1; user <= 4000; ++user) {
    const bool on = user % 2 == 0;
    const bool other = user / 2 % 2 == 0;
    Expose(user, kStart, "e", on);
    Expose(user, kStart, "f", other);
    Track(user, kStart + kHour, static_cast<double>(10 + user % 7) - (on && other ? 4 : 0));
  }
  Land();
  clock_.wall_ms = kStart + 10 * kDay;
  const report::Report report = Report();
  ASSERT_NE(Find(report, "interaction"), nullptr);
  EXPECT_FALSE(Find(report, "interaction")->ok);
  ASSERT_EQ(report.health.unit_checks->interactions.size(), 1u);
  EXPECT_EQ(report.health.unit_checks->interactions[0].experiment, "f");
  EXPECT_NEAR(report.health.unit_checks->interactions[0].estimate, -4, 0.5);
  ASSERT_NE(Find(report, "negative_controls"), nullptr);
  EXPECT_TRUE(Find(report, "negative_controls")->ok);
  // Read again, nothing differs.
  EXPECT_EQ(Report().health.unit_checks->interactions[0].p_value,
            report.health.unit_checks->interactions[0].p_value);
}

}  // namespace
}  // namespace upswing::project
