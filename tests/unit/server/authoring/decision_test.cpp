// Decisions on small catalogs, written as people write them.

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "sdk/assignment/evaluate.hpp"
#include "sdk/catalog/envelope.hpp"
#include "tests/support/catalog_fixture.hpp"

namespace upswing::testing {
namespace {

using assignment::DecideExperiment;
using assignment::DecideFlag;

std::string Leaf(const std::string& type, const std::string& operation) {
  return R"({"project": "p", "attributes": {"x": ")" + type +
         R"("}, "experiments": {"e": {"status": "running", "unit": "user", "control": "a", "variants": {"a": {}},
           "when": {"attribute": "x", )" +
         operation + "}}}}";
}

/// Whether the leaf holds for a subject whose attribute x is set by `set`.
template <class Set>
bool Holds(const std::string& type, const std::string& operation, Set set) {
  const TestCatalog catalog(Leaf(type, operation));
  Subject subject("user", "u");
  set(subject);
  return DecideExperiment(*catalog.view, "e", subject, {}).in_experiment();
}
template <class T>
bool HoldsFor(const std::string& type, const std::string& operation, const T& value) {
  return Holds(type, operation, [&](Subject& s) { s.Set("x", value); });
}
bool HoldsUnset(const std::string& type, const std::string& operation) {
  return Holds(type, operation, [](Subject&) {});
}

TEST(Operators, OnAMissingAttributeOnlyNegationsHold) {
  EXPECT_FALSE(HoldsUnset("string", R"("is": "")"));
  EXPECT_FALSE(HoldsUnset("string", R"("in": ["a"])"));
  EXPECT_TRUE(HoldsUnset("string", R"("not_in": ["a"])"));
  EXPECT_FALSE(HoldsUnset("string", R"("set": true)"));
  EXPECT_TRUE(HoldsUnset("string", R"("set": false)"));
  EXPECT_FALSE(HoldsUnset("int", R"("<": 5)"));
  EXPECT_FALSE(HoldsUnset("strings", R"("has_any": ["a"])"));
  EXPECT_TRUE(HoldsUnset("strings", R"("has_none": ["a"])"));
}

TEST(Operators, OnAMistypedAttributeActAsOnAMissingOne) {
  EXPECT_FALSE(HoldsFor("string", R"("is": "1")", 1));
  EXPECT_FALSE(HoldsFor("int", R"("is": 1)", "1"));
  EXPECT_FALSE(HoldsFor("int", R"("is": 1)", true));
  EXPECT_FALSE(HoldsFor("bool", R"("is": true)", 1));
  EXPECT_TRUE(HoldsFor("string", R"("not_in": ["1"])", 1));
  EXPECT_FALSE(HoldsFor("version", R"("set": true)", "8"));
  EXPECT_FALSE(HoldsFor("time", R"("set": true)", 1'700'000'000'000));
  EXPECT_FALSE(HoldsFor("strings", R"("has_any": ["a"])", "a"));
}

TEST(Operators, OnStringsIncludeTheEmptyOne) {
  EXPECT_TRUE(HoldsFor("string", R"("is": "")", ""));
  EXPECT_TRUE(HoldsFor("string", R"("set": true)", ""));
  EXPECT_TRUE(HoldsFor("string", R"("starts_with": "")", ""));
  EXPECT_TRUE(HoldsFor("string", R"("contains": ["x", ""])", "abc"));
  EXPECT_TRUE(HoldsFor("string", R"("ends_with": ["bc", "zz"])", "abc"));
  EXPECT_FALSE(HoldsFor("string", R"("starts_with": "abcd")", "abc"));
  EXPECT_FALSE(HoldsFor("string", R"("is": "CN")", "cn"));
  EXPECT_TRUE(HoldsFor("string", R"("in": ["a longer value", "b"])", "a longer value"));
  EXPECT_FALSE(HoldsFor("string", R"("in": ["a\u0000", "b"])", "a"));
}

// RE2 syntax, unanchored, linear in the text.
TEST(Operators, MatchesSearchesTheText) {
  EXPECT_TRUE(HoldsFor("string", R"("matches": "b+")", "abbc"));
  EXPECT_FALSE(HoldsFor("string", R"("matches": "^b+$")", "abbc"));
  EXPECT_TRUE(HoldsFor("string", R"("matches": "(?i)^ABBC$")", "abbc"));
  EXPECT_FALSE(HoldsFor("string", R"("matches": "(a*)*b")", std::string(100'000, 'a')));
}

TEST(Operators, OnNumbersCompareExactlyAndNeverWithNan) {
  EXPECT_FALSE(HoldsFor("int", R"("is": 9007199254740992)", std::int64_t{9007199254740993}));
  EXPECT_FALSE(HoldsFor("double", R"("is": 9007199254740992.0)", std::int64_t{9007199254740993}));
  EXPECT_TRUE(HoldsFor("int", R"(">": 18.5)", 19));
  EXPECT_TRUE(HoldsFor("int", R"("is": 18)", 18.0));
  EXPECT_TRUE(HoldsFor("double", R"("in": [1, 2.5])", 2.5));
  EXPECT_TRUE(HoldsFor("int", R"("<": 1)", std::numeric_limits<std::int64_t>::min()));
  EXPECT_TRUE(HoldsFor("double", R"(">": 1e308)", std::numeric_limits<double>::infinity()));
  const double nan = std::nan("");
  for (const char* op : {"<", "<=", ">", ">=", "is"}) {
    EXPECT_FALSE(HoldsFor("double", "\"" + std::string(op) + "\": 0", nan)) << op;
  }
  EXPECT_TRUE(HoldsFor("double", R"("not_in": [0])", nan));
  EXPECT_TRUE(HoldsFor("double", R"("set": true)", nan));
}

TEST(Operators, OnVersionsFollowPrecedence) {
  EXPECT_TRUE(HoldsFor("version", R"(">=": "8.2")", "8.2.0"));
  EXPECT_FALSE(HoldsFor("version", R"(">=": "8.2")", "8.2.0-rc.1"));
  EXPECT_TRUE(HoldsFor("version", R"(">": "8.9")", "8.10"));
  EXPECT_TRUE(HoldsFor("version", R"("in": ["8.2"])", "8.2.0+build"));
  EXPECT_FALSE(HoldsFor("version", R"("<": "9.0")", "not a version"));
  EXPECT_TRUE(HoldsFor("version", R"("not_in": ["9.0"])", "not a version"));
}

TEST(Operators, OnTimesAreExclusive) {
  const auto at = [](std::int64_t ms) { return Subject::Time(std::chrono::milliseconds(ms)); };
  const std::string noon = "\"2026-01-01T12:00:00.5Z\"";
  const std::int64_t ms = 1'767'268'800'500;
  EXPECT_TRUE(HoldsFor("time", "\"before\": " + noon, at(ms - 1)));
  EXPECT_FALSE(HoldsFor("time", "\"before\": " + noon, at(ms)));
  EXPECT_FALSE(HoldsFor("time", "\"after\": " + noon, at(ms)));
  EXPECT_TRUE(HoldsFor("time", "\"after\": " + noon, at(ms + 1)));
  EXPECT_TRUE(HoldsFor("time", "\"is\": \"2026-01-01T20:00:00.5+08:00\"", at(ms)));
}

TEST(Operators, OnListsLookAtEveryString) {
  const std::vector<std::string> tags = {"a", "b", ""};
  const auto holds = [&](const std::string& operation) {
    return Holds("strings", operation,
                 [&](Subject& s) { s.Set("x", std::span<const std::string>(tags)); });
  };
  EXPECT_TRUE(holds(R"("has_any": ["z", ""])"));
  EXPECT_TRUE(holds(R"("has_all": ["a", "b", "a"])"));
  EXPECT_FALSE(holds(R"("has_all": ["a", "z"])"));
  EXPECT_TRUE(holds(R"("has_none": ["z"])"));
  EXPECT_FALSE(holds(R"("has_none": ["z", "b"])"));
}

// --- holdouts, owners, rules
// --------------------------------------------------------------------------

TEST(Flags, AVariantThatLeavesTheFlagStillDecidesIt) {
  const TestCatalog catalog(R"({"project": "p", "flags": {"f": {"type": "bool", "default": false}},
    "experiments": {"e": {"status": "running", "unit": "user", "control": "a",
      "variants": {"a": {"weight": 1}, "b": {"weight": 1, "set": {"f": true}}}}}})");
  int control = 0;
  for (int i = 0; i < 100; ++i) {
    const Subject subject("user", std::to_string(i));
    const Decision experiment = DecideExperiment(*catalog.view, "e", subject, {});
    const Decision flag = DecideFlag(*catalog.view, "f", subject, {});
    // Both sides are exposed alike: same experiment, variant, reason, bucket.
    ASSERT_EQ(flag.experiment(), "e");
    ASSERT_EQ(flag.variant(), experiment.variant());
    ASSERT_EQ(flag.reason, Reason::kAssigned);
    ASSERT_EQ(flag.bucket, experiment.bucket);
    ASSERT_EQ(*flag.value.as_bool(), experiment.variant() == "b");
    control += experiment.variant() == "a" ? 1 : 0;
  }
  EXPECT_GT(control, 20);
  EXPECT_LT(control, 80);
}

TEST(Flags, AsksTheOwnersInTurnAndReportsTheNearest) {
  const TestCatalog catalog(R"({"project": "p", "layers": {"l": {"unit": "user"}},
    "flags": {"f": {"type": "string", "default": "d"}},
    "experiments": {
      "a": {"status": "running", "unit": "user", "layer": "l", "buckets": [[0, 300000]], "control": "x",
            "variants": {"x": {"set": {"f": "from a"}}}},
      "b": {"status": "running", "unit": "user", "layer": "l", "buckets": [[300000, 600000]], "control": "x",
            "variants": {"x": {"set": {"f": "from b"}}}},
      "c": {"status": "draft", "unit": "user", "layer": "l", "control": "x", "variants": {"x": {"set": {"f": "c"}}}}}})");
  std::map<std::string, int> values;
  for (int i = 0; i < 1000; ++i) {
    const Decision d = DecideFlag(*catalog.view, "f", Subject("user", std::to_string(i)), {});
    ++values[std::string(*d.value.as_text())];
    ASSERT_EQ(d.reason == Reason::kLayer, *d.value.as_text() == "d");
  }
  EXPECT_EQ(values.size(), 3u);
  EXPECT_EQ(values["c"], 0);
}

TEST(Holdouts, NameEachOneThatWasConsulted) {
  const TestCatalog catalog(R"({"project": "p",
    "holdouts": {"own": {"unit": "user", "share": 1}, "all": {"unit": "user", "share": 0, "global": true},
                 "other": {"unit": "device", "share": 1, "global": true}},
    "experiments": {"e": {"status": "running", "unit": "user", "holdout": "own", "control": "a", "variants": {"a": {}}},
                    "f": {"status": "running", "unit": "user", "control": "a", "variants": {"a": {}}}}})");
  const Subject subject("user", "u");
  const Decision held = DecideExperiment(*catalog.view, "e", subject, {});
  EXPECT_EQ(held.reason, Reason::kHoldout);
  ASSERT_EQ(held.holdouts_consulted, 2u);
  EXPECT_EQ(held.holdouts[0].view(), "all");
  EXPECT_EQ(held.holdouts[1].view(), "own");
  EXPECT_TRUE(held.held);
  const Decision open = DecideExperiment(*catalog.view, "f", subject, {});
  EXPECT_EQ(open.reason, Reason::kAssigned);
  ASSERT_EQ(open.holdouts_consulted, 1u);
  EXPECT_FALSE(open.held);
}

TEST(Fallback, ServesBeforeLoginAndStaysIfItsAssignmentIsStored) {
  const TestCatalog catalog(
      R"({"project": "p", "experiments": {"e": {"status": "running", "unit": "user",
    "fallback_unit": "device", "sticky": {"version": 1}, "control": "a", "variants": {"a": {}, "b": {}}}}})");
  struct Store final : assignment::StickyReader {
    std::optional<assignment::StickyAssignment> Find(std::string_view type, std::string_view id,
                                                     std::string_view) const override {
      if (type == "device" && id == "d") return assignment::StickyAssignment{"b", 1};
      return std::nullopt;
    }
  } store;
  const Decision before = DecideExperiment(*catalog.view, "e", Subject("device", "d"), {});
  EXPECT_EQ(before.unit_type(), "device");
  EXPECT_EQ(before.reason, Reason::kAssigned);
  Subject both("user", "u");
  both.SetUnit("device", "d");
  EXPECT_EQ(DecideExperiment(*catalog.view, "e", both, {}).unit_type(), "user");
  const Decision after = DecideExperiment(*catalog.view, "e", both, {.sticky = &store});
  EXPECT_EQ(after.unit_type(), "device");
  EXPECT_EQ(after.variant(), "b");
  EXPECT_EQ(after.reason, Reason::kSticky);
  EXPECT_EQ(both.type(both.units()[after.unit_index]), "device");
}

TEST(Schedules, ChangeAtTheirBoundariesOnly) {
  const TestCatalog catalog(
      R"({"project": "p", "experiments": {"e": {"status": "running", "unit": "user",
    "start": "1970-01-01T00:00:01Z", "end": "1970-01-01T00:00:05Z", "ramp": [{"at": "1970-01-01T00:00:02Z", "share": 1}],
    "control": "a", "variants": {"a": {}}}}})");
  const auto at = [&](std::int64_t ms) {
    return DecideExperiment(*catalog.view, "e", Subject("user", "u"), {.now_ms = ms}).reason;
  };
  EXPECT_EQ(at(999), Reason::kNotStarted);
  EXPECT_EQ(at(1000), Reason::kTraffic);
  EXPECT_EQ(at(1999), Reason::kTraffic);
  EXPECT_EQ(at(2000), Reason::kAssigned);
  EXPECT_EQ(at(4999), Reason::kAssigned);
  EXPECT_EQ(at(5000), Reason::kEnded);
  EXPECT_EQ(catalog.view->NextBoundary(0), 1000);
  EXPECT_EQ(catalog.view->NextBoundary(1000), 2000);
  EXPECT_EQ(catalog.view->NextBoundary(2000), 5000);
  EXPECT_EQ(catalog.view->NextBoundary(5000), std::numeric_limits<std::int64_t>::max());
}

// --- id lists
// ----------------------------------------------------------------------------------------

TEST(IdLists, OfManyIdsTravelAsBlobsAndMissingOnesAreUnsupported) {
  std::string ids;
  for (int i = 0; i < 20'000; ++i) ids += (i == 0 ? "\"u" : ",\"u") + std::to_string(i) + "\"";
  const TestCatalog catalog(
      R"({"project": "p", "segments": {"s": {"unit": "user", "ids": [)" + ids +
      R"(]}}, "experiments": {"e": {"status": "running", "unit": "user", "when": {"segment": "s"},
    "control": "a", "variants": {"a": {}}}}})");
  ASSERT_EQ(catalog.compiled.blobs.size(), 1u);
  EXPECT_EQ(catalog.compiled.blobs[0].bytes->size(), 160'000u);
  EXPECT_TRUE(DecideExperiment(*catalog.view, "e", Subject("user", "u19999"), {}).in_experiment());
  EXPECT_EQ(DecideExperiment(*catalog.view, "e", Subject("user", "u20000"), {}).reason,
            Reason::kTargeting);
  EXPECT_TRUE(catalog.view->missing_blobs().empty());

  catalog::Interner interner;
  const auto without = catalog::View::Load(
      std::make_shared<const std::string>(catalog.compiled.bytes), {.interner = &interner});
  ASSERT_TRUE(without.ok());
  EXPECT_EQ(DecideExperiment(**without, "e", Subject("user", "u1"), {}).reason,
            Reason::kUnsupported);
  ASSERT_EQ((*without)->missing_blobs().size(), 1u);
  EXPECT_EQ((*without)->missing_blobs()[0], catalog.compiled.blobs[0].name);
  EXPECT_TRUE((*without)->loaded_blobs().empty());

  // A client fetches what is missing and loads again; the next catalog finds the list at hand.
  const auto fetched =
      catalog::MakeBlob((*without)->missing_blobs()[0], *catalog.compiled.blobs[0].bytes);
  ASSERT_TRUE(fetched.ok());
  const auto completed =
      catalog::View::Load((*without)->bytes(), {.interner = &interner, .blobs = {&*fetched, 1}});
  ASSERT_TRUE(completed.ok());
  EXPECT_TRUE(DecideExperiment(**completed, "e", Subject("user", "u1"), {}).in_experiment());
  const auto next = catalog::View::Load(
      (*without)->bytes(), {.interner = &interner, .blobs = (*completed)->loaded_blobs()});
  ASSERT_TRUE(next.ok());
  EXPECT_TRUE((*next)->missing_blobs().empty());

  auto changed = std::make_shared<std::string>(*catalog.compiled.blobs[0].bytes);
  (*changed)[100] = static_cast<char>((*changed)[100] + 1);
  const catalog::Blob wrong = {catalog.compiled.blobs[0].name, changed};
  EXPECT_FALSE(catalog::View::Load(std::make_shared<const std::string>(catalog.compiled.bytes),
                                   {.interner = &interner, .blobs = {&wrong, 1}})
                   .ok());
}

TEST(Load, WithoutAMatcherMakesMatchesUnsupportedOnly) {
  const TestCatalog catalog(R"({"project": "p", "attributes": {"x": "string"}, "experiments": {
    "e": {"status": "running", "unit": "user", "when": {"attribute": "x", "matches": "a"}, "control": "a", "variants": {"a": {}}},
    "f": {"status": "running", "unit": "user", "control": "a", "variants": {"a": {}}}}})");
  catalog::Interner interner;
  const auto view = catalog::View::Load(std::make_shared<const std::string>(catalog.compiled.bytes),
                                        {.interner = &interner});
  ASSERT_TRUE(view.ok()) << view.status();
  const Subject subject("user", "u");
  EXPECT_EQ(DecideExperiment(**view, "e", subject, {}).reason, Reason::kUnsupported);
  EXPECT_EQ(DecideExperiment(**view, "f", subject, {}).reason, Reason::kAssigned);
}

// Every prefix of a catalog and every one with a flipped bit is refused, and says why.
TEST(Load, RefusesTruncatedAndFlippedBytes) {
  const TestCatalog catalog(
      R"({"project": "p", "experiments": {"e": {"status": "running", "unit": "user",
    "control": "a", "variants": {"a": {}, "b": {}}}}})");
  const std::string& bytes = catalog.compiled.bytes;
  catalog::Interner interner;
  const auto load = [&](std::string changed) {
    return catalog::View::Load(std::make_shared<const std::string>(std::move(changed)),
                               {.interner = &interner});
  };
  ASSERT_TRUE(load(bytes).ok());
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const auto truncated = load(bytes.substr(0, i));
    ASSERT_EQ(truncated.status().code(), absl::StatusCode::kInvalidArgument) << i;
    for (int bit = 0; bit < 8; ++bit) {
      std::string flipped = bytes;
      flipped[i] = static_cast<char>(flipped[i] ^ (1 << bit));
      ASSERT_FALSE(load(flipped).ok()) << i << " " << bit;
    }
  }
}

TEST(Handles, FindTheirExperimentInEveryCatalogOfTheClient) {
  TestCatalog catalog(R"({"project": "p", "experiments": {
    "e": {"status": "running", "unit": "user", "control": "a", "variants": {"a": {}}},
    "f": {"status": "running", "unit": "user", "control": "a", "variants": {"a": {}}}}})");
  const auto handle = catalog.view->ExperimentHandle(catalog.interner.Intern("f"));
  const auto absent = catalog.view->ExperimentHandle(catalog.interner.Intern("g"));
  EXPECT_EQ(catalog.view->FindExperiment(handle)->key.view(), "f");
  EXPECT_EQ(catalog.view->FindExperiment(absent), nullptr);
  const authoring::ParseResult next = authoring::Parse(R"({"project": "p", "experiments": {
    "f": {"status": "running", "unit": "user", "control": "a", "variants": {"a": {}}},
    "g": {"status": "running", "unit": "user", "control": "a", "variants": {"a": {}}}}})");
  const auto view = catalog::View::Load(
      std::make_shared<const std::string>(authoring::Compile(*next.model)->bytes),
      {.interner = &catalog.interner});
  ASSERT_TRUE(view.ok());
  EXPECT_EQ((*view)->FindExperiment(handle)->key.view(), "f");
  EXPECT_EQ((*view)->FindExperiment(absent)->key.view(), "g");
}

}  // namespace
}  // namespace upswing::testing
