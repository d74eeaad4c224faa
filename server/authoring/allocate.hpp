#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <string_view>
#include <vector>

#include "server/json/document.hpp"

namespace upswing::authoring {

struct Allocated {
  /// The file with its buckets, all else as it was, byte for byte.
  std::string text;
  /// What changed, one line each, e.g. `one_tap: 200000 buckets of layer "checkout"`.
  std::vector<std::string> changes;
};

/// Gives every draft or running experiment of a layer its buckets, and takes them from stopped and
/// archived ones. An experiment gets `share` of the layer; those without `share` divide what is
/// left equally. Buckets that are given stay, unless `share` changed: then some are added or
/// removed.
///
/// Free buckets are taken in blocks of 10,000 in the order of a hash of (layer, experiment,
/// iteration, block), so that an experiment on re-used traffic gets every earlier experiment's
/// units alike. Pure: the same text gives the same result.
///
/// kInvalidArgument if the file has other errors; kResourceExhausted, naming the experiment, if the
/// layer has not enough free buckets.
absl::StatusOr<Allocated> Allocate(std::string_view text);

}  // namespace upswing::authoring
