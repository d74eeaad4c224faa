#pragma once

#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "sdk/catalog/interner.hpp"
#include "sdk/catalog/view.hpp"
#include "server/authoring/compile.hpp"

namespace upswing::evaluation {

/// The compiled catalog in force, ready for decisions by the server: the same view as an SDK's.
/// Outlives every view that it gave. Thread-safe.
class LiveView {
 public:
  /// The view of the catalog `version`; loads it when the version is another than at the last call.
  absl::StatusOr<std::shared_ptr<const catalog::View>> For(std::uint64_t version,
                                                           const std::string& bytes,
                                                           const std::vector<catalog::Blob>& blobs);

 private:
  catalog::Interner interner_;
  std::mutex mutex_;
  std::uint64_t version_ = 0;                  // with mutex_
  std::shared_ptr<const catalog::View> view_;  // with mutex_
};

}  // namespace upswing::evaluation
