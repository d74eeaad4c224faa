#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace upswing::store {

/// The secret behind unit keys: 32 bytes.
using UnitSecret = std::array<std::uint8_t, 32>;

/// Replaces unit ids by keys: the first 8 bytes (little-endian) of
/// HMAC-SHA-256(secret, project NUL unit type NUL id); 0 becomes 1, because 0 means "erased".
///
/// Without the secret a key does not lead back to an id. Any thread may call.
class UnitHasher {
 public:
  UnitHasher(const UnitSecret& secret, std::string_view project);
  ~UnitHasher();
  UnitHasher(UnitHasher&&) noexcept;
  UnitHasher& operator=(UnitHasher&&) noexcept;

  std::uint64_t Key(std::string_view unit_type, std::string_view unit_id) const;

  /// 16 hexadecimal digits that name the secret and the project without giving them away.
  std::string Fingerprint() const;

 private:
  struct Pads;
  std::unique_ptr<Pads> pads_;
};

/// Names an erased unit so that its key cannot be read back: the first 16 bytes of
/// SHA-256("upswing tombstone" NUL unit type NUL key).
std::string TombstoneHash(std::string_view unit_type, std::uint64_t key);

/// Reads 64 hexadecimal digits from `file`; kNotFound if there is none, kDataLoss if it holds
/// something else.
absl::StatusOr<UnitSecret> ReadSecret(const std::string& file);

/// Draws a secret and writes it to a new `file` that only the owner may read, synced.
absl::StatusOr<UnitSecret> CreateSecret(const std::string& file);

}  // namespace upswing::store
