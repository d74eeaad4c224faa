// The one-shot interfaces of OpenSSL 3 look their algorithm up on every call, ten times the cost of
// the hash itself; these have the state in the open, so that the pads are hashed once.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "server/store/unit_key.hpp"

#include <fcntl.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "sdk/base/text.hpp"
#include "server/store/bytes.hpp"

namespace upswing::store {
namespace {

constexpr char kNul = '\0';

}  // namespace

namespace {

// HMAC as in RFC 2104: H((K ^ opad) || H((K ^ ipad) || text)); block of 64 bytes.
struct Pads {
  SHA256_CTX inner;  // after the inner pad
  SHA256_CTX outer;  // after the outer pad

  explicit Pads(const UnitSecret& secret) {
    std::array<std::uint8_t, 64> inner_pad;
    std::array<std::uint8_t, 64> outer_pad;
    inner_pad.fill(0x36);
    outer_pad.fill(0x5c);
    for (std::size_t i = 0; i < secret.size(); ++i) {
      inner_pad[i] ^= secret[i];
      outer_pad[i] ^= secret[i];
    }
    SHA256_Init(&inner);
    SHA256_Update(&inner, inner_pad.data(), inner_pad.size());
    SHA256_Init(&outer);
    SHA256_Update(&outer, outer_pad.data(), outer_pad.size());
  }

  /// The key of what `context`, a continuation of `inner`, has taken in.
  std::uint64_t Finish(SHA256_CTX* context) const {
    std::uint8_t digest[SHA256_DIGEST_LENGTH];
    SHA256_Final(digest, context);
    *context = outer;
    SHA256_Update(context, digest, sizeof(digest));
    SHA256_Final(digest, context);
    std::uint64_t key;
    std::memcpy(&key, digest, sizeof(key));
    return key == 0 ? 1 : key;
  }

  std::uint64_t Rekey(std::uint64_t key) const {
    SHA256_CTX context = inner;
    SHA256_Update(&context, &key, sizeof(key));
    return Finish(&context);
  }
};

}  // namespace

struct UnitHasher::State {
  Pads first;  // its inner hash has taken in "project NUL"
  std::vector<Pads> later;
};

UnitHasher::UnitHasher(const KeyChain& chain, std::string_view project)
    : state_(std::make_unique<State>(State{Pads(chain.front()), {}})) {
  SHA256_Update(&state_->first.inner, project.data(), project.size());
  SHA256_Update(&state_->first.inner, &kNul, 1);
  for (std::size_t i = 1; i < chain.size(); ++i) state_->later.emplace_back(chain[i]);
}

UnitHasher::~UnitHasher() = default;
UnitHasher::UnitHasher(UnitHasher&&) noexcept = default;
UnitHasher& UnitHasher::operator=(UnitHasher&&) noexcept = default;

std::size_t UnitHasher::links() const { return 1 + state_->later.size(); }

std::uint64_t UnitHasher::Key(std::string_view unit_type, std::string_view unit_id) const {
  return KeyOf(unit_type, unit_id, links());
}

std::uint64_t UnitHasher::KeyOf(std::string_view unit_type, std::string_view unit_id,
                                std::size_t links) const {
  SHA256_CTX context = state_->first.inner;
  SHA256_Update(&context, unit_type.data(), unit_type.size());
  SHA256_Update(&context, &kNul, 1);
  SHA256_Update(&context, unit_id.data(), unit_id.size());
  std::uint64_t key = state_->first.Finish(&context);
  for (std::size_t i = 0; i + 1 < links; ++i) key = state_->later[i].Rekey(key);
  return key;
}

std::uint64_t UnitHasher::Rekey(std::uint64_t key) const {
  return key == 0 || state_->later.empty() ? key : state_->later.back().Rekey(key);
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

absl::StatusOr<UnitSecret> DrawSecret() {
  UnitSecret secret;
  if (RAND_bytes(secret.data(), static_cast<int>(secret.size())) != 1)
    return absl::UnavailableError("the system gave no random bytes");
  return secret;
}

absl::StatusOr<KeyChain> ReadKeyChain(const std::string& file) {
  std::ifstream in(file);
  if (!in) return absl::NotFoundError(absl::StrCat(file, ": ", std::strerror(errno)));
  KeyChain chain;
  for (std::string line; std::getline(in, line);) {
    const bool digits = line.size() == 64 && std::all_of(line.begin(), line.end(), [](char c) {
                          return std::isxdigit(static_cast<unsigned char>(c)) != 0;
                        });
    if (!digits || chain.size() == kMaxKeyChain)
      return absl::DataLossError(
          absl::StrCat(file, ": not 1 to ", kMaxKeyChain, " lines of 64 hexadecimal digits"));
    std::memcpy(chain.emplace_back().data(), absl::HexStringToBytes(line).data(), 32);
  }
  if (chain.empty()) return absl::DataLossError(absl::StrCat(file, ": empty"));
  return chain;
}

absl::Status WriteKeyChain(const KeyChain& chain, const std::string& file) {
  std::string text;
  for (const UnitSecret& secret : chain)
    absl::StrAppend(&text,
                    absl::BytesToHexString(base::ToAbsl(
                        {reinterpret_cast<const char*>(secret.data()), secret.size()})),
                    "\n");
  const int descriptor = open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (descriptor < 0) return absl::UnavailableError(absl::StrCat(file, ": ", std::strerror(errno)));
  const bool written =
      write(descriptor, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
      fsync(descriptor) == 0;
  const int error = errno;
  close(descriptor);
  if (written) return absl::OkStatus();
  unlink(file.c_str());
  return absl::UnavailableError(absl::StrCat(file, ": ", std::strerror(error)));
}

absl::StatusOr<KeyChain> ReadOrMakeKeyChain(const std::string& file) {
  absl::StatusOr<KeyChain> chain = ReadKeyChain(file);
  if (!absl::IsNotFound(chain.status())) return chain;
  const absl::StatusOr<UnitSecret> secret = DrawSecret();
  if (!secret.ok()) return secret.status();
  chain = KeyChain{*secret};
  if (absl::Status status = WriteKeyChain(*chain, file); !status.ok()) return status;
  return chain;
}

}  // namespace upswing::store
