#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <string>

#include "tests/support/paths.hpp"

namespace upswing::statistics {
namespace {

// The long form's table of docs/reference/statistics.md, printed by `simulation 20000`.
std::map<std::string, std::string> RowsOfTheTable() {
  std::map<std::string, std::string> rows;
  std::ifstream page(testing::SourceDir() / "docs/reference/statistics.md");
  for (std::string line; std::getline(page, line);) {
    if (!line.starts_with("| ")) continue;
    const std::size_t end = line.find(" | ", 2);
    if (end != std::string::npos) rows[line.substr(2, end - 2)] = line.substr(end);
  }
  return rows;
}

TEST(CombinationTable, EveryCellWasSimulatedAndLiesInsideItsBand) {
  const auto rows = RowsOfTheTable();
  int cells = 0;
  for (const char* const metric : {"mean", "ratio", "quantile", "retention"}) {
    for (const char* const adjustment : {"raw", "cuped", "post-stratified"}) {
      for (const char* const look : {"fixed", "group sequential", "anytime"}) {
        for (const char* const test :
             {"two-sided", "one-sided", "non-inferiority", "coverage of a large effect"}) {
          const std::string name =
              std::string(metric) + " x " + adjustment + " x " + look + " x " + test;
          const auto row = rows.find(name);
          ASSERT_NE(row, rows.end()) << name;
          EXPECT_TRUE(row->second.starts_with(" | 20000 | ")) << name << row->second;
          EXPECT_TRUE(row->second.ends_with(" | ok |")) << name << row->second;
          ++cells;
        }
      }
    }
  }
  EXPECT_EQ(cells, 108 + 36);
}

TEST(CombinationTable, NoRowOfTheLongFormIsOutsideItsBand) {
  for (const auto& [name, row] : RowsOfTheTable())
    EXPECT_EQ(row.find("outside"), std::string::npos) << name << row;
}

}  // namespace
}  // namespace upswing::statistics
