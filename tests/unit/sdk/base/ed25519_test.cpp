#include "sdk/base/ed25519.hpp"

#include <gtest/gtest.h>
#include <openssl/evp.h>

#include <cstring>
#include <memory>
#include <random>
#include <string>

#include "sdk/base/sha512.hpp"

namespace upswing::base {
namespace {

std::string FromHex(std::string_view hex) {
  std::string bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2)
    bytes += static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16));
  return bytes;
}

std::string Digest(std::initializer_list<std::string_view> parts) {
  const auto digest = Sha512(parts);
  return std::string(reinterpret_cast<const char*>(digest.data()), digest.size());
}

const unsigned char* Bytes(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

// FIPS 180-4 example "abc" (NIST, SHA512.pdf).
TEST(Sha512, IsTheStandardsExample) {
  EXPECT_EQ(Digest({"a", "bc"}),
            FromHex("ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
                    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"));
}

TEST(Sha512, IsOpenSslsAtEveryLengthAroundTheBlocks) {
  std::string text;
  for (int length = 0; length < 300; ++length, text += static_cast<char>(length)) {
    unsigned char expected[64];
    ASSERT_EQ(EVP_Digest(text.data(), text.size(), expected, nullptr, EVP_sha512(), nullptr), 1);
    EXPECT_EQ(Digest({text}), std::string(reinterpret_cast<char*>(expected), 64)) << length;
  }
}

struct Key {
  std::unique_ptr<EVP_PKEY, void (*)(EVP_PKEY*)> key{nullptr, EVP_PKEY_free};
  std::string public_key = std::string(32, '\0');

  explicit Key(std::string_view seed)
      : key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, Bytes(seed), 32),
            EVP_PKEY_free) {
    std::size_t size = 32;
    EVP_PKEY_get_raw_public_key(key.get(), reinterpret_cast<unsigned char*>(public_key.data()),
                                &size);
  }

  std::string Sign(std::string_view message) const {
    std::string signature(64, '\0');
    std::size_t size = 64;
    EVP_MD_CTX* const context = EVP_MD_CTX_new();
    EVP_DigestSignInit(context, nullptr, nullptr, nullptr, key.get());
    EVP_DigestSign(context, reinterpret_cast<unsigned char*>(signature.data()), &size,
                   Bytes(message), message.size());
    EVP_MD_CTX_free(context);
    return signature;
  }
};

bool OpenSslVerifies(std::string_view public_key, std::string_view message,
                     std::string_view signature) {
  EVP_PKEY* const key =
      EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, Bytes(public_key), public_key.size());
  if (key == nullptr) return false;
  EVP_MD_CTX* const context = EVP_MD_CTX_new();
  const bool good = EVP_DigestVerifyInit(context, nullptr, nullptr, nullptr, key) == 1 &&
                    EVP_DigestVerify(context, Bytes(signature), signature.size(), Bytes(message),
                                     message.size()) == 1;
  EVP_MD_CTX_free(context);
  EVP_PKEY_free(key);
  return good;
}

// RFC 8032, section 7.1.
struct Vector {
  const char* public_key;
  std::string message;
  const char* signature;
};
const Vector kVectors[] = {
    {"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b"
     "46bd25bf5f0595bbe24655141438e7a100b"},
    {"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", FromHex("72"),
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11"
     "d8c387b2eaeb4302aeeb00d291612bb0c00"},
    {"fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", FromHex("af82"),
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc"
     "6594a7c15e9716ed28dc027beceea1ec40a"},
    {"ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf", Digest({"abc"}),
     "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b58909351fc9ac90b3ecfdfbc7c66431e"
     "0303dca179c138ac17ad9bef1177331a704"}};

TEST(VerifyEd25519, TakesTheSignaturesOfTheRfc) {
  for (const Vector& vector : kVectors) {
    EXPECT_TRUE(IsEd25519PublicKey(FromHex(vector.public_key)));
    EXPECT_TRUE(
        VerifyEd25519(FromHex(vector.public_key), vector.message, FromHex(vector.signature)));
    EXPECT_FALSE(
        VerifyEd25519(FromHex(vector.public_key), vector.message + "x", FromHex(vector.signature)));
  }
}

TEST(VerifyEd25519, TakesNoSignatureWithOneBitChanged) {
  const std::string key = FromHex(kVectors[2].public_key);
  const std::string signature = FromHex(kVectors[2].signature);
  for (std::size_t bit = 0; bit < signature.size() * 8; ++bit) {
    std::string changed = signature;
    changed[bit / 8] = static_cast<char>(changed[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(VerifyEd25519(key, kVectors[2].message, changed)) << bit;
  }
}

TEST(VerifyEd25519, TakesNothingOfAnotherLength) {
  const std::string key = FromHex(kVectors[0].public_key);
  const std::string signature = FromHex(kVectors[0].signature);
  EXPECT_FALSE(VerifyEd25519(key, "", ""));
  EXPECT_FALSE(VerifyEd25519(key, "", signature.substr(0, 63)));
  EXPECT_FALSE(VerifyEd25519(key, "", signature + '\0'));
  EXPECT_FALSE(VerifyEd25519(key.substr(0, 31), "", signature));
  EXPECT_FALSE(VerifyEd25519("", "", signature));
}

// S and S + L name the same scalar: a second signature of the same message, made by nobody.
TEST(VerifyEd25519, TakesNoSNotBelowTheOrder) {
  std::string signature = FromHex(kVectors[1].signature);
  const std::string order =
      FromHex("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010");
  unsigned carry = 0;
  for (std::size_t i = 0; i < 32; ++i) {
    carry += static_cast<unsigned char>(signature[32 + i]);
    carry += static_cast<unsigned char>(order[i]);
    signature[32 + i] = static_cast<char>(carry);
    carry >>= 8;
  }
  EXPECT_FALSE(VerifyEd25519(FromHex(kVectors[1].public_key), kVectors[1].message, signature));
}

// The eight points whose order divides 8, then encodings of such points with y >= p or the sign of
// x = 0. With such a key, S = 0 and R = [-k]A would be a signature of anything.
TEST(VerifyEd25519, TakesNoKeyAndNoRThatIsOfSmallOrderOrNotCanonical) {
  const char* const keys[] = {"0100000000000000000000000000000000000000000000000000000000000000",
                              "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
                              "0000000000000000000000000000000000000000000000000000000000000080",
                              "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
                              "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                              "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
                              "0000000000000000000000000000000000000000000000000000000000000000",
                              "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
                              "0100000000000000000000000000000000000000000000000000000000000080",
                              "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                              "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
                              "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
                              "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"};
  const std::string identity = FromHex(keys[0]);
  const std::string zero(32, '\0');
  for (const char* const hex : keys) {
    const std::string key = FromHex(hex);
    EXPECT_FALSE(IsEd25519PublicKey(key)) << hex;
    for (int i = 0; i < 16; ++i) {
      const std::string message(static_cast<std::size_t>(i), 'm');
      EXPECT_FALSE(VerifyEd25519(key, message, identity + zero)) << hex;
      EXPECT_FALSE(VerifyEd25519(key, message, key + zero)) << hex;
      EXPECT_FALSE(VerifyEd25519(FromHex(kVectors[0].public_key), message, key + zero)) << hex;
    }
  }
  // y = 2 belongs to no point: (y^2 - 1)/(d y^2 + 1) is no square.
  EXPECT_FALSE(IsEd25519PublicKey(FromHex("02") + std::string(31, '\0')));
}

// A key with a component of order 2 and its four signatures of "mixed order 0..3", made with the
// formulas of RFC 8032 in Python: without the cofactor they verify exactly where k is even.
TEST(VerifyEd25519, UsesNoCofactorAsOpenSslDoes) {
  const std::string key =
      FromHex("64278aac841a0f7ddc2912a413393f87c92c96e9ef1889dee98714793ff7d201");
  const std::pair<bool, const char*> signatures[] = {
      {false,
       "0de2eec8eaf65680133ea668d1932245ca5dc707997149c0937a9920b9dfb90b5fe4f940545349446e1d0486905"
       "7ede9922d8f49a3004477069326855200e109"},
      {true,
       "9b49bd453b97e07010e779a6dfb05487ff73f18569f0dff517d3cb383fbe575d50c013e796979acf12ec18a0da6"
       "7f05acb7fa17004235a3bff6512463cfac606"},
      {false,
       "96980d74ca6491e2640119ca0b302f2c260fb16781f5910ef4217a1b0b2d58cefce6c9b561c471654d140063e95"
       "a9fb55e6ea7b21f7bce74d5951b2c4f7e9902"},
      {false,
       "02baa2d207c9f8426d27149bf65fa480bb1f720f62ae49d01e28fd51dc038d1b3cea9ff979895f9cab23551ef4c"
       "ab73371ff8eaa3b8c342298253bb17eb54605"}};
  for (std::size_t i = 0; i < 4; ++i) {
    const std::string message = "mixed order " + std::to_string(i);
    EXPECT_EQ(VerifyEd25519(key, message, FromHex(signatures[i].second)), signatures[i].first);
    EXPECT_EQ(OpenSslVerifies(key, message, FromHex(signatures[i].second)), signatures[i].first);
  }
}

TEST(VerifyEd25519, AgreesWithOpenSslOnWhatItSignedAndOnOneBitChanged) {
  std::mt19937_64 random(0xed25519);
  const auto draw = [&](std::size_t bytes) {
    std::string text(bytes, '\0');
    for (char& byte : text) byte = static_cast<char>(random());
    return text;
  };
  const auto flip = [&](std::string text) {
    if (text.empty()) return std::string("x");
    const std::size_t bit = random() % (text.size() * 8);
    text[bit / 8] = static_cast<char>(text[bit / 8] ^ (1 << (bit % 8)));
    return text;
  };
  for (int i = 0; i < 300; ++i) {
    const Key key(draw(32));
    const std::string message = draw(random() % 400);
    const std::string signature = key.Sign(message);
    ASSERT_TRUE(VerifyEd25519(key.public_key, message, signature));
    EXPECT_FALSE(VerifyEd25519(key.public_key, flip(message), signature));
    const std::string other_key = flip(key.public_key);
    EXPECT_EQ(VerifyEd25519(other_key, message, signature),
              OpenSslVerifies(other_key, message, signature));
    const std::string other = flip(signature);
    EXPECT_EQ(VerifyEd25519(key.public_key, message, other),
              OpenSslVerifies(key.public_key, message, other));
  }
}

}  // namespace
}  // namespace upswing::base
