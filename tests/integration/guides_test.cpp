// The pages of docs/guides do what they say: their commands are run as they stand, in order, in an
// empty folder, and end in the decisions that the pages draw from them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <regex>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "tests/support/paths.hpp"
#include "tests/support/process.hpp"

namespace upswing {
namespace {

using ::testing::HasSubstr;

// All ```sh blocks of a page.
std::string CommandsOf(const std::string& page) {
  std::ifstream file(testing::SourceDir() / "docs/guides" / page);
  std::string commands;
  std::string line;
  bool inside = false;
  while (std::getline(file, line)) {
    if (line.starts_with("```")) {
      inside = line == "```sh";
    } else if (inside) {
      commands += line + "\n";
    }
  }
  return commands;
}

std::string PageText(const std::string& page) {
  std::ifstream file(testing::SourceDir() / "docs/guides" / page);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Everything that a page prints as output (```text) or says in numbers must have been printed by
// its commands, or stand in the sample's files: a page cannot go stale unnoticed.
void ExpectThePageSaysWhatItsCommandsPrint(const std::string& page, const std::string& printed,
                                           const std::string& sample) {
  std::string known = printed;
  for (const auto& entry :
       std::filesystem::directory_iterator(testing::SourceDir() / "samples" / sample)) {
    std::ifstream file(entry.path());
    known.append(std::istreambuf_iterator<char>(file), {});
  }
  const auto trimmed = [](const std::string& line) {
    const auto from = line.find_first_not_of(' ');
    return from == std::string::npos ? "" : line.substr(from);
  };
  std::istringstream lines(PageText(page));
  std::string inside;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with("```")) {
      inside = inside.empty() ? line.substr(3) + "\n" : "";
    } else if (inside == "text\n") {
      EXPECT_THAT(printed, HasSubstr(trimmed(line))) << page << ": nothing prints this line";
    } else if (inside.empty()) {
      // A percentage, or a number with two digits or more after its point.
      static const std::regex kNumber(R"(([0-9][0-9,]*(?:\.[0-9]+)?) %|[0-9]+\.[0-9]{2,})");
      for (std::sregex_iterator at(line.begin(), line.end(), kNumber), end; at != end; ++at) {
        const std::string number = at->str();
        // "3 %" may stand in a sample's file as 0.03.
        std::ostringstream share;
        if (at->str(1) != "") share << std::stod(at->str(1)) / 100;
        EXPECT_TRUE(known.find(number) != std::string::npos ||
                    (at->str(1) != "" && known.find(share.str()) != std::string::npos))
            << page << ": nothing prints " << number << " of: " << line;
      }
    }
  }
}

class Guides : public ::testing::Test {
 protected:
  std::string Run(const std::string& page) {
    const std::string commands = CommandsOf(page);
    EXPECT_NE(commands, "") << page;
    std::filesystem::create_directory_symlink(testing::SourceDir() / "samples",
                                              folder_ / "samples");
    const auto finished =
        testing::RunProgram({"/bin/sh", "-c",
                             "set -eu; cd '" + (folder_ / "") + "'; PATH='" +
                                 testing::BinDir().string() + "':$PATH\n" + commands});
    EXPECT_EQ(finished.status, 0) << finished.err << finished.out;
    return finished.out;
  }

  nlohmann::json Report(const std::string& experiment, const std::string& data) {
    const auto finished =
        testing::RunProgram({testing::Upswing(), "report", experiment, "--data", folder_ / data,
                             "--format", "json", "--as-of", "2026-03-20T00:00:00Z"});
    EXPECT_EQ(finished.status, 0) << finished.err;
    return nlohmann::json::parse(finished.out);
  }
  static double Lift(const nlohmann::json& comparisons, const std::string& metric) {
    for (const auto& comparison : comparisons) {
      if (comparison["metric"] == metric && comparison["relative"]["estimate"].is_number())
        return comparison["relative"]["estimate"].get<double>();
    }
    return 0;
  }

  const testing::TemporaryFolder folder_;
};

TEST_F(Guides, TheFeedShopEndsInShip) {
  ExpectThePageSaysWhatItsCommandsPrint("feed-shop.md", Run("feed-shop.md"), "feed_shop");
  const auto report = Report("one_tap", "feed");
  EXPECT_EQ(report["decision"]["action"], "ship") << report["decision"];
  EXPECT_THAT(report["decision"]["reason"], HasSubstr("purchase_conversion"));
  EXPECT_TRUE(report["health"]["ok"].get<bool>());
}

TEST_F(Guides, TheCommunityShopEndsInHarmToRetentionAlthoughClicksRise) {
  const std::string out = Run("community-shop.md");
  EXPECT_THAT(out, HasSubstr("preference for clicks  +"));
  ExpectThePageSaysWhatItsCommandsPrint("community-shop.md", out, "community_shop");
  const auto report = Report("note_ranking", "community");
  EXPECT_EQ(report["decision"]["action"], "stop_harm") << report["decision"];
  EXPECT_THAT(report["decision"]["reason"], HasSubstr("retention_d7"));
  EXPECT_GT(Lift(report["comparisons"], "note_ctr"), 0.1);
  // The lift of single days fades.
  std::vector<double> lifts;
  for (const auto& day : report["days"]) {
    if (!day["cumulative"].get<bool>()) lifts.push_back(Lift(day["comparisons"], "note_ctr"));
  }
  ASSERT_GT(lifts.size(), 8u);
  EXPECT_GT(lifts[0], 2 * lifts[7]);
}

TEST_F(Guides, TheLiveShopKeepsTheCouponForTier2Only) {
  const std::string out = Run("live-shop.md");
  ExpectThePageSaysWhatItsCommandsPrint("live-shop.md", out, "live_shop");
  for (const auto& [experiment, action] : {std::pair("coupon_tier1", "stop_harm"),
                                           {"coupon_tier2", "ship"},
                                           {"coupon_tier3", "stop_harm"}}) {
    const auto report = Report(experiment, "live");
    EXPECT_EQ(report["decision"]["action"], action) << experiment << report["decision"];
    EXPECT_THAT(report["decision"]["reason"], HasSubstr("contribution_per_user"));
    for (const auto& comparison : report["comparisons"]) {
      if (comparison["metric"] != "promotion_roi") continue;
      const auto ci = comparison["absolute"]["ci"];
      EXPECT_TRUE(action == std::string("ship") ? ci[0] > 1 : ci[1] < 1) << experiment << ci;
    }
  }
}

TEST_F(Guides, AnAnalystsMetricIsInTheReportOfExistingData) {
  EXPECT_THAT(Run("metrics.md"), HasSubstr("\n  beauty_buyers\n    off "));
}

// Each definition of the page's table, taken literally, is a metric of the report.
TEST_F(Guides, EveryShapeOfAMetricIsInTheReport) {
  Run("metrics.md");
  const std::string file = folder_ / "catalog.json";
  std::ifstream in(file);
  auto catalog = nlohmann::ordered_json::parse(in);
  const std::string page = PageText("metrics.md");
  static const std::regex kRow(R"(\| [^|]+\? \| `(\{.*\})` \|)");
  int shapes = 0;
  for (std::sregex_iterator at(page.begin(), page.end(), kRow), end; at != end; ++at) {
    const std::string key = "shape_" + std::to_string(shapes++);
    catalog["metrics"][key] = nlohmann::ordered_json::parse(at->str(1));
    catalog["experiments"]["one_tap"]["plan"]["secondary"].push_back(key);
  }
  EXPECT_GE(shapes, 5);
  std::ofstream(file) << catalog;
  const auto published = testing::RunProgram(
      {testing::Upswing(), "catalog", "publish", file, "--data", folder_ / "shop"});
  ASSERT_EQ(published.status, 0) << published.err;
  const auto report = Report("one_tap", "shop");
  for (int i = 0; i < shapes; ++i) {
    const auto& metric = report["variants"][1]["metrics"]["shape_" + std::to_string(i)];
    EXPECT_TRUE(metric["mean"].is_number()) << i << metric;
  }
}

TEST_F(Guides, TheSimulationPageRuns) {
  EXPECT_THAT(Run("simulation.md"), HasSubstr("The truth behind the simulated shop"));
}

}  // namespace
}  // namespace upswing
