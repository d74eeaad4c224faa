#include "server/project/unit_check_runner.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace upswing::project {
namespace {

report::UnitChecks Of(std::int64_t units) {
  report::UnitChecks checks;
  checks.units = units;
  return checks;
}

TEST(UnitCheckRunner, MakesChecksInTheBackgroundAndKeepsTheLast) {
  UnitCheckRunner runner;
  EXPECT_FALSE(runner.Last("a").has_value());
  runner.Start("a", "10", 1000, [] { return Of(7); });
  runner.Drain();
  ASSERT_TRUE(runner.Last("a").has_value());
  EXPECT_EQ(runner.Last("a")->checks.units, 7);
  EXPECT_EQ(runner.Last("a")->state, "10");
  EXPECT_EQ(runner.Last("a")->at_ms, 1000);
  runner.Start("a", "20", 2000, []() -> absl::StatusOr<report::UnitChecks> {
    return absl::DataLossError("damaged");
  });
  runner.Drain();
  EXPECT_EQ(runner.Last("a")->state, "10");
}

TEST(UnitCheckRunner, DoesTheWorkOfAnExperimentOnceAtATime) {
  UnitCheckRunner runner;
  std::atomic<bool> go{false};
  std::atomic<int> done{0};
  const auto work = [&] {
    while (!go) std::this_thread::yield();
    return Of(++done);
  };
  runner.Start("a", "1", 0, work);
  runner.Start("a", "2", 0, work);
  runner.Start("b", "1", 0, work);
  go = true;
  runner.Drain();
  EXPECT_EQ(done, 2);
}

TEST(UnitCheckRunner, TakesNothingMoreOnceItStopped) {
  UnitCheckRunner runner;
  std::atomic<bool> go{false};
  runner.Start("a", "1", 0, [&] {
    while (!go) std::this_thread::yield();
    return Of(1);
  });
  std::thread stopping([&] { runner.Stop(); });
  go = true;
  stopping.join();
  runner.Start("c", "1", 0, [] { return Of(1); });
  EXPECT_FALSE(runner.Last("c").has_value());
}

}  // namespace
}  // namespace upswing::project
