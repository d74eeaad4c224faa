#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "server/analysis/shard_pass.hpp"
#include "server/analysis/sql/statement.hpp"

namespace upswing::analysis {

/// A row of a statement's answer: `SqlColumns`.
struct SqlSums {
  SqlKind kind = SqlKind::kCell;
  std::size_t metric = 0;
  std::int64_t slot = 0;
  std::size_t arm = 0;
  std::uint32_t phase = 0;
  bool crossed = false;
  std::vector<std::string> attributes;  ///< As an analysis of records shows them.
  std::int64_t units = 0, pending = 0, events = 0;
  std::vector<double> sums;
};

/// Rows in RowBinary. kInternal if these are none.
absl::StatusOr<std::vector<SqlSums>> ReadSums(const ExperimentSpec& spec, std::string_view answer);

/// Adds rows to a state, where a pass would have put the units behind them; those of the ledger are
/// left out. kInternal if a row has no place there.
absl::Status AddSums(const Plan& plan, const std::vector<SqlSums>& rows, PassState* state);

}  // namespace upswing::analysis
