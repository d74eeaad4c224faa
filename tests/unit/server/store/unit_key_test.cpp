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
  const UnitHasher hasher({secret}, "shop");
  for (const std::string id : {"u-1", "", "\xe7\x94\xa8\xe6\x88\xb7", "a-much-longer-identifier"}) {
    const std::string text = std::string("shop") + '\0' + "user" + '\0' + id;
    EXPECT_EQ(hasher.Key("user", id), Reference(secret, text));
  }
  const std::string id(5000, 'x');
  EXPECT_EQ(hasher.Key("user", id),
            Reference(secret, std::string("shop") + '\0' + "user" + '\0' + id));
}

TEST(UnitHasher, FingerprintTellsSecretsAndProjectsApart) {
  const UnitHasher a({SecretOf(1)}, "shop");
  EXPECT_EQ(a.Fingerprint(), UnitHasher({SecretOf(1)}, "shop").Fingerprint());
  EXPECT_NE(a.Fingerprint(), UnitHasher({SecretOf(2)}, "shop").Fingerprint());
  EXPECT_NE(a.Fingerprint(), UnitHasher({SecretOf(1)}, "other").Fingerprint());
}

TEST(UnitHasher, ALaterLinkReplacesTheKeysOfTheOneBefore) {
  const UnitHasher one({SecretOf(1)}, "shop");
  const UnitHasher three({SecretOf(1), SecretOf(2), SecretOf(3)}, "shop");
  const std::uint64_t first = one.Key("user", "u-1");
  const auto bytes = [](const std::uint64_t& key) {
    return std::string(reinterpret_cast<const char*>(&key), sizeof(key));
  };
  const std::uint64_t second = Reference(SecretOf(2), bytes(first));
  EXPECT_EQ(three.links(), 3u);
  EXPECT_EQ(three.KeyOf("user", "u-1", 1), first);
  EXPECT_EQ(three.KeyOf("user", "u-1", 2), second);
  EXPECT_EQ(three.Key("user", "u-1"), Reference(SecretOf(3), bytes(second)));
  EXPECT_EQ(three.Rekey(second), three.Key("user", "u-1"));
  EXPECT_EQ(three.Rekey(0), 0u);
  EXPECT_NE(three.Fingerprint(), one.Fingerprint());
}

TEST(KeyFile, IsForTheOwnerOnlyAndReadsBack) {
  const std::string file = testing::TempDir() + "/unit_key_test.key";
  std::filesystem::remove(file);
  EXPECT_EQ(ReadKeyChain(file).status().code(), absl::StatusCode::kNotFound);
  const KeyChain chain = {*DrawSecret(), *DrawSecret()};
  EXPECT_NE(chain[0], chain[1]);
  ASSERT_TRUE(WriteKeyChain(chain, file).ok());
  struct stat status;
  ASSERT_EQ(stat(file.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  EXPECT_EQ(*ReadKeyChain(file), chain);
  EXPECT_FALSE(WriteKeyChain(chain, file).ok()) << "an existing key must never be replaced";
}

TEST(KeyFile, HoldsOneToSixtyFourLinesOfDigits) {
  const std::string file = testing::TempDir() + "/unit_key_lines_test.key";
  const auto code = [&](const std::string& text) {
    std::ofstream(file) << text;
    return ReadKeyChain(file).status().code();
  };
  const std::string line(64, 'b');
  std::string most;
  for (int i = 0; i < 64; ++i) most += line + "\n";
  EXPECT_EQ(code(line), absl::StatusCode::kOk);
  EXPECT_EQ(code(most), absl::StatusCode::kOk);
  EXPECT_EQ(code(most + line), absl::StatusCode::kDataLoss);
  for (const std::string& wrong : {std::string(), std::string("not a key"), line + "b",
                                   std::string(63, 'b') + "x", line + "\n\n"})
    EXPECT_EQ(code(wrong), absl::StatusCode::kDataLoss) << wrong;
}

}  // namespace
}  // namespace upswing::store
