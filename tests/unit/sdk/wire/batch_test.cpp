#include "sdk/wire/batch.hpp"

#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <tuple>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sdk/wire/batch_encoder.hpp"

namespace upswing::wire {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

BatchHeader Header() {
  BatchHeader header;
  header.id = {0x0123456789abcdefULL, 0xfedcba9876543210ULL, 7};
  header.sdk_name = "test";
  header.sdk_version = "1.2.3";
  header.catalog_version = 41;
  header.boot_id = 99;
  header.wall_ms = 1'795'000'000'000;
  header.boot_ms = 5'000'000;
  return header;
}

Batch MustDecode(const std::string& bytes, const Limits& limits = {}) {
  Decoder decoder;
  Batch batch;
  const absl::Status status = decoder.Decode(bytes, limits, &batch);
  EXPECT_TRUE(status.ok()) << status;
  return batch;
}

TEST(Batch, KeepsTheHeaderAsItWasWritten) {
  Encoder encoder;
  BatchHeader header = Header();
  header.ancestors = {3, 5};
  const Batch batch = MustDecode(encoder.Finish(header));
  EXPECT_EQ(batch.header.id, header.id);
  EXPECT_THAT(batch.header.ancestors, ElementsAre(3, 5));
  EXPECT_EQ(batch.header.sdk_name, "test");
  EXPECT_EQ(batch.header.sdk_version, "1.2.3");
  EXPECT_EQ(batch.header.catalog_version, 41u);
  EXPECT_EQ(batch.header.boot_id, 99u);
  EXPECT_EQ(batch.header.wall_ms, header.wall_ms);
  EXPECT_EQ(batch.header.boot_ms, header.boot_ms);
  EXPECT_EQ(batch.records(), 0u);
}

TEST(Batch, KeepsCountersWithTheirNames) {
  Encoder encoder;
  encoder.AddDecisions("one_tap", "on", 300, 200, 7);
  encoder.AddDecisions("one_tap", "off", 310, 190, 9);
  encoder.AddDroppedExposures("one_tap", "on", static_cast<std::uint8_t>(DropReason::kQueueFull),
                              4);
  encoder.AddDroppedEvents("purchase", static_cast<std::uint8_t>(DropReason::kExpired), 5);
  const Batch batch = MustDecode(encoder.Finish(Header()));
  ASSERT_EQ(batch.decisions.size(), 2u);
  EXPECT_EQ(batch.strings[batch.decisions[1].experiment], "one_tap");
  EXPECT_EQ(batch.strings[batch.decisions[1].variant], "off");
  EXPECT_EQ(batch.decisions[1].evaluated, 310u);
  EXPECT_EQ(batch.decisions[1].exposed, 190u);
  EXPECT_EQ(batch.decisions[1].queued, 9u);
  ASSERT_EQ(batch.dropped_exposures.size(), 1u);
  EXPECT_EQ(batch.strings[batch.dropped_exposures[0].variant], "on");
  EXPECT_EQ(batch.dropped_exposures[0].reason, 1u);
  EXPECT_EQ(batch.dropped_exposures[0].count, 4u);
  ASSERT_EQ(batch.dropped_events.size(), 1u);
  EXPECT_EQ(batch.strings[batch.dropped_events[0].name], "purchase");
  EXPECT_EQ(batch.dropped_events[0].count, 5u);
}

/// Everything a record says, with strings in the open, so that it can be compared.
using Line = std::tuple<std::string, std::string, std::string, std::uint64_t, std::int64_t, int,
                        std::uint64_t, std::uint64_t, std::uint64_t, std::string>;

std::string PropertyText(std::string_view name, ValueType type, std::uint64_t bits,
                         std::string_view text) {
  return std::string(name) + "/" + std::to_string(static_cast<int>(type)) + "/" +
         std::to_string(bits) + "/" + std::string(text) + ";";
}

std::string Subject(const Batch& batch, std::uint32_t row) {
  std::string text;
  for (std::uint32_t i = batch.subjects.first[row]; i < batch.subjects.first[row + 1]; ++i) {
    text += std::string(batch.strings[batch.subjects.unit_type[i]]) + "=" +
            std::string(batch.strings[batch.subjects.unit_id[i]]) + ";";
  }
  return text;
}

std::string Properties(const Batch& batch, const PropertyColumns& columns, std::size_t record) {
  std::string text;
  for (std::uint32_t i = columns.first[record]; i < columns.first[record + 1]; ++i) {
    const bool is_string = columns.type[i] == ValueType::kString;
    text += PropertyText(batch.strings[columns.name[i]], columns.type[i],
                         is_string ? 0 : columns.bits[i],
                         is_string ? batch.strings[columns.bits[i]] : "");
  }
  return text;
}

std::vector<Line> Lines(const Batch& batch) {
  std::vector<Line> lines;
  const ExposureColumns& e = batch.exposures;
  for (std::size_t i = 0; i < e.size(); ++i) {
    lines.emplace_back(Subject(batch, e.subject[i]), batch.strings[e.experiment[i]],
                       batch.strings[e.variant[i]],
                       (std::uint64_t{e.iteration[i]} << 32) + (e.phase[i] << 8) + e.reason[i],
                       e.time_ms[i], static_cast<int>(e.time_kind[i]), e.catalog_version[i], 0, 0,
                       Properties(batch, e.attributes, i));
  }
  const EventColumns& v = batch.events;
  for (std::size_t i = 0; i < v.size(); ++i) {
    lines.emplace_back(Subject(batch, v.subject[i]), batch.strings[v.name[i]], "",
                       std::bit_cast<std::uint64_t>(v.value[i]), v.time_ms[i],
                       static_cast<int>(v.time_kind[i]), 0, v.event_id[i], v.ref_id[i],
                       Properties(batch, v.properties, i));
  }
  return lines;
}

/// A batch of random shape: few or many records, names from small or large sets, all value types
/// with their edges, both time kinds. Returns what a reader must see.
std::vector<Line> RandomBatch(std::mt19937_64* random, const BatchHeader& header,
                              Encoder* encoder) {
  const auto pick = [&](std::uint64_t n) { return (*random)() % n; };
  const double doubles[] = {0.0,
                            -0.0,
                            1.0,
                            129.0,
                            19.99,
                            0.001,
                            -5.25,
                            1e300,
                            -1e-300,
                            0.1 + 0.2,
                            9007199254740992.0,
                            9007199254740994.0,
                            12.345};
  const std::int64_t integers[] = {0,
                                   1,
                                   -1,
                                   1'000'000,
                                   std::numeric_limits<std::int64_t>::max(),
                                   std::numeric_limits<std::int64_t>::min()};
  const std::size_t count = pick(4) == 0 ? pick(600) : pick(12);
  const std::uint64_t variety = 1 + pick(20);
  std::vector<Line> exposures;
  std::vector<Line> events;
  for (std::size_t n = 0; n < count; ++n) {
    std::vector<std::string> text;
    text.reserve(64);
    const auto name = [&](const char* prefix) -> std::string_view {
      return text.emplace_back(prefix + std::to_string(pick(variety)));
    };
    std::vector<UnitRef> units;
    std::string subject;
    for (std::uint64_t u = 0; u < 1 + pick(3); ++u) {
      units.push_back({name("type"), name("\xe7\x94\xa8")});
      subject += std::string(units.back().type) + "=" + std::string(units.back().id) + ";";
    }
    std::vector<Property> properties;
    std::string property_text;
    for (std::uint64_t p = 0; p < pick(5); ++p) {
      const std::string_view key = name("p");
      switch (pick(4)) {
        case 0:
          properties.push_back(Property::String(key, pick(3) == 0 ? "" : name("v")));
          break;
        case 1:
          properties.push_back(Property::Int64(key, integers[pick(std::size(integers))]));
          break;
        case 2:
          properties.push_back(Property::Double(key, doubles[pick(std::size(doubles))]));
          break;
        default:
          properties.push_back(Property::Bool(key, pick(2) == 1));
      }
      const Property& last = properties.back();
      property_text += PropertyText(last.name, last.type, last.bits, last.text);
    }
    const TimeKind kind = pick(3) == 0 ? TimeKind::kWall : TimeKind::kBoot;
    const std::int64_t time = (kind == TimeKind::kWall ? header.wall_ms : header.boot_ms) -
                              static_cast<std::int64_t>(pick(100'000)) + 50'000;
    const std::uint32_t row = encoder->Subject(units);
    if (pick(2) == 0) {
      ExposureRecord record;
      record.subject = row;
      record.experiment = name("experiment");
      record.variant = name("variant");
      record.iteration = static_cast<std::uint32_t>(1 + pick(3));
      record.phase = static_cast<std::uint32_t>(pick(3));
      record.reason = static_cast<std::uint8_t>(pick(200));
      record.catalog_version = pick(3) == 0 ? std::numeric_limits<std::uint64_t>::max() : 41;
      record.time = {time, kind};
      record.attributes = properties;
      encoder->AddExposure(record);
      exposures.emplace_back(
          subject, record.experiment, record.variant,
          (std::uint64_t{record.iteration} << 32) + (record.phase << 8) + record.reason, time,
          static_cast<int>(kind), record.catalog_version, 0, 0, property_text);
    } else {
      EventRecord record;
      record.subject = row;
      record.name = name("event");
      record.value = doubles[pick(std::size(doubles))];
      record.time = {time, kind};
      record.properties = properties;
      record.event_id = pick(2) == 0 ? (*random)() : 0;
      record.ref_id = pick(5) == 0 ? (*random)() : 0;
      encoder->AddEvent(record);
      events.emplace_back(subject, record.name, "", std::bit_cast<std::uint64_t>(record.value),
                          time, static_cast<int>(kind), 0, record.event_id, record.ref_id,
                          property_text);
    }
  }
  exposures.insert(exposures.end(), events.begin(), events.end());
  return exposures;
}

TEST(Batch, GivesBackEveryRecordOfRandomBatches) {
  std::mt19937_64 random(20261123);
  Encoder encoder;
  Decoder decoder;
  Batch batch;
  for (int round = 0; round < 300; ++round) {
    encoder.Clear();
    const std::vector<Line> expected = RandomBatch(&random, Header(), &encoder);
    // With a dictionary and without.
    const std::string bytes = encoder.Finish(Header(), {.level = round % 2 == 0 ? 5 : -5});
    const absl::Status status = decoder.Decode(bytes, Limits{}, &batch);
    ASSERT_TRUE(status.ok()) << status;
    ASSERT_TRUE(batch.problems.empty());
    ASSERT_EQ(Lines(batch), expected) << "round " << round;
    ASSERT_LE(batch.buffer.size(), encoder.raw_bytes());
  }
}

TEST(Batch, EqualRecordsMakeEqualBytes) {
  std::string bytes[2];
  for (std::string& out : bytes) {
    std::mt19937_64 random(5);
    Encoder encoder;
    const UnitRef left_over{"user", "left over"};
    encoder.Subject({&left_over, 1});
    encoder.Clear();
    RandomBatch(&random, Header(), &encoder);
    out = encoder.Finish(Header());
  }
  EXPECT_EQ(bytes[0], bytes[1]);
}

TEST(Batch, SharesARowBetweenEqualSubjectsAndKeepsTheOrderOfUnits) {
  Encoder encoder;
  const UnitRef ab[] = {{"user", "a"}, {"device", "b"}};
  const UnitRef ba[] = {{"device", "b"}, {"user", "a"}};
  EXPECT_EQ(encoder.Subject(ab), encoder.Subject(ab));
  EXPECT_NE(encoder.Subject(ab), encoder.Subject(ba));
}

// One sound record on either side of each broken one: only the broken one may be refused.
struct BrokenCase {
  const char* name;
  ProblemKind kind;
  void (*add)(Encoder*);
};

class BrokenRecord : public ::testing::TestWithParam<BrokenCase> {};

std::uint32_t User(Encoder* encoder, std::string_view id) {
  const UnitRef unit{"user", id};
  return encoder->Subject({&unit, 1});
}

std::uint32_t SoundSubject(Encoder* encoder) { return User(encoder, "u"); }

EventRecord SoundEvent(Encoder* encoder) {
  EventRecord event;
  event.subject = SoundSubject(encoder);
  event.name = "purchase";
  return event;
}

TEST_P(BrokenRecord, IsRefusedAloneWithItsReason) {
  Encoder encoder;
  encoder.AddEvent(SoundEvent(&encoder));
  GetParam().add(&encoder);
  encoder.AddEvent(SoundEvent(&encoder));
  const Batch batch = MustDecode(encoder.Finish(Header()));
  ASSERT_EQ(batch.problems.size(), 1u);
  EXPECT_EQ(batch.problems[0].record, 1u);
  EXPECT_EQ(ProblemName(batch.problems[0].kind), ProblemName(GetParam().kind));
}

INSTANTIATE_TEST_SUITE_P(
    Batch, BrokenRecord,
    ::testing::Values(
        BrokenCase{"SubjectBeyondTheTable", ProblemKind::kSubjectOutOfRange,
                   [](Encoder* encoder) {
                     EventRecord event = SoundEvent(encoder);
                     event.subject = 77;
                     encoder->AddEvent(event);
                   }},
        BrokenCase{"EmptyName", ProblemKind::kEmptyName,
                   [](Encoder* encoder) {
                     EventRecord event = SoundEvent(encoder);
                     event.name = "";
                     encoder->AddEvent(event);
                   }},
        BrokenCase{"EmptyUnitId", ProblemKind::kEmptyName,
                   [](Encoder* encoder) {
                     EventRecord event = SoundEvent(encoder);
                     event.subject = User(encoder, "");
                     encoder->AddEvent(event);
                   }},
        BrokenCase{"NoUnit", ProblemKind::kNoUnit,
                   [](Encoder* encoder) {
                     EventRecord event = SoundEvent(encoder);
                     event.subject = encoder->Subject({});
                     encoder->AddEvent(event);
                   }},
        BrokenCase{"InvalidUtf8", ProblemKind::kInvalidUtf8,
                   [](Encoder* encoder) {
                     EventRecord event = SoundEvent(encoder);
                     event.name = "\xed\xa0\x80";
                     encoder->AddEvent(event);
                   }},
        BrokenCase{"LongString", ProblemKind::kStringTooLong,
                   [](Encoder* encoder) {
                     const std::string text(Limits{}.string_bytes + 1, 'x');
                     const Property property = Property::String("note", text);
                     EventRecord event = SoundEvent(encoder);
                     event.properties = {&property, 1};
                     encoder->AddEvent(event);
                   }},
        BrokenCase{"InfiniteValue", ProblemKind::kValueNotFinite,
                   [](Encoder* encoder) {
                     EventRecord event = SoundEvent(encoder);
                     event.value = std::numeric_limits<double>::infinity();
                     encoder->AddEvent(event);
                   }},
        BrokenCase{"NanProperty", ProblemKind::kValueNotFinite,
                   [](Encoder* encoder) {
                     const Property property = Property::Double("p", std::nan(""));
                     EventRecord event = SoundEvent(encoder);
                     event.properties = {&property, 1};
                     encoder->AddEvent(event);
                   }},
        BrokenCase{"TimeBeyondTheCalendar", ProblemKind::kTimeOutOfRange,
                   [](Encoder* encoder) {
                     EventRecord event = SoundEvent(encoder);
                     event.time = {std::numeric_limits<std::int64_t>::max(), TimeKind::kWall};
                     encoder->AddEvent(event);
                   }}),
    [](const auto& broken) { return std::string(broken.param.name); });

TEST(Batch, NumbersProblemsThroughExposuresAndThenEvents) {
  Encoder encoder;
  ExposureRecord exposure;
  exposure.subject = SoundSubject(&encoder);
  exposure.experiment = "one_tap";
  exposure.variant = "on";
  encoder.AddExposure(exposure);
  exposure.variant = "";
  encoder.AddExposure(exposure);
  EventRecord event = SoundEvent(&encoder);
  encoder.AddEvent(event);
  event.name = "";
  encoder.AddEvent(event);
  const Batch batch = MustDecode(encoder.Finish(Header()));
  ASSERT_EQ(batch.problems.size(), 2u);
  EXPECT_EQ(batch.problems[0].record, 1u);
  EXPECT_EQ(batch.problems[1].record, 3u);
}

TEST(Batch, NamesTheLimitThatABatchExceeds) {
  std::mt19937_64 random(11);
  Encoder encoder;
  while (encoder.records() < 50) RandomBatch(&random, Header(), &encoder);
  const std::string bytes = encoder.Finish(Header());
  Decoder decoder;
  Batch batch;
  const auto refusal = [&](auto set) {
    Limits limits;
    set(&limits);
    const absl::Status status = decoder.Decode(bytes, limits, &batch);
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
    return std::string(status.message());
  };
  EXPECT_THAT(refusal([](Limits* l) { l->compressed_bytes = 10; }), HasSubstr("compressed_bytes"));
  EXPECT_THAT(refusal([](Limits* l) { l->decompressed_bytes = 10; }),
              HasSubstr("decompressed_bytes"));
  EXPECT_THAT(refusal([](Limits* l) { l->records = 10; }), HasSubstr("limit of 10"));
  EXPECT_THAT(refusal([](Limits* l) { l->strings = 2; }), HasSubstr("strings"));
  EXPECT_THAT(refusal([](Limits* l) { l->properties = 3; }), HasSubstr("properties"));
  EXPECT_THAT(refusal([](Limits* l) { l->properties_per_record = 1; }),
              HasSubstr("properties_per_record"));
}

TEST(Batch, RefusesMoreCountersThanAClientHas) {
  const Limits limits;
  Decoder decoder;
  Batch batch;
  const auto decode = [&](std::uint32_t decisions, std::uint32_t exposures, std::uint32_t events,
                          std::string_view name = "name") {
    Encoder encoder;
    for (std::uint32_t i = 0; i < decisions; ++i) encoder.AddDecisions(name, "", i, 0, 0);
    for (std::uint32_t i = 0; i < exposures; ++i) encoder.AddDroppedExposures(name, "", 1, i);
    for (std::uint32_t i = 0; i < events; ++i) encoder.AddDroppedEvents(name, 1, i);
    const absl::Status status = decoder.Decode(encoder.Finish(Header()), limits, &batch);
    EXPECT_TRUE(status.ok() || absl::IsResourceExhausted(status)) << status;
    return std::string(status.message());
  };
  const std::uint32_t most = limits.counter_rows;
  EXPECT_EQ(decode(most, 0, 0), "");
  EXPECT_EQ(decode(0, 0, most), "");
  EXPECT_EQ(decode(most / 2, most / 4, most / 4), "");
  EXPECT_EQ(batch.decisions.size() + batch.dropped_exposures.size() + batch.dropped_events.size(),
            most);
  EXPECT_EQ(batch.dropped_events.back().count, most / 4 - 1);
  EXPECT_THAT(decode(most + 1, 0, 0), HasSubstr("counter_rows 4097 exceeds the limit of 4096"));
  EXPECT_THAT(decode(0, most + 1, 5), HasSubstr("counter_rows 4097"));
  EXPECT_THAT(decode(most, 1, 0), HasSubstr("counter_rows"));
  EXPECT_THAT(decode(most, 0, 1), HasSubstr("counter_rows"));

  // A name counts in each row that has it.
  const std::string name(limits.string_bytes, 'n');
  const std::uint32_t rows = limits.counter_name_bytes / limits.string_bytes;
  EXPECT_EQ(decode(rows / 2, rows / 4, rows / 4, name), "");
  EXPECT_THAT(decode(rows / 2, rows / 4, rows / 4 + 1, name), HasSubstr("counter_name_bytes"));
  EXPECT_THAT(decode(rows + 1, 0, 0, name), HasSubstr("counter_name_bytes"));
}

TEST(Batch, RefusesEveryTruncationAndTrailingBytes) {
  Encoder encoder;
  encoder.AddEvent(SoundEvent(&encoder));
  const std::string bytes = encoder.Finish(Header());
  Decoder decoder;
  Batch batch;
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(decoder.Decode(std::string_view(bytes).substr(0, size), {}, &batch).ok()) << size;
  }
  EXPECT_FALSE(decoder.Decode(bytes + "x", {}, &batch).ok());
}

TEST(Batch, RefusesASequenceOfZero) {
  Encoder encoder;
  BatchHeader header = Header();
  header.id.sequence = 0;
  Decoder decoder;
  Batch batch;
  EXPECT_EQ(decoder.Decode(encoder.Finish(header), {}, &batch).code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace upswing::wire
