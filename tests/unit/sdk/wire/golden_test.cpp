#include <filesystem>
#include <fstream>
#include <limits>
#include <sstream>
#include <string>

#include "gtest/gtest.h"
#include "sdk/wire/batch.hpp"
#include "sdk/wire/batch_encoder.hpp"
#include "sdk/wire/string_form.hpp"
#include "tests/support/batch_text.hpp"
#include "tests/support/paths.hpp"

// Batches lie on disks and in queues for weeks and are written by SDKs of every age: what was ever
// written must decode for ever. The files were written by the release that is in their name; they
// are never written again.

namespace upswing::wire {
namespace {

std::filesystem::path GoldenDir() { return testing::SourceDir() / "tests" / "golden" / "batch"; }

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream content;
  content << file.rdbuf();
  return content.str();
}

BatchHeader Header(std::uint64_t sequence) {
  BatchHeader header;
  header.id = {0x0123456789abcdefULL, 0xfedcba9876543210ULL, sequence};
  header.sdk_name = "upswing-cpp";
  header.sdk_version = "0.1.0";
  header.catalog_version = 41;
  header.boot_id = 99;
  header.wall_ms = 1'795'000'000'000;
  header.boot_ms = 5'000'000;
  return header;
}

/// One of everything the format can say.
std::string EverythingBatch() {
  Encoder encoder;
  const UnitRef both[] = {{"user", "u-42"}, {"device", "6fa459ea-ee8a-3ca4-894e-db77e160355e"}};
  const UnitRef hex[] = {{"device", "0123456789abcdef0123"}};
  const UnitRef chinese[] = {{"user", "\xe7\x94\xa8\xe6\x88\xb7"}};
  ExposureRecord exposure;
  exposure.subject = encoder.Subject(both);
  exposure.experiment = "one_tap";
  exposure.variant = "on";
  exposure.iteration = 2;
  exposure.phase = 3;
  exposure.catalog_version = 40;
  exposure.time.millis = 4'000'000;
  const Property attributes[] = {Property::String("country", "CN"), Property::Int64("age", 31)};
  exposure.attributes = attributes;
  encoder.AddExposure(exposure);
  exposure.experiment = "holdout:q4";
  exposure.variant = "held";
  exposure.reason = 9;
  exposure.attributes = {};
  exposure.time = {1'794'000'000'123, TimeKind::kWall};
  encoder.AddExposure(exposure);
  EventRecord event;
  event.subject = encoder.Subject(both);
  event.name = "purchase";
  event.value = 19.99;
  event.time.millis = 4'000'123;
  const Property properties[] = {
      Property::String("category", ""), Property::String("note", "Caf\xc3\xa9, for two"),
      Property::Int64("low", std::numeric_limits<std::int64_t>::min()),
      Property::Double("score", 0.1 + 0.2), Property::Bool("coupon", true)};
  event.properties = properties;
  event.event_id = 0xdeadbeefcafef00dULL;
  encoder.AddEvent(event);
  event.subject = encoder.Subject(hex);
  event.value = 5e-324;
  event.time.millis = 4'000'123;
  event.event_id = 0;
  event.ref_id = 7;
  encoder.AddEvent(event);
  event.subject = encoder.Subject(chinese);
  event.name = "refund";
  event.value = 1;
  event.properties = {};
  event.ref_id = 0;
  encoder.AddEvent(event);
  encoder.AddDecisions("one_tap", "on", 300, 200, 7);
  encoder.AddDroppedExposures("one_tap", "on", 1, 4);
  encoder.AddDroppedEvents("purchase", 2, 5);
  BatchHeader header = Header(7);
  header.ancestors = {3, 5};
  return encoder.Finish(header);
}

/// Many records of few shapes: columns in all modes, and the cut between strings and numbers.
std::string ManyBatch() {
  Encoder encoder;
  for (std::uint64_t i = 0; i < 400; ++i) {
    const std::string id = "user/" + std::to_string(1'000'003 * (i + 1) % 99'999'989);
    const UnitRef unit{"user", id};
    EventRecord event;
    event.subject = encoder.Subject({&unit, 1});
    event.name = i % 3 == 0 ? "play" : "dwell_of_a_kind";
    event.value = i % 3 == 0 ? 1.0 : static_cast<double>(i % 7) / 4;
    event.time.millis = 4'000'000 + static_cast<std::int64_t>(i * i);
    encoder.AddEvent(event);
  }
  return encoder.Finish(Header(8));
}

class GoldenBatch : public ::testing::TestWithParam<const char*> {};

TEST_P(GoldenBatch, DecodesForEver) {
  const std::string name = GetParam();
  const std::string bytes = ReadFile(GoldenDir() / (name + ".batch"));
  ASSERT_FALSE(bytes.empty());
  Decoder decoder;
  Batch batch;
  const absl::Status status = decoder.Decode(bytes, {}, &batch);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(testing::BatchText(batch), ReadFile(GoldenDir() / (name + ".txt")));
}

INSTANTIATE_TEST_SUITE_P(Files, GoldenBatch,
                         ::testing::Values("v1_everything", "v1_many", "v1_empty", "v2_everything",
                                           "v2_many", "v2_empty"));

// The encoder of today says the same as the files; whether in the same bytes is up to the zstd that
// is linked.
TEST(GoldenBatchWriter, StillSaysTheSame) {
  Decoder decoder;
  Batch batch;
  ASSERT_TRUE(decoder.Decode(EverythingBatch(), {}, &batch).ok());
  EXPECT_EQ(testing::BatchText(batch), ReadFile(GoldenDir() / "v2_everything.txt"));
  ASSERT_TRUE(decoder.Decode(ManyBatch(), {}, &batch).ok());
  EXPECT_EQ(testing::BatchText(batch), ReadFile(GoldenDir() / "v2_many.txt"));
}

// Run by hand for a new format version: --gtest_also_run_disabled_tests
// --gtest_filter=*WriteGoldenFiles
TEST(GoldenBatchWriter, DISABLED_WriteGoldenFiles) {
  Encoder empty;
  const std::pair<const char*, std::string> files[] = {{"v2_everything", EverythingBatch()},
                                                       {"v2_many", ManyBatch()},
                                                       {"v2_empty", empty.Finish(Header(9))}};
  for (const auto& [name, bytes] : files) {
    ASSERT_FALSE(std::filesystem::exists(GoldenDir() / (std::string(name) + ".batch")))
        << "golden files are never written again";
    std::ofstream(GoldenDir() / (std::string(name) + ".batch"), std::ios::binary) << bytes;
    Decoder decoder;
    Batch batch;
    ASSERT_TRUE(decoder.Decode(bytes, {}, &batch).ok());
    std::ofstream(GoldenDir() / (std::string(name) + ".txt"), std::ios::binary)
        << testing::BatchText(batch);
  }
}

TEST(KnownStrings, KeepTheirNumbersForEver) {
  EXPECT_EQ(KnownString(0), "user");
  EXPECT_EQ(KnownString(8), "impression");
  EXPECT_EQ(KnownString(31), "coupon_use");
  EXPECT_EQ(KnownString(32), "room");
  EXPECT_EQ(KnownString(KnownStringCount() - 1), "5g");
  EXPECT_EQ(KnownStringCount(), 134u);
}

}  // namespace
}  // namespace upswing::wire
