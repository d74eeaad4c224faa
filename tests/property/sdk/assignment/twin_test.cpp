// The evaluator agrees with its slow twin on random catalogs and subjects: every operator, scheme
// and step, overrides and stored assignments.
//
// `--pairs=N` (default 100,000) sets how many (catalog, subject) pairs are compared; a full run has
// a million or more. Every pair compares all experiments and flags of its catalog.

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "sdk/assignment/evaluate.hpp"
#include "sdk/assignment/explain.hpp"
#include "tests/support/catalog_fixture.hpp"
#include "tests/support/random_catalog.hpp"
#include "tests/support/slow_evaluator.hpp"
#include "upswing/subject.hpp"

namespace upswing::testing {
namespace {

std::uint64_t pairs = 100'000;

struct StickyMap final : assignment::StickyReader {
  explicit StickyMap(const SlowEvaluator::Sticky& from) : map(from) {}
  std::optional<assignment::StickyAssignment> Find(std::string_view type, std::string_view id,
                                                   std::string_view key) const override {
    const auto found = map.find({std::string(type), std::string(id), std::string(key)});
    if (found == map.end()) return std::nullopt;
    return assignment::StickyAssignment{found->second.first, found->second.second};
  }
  const SlowEvaluator::Sticky& map;
};

struct OverrideMap final : assignment::OverrideReader {
  explicit OverrideMap(const SlowEvaluator::Overrides& from) : map(from) {}
  std::optional<std::string_view> Find(std::string_view key) const override {
    const auto found = map.find(std::string(key));
    if (found == map.end()) return std::nullopt;
    return found->second;
  }
  const SlowEvaluator::Overrides& map;
};

json ToJson(const Value& value) {
  if (value.as_bool()) return *value.as_bool();
  if (value.as_int()) return *value.as_int();
  if (value.as_double()) return *value.as_double();
  if (value.as_text()) return std::string(*value.as_text());
  return nullptr;
}

std::string Show(const SlowDecision& d) {
  return d.reason + " " + d.variant.value_or("-") + " " +
         (d.bucket ? std::to_string(*d.bucket) : "-") + " " + d.value.dump(-1, ' ', true);
}

SlowDecision FromFast(const Decision& d) {
  SlowDecision out;
  out.reason = ReasonName(d.reason);
  if (d.in_experiment()) out.variant = std::string(d.variant());
  if (d.bucket != Decision::kNoBucket) out.bucket = d.bucket;
  out.value = ToJson(d.value);
  return out;
}

TEST(Evaluator, AgreesWithItsSlowTwinOnRandomCatalogsAndSubjects) {
  constexpr std::uint64_t kSubjects = 200;
  std::map<std::string, std::uint64_t> reasons;
  for (std::uint64_t c = 0; c < (pairs + kSubjects - 1) / kSubjects; ++c) {
    Generator generate(c);
    json file = generate.Catalog();
    const std::string text = file.dump();
    TestCatalog catalog(text);
    // nlohmann's object is sorted, and the file was written from it.
    file["experiment_order"] = json::array();
    for (const auto& [key, e] : file["experiments"].items())
      file["experiment_order"].push_back(key);
    const SlowEvaluator::Sticky sticky = generate.Sticky(file);
    const StickyMap reader(sticky);
    const std::int64_t now = SlowTime(generate.Pick(kTimes));
    const SlowEvaluator::Overrides overrides = generate.Overrides(file);
    const OverrideMap override_reader(overrides);
    const SlowEvaluator slow(file, now, sticky, overrides);
    const assignment::Environment environment{
        .now_ms = now,
        .sticky = &reader,
        .overrides = overrides.empty() ? nullptr : &override_reader};
    for (std::uint64_t s = 0; s < kSubjects; ++s) {
      const SlowSubject slow_subject = generate.RandomSubject();
      const Subject subject = generate.Fast(slow_subject);
      for (const auto& e : catalog.view->experiments()) {
        const std::string key(e.key.view());
        const SlowDecision expected = slow.Experiment(key, slow_subject);
        const Decision decision =
            assignment::DecideExperiment(*catalog.view, key, subject, environment);
        ++reasons[expected.reason];
        ASSERT_EQ(Show(FromFast(decision)), Show(expected))
            << key << " seed " << c << " subject " << s << "\n"
            << text << "\n"
            << assignment::ExplainExperiment(*catalog.view, key, subject, environment).text;
      }
      for (const auto& f : catalog.view->flags()) {
        const std::string key(f.key.view());
        const SlowDecision expected = slow.Flag(key, slow_subject);
        const Decision decision = assignment::DecideFlag(*catalog.view, key, subject, environment);
        ++reasons["flag " + expected.reason];
        ASSERT_EQ(Show(FromFast(decision)), Show(expected))
            << key << " seed " << c << " subject " << s << "\n"
            << text << "\n"
            << assignment::ExplainFlag(*catalog.view, key, subject, environment).text;
      }
    }
  }
  // The comparison is worth something only if every step decided often.
  for (const char* reason :
       {"assigned", "sticky", "forced", "disabled", "missing_unit", "not_started", "ended",
        "holdout", "prerequisite", "targeting", "layer", "traffic", "flag rule", "flag assigned"}) {
    EXPECT_GT(reasons[reason], pairs / 1000) << reason;
  }
}

}  // namespace
}  // namespace upswing::testing

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  const std::string flag = "--pairs=";
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument.rfind(flag, 0) == 0) {
      upswing::testing::pairs = std::strtoull(argument.c_str() + flag.size(), nullptr, 10);
    }
  }
  return RUN_ALL_TESTS();
}
