#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace upswing::access {

/// A key that signs catalogs: an Ed25519 private key as PEM (PKCS #8), as `openssl genpkey
/// -algorithm ed25519` writes it too. Thread-safe.
class SigningKey {
 public:
  /// kNotFound: there is no such file; kInvalidArgument: it holds no such key.
  static absl::StatusOr<SigningKey> Read(const std::string& file);
  /// Makes a key in a new file that only its owner may read. kAlreadyExists: there is one.
  static absl::StatusOr<SigningKey> Create(const std::string& file);

  /// 32 bytes.
  const std::string& public_key() const { return public_key_; }
  /// The 64 bytes of RFC 8032; always the same for the same bytes.
  std::string Sign(std::string_view bytes) const;

 private:
  explicit SigningKey(void* key);

  std::shared_ptr<void> key_;  // EVP_PKEY
  std::string public_key_;
};

/// `bytes` behind a signature of each of 1 to 8 keys; see sdk/catalog/signature.hpp.
std::string Sign(const std::vector<SigningKey>& keys, std::string_view bytes);

}  // namespace upswing::access
