#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "sdk/catalog/blob.hpp"
#include "server/authoring/model.hpp"

namespace upswing::authoring {

struct CompileOptions {
  /// Version of the catalog: the server counts it up with every publish.
  std::uint64_t version = 1;
  /// Phase per experiment key, 1 where absent; see `NextPhases`.
  std::map<std::string, std::uint32_t> phases;
};

struct Compiled {
  std::string bytes;                 ///< the catalog as in sdk/schema/catalog.fbs
  std::vector<catalog::Blob> blobs;  ///< id lists of more than 10,000 ids, and `ids_blob`
};

/// Compiles a model without errors. Equal models, versions and phases give equal bytes.
/// kFailedPrecondition: a layered experiment has no buckets and is not alone in its layer, or the
/// bytes of an `ids_blob` are not there.
absl::StatusOr<Compiled> Compile(const Model& model, const CompileOptions& options = {});

/// The ids of a segment as they leave the author's machine: salted hashes.
catalog::Blob HashedList(const Segment& segment);

/// Phases after `previous` (with its phases) is replaced by `next`: an experiment whose iteration
/// is the same and whose weights, order, share, ramp, buckets or split changed is counted up; a new
/// iteration starts at 1.
std::map<std::string, std::uint32_t> NextPhases(const Model& previous,
                                                const std::map<std::string, std::uint32_t>& phases,
                                                const Model& next);

}  // namespace upswing::authoring
