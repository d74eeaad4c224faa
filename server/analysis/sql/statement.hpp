#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "server/analysis/reducer.hpp"

namespace upswing::analysis {

/// What the rows of a statement are about; column `kind`.
enum class SqlKind : std::uint8_t {
  /// Of an arm, phase and attributes: values, and products of each two. In an experiment on
  /// clusters `units` counts observed units, and the number of clusters with a value stands last.
  kCell = 0,
  kFinal = 1,     ///< `slot`: day on which the values became final. Likewise.
  kChange = 2,    ///< `slot`: day; changes of the running values and of their products.
  kDaily = 3,     ///< `slot`: day; values of the day.
  kEntered = 4,   ///< `slot`: day; units that came under observation, less those that left it.
  kCapped = 5,    ///< Removed by the cap, values other than 0; of the covariate likewise.
  kLook = 6,      ///< `slot`: look; values that it is the first to see, with products.
  kBin = 7,       ///< `slot`: the upper 13 bits of a value.
  kUnits = 10,    ///< `slot`: day of the first exposure; number of units that crossed over.
  kRecords = 11,  ///< Exposures, units that were only forced, unknown variants, events.
  kLedger = 12,   ///< `units`, `pending`: mark and number of the ledger's rows.
};

/// The records that a statement looks at: those of units with keys in [first, last] on one server.
struct SqlScope {
  std::string records;  ///< Table.
  std::string counted;  ///< Condition on its rows.
  std::uint64_t first = 0;
  std::uint64_t last = ~std::uint64_t{0};
};

/// The names of the columns that a statement selects:
///
///     kind UInt8, metric UInt16, slot Int64, arm UInt16, phase UInt32, crossed UInt8,
///     one String for each of `report_by`, units Int64, pending Int64, events Int64,
///     sums Array(Float64)
///
/// `arm`: number in `ArmsInOrder`, from 1. Strings are as of `SqlAttribute`.
std::vector<std::string> SqlColumns(const ExperimentSpec& spec);

/// The statement that reduces the units in a scope, in the SQL of ClickHouse 18.16 and newer. A
/// cell may have several rows.
std::string ReduceStatement(const PassOptions& options, const Reducer::Wanted& wanted,
                            const SqlScope& scope);

/// SELECT of a row without numbers in these columns, but for those given.
std::string SqlRow(const ExperimentSpec& spec, SqlKind kind, const std::string& units,
                   const std::string& pending, const std::string& sums);

/// Variants by their keys' bytes, which is how exposures at one time are ordered.
std::vector<std::size_t> ArmsInOrder(const ExperimentSpec& spec);

/// Whether a statement can say what the metric is.
bool SqlKnows(const Plan& plan, std::size_t metric);

}  // namespace upswing::analysis
