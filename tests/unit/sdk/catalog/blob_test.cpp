#include "sdk/catalog/blob.hpp"

#include <gtest/gtest.h>

#include "sdk/base/hash.hpp"

namespace upswing::catalog {
namespace {

TEST(Blob, NameIsSixteenDigitsInThePathAndReadsBack) {
  EXPECT_EQ(BlobPath(0x00000000000000afULL), "/v1/catalog/blobs/00000000000000af");
  for (const std::uint64_t name : {std::uint64_t{0}, std::uint64_t{0xfedcba9876543210}}) {
    EXPECT_EQ(ParseBlobName(BlobPath(name).substr(BlobPath(0).size() - 16)), name);
  }
}

TEST(Blob, NamesOfAnotherFormAreRefused) {
  for (const char* digits :
       {"", "af", "00000000000000AF", "00000000000000af0", "0000000000000 af"}) {
    EXPECT_FALSE(ParseBlobName(digits).has_value()) << digits;
  }
}

TEST(Blob, IsTakenOnlyIfItIsTheListThatWasAskedFor) {
  const std::string bytes("\x01\0\0\0\0\0\0\0\x02\0\0\0\0\0\0\0", 16);
  const std::uint64_t name = base::Hash64(bytes);
  EXPECT_EQ(*MakeBlob(name, bytes)->bytes, bytes);
  EXPECT_EQ(MakeBlob(name + 1, bytes).status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(MakeBlob(name, bytes.substr(0, 8)).status().code(), absl::StatusCode::kDataLoss);
  const std::string odd = bytes.substr(0, 12);
  EXPECT_EQ(MakeBlob(base::Hash64(odd), odd).status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace upswing::catalog
