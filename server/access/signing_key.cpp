#include "server/access/signing_key.hpp"

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "sdk/catalog/signature.hpp"

namespace upswing::access {
namespace {

EVP_PKEY* Key(const std::shared_ptr<void>& key) { return static_cast<EVP_PKEY*>(key.get()); }

struct Close {
  void operator()(FILE* file) const { std::fclose(file); }
};

}  // namespace

SigningKey::SigningKey(void* key)
    : key_(key, [](void* held) { EVP_PKEY_free(static_cast<EVP_PKEY*>(held)); }),
      public_key_(32, '\0') {
  std::size_t size = public_key_.size();
  EVP_PKEY_get_raw_public_key(Key(key_), reinterpret_cast<unsigned char*>(public_key_.data()),
                              &size);
}

absl::StatusOr<SigningKey> SigningKey::Read(const std::string& path) {
  const std::unique_ptr<FILE, Close> file(std::fopen(path.c_str(), "re"));
  if (file == nullptr) return absl::NotFoundError(absl::StrCat(path, ": cannot be read"));
  EVP_PKEY* const key = PEM_read_PrivateKey(file.get(), nullptr, nullptr, nullptr);
  if (key == nullptr || EVP_PKEY_base_id(key) != EVP_PKEY_ED25519) {
    EVP_PKEY_free(key);
    return absl::InvalidArgumentError(
        absl::StrCat(path,
                     ": is no Ed25519 private key in PEM; make one with `upswing keys "
                     "signing`"));
  }
  return SigningKey(key);
}

absl::StatusOr<SigningKey> SigningKey::Create(const std::string& path) {
  const int descriptor =
      open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
  if (descriptor < 0) {
    if (::access(path.c_str(), F_OK) == 0)
      return absl::AlreadyExistsError(absl::StrCat(path, ": exists"));
    return absl::UnavailableError(absl::StrCat(path, ": cannot be made"));
  }
  const std::unique_ptr<FILE, Close> file(fdopen(descriptor, "w"));
  EVP_PKEY* key = nullptr;
  EVP_PKEY_CTX* const context = EVP_PKEY_CTX_new_id(EVP_PKEY_ED25519, nullptr);
  EVP_PKEY_keygen_init(context);
  EVP_PKEY_keygen(context, &key);
  EVP_PKEY_CTX_free(context);
  if (key == nullptr) return absl::InternalError("the system gives no random numbers");
  const bool written =
      PEM_write_PrivateKey(file.get(), key, nullptr, nullptr, 0, nullptr, nullptr) == 1 &&
      std::fflush(file.get()) == 0 && fsync(descriptor) == 0;
  SigningKey made(key);
  if (written) return made;
  unlink(path.c_str());
  return absl::UnavailableError(absl::StrCat(path, ": cannot be written"));
}

std::string SigningKey::Sign(std::string_view bytes) const {
  std::string signature(64, '\0');
  std::size_t size = signature.size();
  EVP_MD_CTX* const context = EVP_MD_CTX_new();
  const bool done =
      EVP_DigestSignInit(context, nullptr, nullptr, nullptr, Key(key_)) == 1 &&
      EVP_DigestSign(context, reinterpret_cast<unsigned char*>(signature.data()), &size,
                     reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size()) == 1;
  EVP_MD_CTX_free(context);
  // Without memory only; what comes out is a signature of nothing, which every SDK refuses.
  return done ? signature : std::string(64, '\0');
}

std::string Sign(const std::vector<SigningKey>& keys, std::string_view bytes) {
  std::vector<catalog::Signature> signatures;
  for (const SigningKey& key : keys) signatures.push_back({key.public_key(), key.Sign(bytes)});
  return catalog::AttachSignatures(signatures, bytes);
}

}  // namespace upswing::access
