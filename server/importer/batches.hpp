#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "sdk/wire/batch_id.hpp"
#include "server/importer/mapping.hpp"

namespace upswing::importer {

/// What to do with a row that cannot be read.
enum class OnBadRow : std::uint8_t { kFail, kSkip };

/// A first look at the whole data: nothing is sent before every row has been read once.
struct Survey {
  std::int64_t rows = 0;              ///< Usable ones.
  std::int64_t skipped = 0;           ///< With `kSkip` only.
  std::string first_skipped;          ///< Why the first of them was.
  std::vector<std::string> variants;  ///< Found in the data, in byte order.
  std::uint64_t digest = 0;           ///< Of the file's bytes.
};

/// Reads all of `path`. Errors name file, line and column.
absl::StatusOr<Survey> SurveyFile(const std::string& path, const Mapping& mapping,
                                  OnBadRow on_bad_row);

/// A formed batch. Its id and bytes depend on the bytes of file and mapping only, so that importing
/// twice sends the same batches, which the server drops.
struct Batch {
  wire::BatchId id;
  std::string bytes;
  std::int64_t records = 0;
  std::int64_t clock_error_ms = 0;  ///< By which the sender's wall clock is ahead.
};

/// Forms the batches of `path` in order and hands each to `take`; stops at the first error.
absl::Status MakeBatches(const std::string& path, const Mapping& mapping, const Survey& survey,
                         OnBadRow on_bad_row, const std::function<absl::Status(Batch)>& take);

/// `catalog` (JSON as published; empty if there is none) of `project` with the imported experiment
/// in it. Empty if the experiment is there already. kAlreadyExists if the catalog has another
/// experiment of this key.
absl::StatusOr<std::string> AddToCatalog(const std::string& catalog, const std::string& project,
                                         const Mapping& mapping, const Survey& survey);

}  // namespace upswing::importer
