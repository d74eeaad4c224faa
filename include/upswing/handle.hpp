#pragma once

#include <cstdint>

#include "upswing/decision.hpp"

namespace upswing {

/// The key of an experiment or a flag, looked up once by `Client::ExperimentHandle` or
/// `Client::FlagHandle`: deciding with it does not hash the name again. A small value; lives as
/// long as its client, across catalogs, also when the catalog has no such key yet.
struct KeyHandle {
  Symbol key;
  std::uint64_t hash = 0;
  /// Where the key was found; a later catalog in which it moved costs one probe of the index.
  std::uint32_t hint = 0xffffffff;
};

}  // namespace upswing
