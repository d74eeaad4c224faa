#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "sdk/catalog/interner.hpp"
#include "sdk/catalog/view.hpp"
#include "server/authoring/parse.hpp"

namespace upswing::cli {

/// The bytes of a file; an error names the path and what failed.
absl::StatusOr<std::string> ReadFile(const std::string& path);
/// Replaces the file as a whole: readers see the old bytes or the new ones.
absl::Status WriteFile(const std::string& path, std::string_view bytes);

/// Parses a catalog file, and loads the id lists it names (`ids_file`, one id per line, relative to
/// the file). The result has every problem of the file; an error means that it could not be read.
absl::StatusOr<authoring::ParseResult> ParseCatalogFile(const std::string& path);

/// "FILE:LINE:COLUMN: error: PATH: message; fix".
std::string FormatProblem(const std::string& path, const json::Problem& problem);

/// Loads a catalog for deciding: a catalog file (JSON), or bytes written by `upswing catalog
/// compile`. A file with errors is refused with the first one.
absl::StatusOr<std::shared_ptr<const catalog::View>> LoadView(const std::string& path,
                                                              catalog::Interner& interner);

/// Where `catalog compile` writes a large id list of the catalog at `path`.
std::string ListPath(const std::string& path, std::uint64_t name);

}  // namespace upswing::cli
