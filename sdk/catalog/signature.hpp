#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace upswing::catalog {

/// Signed bytes are what is signed behind its Ed25519 signatures, so that one file, by whatever way
/// it comes, proves by itself who made it:
///
///     offset 0   8 bytes  "UPSWSIG" and the version of this form, 1
///     offset 8   8 bytes  n, the number of signatures, little-endian, in [1, 8]
///     offset 16  n times  8 bytes: the first of SHA-512 of the public key; 64 bytes: the signature
///     then                the bytes that are signed, exactly as they are
///
/// Catalogs (sdk/catalog/envelope.hpp) and id lists (sdk/catalog/blob.hpp) are signed so. Several
/// signatures are for the time in which one key replaces another.
inline constexpr std::size_t kMostSignatures = 8;

struct Signature {
  std::string public_key;  ///< 32 bytes.
  std::string signature;   ///< 64 bytes.
};

/// Puts `bytes` behind `signatures`, of which there are 1 to 8.
std::string AttachSignatures(std::span<const Signature> signatures, std::string_view bytes);

/// What is behind the signatures, without a look at them; all of `bytes` if there are none.
/// kInvalidArgument if the signatures are cut off or their form is of a later version.
absl::StatusOr<std::string_view> StripSignatures(std::string_view bytes);

/// Reads a public key as "ed25519//" and its 32 bytes in base64. kInvalidArgument: it is none.
absl::StatusOr<std::string> ParsePublicKey(std::string_view text);
/// The inverse.
std::string FormatPublicKey(std::string_view public_key);

/// The public keys that are trusted. One whose holder is trusted no more is left out.
class KeyRing {
 public:
  KeyRing() = default;
  explicit KeyRing(std::vector<std::string> public_keys) : keys_(std::move(public_keys)) {}

  bool empty() const { return keys_.empty(); }

  /// OK if one of the signatures is by a key of the ring; kPermissionDenied says what is wrong.
  /// Nothing of `bytes` behind the signatures is looked at but by the verification itself.
  absl::Status Verify(std::string_view bytes) const;

 private:
  std::vector<std::string> keys_;
};

}  // namespace upswing::catalog
