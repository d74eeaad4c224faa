#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace upswing::store {

/// A secret behind unit keys: 32 bytes.
using UnitSecret = std::array<std::uint8_t, 32>;

/// The secrets of a store, oldest first. The first replaces ids by keys; each later one came with a
/// rotation and replaces the keys of the one before.
using KeyChain = std::vector<UnitSecret>;
inline constexpr std::size_t kMaxKeyChain = 64;

/// Replaces unit ids by keys. The first link of the chain makes the first 8 bytes (little-endian)
/// of HMAC-SHA-256(secret, project NUL unit type NUL id); each later link makes those of
/// HMAC-SHA-256(secret, 8 bytes of the key before); 0 becomes 1, because 0 means "erased".
///
/// Without all secrets a key does not lead back to an id. Any thread may call.
class UnitHasher {
 public:
  /// `chain` has 1 to `kMaxKeyChain` links.
  UnitHasher(const KeyChain& chain, std::string_view project);
  ~UnitHasher();
  UnitHasher(UnitHasher&&) noexcept;
  UnitHasher& operator=(UnitHasher&&) noexcept;

  std::uint64_t Key(std::string_view unit_type, std::string_view unit_id) const;

  /// Links of the chain.
  std::size_t links() const;
  /// The key that the unit had when the chain had `links` links, in [1, links()].
  std::uint64_t KeyOf(std::string_view unit_type, std::string_view unit_id,
                      std::size_t links) const;
  /// What the last link makes of a key of the chain before it; 0 stays 0.
  std::uint64_t Rekey(std::uint64_t key) const;

  /// 16 hexadecimal digits that name the chain and the project without giving them away.
  std::string Fingerprint() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Names an erased unit so that its key cannot be read back: the first 16 bytes of
/// SHA-256("upswing tombstone" NUL unit type NUL key).
std::string TombstoneHash(std::string_view unit_type, std::uint64_t key);

/// 32 bytes of the system's entropy.
absl::StatusOr<UnitSecret> DrawSecret();

/// Reads a line of 64 hexadecimal digits per link from `file`; kNotFound if there is none,
/// kDataLoss if it holds something else.
absl::StatusOr<KeyChain> ReadKeyChain(const std::string& file);

/// Likewise; without a `file`, makes one with a chain of one new link.
absl::StatusOr<KeyChain> ReadOrMakeKeyChain(const std::string& file);

/// Writes a new `file` that only the owner may read, synced; never over an existing one.
absl::Status WriteKeyChain(const KeyChain& chain, const std::string& file);

}  // namespace upswing::store
