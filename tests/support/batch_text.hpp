#pragma once

#include <string>

#include "sdk/wire/batch.hpp"

namespace upswing::testing {

/// Everything a batch says, one fact per line, for comparing with a file or with another batch.
std::string BatchText(const wire::Batch& batch);

}  // namespace upswing::testing
