#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "platform/port/clock.hpp"
#include "sdk/catalog/interner.hpp"
#include "sdk/catalog/view.hpp"
#include "server/authoring/compile.hpp"

namespace upswing::project {

/// Says which variant the catalog in force gives a unit, to compare it with what devices log. Any
/// thread may call.
class VariantCheck {
 public:
  explicit VariantCheck(const port::Clock* clock) : clock_(clock) {}

  /// Takes a compiled catalog as the one in force.
  absl::Status Use(const std::string& bytes, const std::vector<catalog::Blob>& blobs);

  /// An `ingest::ReEvaluate`. Cannot tell (false) for another version of the catalog, and where the
  /// id alone does not lead to a variant: targeting by attributes, prerequisites, sticky variants.
  bool Variant(std::string_view experiment, std::string_view unit_type, std::string_view unit_id,
               std::uint64_t catalog_version, std::string* variant) const;

 private:
  const port::Clock* clock_;
  catalog::Interner interner_;
  mutable std::mutex mutex_;
  std::shared_ptr<const catalog::View> view_;  // guarded by mutex_
};

}  // namespace upswing::project
