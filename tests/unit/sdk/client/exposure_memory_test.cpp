#include "sdk/client/exposure_memory.hpp"

#include "gtest/gtest.h"
#include "sdk/base/hash.hpp"

namespace upswing::client {
namespace {

constexpr std::int64_t kHour = 60 * 60 * 1000;
constexpr std::uint64_t kOn = 1;
constexpr std::uint64_t kOff = 2;

std::uint64_t Unit(std::uint64_t number) { return base::Mix(number + 1); }

TEST(ExposureMemory, SwitchesBackAndForthAreAllLogged) {
  ExposureMemory memory(1024);
  int logged = 0;
  for (const std::uint64_t variant : {kOn, kOn, kOff, kOff, kOn}) {
    if (memory.IsRepeat(Unit(1), variant, 0)) continue;
    memory.Remember(Unit(1), variant, 0);
    ++logged;
  }
  EXPECT_EQ(logged, 3);
}

TEST(ExposureMemory, WhatTheQueueRefusedIsNotARepeat) {
  ExposureMemory memory(1024);
  EXPECT_FALSE(memory.IsRepeat(Unit(1), kOn, 0));
  EXPECT_FALSE(memory.IsRepeat(Unit(1), kOn, 0)) << "nobody called Remember";
}

TEST(ExposureMemory, AfterADayAnExposureIsLoggedAgain) {
  ExposureMemory memory(1024);
  memory.Remember(Unit(1), kOn, 0);
  EXPECT_TRUE(memory.IsRepeat(Unit(1), kOn, 23 * kHour));
  EXPECT_FALSE(memory.IsRepeat(Unit(1), kOn, 24 * kHour));
  // Also after the 16 bits of time have wrapped (228 days) and come near again.
  EXPECT_FALSE(memory.IsRepeat(Unit(1), kOn, 227 * 24 * kHour));
}

TEST(ExposureMemory, UnitsDoNotHideEachOther) {
  ExposureMemory memory(64 * 1024);
  int hidden = 0;
  for (std::uint64_t unit = 0; unit < 30'000; ++unit) {
    hidden += memory.IsRepeat(Unit(unit), kOn, 0) ? 1 : 0;
    memory.Remember(Unit(unit), kOn, 0);
  }
  EXPECT_EQ(hidden, 0) << "an exposure of one unit was taken for another's";
}

TEST(ExposureMemory, AFullMemoryForgetsTheOldestAndLogsThemAgain) {
  ExposureMemory memory(4);  // One set.
  for (std::uint64_t unit = 0; unit < 4; ++unit) {
    memory.Remember(Unit(unit) << 16, kOn, static_cast<std::int64_t>(unit) * kHour);
  }
  memory.Remember(Unit(4) << 16, kOn, 4 * kHour);
  EXPECT_FALSE(memory.IsRepeat(Unit(0) << 16, kOn, 4 * kHour));
  for (std::uint64_t unit = 1; unit < 5; ++unit) {
    EXPECT_TRUE(memory.IsRepeat(Unit(unit) << 16, kOn, 4 * kHour)) << unit;
  }
}

TEST(ExposureMemory, ClearForgetsEverybody) {
  ExposureMemory memory(1024);
  for (std::uint64_t unit = 0; unit < 100; ++unit) memory.Remember(Unit(unit), kOn, 0);
  memory.Clear();
  for (std::uint64_t unit = 0; unit < 100; ++unit) {
    EXPECT_FALSE(memory.IsRepeat(Unit(unit), kOn, 0));
  }
}

}  // namespace
}  // namespace upswing::client
