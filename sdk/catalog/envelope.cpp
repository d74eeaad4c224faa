#include "sdk/catalog/envelope.hpp"

#include <absl/status/status.h>

#include <cstdint>

#include "sdk/base/hash.hpp"
#include "sdk/catalog/signature.hpp"

namespace upswing::catalog {
namespace {

constexpr std::string_view kMagic("UPSWCAT\x01", 8);

void AppendLittleEndian(std::uint64_t value, std::string& out) {
  for (int shift = 0; shift < 64; shift += 8) out += static_cast<char>((value >> shift) & 0xff);
}

}  // namespace

std::string Seal(std::string_view flatbuffer) {
  std::string bytes;
  bytes.reserve(kEnvelopeSize + flatbuffer.size());
  bytes += kMagic;
  AppendLittleEndian(base::Hash64(flatbuffer), bytes);
  bytes += flatbuffer;
  return bytes;
}

absl::StatusOr<std::string_view> Open(std::string_view bytes) {
  const absl::StatusOr<std::string_view> sealed = StripSignatures(bytes);
  if (!sealed.ok()) return sealed.status();
  bytes = *sealed;
  if (bytes.size() < kEnvelopeSize) {
    return absl::InvalidArgumentError("catalog: shorter than its header");
  }
  if (bytes.substr(0, kMagic.size() - 1) != kMagic.substr(0, kMagic.size() - 1)) {
    return absl::InvalidArgumentError("catalog: these bytes are no catalog");
  }
  if (bytes[kMagic.size() - 1] != kMagic.back()) {
    return absl::InvalidArgumentError("catalog: written for a newer SDK (envelope version)");
  }
  const std::string_view content = bytes.substr(kEnvelopeSize);
  std::string checksum;
  AppendLittleEndian(base::Hash64(content), checksum);
  if (bytes.substr(kMagic.size(), 8) != checksum) {
    return absl::InvalidArgumentError("catalog: checksum mismatch: truncated or changed");
  }
  return content;
}

}  // namespace upswing::catalog
