#pragma once

#include <absl/status/status.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/authoring/model.hpp"
#include "server/json/document.hpp"

namespace upswing::authoring {

struct ParseResult {
  /// Absent only if the text is no JSON object. Present with problems too, as far as it could be
  /// read.
  std::optional<Model> model;
  /// Everything wrong with the file by itself, in the order of the file.
  std::vector<json::Problem> problems;

  /// No problem of severity error.
  bool ok() const;
  /// OK, or kInvalidArgument with the first error and how many follow.
  absl::Status status() const;
};

/// Reads a catalog file and checks all that a single file can show: syntax, keys, types, ranges,
/// references, cycles, ownership of flags, layers, weights, schedules. Pure: no file, no clock.
ParseResult Parse(std::string_view text);

}  // namespace upswing::authoring
