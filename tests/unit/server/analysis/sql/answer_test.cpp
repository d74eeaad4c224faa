#include "server/analysis/sql/answer.hpp"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "server/store/bytes.hpp"

namespace upswing::analysis {
namespace {

using store::PutFixed;
using store::PutVarint;

ExperimentSpec SpecOfOneCount() {
  ExperimentSpec spec;
  spec.unit_type = "user";
  spec.variants = {{"off", 1}, {"on", 1}};
  spec.report_by = {"age"};
  metrics::MetricDefinition count;
  count.key = "views";
  count.type = metrics::MetricType::kCount;
  count.events.events = {"view"};
  spec.metrics = {count};
  return spec;
}

// As a server sends it.
std::string Bytes(const SqlSums& row, const std::string& attribute) {
  std::string out;
  PutFixed(static_cast<std::uint8_t>(row.kind), &out);
  PutFixed(static_cast<std::uint16_t>(row.metric), &out);
  PutFixed(row.slot, &out);
  PutFixed(static_cast<std::uint16_t>(row.arm), &out);
  PutFixed(row.phase, &out);
  PutFixed(static_cast<std::uint8_t>(row.crossed), &out);
  PutVarint(attribute.size(), &out);
  out += attribute;
  PutFixed(row.units, &out);
  PutFixed(row.pending, &out);
  PutFixed(row.events, &out);
  PutVarint(row.sums.size(), &out);
  for (const double sum : row.sums) PutFixed(sum, &out);
  return out;
}

// Three units with the values 1, 2 and 4, and one whose window is open.
SqlSums Cell() {
  SqlSums row;
  row.arm = 2;
  row.phase = 1;
  row.units = 3;
  row.pending = 1;
  row.events = 7;
  row.sums = {7, 21};
  return row;
}

TEST(SqlAnswer, GivesEachCellItsSums) {
  const ExperimentSpec spec = SpecOfOneCount();
  const auto plan = Plan::Compile(spec);
  ASSERT_TRUE(plan.ok()) << plan.status();
  const auto rows = ReadSums(spec, Bytes(Cell(), "1:42"));
  ASSERT_TRUE(rows.ok()) << rows.status();
  PassState state(*plan, 5, nullptr);
  ASSERT_TRUE(AddSums(*plan, *rows, &state).ok());
  ASSERT_TRUE(AddSums(*plan, *rows, &state).ok());
  // Arms are numbered from 1 in the order of their keys: "off", "on".
  const ArmState& arm = state.arms[1];
  for (const CellState* cell :
       {&arm.phases.at(1).metrics[0], &arm.segments.at({0, "42"}).metrics[0]}) {
    EXPECT_EQ(cell->units, 6);
    EXPECT_EQ(cell->pending, 2);
    EXPECT_EQ(cell->events, 14);
    const auto sums = cell->sums.ToMomentSums();
    EXPECT_EQ(sums.n(), 6);
    EXPECT_EQ(sums.sum(0).Round(), 14);
    EXPECT_EQ(sums.product(0, 0).Round(), 42);
  }
}

TEST(SqlAnswer, IsRefusedWhereverItIsCutOff) {
  const ExperimentSpec spec = SpecOfOneCount();
  const std::string whole = Bytes(Cell(), "1:42") + Bytes(Cell(), "0:x");
  EXPECT_EQ(ReadSums(spec, whole)->size(), 2u);
  const std::size_t first = Bytes(Cell(), "1:42").size();
  for (std::size_t size = 1; size < whole.size(); ++size)
    EXPECT_EQ(ReadSums(spec, whole.substr(0, size)).ok(), size == first) << size;
}

TEST(SqlAnswer, IsRefusedIfARowHasNoPlace) {
  const ExperimentSpec spec = SpecOfOneCount();
  const auto plan = Plan::Compile(spec);
  ASSERT_TRUE(plan.ok()) << plan.status();
  const auto added = [&](const SqlSums& row) {
    PassState state(*plan, 5, nullptr);
    return AddSums(*plan, {row}, &state).ok();
  };
  EXPECT_TRUE(added(Cell()));
  SqlSums row = Cell();
  row.arm = 3;
  EXPECT_FALSE(added(row)) << "there are two arms";
  row = Cell();
  row.metric = 1;
  EXPECT_FALSE(added(row)) << "there is one metric";
  row = Cell();
  row.sums.push_back(1);
  EXPECT_FALSE(added(row)) << "one variable has one product";
  row = Cell();
  row.kind = SqlKind::kDaily;
  row.slot = 5;
  EXPECT_FALSE(added(row)) << "there are five days";
  row.kind = SqlKind::kLook;
  row.slot = 0;
  EXPECT_FALSE(added(row)) << "there are no looks";
}

}  // namespace
}  // namespace upswing::analysis
