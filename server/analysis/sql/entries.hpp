#pragma once

#include <string>

#include "server/analysis/sql/question.hpp"
#include "server/analysis/sql/steps.hpp"

namespace upswing::analysis {

/// What one row of units adds to a cell, as the expressions of its columns: `SqlKind` says which
/// cell it is, and what `slot` and `sums` are.
struct SqlEntry {
  std::string when = "1";  ///< Whether it adds anything.
  SqlKind kind = SqlKind::kCell;
  std::size_t metric = 0;
  std::string slot = "0";
  std::string units = "0";
  std::string pending = "0";
  std::string events = "0";
  Texts sums;

  std::string Text() const;
};

/// Variables, then the products of each two: the order of `CellSums`.
Texts WithProducts(Texts variables);

/// UInt64: the place of a value in a `Histogram`.
std::string BinOf(const std::string& value);

/// Adds `entries`, an array of what each row adds: `single` to every row, `lists` are arrays.
void AddEntryList(const Texts& single, const Texts& lists, Steps* steps);

/// What a unit adds whatever the metrics are.
void AppendUnitEntries(const Question& question, Texts* single);

/// Adds `entries` of units that are not clusters, after `AddValues`.
void AddEntries(const Question& question, Steps* steps);

}  // namespace upswing::analysis
