#include "platform/posix/posix_clock.hpp"

#include <gtest/gtest.h>

namespace upswing::posix {
namespace {

TEST(PosixClock, BootTimeNeverGoesBackAndTheBootIdStays) {
  const PosixClock clock;
  const std::int64_t before = clock.BootMillis();
  EXPECT_GE(clock.BootMillis(), before);
  EXPECT_NE(clock.BootId(), 0u);
  EXPECT_EQ(clock.BootId(), PosixClock().BootId());
}

}  // namespace
}  // namespace upswing::posix
