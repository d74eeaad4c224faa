#include "sdk/wire/time.hpp"

#include <limits>

#include "gtest/gtest.h"

namespace upswing::wire {
namespace {

constexpr std::int64_t kNow = 1'795'000'000'000;  // Receive time.

BatchHeader FormedAt(std::int64_t wall_ms, std::int64_t boot_ms, std::uint64_t boot_id) {
  BatchHeader header;
  header.wall_ms = wall_ms;
  header.boot_ms = boot_ms;
  header.boot_id = boot_id;
  return header;
}

// The record was made at boot 400 s, sent at boot 1000 s in the same boot: 600 s before it was
// received, whatever the wall clock of the device says.
TEST(TrueTime, NeedsNoWallClockWithinABoot) {
  for (const std::int64_t wrong_wall : {std::int64_t{0}, kNow, 2 * kNow}) {
    const BatchHeader header = FormedAt(wrong_wall, 500'000, 1);
    const SentAt sent_at{wrong_wall / 2, 1'000'000, 1};
    const std::int64_t offset = BootOffset(header, sent_at, kNow);
    EXPECT_EQ(ResolveTime(400'000, TimeKind::kBoot, offset, kNow), kNow - 600'000);
  }
}

// Formed at wall W (boot 500 s), sent after a reboot when the device's clock is one hour slow: the
// record 100 s before forming happened at W - 100 s + 1 h.
TEST(TrueTime, CorrectsTheWallClockAfterAReboot) {
  const std::int64_t formed = kNow - 7'200'000 - 3'600'000;
  const BatchHeader header = FormedAt(formed, 500'000, 1);
  const SentAt sent_at{kNow - 3'600'000, 20'000, 2};
  const std::int64_t offset = BootOffset(header, sent_at, kNow);
  EXPECT_EQ(ResolveTime(400'000, TimeKind::kBoot, offset, kNow), formed - 100'000 + 3'600'000);
}

TEST(TrueTime, TakesTheWallClockWhereNothingBetterIsKnown) {
  const BatchHeader header = FormedAt(kNow - 1000, 500'000, 1);
  EXPECT_EQ(ResolveTime(499'000, TimeKind::kBoot, BootOffset(header, std::nullopt, kNow), kNow),
            kNow - 2000);
}

// One offset per boot: the wall clock is set back by a day between exposure and purchase, and the
// batches are sent after a reboot; with the offset of the first batch both keep their order.
TEST(TrueTime, KeepsThePurchaseAfterItsExposureWhateverTheWallClockDid) {
  const BatchHeader first = FormedAt(kNow - 10'000'000, 100'000, 1);
  const SentAt sent_at{kNow, 5'000, 2};
  const std::int64_t offset = BootOffset(first, sent_at, kNow);
  const std::int64_t exposure = ResolveTime(90'000, TimeKind::kBoot, offset, kNow);
  const std::int64_t purchase = ResolveTime(190'000, TimeKind::kBoot, offset, kNow);
  EXPECT_EQ(purchase - exposure, 100'000);
}

TEST(TrueTime, NeverLiesAfterItsReceiptUnlessTheCallerSaidSo) {
  EXPECT_EQ(ResolveTime(900, TimeKind::kBoot, kNow, kNow), kNow);
  EXPECT_EQ(ResolveTime(kNow + 5, TimeKind::kWall, 0, kNow), kNow + 5);
}

TEST(TrueTime, SurvivesClocksFromAHostileHeader) {
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  constexpr std::int64_t kMin = std::numeric_limits<std::int64_t>::min();
  const BatchHeader header = FormedAt(kMin, kMax, 1);
  EXPECT_LE(
      ResolveTime(kMax, TimeKind::kBoot, BootOffset(header, SentAt{kMax, kMin, 2}, kNow), kNow),
      kNow);
}

}  // namespace
}  // namespace upswing::wire
