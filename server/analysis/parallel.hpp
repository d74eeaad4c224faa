#pragma once

#include <functional>

#include "absl/status/status.h"

namespace upswing::analysis {

/// Calls work(thread, i) for i in [0, count) from up to `threads` threads; the first error ends it.
absl::Status InParallel(int threads, int count, const std::function<absl::Status(int, int)>& work);

}  // namespace upswing::analysis
