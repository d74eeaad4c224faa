#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/store/embedded/database.hpp"

namespace upswing::store {

/// The table `meta`: single values by name, each with a checksum.

/// kNotFound; kDataLoss, which names the key, if the value is not what was written.
absl::StatusOr<std::string> MetaValue(Database* database, std::string_view key);

absl::Status SetMeta(Database* database, std::string_view key, std::string_view value);

struct MetaRow {
  std::string key;
  std::string value;
  bool damaged = false;
};
/// Those whose keys begin with `prefix`, in order.
absl::StatusOr<std::vector<MetaRow>> MetaRows(Database* database, std::string_view prefix);

/// "meta KEY", as errors and reports call it.
std::string MetaLabel(std::string_view key);

}  // namespace upswing::store
