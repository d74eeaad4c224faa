#include "sdk/catalog/signature.hpp"

#include <absl/strings/escaping.h>

#include <cstdint>

#include "sdk/base/ed25519.hpp"
#include "sdk/base/sha512.hpp"
#include "sdk/base/text.hpp"

namespace upswing::catalog {
namespace {

constexpr std::string_view kMagic("UPSWSIG\x01", 8);
constexpr std::string_view kKeyPrefix = "ed25519//";
constexpr std::size_t kIdSize = 8;
constexpr std::size_t kEntrySize = kIdSize + base::kEd25519SignatureSize;
constexpr std::size_t kHeadSize = 16;

std::string KeyId(std::string_view public_key) {
  const auto digest = base::Sha512({public_key});
  return std::string(reinterpret_cast<const char*>(digest.data()), kIdSize);
}

struct Parts {
  std::string_view entries;
  std::string_view content;
};

absl::StatusOr<Parts> Split(std::string_view bytes) {
  if (bytes.substr(0, kMagic.size() - 1) != kMagic.substr(0, kMagic.size() - 1))
    return Parts{{}, bytes};
  if (bytes.size() < kHeadSize) return absl::InvalidArgumentError("signatures: cut off");
  if (bytes[kMagic.size() - 1] != kMagic.back())
    return absl::InvalidArgumentError("signatures: written for a newer SDK");
  std::uint64_t count = 0;
  for (std::size_t i = kHeadSize; i-- > kMagic.size();)
    count = count << 8 | static_cast<std::uint8_t>(bytes[i]);
  if (count < 1 || count > kMostSignatures)
    return absl::InvalidArgumentError("signatures: there must be 1 to 8");
  const std::size_t size = static_cast<std::size_t>(count) * kEntrySize;
  if (bytes.size() - kHeadSize < size) return absl::InvalidArgumentError("signatures: cut off");
  return Parts{bytes.substr(kHeadSize, size), bytes.substr(kHeadSize + size)};
}

}  // namespace

std::string AttachSignatures(std::span<const Signature> signatures, std::string_view bytes) {
  std::string out;
  out.reserve(kHeadSize + signatures.size() * kEntrySize + bytes.size());
  out += kMagic;
  out += static_cast<char>(signatures.size());
  out.append(7, '\0');
  for (const Signature& signature : signatures) {
    out += KeyId(signature.public_key);
    out += signature.signature;
  }
  out += bytes;
  return out;
}

absl::StatusOr<std::string_view> StripSignatures(std::string_view bytes) {
  const absl::StatusOr<Parts> parts = Split(bytes);
  if (!parts.ok()) return parts.status();
  return parts->content;
}

absl::StatusOr<std::string> ParsePublicKey(std::string_view text) {
  std::string key;
  if (text.substr(0, kKeyPrefix.size()) != kKeyPrefix ||
      !absl::Base64Unescape(base::ToAbsl(text.substr(kKeyPrefix.size())), &key) ||
      key.size() != base::kEd25519KeySize) {
    return absl::InvalidArgumentError("must be ed25519// and 32 bytes in base64");
  }
  if (!base::IsEd25519PublicKey(key)) return absl::InvalidArgumentError("is no Ed25519 public key");
  return key;
}

std::string FormatPublicKey(std::string_view public_key) {
  return base::Concat({kKeyPrefix, absl::Base64Escape(base::ToAbsl(public_key))});
}

absl::Status KeyRing::Verify(std::string_view bytes) const {
  const absl::StatusOr<Parts> parts = Split(bytes);
  if (!parts.ok()) return absl::PermissionDeniedError(parts.status().message());
  if (parts->entries.empty())
    return absl::PermissionDeniedError("signatures: there is none; does the server sign?");
  bool known = false;
  for (const std::string& key : keys_) {
    const std::string id = KeyId(key);
    for (std::size_t at = 0; at < parts->entries.size(); at += kEntrySize) {
      if (parts->entries.substr(at, kIdSize) != id) continue;
      known = true;
      if (base::VerifyEd25519(key, parts->content,
                              parts->entries.substr(at + kIdSize, base::kEd25519SignatureSize)))
        return absl::OkStatus();
    }
  }
  return absl::PermissionDeniedError(known ? "signatures: not of these bytes: changed on the way"
                                           : "signatures: by no key that is trusted here");
}

}  // namespace upswing::catalog
