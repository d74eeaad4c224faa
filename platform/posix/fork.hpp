#pragma once

#include <atomic>
#include <cstdint>

namespace upswing::posix {

namespace internal {
extern constinit std::atomic<std::uint32_t> fork_generation;
}

/// Rises by one in the child of every fork of this process. One relaxed load.
inline std::uint32_t ForkGeneration() {
  return internal::fork_generation.load(std::memory_order_relaxed);
}

/// Installs the process's fork handler; later calls do nothing. In the child it closes the
/// descriptors that this library holds (files and locks of the parent) and raises `ForkGeneration`;
/// it takes no lock and allocates nothing.
void WatchForks();

/// Descriptors to close in a child. Called by the posix layer's own files; any thread.
void CloseInChild(int descriptor);
void KeepInChild(int descriptor);

}  // namespace upswing::posix
