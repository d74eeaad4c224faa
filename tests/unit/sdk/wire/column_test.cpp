#include "sdk/wire/column.hpp"

#include <bit>
#include <limits>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace upswing::wire {
namespace {

using ::testing::ElementsAre;
using Bytes = std::vector<std::uint8_t>;

Bytes Written(std::vector<std::uint64_t> values, ColumnSign sign = ColumnSign::kUnsigned) {
  Bytes out;
  WriteColumn(values, sign, &out);
  return out;
}

template <typename T>
std::vector<T> Read(const Bytes& bytes, std::size_t count) {
  Reader reader(bytes.data(), bytes.size());
  std::vector<T> values;
  ReadColumn<T>(&reader, count, [&](std::size_t, T value) { values.push_back(value); });
  EXPECT_TRUE(reader.ok());
  EXPECT_EQ(reader.remaining(), 0u);
  return values;
}

// The bytes below are worked by hand from the table in column.hpp: they are the format.
TEST(Column, WritesTheBytesOfTheFormat) {
  EXPECT_THAT(Written({}), ElementsAre());
  EXPECT_THAT(Written({300}), ElementsAre(0xAC, 0x02));              // 300 = 2 * 128 + 44
  EXPECT_THAT(Written({7, 7, 7}), ElementsAre(0, 7));                // constant
  EXPECT_THAT(Written({3, 1, 2}), ElementsAre(1, 3, 1, 2));          // plain
  EXPECT_THAT(Written({90, 89, 90}), ElementsAre(2, 180, 1, 1, 2));  // delta: zigzag 90 -1 1
  EXPECT_THAT(Written({90, 91, 93}), ElementsAre(3, 180, 1, 1, 2));  // ascending
  EXPECT_THAT(Written({static_cast<std::uint64_t>(-2)}, ColumnSign::kSigned), ElementsAre(3));
}

TEST(Column, GivesBackTheEdgesOfItsTypes) {
  const std::vector<std::uint64_t> unsigned_edges = {0, std::numeric_limits<std::uint64_t>::max(),
                                                     1};
  EXPECT_EQ(Read<std::uint64_t>(Written(unsigned_edges), 3), unsigned_edges);
  const std::vector<std::int64_t> signed_edges = {std::numeric_limits<std::int64_t>::min(), -1,
                                                  std::numeric_limits<std::int64_t>::max()};
  std::vector<std::uint64_t> bits;
  for (const std::int64_t value : signed_edges) bits.push_back(static_cast<std::uint64_t>(value));
  EXPECT_EQ(Read<std::int64_t>(Written(bits, ColumnSign::kSigned), 3), signed_edges);
}

TEST(Column, SaturatesWhatTheReaderCannotHold) {
  EXPECT_THAT(Read<std::uint32_t>(Written({5, std::uint64_t{1} << 40}), 2),
              ElementsAre(5, std::numeric_limits<std::uint32_t>::max()));
}

TEST(Column, FailsOnAModeItDoesNotKnowAndOnMissingRows) {
  for (const Bytes& bytes : {Bytes{9, 1, 1}, Bytes{1, 5}, Bytes{}, Bytes{2, 1}, Bytes{3}}) {
    Reader reader(bytes.data(), bytes.size());
    ReadColumn<std::uint32_t>(&reader, 2, [](std::size_t, std::uint32_t) {});
    EXPECT_FALSE(reader.ok());
  }
}

TEST(Reader, RefusesAVarintOfMoreThan64Bits) {
  const Bytes largest = {0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01};
  Reader reader(largest.data(), largest.size());
  EXPECT_EQ(reader.Varint(), std::numeric_limits<std::uint64_t>::max());
  EXPECT_TRUE(reader.ok());
  Bytes beyond = largest;
  beyond.back() = 0x02;
  Reader refuses(beyond.data(), beyond.size());
  refuses.Varint();
  EXPECT_FALSE(refuses.ok());
}

TEST(Doubles, WritePricesAndCountsInFewBytesAndEverythingElseExactly) {
  const auto bytes = [](std::vector<double> values) {
    Bytes out;
    WriteDoubles(values, &out);
    return out;
  };
  EXPECT_THAT(bytes({1.0}), ElementsAre(8));            // zigzag(1) * 4 + 0
  EXPECT_THAT(bytes({0.25}), ElementsAre(0xC9, 0x01));  // zigzag(25) * 4 + 1 = 201
  EXPECT_THAT(bytes({2.0, 2.0}), ElementsAre(0, 16));
  const std::vector<double> hard = {-0.0,
                                    0.1 + 0.2,
                                    1e300,
                                    5e-324,
                                    std::numeric_limits<double>::quiet_NaN(),
                                    -std::numeric_limits<double>::infinity()};
  const Bytes written = bytes(hard);
  Reader reader(written.data(), written.size());
  std::size_t rows = 0;
  ReadDoubles(&reader, hard.size(), [&](std::size_t i, double value) {
    EXPECT_EQ(std::bit_cast<std::uint64_t>(value), std::bit_cast<std::uint64_t>(hard[i]));
    ++rows;
  });
  EXPECT_EQ(rows, hard.size());
  EXPECT_TRUE(reader.ok());
}

}  // namespace
}  // namespace upswing::wire
