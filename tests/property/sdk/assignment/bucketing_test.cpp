// What must hold of bucketing as statistics. Everything is a fixed function of fixed ids, so a run
// never fails by chance: the probabilities stated are those with which a perfect hash would have
// failed when the ids were chosen.

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "sdk/assignment/evaluate.hpp"
#include "sdk/base/hash.hpp"
#include "server/authoring/allocate.hpp"
#include "tests/support/catalog_fixture.hpp"

namespace upswing::testing {
namespace {

struct IdShape {
  const char* name;
  std::function<std::string(std::uint64_t)> make;
};

std::vector<IdShape> Shapes() {
  return {
      {"sequential", [](std::uint64_t i) { return std::to_string(i); }},
      {"uuid",
       [](std::uint64_t i) {
         char text[40];
         const std::uint64_t a = base::Mix(i * 2 + 1);
         const std::uint64_t b = base::Mix(i * 2 + 2);
         std::snprintf(text, sizeof(text), "%08x-%04x-4%03x-8%03x-%012llx",
                       static_cast<unsigned>(a >> 32), static_cast<unsigned>(a & 0xffff),
                       static_cast<unsigned>((a >> 16) & 0xfff), static_cast<unsigned>(b & 0xfff),
                       static_cast<unsigned long long>(b >> 16));
         return std::string(text);
       }},
      {"e-mail", [](std::uint64_t i) { return "user." + std::to_string(i * 7) + "@example.com"; }},
      {"emoji", [](std::uint64_t i) {
         std::string id = "\xf0\x9f\x98";
         id += static_cast<char>(0x80 + i % 64);
         return id + std::to_string(i / 64) + "\xf0\x9f\x8d\x8e";
       }}};
}

constexpr std::uint64_t kIds = 1'000'000;

// Chi-square of 1,000,000 ids over 1,000 equal cells, 999 degrees of freedom: mean 999, standard
// deviation sqrt(2 * 999) = 44.7. Over 4 shapes x 3 salts, being 5 standard deviations off (both
// sides; the Wilson-Hilferty tail there is below 2e-6) has probability below 12 * 4e-6 = 5e-5.
TEST(Bucket, IsUniformForEveryShapeOfId) {
  for (const IdShape& shape : Shapes()) {
    for (const char* salt : {"split/a", "split/b", "layer/checkout#2"}) {
      const std::uint64_t s = base::Hash64(salt);
      std::vector<std::uint32_t> cells(1000);
      for (std::uint64_t i = 0; i < kIds; ++i)
        ++cells[base::Bucket(base::Hash64(shape.make(i)), s) / 1000];
      double chi_square = 0;
      for (const std::uint32_t count : cells)
        chi_square += (count - 1000.0) * (count - 1000.0) / 1000;
      EXPECT_NEAR(chi_square, 999, 5 * 44.7) << shape.name << " " << salt;
    }
  }
}

// For each pair of 100 salts, the 2 x 2 table of "below half" over 100,000 sequential ids: the
// excess of the diagonal has standard deviation sqrt(n) = 316. Over 4,950 pairs, |z| > 5.5 has
// probability below 4,950 * 3.8e-8 = 2e-4. The largest |z| of 4,950 normal numbers is about 3.9, so
// the band is not wide.
TEST(Bucket, IsIndependentOverAllPairsOfAHundredSalts) {
  constexpr std::size_t kSalts = 100;
  constexpr std::size_t kUnits = 100'032;  // a multiple of 64
  std::vector<std::vector<std::uint64_t>> bits(kSalts, std::vector<std::uint64_t>(kUnits / 64));
  for (std::size_t s = 0; s < kSalts; ++s) {
    const std::uint64_t salt = base::Hash64("split/experiment_" + std::to_string(s));
    for (std::size_t i = 0; i < kUnits; ++i) {
      const std::uint64_t below =
          base::Bucket(base::Hash64(std::to_string(i)), salt) < 500'000 ? 1 : 0;
      bits[s][i / 64] |= below << (i % 64);
    }
  }
  double largest = 0;
  for (std::size_t a = 0; a < kSalts; ++a) {
    for (std::size_t b = 0; b < a; ++b) {
      std::int64_t equal = 0;
      for (std::size_t w = 0; w < kUnits / 64; ++w)
        equal += __builtin_popcountll(~(bits[a][w] ^ bits[b][w]));
      const double z =
          (2.0 * static_cast<double>(equal) - kUnits) / std::sqrt(static_cast<double>(kUnits));
      largest = std::max(largest, std::abs(z));
    }
  }
  EXPECT_LT(largest, 5.5);
  EXPECT_GT(largest, 2.5);  // a constant would be 0: probability below 1e-20 for independent salts
}

std::set<int> UnitsIn(const TestCatalog& catalog, const std::string& key, int count,
                      std::int64_t now_ms = 0) {
  std::set<int> units;
  for (int i = 0; i < count; ++i) {
    const Subject subject("user", "u" + std::to_string(i));
    if (assignment::DecideExperiment(*catalog.view, key, subject, {.now_ms = now_ms})
            .in_experiment()) {
      units.insert(i);
    }
  }
  return units;
}

bool Includes(const std::set<int>& outer, const std::set<int>& inner) {
  return std::includes(outer.begin(), outer.end(), inner.begin(), inner.end());
}

TEST(Ramps, OnlyAddUnitsAndKeepTheirVariants) {
  const TestCatalog catalog(
      R"({"project": "p", "experiments": {"e": {"status": "running", "unit": "user",
    "ramp": [{"at": "1970-01-01T00:00:01Z", "share": 0.01}, {"at": "1970-01-01T00:00:02Z", "share": 0.1},
             {"at": "1970-01-01T00:00:03Z", "share": 0.5}, {"at": "1970-01-01T00:00:04Z", "share": 1}],
    "control": "a", "variants": {"a": {}, "b": {}}}}})");
  std::set<int> before;
  for (std::int64_t now = 1000; now <= 4000; now += 1000) {
    const std::set<int> units = UnitsIn(catalog, "e", 20'000, now);
    EXPECT_TRUE(Includes(units, before)) << now;
    EXPECT_GT(units.size(), before.size());
    before = units;
  }
  EXPECT_EQ(before.size(), 20'000u);
}

std::string TwoLayered(const std::string& first, const std::string& second) {
  return R"({"project": "p", "layers": {"l": {"unit": "user"}}, "experiments": {
    "a": {"unit": "user", "layer": "l", "control": "x", "variants": {"x": {}, "y": {}}, )" +
         first + R"(},
    "b": {"unit": "user", "layer": "l", "control": "x", "variants": {"x": {}, "y": {}}, )" +
         second + R"(},
    "c": {"unit": "user", "layer": "l", "control": "x", "variants": {"x": {}, "y": {}}, "status": "running", "share": 0.3}}})";
}

TEST(Layers, ExcludeEachOtherAndReuseTrafficWithoutMovingUnitsOfOthers) {
  const auto first = authoring::Allocate(
      TwoLayered(R"("status": "running", "share": 0.3)", R"("status": "running", "share": 0.4)"));
  ASSERT_TRUE(first.ok()) << first.status();
  const TestCatalog before(first->text);
  const std::set<int> a = UnitsIn(before, "a", 20'000);
  const std::set<int> b = UnitsIn(before, "b", 20'000);
  const std::set<int> c = UnitsIn(before, "c", 20'000);
  EXPECT_EQ(a.size() + b.size() + c.size(), 20'000u);  // 0.3 + 0.4 + 0.3 fill the layer
  for (const int unit : a) ASSERT_TRUE(!b.contains(unit) && !c.contains(unit)) << unit;
  for (const int unit : b) ASSERT_FALSE(c.contains(unit)) << unit;

  // a ends; d takes its buckets. b and c keep every unit and variant.
  std::string text = first->text;
  text.replace(text.find("running"), 7, "stopped");
  text.insert(
      text.find("\"b\": {"),
      R"("d": {"unit": "user", "layer": "l", "control": "x", "variants": {"x": {}, "y": {}}, "status": "running", "share": 0.2}, )");
  const auto second = authoring::Allocate(text);
  ASSERT_TRUE(second.ok()) << second.status();
  const TestCatalog after(second->text);
  for (int i = 0; i < 20'000; ++i) {
    const Subject subject("user", "u" + std::to_string(i));
    for (const char* key : {"b", "c"}) {
      const Decision was = assignment::DecideExperiment(*before.view, key, subject, {});
      const Decision is = assignment::DecideExperiment(*after.view, key, subject, {});
      ASSERT_EQ(was.variant(), is.variant()) << key << " " << i;
    }
  }
  EXPECT_TRUE(Includes(a, UnitsIn(after, "d", 20'000)));
  EXPECT_TRUE(UnitsIn(after, "a", 1000).empty());
}

// Held and open units of a holdout are the same for all its experiments, and meet the same
// targeting: what differs between experiments of one holdout comes after the holdout.
TEST(Holdouts, AreTheSameSliceForEveryExperimentAndComeBeforeTargeting) {
  const TestCatalog catalog(
      R"({"project": "p", "attributes": {"x": "int"}, "holdouts": {"h": {"unit": "user", "share": 0.1}},
    "flags": {"f": {"type": "bool", "default": false}},
    "experiments": {
    "a": {"status": "running", "unit": "user", "holdout": "h", "control": "x", "variants": {"x": {}, "y": {}}},
    "b": {"status": "running", "unit": "user", "holdout": "h", "when": {"attribute": "x", "is": 1}, "control": "x", "variants": {"x": {}}},
    "c": {"status": "running", "unit": "user", "holdout": "h", "prerequisites": [{"flag": "f", "is": true}], "control": "x", "variants": {"x": {}}},
    "d": {"status": "running", "unit": "user", "holdout": "h", "share": 0.5, "control": "x", "variants": {"x": {}}}}})");
  int held = 0;
  for (int i = 0; i < 20'000; ++i) {
    Subject subject("user", "u" + std::to_string(i));
    subject.Set("x", i % 2);
    const bool is_held = assignment::DecideExperiment(*catalog.view, "a", subject, {}).held;
    held += is_held ? 1 : 0;
    for (const char* key : {"b", "c", "d"}) {
      const Decision d = assignment::DecideExperiment(*catalog.view, key, subject, {});
      ASSERT_EQ(d.held, is_held) << key << " " << i;
      ASSERT_EQ(d.holdouts_consulted, 1u);
      ASSERT_EQ(d.reason == Reason::kHoldout, is_held);
    }
  }
  // Binomial(20000, 0.1): standard deviation 42; 5 of them: probability 6e-7.
  EXPECT_NEAR(held, 2000, 212);
}

// A flag read by units of both variants is an exposure for both, also where the control sets
// nothing and the default serves: else only one side of the comparison would be counted.
TEST(Flags, ExposeControlAndTreatmentAlike) {
  const TestCatalog catalog(
      R"({"project": "p", "flags": {"f": {"type": "string", "default": "old"}},
    "experiments": {"e": {"status": "running", "unit": "user", "share": 0.5, "control": "x",
      "variants": {"x": {}, "y": {"set": {"f": "new"}}}}}})");
  int exposed[2] = {};
  for (int i = 0; i < 20'000; ++i) {
    const Subject subject("user", "u" + std::to_string(i));
    const Decision by_key = assignment::DecideExperiment(*catalog.view, "e", subject, {});
    const Decision by_flag = assignment::DecideFlag(*catalog.view, "f", subject, {});
    ASSERT_EQ(by_flag.in_experiment(), by_key.in_experiment()) << i;
    ASSERT_EQ(by_flag.variant(), by_key.variant()) << i;
    ASSERT_EQ(by_flag.value.as_text(), by_key.variant() == "y" ? "new" : "old") << i;
    if (!by_flag.in_experiment()) continue;
    ASSERT_EQ(by_flag.experiment(), "e");
    ++exposed[by_flag.variant_index];
  }
  // Each is Binomial(20000, 0.25): standard deviation 61; 5 of them: probability 1.2e-6 for both.
  EXPECT_NEAR(exposed[0], 5000, 306);
  EXPECT_NEAR(exposed[1], 5000, 306);
}

}  // namespace
}  // namespace upswing::testing
