#include "server/store/unit_key.hpp"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <sys/stat.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>

namespace upswing::store {
namespace {

UnitSecret SecretOf(std::uint8_t first) {
  UnitSecret secret;
  for (std::size_t i = 0; i < secret.size(); ++i) secret[i] = static_cast<std::uint8_t>(first + i);
  return secret;
}

// The same by OpenSSL's own HMAC.
std::uint64_t Reference(const UnitSecret& secret, const std::string& text) {
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_sha256(), secret.data(), static_cast<int>(secret.size()),
       reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest, &size);
  std::uint64_t key;
  std::memcpy(&key, digest, sizeof(key));
  return key;
}

TEST(UnitHasher, IsHmacSha256OfProjectTypeAndId) {
  const UnitSecret secret = SecretOf(3);
  const UnitHasher hasher(secret, "shop");
  for (const std::string id : {"u-1", "", "\xe7\x94\xa8\xe6\x88\xb7", "a-much-longer-identifier"}) {
    const std::string text = std::string("shop") + '\0' + "user" + '\0' + id;
    EXPECT_EQ(hasher.Key("user", id), Reference(secret, text));
  }
  const std::string id(5000, 'x');
  EXPECT_EQ(hasher.Key("user", id),
            Reference(secret, std::string("shop") + '\0' + "user" + '\0' + id));
}

TEST(UnitHasher, FingerprintTellsSecretsAndProjectsApart) {
  const UnitHasher a(SecretOf(1), "shop");
  EXPECT_EQ(a.Fingerprint(), UnitHasher(SecretOf(1), "shop").Fingerprint());
  EXPECT_NE(a.Fingerprint(), UnitHasher(SecretOf(2), "shop").Fingerprint());
  EXPECT_NE(a.Fingerprint(), UnitHasher(SecretOf(1), "other").Fingerprint());
}

TEST(SecretFile, IsForTheOwnerOnlyAndReadsBack) {
  const std::string file = testing::TempDir() + "/unit_key_test.key";
  std::filesystem::remove(file);
  EXPECT_EQ(ReadSecret(file).status().code(), absl::StatusCode::kNotFound);
  const auto made = CreateSecret(file);
  ASSERT_TRUE(made.ok());
  struct stat status;
  ASSERT_EQ(stat(file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  const auto read = ReadSecret(file);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(*made, *read);
  EXPECT_FALSE(CreateSecret(file).ok()) << "an existing secret must never be replaced";
  std::ofstream(file) << "not a key";
  EXPECT_EQ(ReadSecret(file).status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace upswing::store
