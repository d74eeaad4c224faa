#include "server/store/column.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <string>
#include <vector>

namespace upswing::store {
namespace {

template <typename T>
void ExpectRoundTrip(const std::vector<T>& values) {
  for (const Squeeze squeeze : {Squeeze::kPack, Squeeze::kCompress}) {
    std::string bytes;
    EncodeColumn(absl::MakeConstSpan(values), squeeze, &bytes);
    std::vector<T> read = {7};  // appended to, not replaced
    ASSERT_TRUE(DecodeColumn(bytes, values.size(), &read));
    ASSERT_EQ(read.size(), values.size() + 1);
    EXPECT_TRUE(std::equal(values.begin(), values.end(), read.begin() + 1));
  }
}

TEST(Column, ReadsBackWhatWasWritten) {
  ExpectRoundTrip<std::uint64_t>({});
  ExpectRoundTrip<std::uint64_t>({42, 42, 42});
  ExpectRoundTrip<std::uint64_t>({0, std::numeric_limits<std::uint64_t>::max(), 5});
  ExpectRoundTrip<std::uint32_t>({0, std::numeric_limits<std::uint32_t>::max()});
  std::mt19937_64 random(1);
  for (const int bits : {1, 8, 9, 16, 17, 32, 33, 64}) {
    std::vector<std::uint64_t> values(1000);
    for (auto& value : values) value = random() >> (64 - bits);
    ExpectRoundTrip(values);
    std::sort(values.begin(), values.end());
    ExpectRoundTrip(values);
  }
}

TEST(Column, NeverFallingNumbersWithSmallStepsCostAByteEach) {
  std::vector<std::uint32_t> values;
  for (std::uint32_t i = 0; i < 1000; ++i) values.push_back(1'000'000 + i * (i % 3));
  std::sort(values.begin(), values.end());
  std::string bytes;
  EncodeColumn(absl::MakeConstSpan(values), Squeeze::kPack, &bytes);
  EXPECT_LE(bytes.size(), values.size() + 8);
}

TEST(Column, RefusesAValueThatDoesNotFitTheReader) {
  const std::vector<std::uint64_t> wide = {1, 1ULL << 40};
  std::string bytes;
  EncodeColumn(absl::MakeConstSpan(wide), Squeeze::kPack, &bytes);
  std::vector<std::uint32_t> narrow;
  EXPECT_FALSE(DecodeColumn(bytes, 2, &narrow));
}

TEST(Column, RefusesTruncatedAndProlongedBytes) {
  const std::vector<std::uint64_t> values = {1, 500, 70000};
  std::string bytes;
  EncodeColumn(absl::MakeConstSpan(values), Squeeze::kPack, &bytes);
  std::vector<std::uint64_t> read;
  for (std::size_t size = 0; size < bytes.size(); ++size)
    EXPECT_FALSE(DecodeColumn(std::string_view(bytes).substr(0, size), 3, &read)) << size;
  EXPECT_FALSE(DecodeColumn(bytes + "x", 3, &read));
  EXPECT_FALSE(DecodeColumn(bytes, 2, &read));
}

TEST(Doubles, ReadBackToTheBit) {
  const double inf = std::numeric_limits<double>::infinity();
  const std::vector<std::vector<double>> cases = {
      {},
      {1, 2, 3},
      {129.99, 0.01, -17.5},
      {0.1 + 0.2},
      {-0.0, 0.0},
      {1e300, 4.9e-324, inf, -inf},
      {9007199254740993.0, 1.0},
  };
  for (const auto& values : cases) {
    std::string bytes;
    EncodeDoubles(values, Squeeze::kCompress, &bytes);
    std::vector<double> read;
    ASSERT_TRUE(DecodeDoubles(bytes, values.size(), &read));
    ASSERT_EQ(read.size(), values.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
      EXPECT_EQ(std::signbit(values[i]), std::signbit(read[i]));
      EXPECT_EQ(values[i], read[i]);
    }
  }
}

// The worked example of docs/reference/store-format.md, by hand.
TEST(Column, HasTheBytesOfTheFormatsDocument) {
  std::string unit;
  EncodeColumn(absl::MakeConstSpan(std::vector<std::uint32_t>{4, 4, 9}), Squeeze::kCompress, &unit);
  EXPECT_EQ(unit, std::string("\x01\x04\x00\x00\x05", 5));
  std::string value;
  EncodeDoubles({1.5, 2, 0.25}, Squeeze::kCompress, &value);
  EXPECT_EQ(value, std::string("\x02\x02\x32\xfa\x00\x5e\x01\x00\x00", 9));
}

TEST(Doubles, MoneyIsStoredAsWholeCents) {
  std::vector<double> values;
  for (int cents = 0; cents < 1000; ++cents) values.push_back(cents * 7 % 251 / 100.0);
  std::string bytes;
  EncodeDoubles(values, Squeeze::kPack, &bytes);
  EXPECT_LE(bytes.size(), 2 * values.size() + 8);
}

}  // namespace
}  // namespace upswing::store
