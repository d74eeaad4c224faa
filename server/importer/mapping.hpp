#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "server/json/document.hpp"

namespace upswing::importer {

/// A column of the data that a mapping names, and where it names it.
struct ColumnRef {
  std::string name;
  std::string path;  ///< JSONPath of the name in the mapping.
  json::Position position;
};

/// How rows of finished experiment data become records: the mapping file of `upswing import`.
struct Mapping {
  struct Weight {
    std::string variant;
    double weight = 1;
  };
  struct Attribute {
    std::string name;
    ColumnRef column;
  };
  struct Metric {
    std::string key;
    std::optional<ColumnRef> column;  ///< Absent for a metric made of other metrics' events.
    const json::Node* definition = nullptr;
  };
  struct Covariate {
    std::string metric;
    ColumnRef column;
  };

  std::string file;          ///< How errors call the mapping.
  std::uint64_t digest = 0;  ///< Of its bytes.
  std::shared_ptr<const json::Parsed> document;

  std::string experiment;
  std::string unit_type = "row";
  std::optional<ColumnRef> unit;  ///< Absent: each row is a unit of its own.
  ColumnRef variant;
  std::string control;
  std::vector<Weight> weights;  ///< Empty: equal weights for the variants found in the data.
  std::optional<ColumnRef> time;
  std::string time_format;
  std::vector<Attribute> attributes;
  std::vector<Metric> metrics;
  std::vector<Covariate> covariates;

  /// `message` as "<file>:<line>:<column>: <path>: <message>".
  absl::Status ErrorAt(const ColumnRef& place, std::string_view message) const;
};

/// Reads a mapping (DESIGN section 8 has its shape). kInvalidArgument names file, line, column and
/// JSON path of the first mistake.
absl::StatusOr<Mapping> ParseMapping(std::string file, std::string_view text);

/// Names of the events that the values of a metric, and its values before the experiment, are
/// imported as. They carry the experiment's key, so that two imports never mix.
std::string EventName(const Mapping& mapping, std::string_view metric);
std::string CovariateEventName(const Mapping& mapping, std::string_view metric);

/// The experiment as a member of a catalog's `experiments`, as JSON text. `variants` are the
/// variants found in the data; they matter where the mapping has no weights.
std::string ExperimentJson(const Mapping& mapping, const std::vector<std::string>& variants);

}  // namespace upswing::importer
