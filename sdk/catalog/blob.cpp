#include "sdk/catalog/blob.hpp"

#include <absl/status/status.h>

#include <utility>

#include "sdk/base/hash.hpp"
#include "sdk/base/text.hpp"
#include "sdk/catalog/signature.hpp"

namespace upswing::catalog {
namespace {

constexpr std::string_view kDigits = "0123456789abcdef";

}  // namespace

std::string BlobPath(std::uint64_t name) {
  std::string path = "/v1/catalog/blobs/";
  for (int shift = 60; shift >= 0; shift -= 4) path += kDigits[(name >> shift) & 15];
  return path;
}

std::optional<std::uint64_t> ParseBlobName(std::string_view digits) {
  if (digits.size() != 16) return std::nullopt;
  std::uint64_t name = 0;
  for (const char digit : digits) {
    const std::size_t value = kDigits.find(digit);
    if (value == std::string_view::npos) return std::nullopt;
    name = name << 4 | value;
  }
  return name;
}

absl::StatusOr<Blob> MakeBlob(std::uint64_t name, std::string bytes) {
  const absl::StatusOr<std::string_view> list = StripSignatures(bytes);
  if (!list.ok()) return list.status();
  bytes.erase(0, bytes.size() - list->size());
  if (bytes.size() % 8 != 0 || base::Hash64(bytes) != name) {
    return absl::DataLossError(
        base::ToAbsl(base::Concat({"id list ", BlobPath(name), " is truncated or changed"})));
  }
  return Blob{name, std::make_shared<const std::string>(std::move(bytes))};
}

}  // namespace upswing::catalog
