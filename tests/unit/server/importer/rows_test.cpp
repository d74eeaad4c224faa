#include "server/importer/rows.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace upswing::importer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kMapping[] = R"({"experiment": "spring",
 "unit": {"type": "user", "column": "id"},
 "variant": {"column": "arm", "control": "a", "weights": {"a": 1, "b": 0.5}},
 "time": {"column": "at", "format": "%Y-%m-%d %H:%M:%S"},
 "attributes": {"channel": "source"},
 "metrics": [{"key": "visit", "type": "conversion", "column": "visit"},
             {"key": "spend", "type": "sum", "column": "spend"},
             {"key": "per_visit", "type": "ratio", "numerator": {"event": "spend"}, "denominator": {"event": "visit"}}],
 "covariates": [{"metric": "spend", "column": "history"}]})";

constexpr char kHeader[] = "id,arm,at,source,visit,spend,history\n";

std::string MappingError(std::string_view text) {
  return std::string(ParseMapping("map.json", text).status().message());
}

// The rows as read, or the first error.
struct Result {
  std::vector<Row> rows;
  std::vector<std::string> units;
  std::string error;
};

Result Read(const std::string& csv, std::string_view mapping_text = kMapping) {
  const auto mapping = ParseMapping("map.json", mapping_text);
  EXPECT_TRUE(mapping.ok()) << mapping.status();
  auto reader = RowReader::Open(*mapping, *CsvReader::Open("data.csv", FromMemory(csv)));
  if (!reader.ok()) return {.error = std::string(reader.status().message())};
  Result result;
  Row row;
  for (;;) {
    const absl::StatusOr<bool> more = reader->Next(&row);
    if (!more.ok()) {
      result.error = std::string(more.status().message());
      return result;
    }
    if (!*more) return result;
    result.rows.push_back(row);
    result.units.push_back(row.unit_id);
  }
}

TEST(Rows, ReadNumbersWordsAndTimesAsTheMappingSays) {
  const Result result =
      Read(std::string(kHeader) +
           "u1,a,2020-01-02 03:04:05.250,web,YES, 1.5 ,\nu2,b,1970-01-01 00:00:00,,false,,-2e3\n");
  ASSERT_EQ(result.error, "");
  EXPECT_THAT(result.units, ElementsAre("u1", "u2"));
  EXPECT_EQ(result.rows[0].time_ms, 1'577'934'245'250);
  EXPECT_THAT(result.rows[0].metrics, ElementsAre(1, 1.5, 0));
  EXPECT_EQ(result.rows[1].time_ms, 0);
  EXPECT_THAT(result.rows[1].metrics, ElementsAre(0, 0, 0));
  EXPECT_THAT(result.rows[1].covariates, ElementsAre(-2000));
}

TEST(Rows, NameFileLineAndColumnOfACellThatCannotBeUsed) {
  const auto error = [](const std::string& row) {
    return Read(std::string(kHeader) + "u1,a,2020-01-01 00:00:00,x,1,1,1\n" + row).error;
  };
  EXPECT_EQ(error("u,a,2020-01-01 00:00:00,x,abc,1,1\n"),
            "data.csv:3: column \"visit\": \"abc\" is not a number, true, false, yes or no");
  EXPECT_THAT(error("u,a,2020-01-01 00:00:00,x,1,nan,1\n"),
              HasSubstr("data.csv:3: column \"spend\": \"nan\""));
  EXPECT_THAT(
      error("u,a,01/02/2020,x,1,1,1\n"),
      HasSubstr("data.csv:3: column \"at\": \"01/02/2020\" is not a time of the form %Y-%m-%d"));
  EXPECT_THAT(error(",a,2020-01-01 00:00:00,x,1,1,1\n"),
              HasSubstr("data.csv:3: column \"id\": the unit's id is empty"));
  EXPECT_THAT(error("u,c,2020-01-01 00:00:00,x,1,1,1\n"),
              HasSubstr("data.csv:3: column \"arm\": \"c\" is not a variant"));
}

TEST(Rows, GoOnAfterABadRow) {
  const auto mapping = ParseMapping("map.json", kMapping);
  auto reader = RowReader::Open(
      *mapping,
      *CsvReader::Open("data.csv", FromMemory(std::string(kHeader) +
                                              ",a,x,x,1,1,1\nu2,a,2020-01-01 00:00:00,x,1,1,1\n")));
  Row row;
  EXPECT_FALSE(reader->Next(&row).ok());
  const absl::StatusOr<bool> next = reader->Next(&row);
  ASSERT_TRUE(next.ok());
  EXPECT_EQ(row.unit_id, "u2");
}

TEST(Rows, WithoutUnitAndTimeEachRowIsAUnitAtOneInstant) {
  const Result result = Read(
      "arm,v\na,1\na,1\n",
      R"({"experiment": "e", "variant": {"column": "arm", "control": "a"}, "metrics": [{"key": "v", "type": "sum", "column": "v"}]})");
  ASSERT_EQ(result.error, "");
  EXPECT_THAT(result.units, ElementsAre("e:1", "e:2"));
  EXPECT_EQ(result.rows[0].time_ms, kTimelessMillis);
  EXPECT_EQ(result.rows[1].time_ms, kTimelessMillis);
}

TEST(Rows, AWrongColumnNameIsNamedInTheMappingWithTheNearestOne) {
  EXPECT_EQ(Read("id,arm,at,source,visits,spend,history\n").error,
            "map.json:6:63: $.metrics[0].column: the data has no column \"visit\"; did you mean "
            "\"visits\"?");
}

TEST(Mapping, NamesFileLineColumnAndPathOfEachMistake) {
  EXPECT_THAT(MappingError("{"), HasSubstr("map.json:1:2: $:"));
  EXPECT_THAT(MappingError("{\"experiment\": \"e\",\n \"varient\": 1}"),
              HasSubstr("map.json:2:2: $.varient: unknown key"));
  EXPECT_THAT(MappingError(R"({"experiment": "e"})"), HasSubstr("\"variant\" is missing"));
  EXPECT_THAT(
      MappingError(
          R"({"experiment": "e", "variant": {"column": "c", "control": "a", "weights": {"b": 1}}, "metrics": []})"),
      HasSubstr("$.variant.control: \"a\" has no weight"));
  EXPECT_THAT(
      MappingError(
          R"({"experiment": "e", "variant": {"column": "c", "control": "a"}, "metrics": []})"),
      HasSubstr("$.metrics: must be an array with at least one metric"));
  EXPECT_THAT(
      MappingError(
          R"({"experiment": "e", "variant": {"column": "c", "control": "a"}, "metrics": [{"key": "m", "type": "sum", "column": "m"}], "covariates": [{"metric": "n", "column": "x"}]})"),
      HasSubstr("$.covariates[0].metric: there is no metric \"n\""));
}

TEST(ExperimentJson, KeepsImportsApartByTheExperimentsKey) {
  const auto mapping = ParseMapping("map.json", kMapping);
  const auto json = nlohmann::json::parse(ExperimentJson(*mapping, {"a", "b"}));
  EXPECT_EQ(json["variants"]["b"]["weight"], 500000);
  EXPECT_EQ(json["metrics"]["spend"]["event"], "spring.spend");
  EXPECT_EQ(json["metrics"]["spend"]["covariate"]["event"], "spring.spend.before");
  EXPECT_EQ(json["metrics"]["per_visit"]["numerator"]["event"], "spring.spend");
  EXPECT_EQ(json["report_by"][0], "channel");
}

}  // namespace
}  // namespace upswing::importer
