// The one-shot interfaces of OpenSSL 3 look their algorithm up on every call, ten times the cost of
// the hash itself; these have the state in the open, so that the pads are hashed once.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "server/store/unit_key.hpp"

#include <fcntl.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "server/store/bytes.hpp"

namespace upswing::store {
namespace {

constexpr char kNul = '\0';

absl::string_view View(std::string_view text) { return {text.data(), text.size()}; }

}  // namespace

struct UnitHasher::Pads {
  SHA256_CTX inner;  // after the inner pad and "project NUL"
  SHA256_CTX outer;  // after the outer pad
  std::string project;
};

// HMAC as in RFC 2104: H((K ^ opad) || H((K ^ ipad) || text)); block of 64 bytes.
UnitHasher::UnitHasher(const UnitSecret& secret, std::string_view project)
    : pads_(std::make_unique<Pads>()) {
  std::array<std::uint8_t, 64> inner;
  std::array<std::uint8_t, 64> outer;
  inner.fill(0x36);
  outer.fill(0x5c);
  for (std::size_t i = 0; i < secret.size(); ++i) {
    inner[i] ^= secret[i];
    outer[i] ^= secret[i];
  }
  SHA256_Init(&pads_->inner);
  SHA256_Update(&pads_->inner, inner.data(), inner.size());
  SHA256_Update(&pads_->inner, project.data(), project.size());
  SHA256_Update(&pads_->inner, &kNul, 1);
  SHA256_Init(&pads_->outer);
  SHA256_Update(&pads_->outer, outer.data(), outer.size());
  pads_->project = project;
}

UnitHasher::~UnitHasher() = default;
UnitHasher::UnitHasher(UnitHasher&&) noexcept = default;
UnitHasher& UnitHasher::operator=(UnitHasher&&) noexcept = default;

std::uint64_t UnitHasher::Key(std::string_view unit_type, std::string_view unit_id) const {
  std::uint8_t digest[SHA256_DIGEST_LENGTH];
  SHA256_CTX context = pads_->inner;
  SHA256_Update(&context, unit_type.data(), unit_type.size());
  SHA256_Update(&context, &kNul, 1);
  SHA256_Update(&context, unit_id.data(), unit_id.size());
  SHA256_Final(digest, &context);
  context = pads_->outer;
  SHA256_Update(&context, digest, sizeof(digest));
  SHA256_Final(digest, &context);
  std::uint64_t key;
  std::memcpy(&key, digest, sizeof(key));
  return key == 0 ? 1 : key;
}

std::string UnitHasher::Fingerprint() const {
  // A unit type cannot be empty, so this is no unit's key.
  const std::uint64_t key = Key("", "fingerprint");
  return absl::StrCat(absl::Hex(key, absl::kZeroPad16));
}

std::string TombstoneHash(std::string_view unit_type, std::uint64_t key) {
  std::string text("upswing tombstone");
  text.push_back('\0');
  text.append(unit_type);
  text.push_back('\0');
  PutFixed(key, &text);
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  return std::string(reinterpret_cast<const char*>(digest), 16);
}

absl::StatusOr<UnitSecret> ReadSecret(const std::string& file) {
  const int descriptor = open(file.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return absl::NotFoundError(absl::StrCat(file, ": ", std::strerror(errno)));
  std::array<char, 80> text{};
  const ssize_t size = read(descriptor, text.data(), text.size());
  close(descriptor);
  const bool ends = size == 64 || (size == 65 && text[64] == '\n');
  UnitSecret secret;
  if (!ends) return absl::DataLossError(absl::StrCat(file, ": not 64 hexadecimal digits"));
  for (std::size_t i = 0; i < 64; ++i)
    if (std::isxdigit(static_cast<unsigned char>(text[i])) == 0)
      return absl::DataLossError(absl::StrCat(file, ": not 64 hexadecimal digits"));
  const std::string bytes = absl::HexStringToBytes(absl::string_view(text.data(), 64));
  std::memcpy(secret.data(), bytes.data(), secret.size());
  return secret;
}

absl::StatusOr<UnitSecret> CreateSecret(const std::string& file) {
  UnitSecret secret;
  if (RAND_bytes(secret.data(), static_cast<int>(secret.size())) != 1)
    return absl::UnavailableError("the system gave no random bytes");
  const std::string text =
      absl::BytesToHexString(View({reinterpret_cast<const char*>(secret.data()), secret.size()})) +
      "\n";
  const int descriptor = open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor < 0) return absl::UnavailableError(absl::StrCat(file, ": ", std::strerror(errno)));
  const bool written =
      write(descriptor, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
      fsync(descriptor) == 0;
  const int error = errno;
  close(descriptor);
  if (!written) {
    unlink(file.c_str());
    return absl::UnavailableError(absl::StrCat(file, ": ", std::strerror(error)));
  }
  return secret;
}

}  // namespace upswing::store
