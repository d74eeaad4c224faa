// Real experiments with published results go in through the SDK's wire format and HTTP, and come
// out of the report.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <cmath>
#include <fstream>
#include <sstream>
#include <string>

#include <nlohmann/json.hpp>

#include "tests/support/paths.hpp"
#include "tests/support/process.hpp"

namespace upswing {
namespace {

using nlohmann::json;
using testing::Finished;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;
using testing::RunProgram;
using testing::Server;
using testing::TemporaryFolder;
using testing::Upswing;

constexpr double kCountError = 1e-9;
constexpr double kInferenceError = 1e-6;

void ExpectNear(double actual, double expected, double relative_error, const std::string& what) {
  EXPECT_NEAR(actual, expected, relative_error * std::fabs(expected)) << what;
}

json ReadJson(const std::filesystem::path& path) { return json::parse(std::ifstream(path)); }

void WriteFile(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

json Report(const std::string& experiment, const Server& server) {
  const Finished report =
      RunProgram({Upswing(), "report", experiment, "--server", server.url(), "--format", "json"});
  EXPECT_EQ(report.status, 0) << report.err;
  return json::parse(report.out);
}

Finished Import(const std::string& data, const std::string& mapping, const Server& server) {
  return RunProgram({Upswing(), "import", data, "--mapping", mapping, "--server", server.url()});
}

const json& Metric(const json& report, const std::string& variant, const std::string& metric) {
  for (const json& row : report["variants"]) {
    if (row["key"] == variant) return row["metrics"][metric];
  }
  throw std::runtime_error("no variant " + variant);
}

const json& Comparison(const json& comparisons, const std::string& variant,
                       const std::string& metric) {
  for (const json& row : comparisons) {
    if (row["variant"] == variant && row["metric"] == metric) return row;
  }
  throw std::runtime_error("no comparison of " + variant);
}

constexpr char kHillstromMapping[] = R"({"experiment": "spring_email",
 "variant": {"column": "segment", "control": "No E-Mail", "weights": {"No E-Mail": 1, "Mens E-Mail": 1, "Womens E-Mail": 1}},
 "attributes": {"channel": "channel", "newbie": "newbie"},
 "metrics": [{"key": "visit", "type": "conversion", "column": "visit"},
             {"key": "conversion", "type": "conversion", "column": "conversion"},
             {"key": "spend", "type": "sum", "column": "spend"},
             {"key": "spend_per_visit", "type": "ratio", "numerator": {"event": "spend", "sum": true}, "denominator": {"event": "visit"}}],
 "covariates": [{"metric": "spend", "column": "history"}]})";

class Imported : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::exists(testing::SharedDir() / "data"))
      GTEST_SKIP() << "no ../shared/data";
  }

  std::string Mapping(const std::string& text) {
    const std::string path = folder_ / ("map" + std::to_string(++mappings_) + ".json");
    WriteFile(path, text);
    return path;
  }

  static std::string Data(const std::string& file) {
    return (testing::SharedDir() / "data" / file).string();
  }

  TemporaryFolder folder_;
  int mappings_ = 0;
};

void ExpectHillstrom(const json& report) {
  const json expected = ReadJson(testing::SharedDir() / "data/hillstrom_email/expected.json");
  for (const auto& [variant, metrics] : expected["per_arm"].items()) {
    for (const char* metric : {"visit", "conversion", "spend"}) {
      const json& actual = Metric(report, variant, metric);
      const json& wanted = metrics[metric];
      EXPECT_EQ(actual["units"], wanted["n"]);
      ExpectNear(actual["sum"], wanted["sum"], kCountError, variant + metric);
      ExpectNear(actual["mean"], wanted["mean"], kCountError, variant + metric);
      ExpectNear(actual["variance"], wanted["variance_sample"], kCountError, variant + metric);
    }
  }
  for (const char* variant : {"Mens E-Mail", "Womens E-Mail"}) {
    const json& wanted = expected["comparisons"][std::string(variant) + " vs No E-Mail"];
    for (const char* metric : {"visit", "conversion", "spend"}) {
      const json& actual = Comparison(report["comparisons"], variant, metric);
      ExpectNear(actual["absolute"]["estimate"], wanted[metric]["absolute_lift"], kInferenceError,
                 metric);
      ExpectNear(actual["relative"]["estimate"], wanted[metric]["relative_lift"], kInferenceError,
                 metric);
    }
    const json& spend = Comparison(report["comparisons"], variant, "spend");
    ExpectNear(spend["p_value"], wanted["spend"]["p_two_sided"], kInferenceError, "p");
    const json& ratio = Comparison(report["comparisons"], variant, "spend_per_visit");
    ExpectNear(ratio["absolute"]["estimate"],
               wanted["spend_per_visit_ratio_delta"]["absolute_lift"], kInferenceError, "ratio");
    const json& cuped = wanted["cuped_spend_on_history"]["adjusted"];
    ExpectNear(spend["cuped"]["absolute"]["estimate"], cuped["absolute_lift"], kInferenceError,
               "cuped");
    ExpectNear(spend["cuped"]["p_value"], cuped["p_two_sided"], kInferenceError, "cuped p");
    for (int end : {0, 1}) {
      ExpectNear(spend["absolute"]["ci"][end], wanted["spend"]["ci95_t"][end], kInferenceError,
                 "Welch interval");
      ExpectNear(spend["relative"]["ci"][end], wanted["spend"]["ci95_delta"][end], kInferenceError,
                 "delta interval");
      ExpectNear(spend["cuped"]["absolute"]["ci"][end], cuped["ci95_t"][end], kInferenceError,
                 "cuped interval");
      for (const char* metric : {"visit", "conversion"}) {
        // The published intervals of rates are in terms of p (1 - p) / n in the absolute (Wald) and
        // of the sample variance in the relative case; ours are Welch's, which differ from Wald's
        // by the degrees of freedom only.
        ExpectNear(Comparison(report["comparisons"], variant, metric)["absolute"]["ci"][end],
                   wanted[metric]["ci95_wald"][end], 1e-4, "Wald");
        ExpectNear(Comparison(report["comparisons"], variant, metric)["relative"]["ci"][end],
                   wanted[metric]["ci95_delta"][end], kInferenceError, "delta interval");
      }
    }
  }
  ExpectNear(report["health"]["srm"]["p_value"], expected["srm_three_arms_equal"]["p"],
             kInferenceError, "SRM");
}

TEST_F(Imported, HillstromEmailGivesThePublishedNumbersAndImportingTwiceChangesNothing) {
  Server server(folder_ / "data");
  const std::string mapping = Mapping(kHillstromMapping);
  const Finished first = Import(Data("hillstrom_email/hillstrom.csv.gz"), mapping, server);
  ASSERT_EQ(first.status, 0) << first.err;
  json before = Report("spring_email", server);
  ExpectHillstrom(before);
  const json expected = ReadJson(testing::SharedDir() / "data/hillstrom_email/expected.json");
  for (const json& segment : before["segments"]) {
    if (segment["attribute"] != "channel") continue;
    const json& wanted = expected["comparisons"]["Mens E-Mail vs No E-Mail"]
                                 ["segment_channel_visit"][segment["value"].get<std::string>()];
    const json& actual = Comparison(segment["comparisons"], "Mens E-Mail", "visit");
    ExpectNear(actual["absolute"]["estimate"], wanted["absolute_lift"], kInferenceError, "segment");
    ExpectNear(actual["relative"]["ci"][0], wanted["ci95_delta"][0], kInferenceError, "segment");
  }

  const Finished again = Import(Data("hillstrom_email/hillstrom.csv.gz"), mapping, server);
  ASSERT_EQ(again.status, 0) << again.err;
  EXPECT_THAT(again.out, HasSubstr("0 records stored"));
  json after = Report("spring_email", server);
  before.erase("as_of");
  after.erase("as_of");
  EXPECT_EQ(before, after);

  // The folder tells the same, beside the running server.
  const Finished beside = RunProgram(
      {Upswing(), "report", "spring_email", "--data", folder_ / "data", "--format", "json"});
  ASSERT_EQ(beside.status, 0) << beside.err;
  json from_folder = json::parse(beside.out);
  from_folder.erase("as_of");
  EXPECT_EQ(from_folder, after);
}

TEST_F(Imported, AServerKilledInTheMiddleOfAnImportLosesAndDoublesNothing) {
  // Small, so that the kills fall inside: the pauses between them are a part of the import.
  Server server(folder_ / "data");
  const std::string mapping = Mapping(kHillstromMapping);
  testing::Process import({Upswing(), "import", Data("hillstrom_email/hillstrom.csv.gz"),
                           "--mapping", mapping, "--server", server.url()},
                          folder_ / "import.log");
  for (int kill = 0; kill < 5; ++kill) {
    usleep(30'000);
    server.Kill();
    server.Restart();
  }
  ASSERT_EQ(import.Wait(), 0) << import.Log();
  ExpectHillstrom(Report("spring_email", server));
}

TEST_F(Imported, IntoAFolderWithoutAServerGivesTheSameReport) {
  const Finished import =
      RunProgram({Upswing(), "import", Data("hillstrom_email/hillstrom.csv.gz"), "--mapping",
                  Mapping(kHillstromMapping), "--data", folder_ / "data"});
  ASSERT_EQ(import.status, 0) << import.err;
  const Finished report = RunProgram(
      {Upswing(), "report", "spring_email", "--data", folder_ / "data", "--format", "json"});
  ASSERT_EQ(report.status, 0) << report.err;
  ExpectHillstrom(json::parse(report.out));
}

TEST_F(Imported, OpenBanditGivesThePublishedClickRatesByCampaign) {
  Server server(folder_ / "data");
  const std::string mapping =
      Mapping(R"({"experiment": "policy", "variant": {"column": "policy", "control": "random"},
    "time": {"column": "timestamp", "format": "%Y-%m-%d %H:%M:%S%z"}, "attributes": {"campaign": "campaign"},
    "metrics": [{"key": "click", "type": "conversion", "column": "click"}]})");
  const Finished import = Import(Data("open_bandit_small/obd_men_women.csv.gz"), mapping, server);
  ASSERT_EQ(import.status, 0) << import.err;
  const json expected = ReadJson(testing::SharedDir() / "data/open_bandit_small/expected.json");
  const json report = Report("policy", server);
  const auto check = [](const json& variants, const json& comparisons, const json& wanted) {
    for (const json& variant : variants) {
      const json& arm = wanted[variant["key"] == "random" ? "control" : "treatment"];
      EXPECT_EQ(variant["metrics"]["click"]["units"], arm["n"]);
      EXPECT_EQ(variant["metrics"]["click"]["sum"].get<double>(), arm["x"].get<double>());
      ExpectNear(variant["metrics"]["click"]["variance"], arm["variance_sample"], kCountError,
                 "variance");
    }
    const json& comparison = Comparison(comparisons, "bts", "click");
    EXPECT_NEAR(comparison["absolute"]["estimate"], wanted["absolute_lift"], 1e-12);
    EXPECT_NEAR(comparison["relative"]["estimate"], wanted["relative_lift"], 1e-9);
    for (int end : {0, 1})
      ExpectNear(comparison["relative"]["ci"][end], wanted["ci95_delta"][end], kInferenceError,
                 "delta interval");
  };
  check(report["variants"], report["comparisons"], expected["both_campaigns"]["pooled_click"]);
  ASSERT_EQ(report["segments"].size(), 2u);
  for (const json& segment : report["segments"]) {
    check(segment["variants"], segment["comparisons"],
          expected["campaigns"][segment["value"].get<std::string>()]["click"]);
  }
}

TEST_F(Imported, WebPageStickinessGivesTheTextbooksWelchTest) {
  Server server(folder_ / "data");
  const std::string mapping =
      Mapping(R"({"experiment": "page", "variant": {"column": "Page", "control": "Page A"},
    "metrics": [{"key": "time", "type": "sum", "column": "Time"}]})");
  const Finished import = Import(Data("web_page_stickiness/web_page_data.csv.gz"), mapping, server);
  ASSERT_EQ(import.status, 0) << import.err;
  const json wanted =
      ReadJson(testing::SharedDir() /
               "data/web_page_stickiness/expected.json")["session_time_seconds"]["welch"];
  const json report = Report("page", server);
  const json& comparison = Comparison(report["comparisons"], "Page B", "time");
  EXPECT_EQ(Metric(report, "Page A", "time")["units"], wanted["control"]["n"]);
  // The file holds hundreds of seconds.
  ExpectNear(Metric(report, "Page B", "time")["sum"].get<double>() * 100,
             wanted["treatment"]["sum"], kCountError, "sum");
  ExpectNear(comparison["absolute"]["estimate"].get<double>() * 100, wanted["absolute_lift"],
             kInferenceError, "difference");
  ExpectNear(comparison["p_value"], wanted["p_two_sided"], kInferenceError, "p");
  ExpectNear(comparison["relative"]["estimate"], wanted["relative_lift"], kInferenceError, "lift");
  for (int end : {0, 1}) {
    ExpectNear(comparison["absolute"]["ci"][end].get<double>() * 100, wanted["ci95_t"][end],
               kInferenceError, "interval");
    ExpectNear(comparison["relative"]["ci"][end], wanted["ci95_delta"][end], kInferenceError,
               "delta interval");
  }
}

// The archive has one row per arm: impressions and clicks. Each impression becomes a row.
TEST_F(Imported, UpworthyExamplesGiveThePublishedClickRatesAndSampleRatio) {
  Server server(folder_ / "data");
  const json example =
      ReadJson(testing::SharedDir() / "data/upworthy_exploratory/expected.json")["examples"][0];
  std::string csv = "arm,click\n";
  for (const json& package : example["packages"]) {
    const std::string arm = std::to_string(package["row_in_source"].get<int>());
    for (int i = 0; i < package["impressions"].get<int>(); ++i)
      csv += arm + (i < package["clicks"].get<int>() ? ",1\n" : ",0\n");
  }
  WriteFile(folder_ / "upworthy.csv", csv);
  const std::string control = std::to_string(example["packages"][0]["row_in_source"].get<int>());
  const std::string mapping = Mapping(
      R"({"experiment": "headline", "variant": {"column": "arm", "control": ")" + control + R"("},
    "metrics": [{"key": "click", "type": "conversion", "column": "click"}]})");
  const Finished import = Import(folder_ / "upworthy.csv", mapping, server);
  ASSERT_EQ(import.status, 0) << import.err;
  const json report = Report("headline", server);
  ExpectNear(report["health"]["srm"]["p_value"], example["srm_equal"]["p"], kInferenceError, "SRM");
  for (const json& wanted : example["pairs_vs_first"]) {
    const json& actual = Comparison(report["comparisons"],
                                    std::to_string(wanted["row_in_source"].get<int>()), "click");
    ExpectNear(actual["absolute"]["estimate"], wanted["absolute_lift"], kInferenceError,
               "difference");
    for (int end : {0, 1})
      ExpectNear(actual["relative"]["ci"][end], wanted["ci95_delta"][end], kInferenceError,
                 "delta interval");
  }
}

// Checks of single units are part of a report up to 100,000 units; beyond, they are made beside it
// and later reports have the last ones.
TEST_F(Imported, ChecksOfMoreUnitsThanAReportLooksAtAreMadeBesideIt) {
  constexpr int kUnits = 100'400;
  std::string rows = "unit,variant,gmv\n";
  for (int i = 0; i < kUnits; ++i) {
    const std::uint64_t mixed = static_cast<std::uint64_t>(i) * 6364136223846793005u >> 40;
    rows += "u" + std::to_string(i) + (mixed % 2 == 0 ? ",on," : ",off,") +
            std::to_string(1 + mixed / 2 % 100) + "\n";
  }
  WriteFile(folder_ / "many.csv", rows);
  const std::string mapping =
      Mapping(R"({"experiment": "many", "unit": {"type": "user", "column": "unit"},
      "variant": {"column": "variant", "control": "off"},
      "metrics": [{"key": "gmv", "type": "sum", "column": "gmv"}]})");
  Server server(folder_ / "data");
  ASSERT_EQ(Import(folder_ / "many.csv", mapping, server).status, 0);
  json checks;
  for (int report = 0; report < 600 && checks.is_null(); ++report)
    checks = Report("many", server)["health"]["unit_checks"];
  ASSERT_FALSE(checks.is_null());
  EXPECT_TRUE(checks["as_of"].is_string()) << "made beside a report, not as a part of it";
  EXPECT_EQ(checks["units"], kUnits);
  EXPECT_EQ(checks["share"], 1.0);
  ASSERT_EQ(checks["negative_controls"].size(), 1u);
  EXPECT_EQ(checks["negative_controls"][0]["splits"], 200);
  EXPECT_FALSE(checks["negative_controls"][0]["flagged"]);
}

TEST_F(Imported, MistakesEndWithOneLineThatNamesFileLineAndColumn) {
  Server server(folder_ / "data");
  const auto expect = [&](const std::string& data, const std::string& mapping,
                          const std::string& pattern) {
    const Finished import = Import(data, mapping, server);
    EXPECT_EQ(import.status, 1);
    EXPECT_THAT(import.err, MatchesRegex("upswing: " + pattern + "\n"));
  };
  const std::string hillstrom = Data("hillstrom_email/hillstrom.csv.gz");
  const std::string wrong_column =
      Mapping(R"({"experiment": "e", "variant": {"column": "segment", "control": "No E-Mail"},
 "metrics": [{"key": "spend", "type": "sum", "column": "spent"}]})");
  expect(hillstrom, wrong_column,
         ".*map1.json:2:[0-9]+: .*metrics.*column: the data has no column \"spent\"; did you mean "
         "\"spend\".*");

  const std::string no_number =
      Mapping(R"({"experiment": "e", "variant": {"column": "segment", "control": "No E-Mail"},
 "metrics": [{"key": "zip", "type": "sum", "column": "zip_code"}]})");
  expect(hillstrom, no_number,
         ".*hillstrom.csv.gz:2: column \"zip_code\": \"Surburban\" is not a number, true, false, "
         "yes or no");

  std::ifstream whole(hillstrom, std::ios::binary);
  std::stringstream bytes;
  bytes << whole.rdbuf();
  WriteFile(folder_ / "cut.csv.gz", bytes.str().substr(0, bytes.str().size() / 2));
  expect(folder_ / "cut.csv.gz", Mapping(kHillstromMapping),
         ".*cut.csv.gz:[0-9]+: column \"[a-z_]+\": the gzip data ends early");
  expect(folder_ / "none.csv", Mapping(kHillstromMapping), ".*none.csv: No such file or directory");

  const Finished report =
      RunProgram({Upswing(), "report", "spring_email", "--server", server.url()});
  EXPECT_EQ(report.status, 1) << "a refused file must leave nothing behind";
  EXPECT_EQ(RunProgram({Upswing(), "import", "x.csv"}).status, 2);
}

TEST_F(Imported, BadRowsAreSkippedAndCountedOnlyWhenAskedFor) {
  WriteFile(folder_ / "rows.csv", "arm,v\na,1\na,x\nb,2\n");
  const std::string mapping = Mapping(
      R"({"experiment": "e", "variant": {"column": "arm", "control": "a"}, "metrics": [{"key": "v", "type": "sum", "column": "v"}]})");
  const Finished strict = RunProgram({Upswing(), "import", folder_ / "rows.csv", "--mapping",
                                      mapping, "--data", folder_ / "data"});
  EXPECT_EQ(strict.status, 1);
  const Finished lenient =
      RunProgram({Upswing(), "import", folder_ / "rows.csv", "--mapping", mapping, "--data",
                  folder_ / "data", "--on-bad-row", "skip"});
  EXPECT_EQ(lenient.status, 0) << lenient.err;
  EXPECT_THAT(lenient.out, HasSubstr("1 rows skipped; the first: "));
  EXPECT_THAT(lenient.out, HasSubstr("rows.csv:3: column \"v\": \"x\" is not a number"));
}

}  // namespace
}  // namespace upswing
