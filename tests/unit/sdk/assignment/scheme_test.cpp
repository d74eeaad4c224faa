#include "sdk/assignment/scheme.hpp"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <string>

#include "sdk/assignment/digest.hpp"
#include "sdk/schema/catalog_generated.h"

namespace upswing::assignment {
namespace {

using schema::Scheme;

template <std::size_t n>
std::string Hex(const std::array<std::uint8_t, n>& digest) {
  std::string text;
  for (const std::uint8_t byte : digest) {
    char hex[3];
    std::snprintf(hex, sizeof(hex), "%02x", byte);
    text += hex;
  }
  return text;
}

std::uint32_t Bucket(Scheme scheme, std::string_view salt, std::string_view id,
                     std::uint32_t count) {
  return ForeignBucket(static_cast<std::uint8_t>(scheme), salt, id, count);
}

// RFC 1321, appendix A.5.
TEST(Md5, GivesTheDigestsOfItsRfc) {
  const auto md5 = [](std::string_view text) { return Hex(Md5({&text, 1})); };
  EXPECT_EQ(md5(""), "d41d8cd98f00b204e9800998ecf8427e");
  EXPECT_EQ(md5("message digest"), "f96b697d7cb7938d525a2f31aaf161d0");
  EXPECT_EQ(md5("12345678901234567890123456789012345678901234567890123456789012345678901234567890"),
            "57edf4a22be3c955ac49da2e2107b67a");
}

// FIPS 180-4 examples ("abc" and the 56-byte message, which fills a block without its length).
TEST(Sha, GivesTheDigestsOfItsStandard) {
  constexpr std::string_view kTwoBlocks =
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
  const std::string_view abc = "abc";
  EXPECT_EQ(Hex(Sha1({&abc, 1})), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(Hex(Sha1({&kTwoBlocks, 1})), "84983e441c3bd26ebaae4aa1f95129e5e54670f1");
  EXPECT_EQ(Hex(Sha256({&abc, 1})),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Hex(Sha256({&kTwoBlocks, 1})),
            "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

// Parts hash like the text they make, wherever it is cut.
TEST(Digests, DoNotDependOnHowTheTextIsCut) {
  const std::string text =
      "The quick brown fox jumps over the lazy dog, and over another one, sixty-four bytes on.";
  const std::string_view whole = text;
  for (std::size_t cut = 0; cut <= text.size(); ++cut) {
    const std::array<std::string_view, 2> parts = {whole.substr(0, cut), whole.substr(cut)};
    ASSERT_EQ(Md5(parts), Md5({&whole, 1}));
    ASSERT_EQ(Sha1(parts), Sha1({&whole, 1}));
    ASSERT_EQ(Sha256(parts), Sha256({&whole, 1}));
    ASSERT_EQ(Murmur3(parts, 7), Murmur3({&whole, 1}, 7));
    ASSERT_EQ(Fnv1aUtf16(parts), Fnv1aUtf16({&whole, 1}));
  }
}

// Where each vector comes from: tests/golden/assignment/SCHEMES.md.

// Optimizely's published buckets, shared by its SDKs: bucketing id + entity id, 10,000 buckets.
TEST(Optimizely, GivesItsPublishedBuckets) {
  EXPECT_EQ(Bucket(Scheme::optimizely, "1886780721", "ppid1", 10'000), 5254u);
  EXPECT_EQ(Bucket(Scheme::optimizely, "1886780721", "ppid2", 10'000), 4299u);
  EXPECT_EQ(Bucket(Scheme::optimizely, "1886780722", "ppid2", 10'000), 2434u);
  EXPECT_EQ(Bucket(Scheme::optimizely, "1886780721", "ppid3", 10'000), 5439u);
  EXPECT_EQ(Bucket(Scheme::optimizely, "1886780721",
                   "a very very very very very very very very very very very very very very very "
                   "long ppd string",
                   10'000),
            6128u);
}

// LaunchDarkly's published bucket values (key hashKey, salt saltyA; and seed 61), which are rounded
// to seven or eight digits.
TEST(LaunchDarkly, GivesItsPublishedBucketValues) {
  const auto value = [](std::string_view prefix, std::string_view id) {
    return Bucket(Scheme::launchdarkly, prefix, id, 1'000'000'000) / 1e9;
  };
  EXPECT_NEAR(value("hashKey.saltyA", "userKeyA"), 0.42157587, 1e-7);
  EXPECT_NEAR(value("hashKey.saltyA", "userKeyB"), 0.6708485, 1e-7);
  EXPECT_NEAR(value("hashKey.saltyA", "userKeyC"), 0.10343106, 1e-7);
  EXPECT_NEAR(value("61", "userKeyA"), 0.09801207, 1e-7);
  EXPECT_NEAR(value("61", "userKeyB"), 0.14483777, 1e-7);
  EXPECT_NEAR(value("61", "userKeyC"), 0.9242641, 1e-7);
}

// The digits beyond seven are those of LaunchDarkly's Rust client, in double precision.
TEST(LaunchDarkly, GivesItsBucketValuesInDoublePrecision) {
  const auto value = [](std::string_view id) {
    return Bucket(Scheme::launchdarkly, "hashKey.saltyA", id, 1'000'000'000) / 1e9;
  };
  EXPECT_NEAR(value("userKeyA"), 0.4215758743392494, 1e-9);
  EXPECT_NEAR(value("userKeyB"), 0.6708484965703435, 1e-9);
  EXPECT_NEAR(value("userKeyC"), 0.1034310617276969, 1e-9);
}

// Eppo's sharder tests: MD5 of the whole text, 10,000 shards. Only the first has the "-" that
// joins salt and subject.
TEST(Eppo, GivesItsPublishedShards) {
  EXPECT_EQ(Bucket(Scheme::eppo, "test", "input", 10'000), 5619u);
  const auto shard = [](std::string_view text) {
    return std::stoul(Hex(Md5({&text, 1})).substr(0, 8), nullptr, 16) % 10'000;
  };
  EXPECT_EQ(shard("test-input"), 5619u);
  EXPECT_EQ(shard("alice"), 3170u);
  EXPECT_EQ(shard("bob"), 7420u);
  EXPECT_EQ(shard("charlie"), 7497u);
}

// flagd's conformance features for integer bucketing. The edge keys hash to 0, 1, 2^31 - 1, 2^31
// and 2^32 - 1; the cards are four variants of 25 under the salt "fractional-flag" (and
// "shared-seed").
TEST(Flagd, GivesItsPublishedVariants) {
  EXPECT_EQ(Bucket(Scheme::flagd, "", "ejOoVL", 100), 0u);
  EXPECT_EQ(Bucket(Scheme::flagd, "", "bY9fO-", 100), 0u);
  EXPECT_EQ(Bucket(Scheme::flagd, "", "SI7p-", 100), 49u);
  EXPECT_EQ(Bucket(Scheme::flagd, "", "6LvT0", 100), 50u);
  EXPECT_EQ(Bucket(Scheme::flagd, "", "ceQdGm", 100), 99u);
  const auto card = [](std::string_view salt, std::string_view name) {
    constexpr std::array kCards = {"clubs", "diamonds", "hearts", "spades"};
    return std::string(kCards[Bucket(Scheme::flagd, salt, name, 100) / 25]);
  };
  EXPECT_EQ(card("fractional-flag", "jack"), "hearts");
  EXPECT_EQ(card("fractional-flag", "queen"), "spades");
  EXPECT_EQ(card("fractional-flag", "ten"), "clubs");
  EXPECT_EQ(card("fractional-flag", "nine"), "diamonds");
  EXPECT_EQ(card("fractional-flag", "3"), "clubs");
  EXPECT_EQ(card("shared-seed", "seven"), "hearts");
  EXPECT_EQ(card("shared-seed", "eight"), "diamonds");
  EXPECT_EQ(card("shared-seed", "nine"), "clubs");
  EXPECT_EQ(card("shared-seed", "two"), "spades");
}

// The digests of Statsig's hash tests; its input "salt.unit" is pinned by the formula test below.
TEST(Statsig, GivesItsPublishedHashes) {
  const auto hash = [](std::string_view text) { return Hex(Sha256({&text, 1})).substr(0, 16); };
  EXPECT_EQ(hash(""), "e3b0c44298fc1c14");
  EXPECT_EQ(hash("blargh"), "0ac33512d18e20d5");
  EXPECT_EQ(hash("\xf0\x9f\x97\xbb"), "1ddbf4ea8dae91e5");
}

// The evaluation log that ConfigCat's SDKs share: key and user identifier, then the hash value.
TEST(ConfigCat, GivesItsPublishedHashValue) {
  EXPECT_EQ(Bucket(Scheme::configcat, "integer25One25Two25Three25FourAdvancedRules", "12345", 100),
            25u);
}

// Unleash's normalised values, published with its client tests, count from 1.
TEST(Unleash, GivesItsPublishedValues) {
  EXPECT_EQ(Bucket(Scheme::unleash, "gr1", "123", 100) + 1, 73u);
  EXPECT_EQ(Bucket(Scheme::unleash, "groupX", "999", 100) + 1, 25u);
  EXPECT_EQ(Bucket(Scheme::unleash_variant, "gr1", "123", 100) + 1, 96u);
  EXPECT_EQ(Bucket(Scheme::unleash_variant, "groupX", "999", 100) + 1, 60u);
}

// PlanOut's documented example: experiment salt "foo", unit 123454. randomInteger(min, max) is
// min + h % (max - min + 1), uniformChoice h % n.
//   group_size = uniformChoice([1, 10]) = 10; specific_goal = bernoulli(0.8) = 1;
//   ratings_per_user_goal = uniformChoice([8, 16, 32, 64]) = 32
TEST(PlanOut, GivesItsDocumentedAssignment) {
  const std::array group_size = {1, 10};
  const std::array ratings = {8, 16, 32, 64};
  EXPECT_EQ(group_size[Bucket(Scheme::planout, "foo.group_size", "123454", 2)], 10);
  EXPECT_EQ(ratings[Bucket(Scheme::planout, "foo.ratings_per_user_goal", "123454", 4)], 32);
  // bernoulli(p) is h / (2^60 - 1) <= p: below 80 of 100 in the inclusive form.
  EXPECT_LT(Bucket(Scheme::planout_weighted, "foo.specific_goal", "123454", 100), 80u);
}

// GrowthBook's published `hash` cases: seed, value, version, n as 1/1000 or 1/10000.
TEST(GrowthBook, GivesItsPublishedHashes) {
  const auto v1 = [](std::string_view seed, std::string_view value) {
    return Bucket(Scheme::growthbook_v1, seed, value, 1000);
  };
  EXPECT_EQ(v1("", "a"), 220u);
  EXPECT_EQ(v1("", "b"), 77u);
  EXPECT_EQ(v1("b", "a"), 946u);
  EXPECT_EQ(v1("ef", "d"), 652u);
  EXPECT_EQ(v1("asdf", "8952klfjas09ujk"), 549u);
  EXPECT_EQ(v1("", "123"), 11u);
  EXPECT_EQ(v1("", "___)((*\":&"), 563u);
  const auto v2 = [](std::string_view seed, std::string_view value) {
    return Bucket(Scheme::growthbook_v2, seed, value, 10'000);
  };
  EXPECT_EQ(v2("seed", "a"), 505u);
  EXPECT_EQ(v2("seed", "b"), 2696u);
  EXPECT_EQ(v2("foo", "ab"), 2575u);
  EXPECT_EQ(v2("foo", "def"), 2019u);
  EXPECT_EQ(v2("89123klj", "8952klfjas09ujkasdf"), 1240u);
  EXPECT_EQ(v2("90850943850283058242805", "123"), 7516u);
  EXPECT_EQ(v2("()**(%$##$%#$#", "___)((*\":&"), 128u);
}

// Code units of JavaScript: U+1F600 is the pair d83d de00, U+00E9 one unit.
TEST(GrowthBook, HashesCodeUnitsNotBytes) {
  const auto by_units = [](std::initializer_list<std::uint32_t> units) {
    std::uint32_t h = 0x811c9dc5;
    for (const std::uint32_t unit : units) h = (h ^ unit) * 0x01000193;
    return h;
  };
  const std::string_view smile = "\xf0\x9f\x98\x80";
  const std::string_view accent = "\xc3\xa9";
  EXPECT_EQ(Fnv1aUtf16({&smile, 1}), by_units({0xd83d, 0xde00}));
  EXPECT_EQ(Fnv1aUtf16({&accent, 1}), by_units({0xe9}));
}

// MurmurHash3_x86_32 vectors of its reference implementation's users (Wikipedia, "MurmurHash").
TEST(Murmur3, GivesItsPublishedHashes) {
  const auto murmur = [](std::string_view text, std::uint32_t seed) {
    return Murmur3({&text, 1}, seed);
  };
  EXPECT_EQ(murmur("", 0), 0u);
  EXPECT_EQ(murmur("", 1), 0x514e28b7u);
  EXPECT_EQ(murmur("test", 0), 0xba6bd213u);
  EXPECT_EQ(murmur("test", 0x9747b28c), 0x704b81dcu);
  EXPECT_EQ(murmur("Hello, world!", 0), 0xc0363e43u);
  EXPECT_EQ(murmur("The quick brown fox jumps over the lazy dog", 0x9747b28c), 0x2fa826cdu);
}

// The formulas of the schemes over digests that the tests above have proved, decision by decision.
TEST(Schemes, ReduceTheirDigestsAsTheirSystemsDo) {
  for (int i = 0; i < 2000; ++i) {
    const std::string id = "user-" + std::to_string(i);
    const std::string salt = "flag-split";
    const auto text = [&](const std::string& s) { return s; };
    const std::string dash = text(salt + "-" + id), colon = text(salt + ":" + id),
                      dot = text(salt + "." + id), plain = text(salt + id);
    const auto view = [](const std::string& s) { return std::string_view(s); };
    const std::string_view d = view(dash), c = view(colon), p = view(dot), n = view(plain);
    const auto md5 = Hex(Md5({&d, 1}));
    EXPECT_EQ(Bucket(Scheme::eppo, salt, id, 10'000),
              std::stoul(md5.substr(0, 8), nullptr, 16) % 10'000);
    EXPECT_EQ(Bucket(Scheme::unleash, salt, id, 100), Murmur3({&c, 1}, 0) % 100);
    EXPECT_EQ(Bucket(Scheme::unleash_variant, salt, id, 1000), Murmur3({&c, 1}, 86028157) % 1000);
    EXPECT_EQ(Bucket(Scheme::flagd, salt, id, 7),
              static_cast<std::uint32_t>((std::uint64_t{Murmur3({&n, 1}, 0)} * 7) >> 32));
    const std::string sha1 = Hex(Sha1({&p, 1}));
    const std::uint64_t sixty = std::stoull(sha1.substr(0, 15), nullptr, 16);
    EXPECT_EQ(Bucket(Scheme::planout, salt, id, 17), sixty % 17);
    // LaunchDarkly compares a double; no weight of 1/100000 lies as near as its rounding.
    const double real = static_cast<double>(sixty) / static_cast<double>(0xfffffffffffffffULL);
    EXPECT_EQ(Bucket(Scheme::launchdarkly, salt, id, 100'000),
              static_cast<std::uint32_t>(std::floor(real * 100'000)));
    EXPECT_EQ(Bucket(Scheme::planout_weighted, salt, id, 100'000),
              static_cast<std::uint32_t>(std::ceil(real * 100'000)) - 1);
    const std::string sha256 = Hex(Sha256({&p, 1}));
    EXPECT_EQ(Bucket(Scheme::statsig, salt, id, 10'000),
              std::stoull(sha256.substr(0, 16), nullptr, 16) % 10'000);
    const std::string configcat = Hex(Sha1({&n, 1}));
    EXPECT_EQ(Bucket(Scheme::configcat, salt, id, 100),
              std::stoul(configcat.substr(0, 7), nullptr, 16) % 100);
  }
}

}  // namespace
}  // namespace upswing::assignment
