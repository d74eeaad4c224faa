// The vectors of tests/golden/assignment, from the JSON of a catalog file to the variant.

#include "tests/support/golden.hpp"

#include <gtest/gtest.h>

#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "sdk/assignment/evaluate.hpp"
#include "sdk/assignment/explain.hpp"
#include "sdk/base/hash.hpp"
#include "tests/support/catalog_fixture.hpp"
#include "tests/support/paths.hpp"

namespace upswing::testing {
namespace {

std::string ReadGolden(const std::string& name) {
  std::ifstream file(SourceDir() / "tests/golden/assignment" / name, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::vector<std::vector<std::string>> ReadCsv(const std::string& name) {
  std::stringstream text(ReadGolden(name));
  std::vector<std::vector<std::string>> rows;
  std::string line;
  std::getline(text, line);  // names
  while (std::getline(text, line)) {
    std::vector<std::string> cells(1);
    for (const char c : line) {
      if (c == ',') {
        cells.emplace_back();
      } else {
        cells.back() += c;
      }
    }
    rows.push_back(std::move(cells));
  }
  return rows;
}

std::string FromHex(const std::string& text) {
  const std::size_t star = text.find('*');
  std::string bytes;
  for (std::size_t i = 0; i + 1 < std::min(star, text.size()) + (star == std::string::npos ? 0 : 1);
       i += 2) {
    bytes += static_cast<char>(std::stoul(text.substr(i, 2), nullptr, 16));
  }
  return star == std::string::npos ? bytes
                                   : std::string(std::stoul(text.substr(star + 1)), bytes[0]);
}

TEST(AssignmentHash, GivesTheGoldenBuckets) {
  const auto rows = ReadCsv("buckets.csv");
  ASSERT_GT(rows.size(), 100u);
  for (const auto& row : rows) {
    const std::uint64_t h = base::Hash64(FromHex(row[0]));
    const std::uint64_t s = base::Hash64(FromHex(row[1]));
    ASSERT_EQ(h, std::stoull(row[2], nullptr, 16)) << row[0];
    ASSERT_EQ(s, std::stoull(row[3], nullptr, 16)) << row[1];
    ASSERT_EQ(base::Bucket(h, s), std::stoul(row[4])) << row[0] << " " << row[1];
  }
}

TEST(Evaluator, GivesTheGoldenDecisions) {
  const TestCatalog catalog(ReadGolden("catalog.json"));
  const auto rows = ReadCsv("decisions.csv");
  ASSERT_GT(rows.size(), 1000u);
  for (const auto& row : rows) {
    const Subject subject("user", FromHex(row[1]));
    const Decision decision = assignment::DecideExperiment(*catalog.view, row[0], subject, {});
    ASSERT_EQ(ReasonName(decision.reason), row[2]) << row[0] << " " << row[1];
    ASSERT_EQ(decision.variant(), row[3]) << row[0] << " " << row[1];
    ASSERT_EQ(decision.bucket == Decision::kNoBucket ? "" : std::to_string(decision.bucket),
              row[4]);
  }
}

// The log for people, of one unit that passes every kind of step and one that fails in each place.
TEST(Explain, PrintsTheGoldenLogs) {
  const TestCatalog catalog(ReadGolden("explain.json"));
  Subject subject("user", "u-2");
  subject.Set("country", "CN")
      .Set("app_version", "8.10.0")
      .Set("age", 30)
      .Set("tags", {"new", "vip"});
  subject.Set("since", Subject::Time(std::chrono::seconds(1'700'000'000)));
  const assignment::Environment environment{.now_ms = 1'794'000'000'000};
  std::string text;
  for (const auto& experiment : catalog.view->experiments()) {
    text +=
        assignment::ExplainExperiment(*catalog.view, experiment.key.view(), subject, environment)
            .text;
  }
  for (const auto& flag : catalog.view->flags()) {
    text += assignment::ExplainFlag(*catalog.view, flag.key.view(), subject, environment).text;
  }
  text += assignment::ExplainExperiment(*catalog.view, "nowhere", subject, environment).text;
  EXPECT_TRUE(MatchesGolden("assignment/explain.txt", text));
}

}  // namespace
}  // namespace upswing::testing
