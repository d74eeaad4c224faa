#include "platform/posix/fork.hpp"

#include <pthread.h>
#include <unistd.h>

#include <atomic>
#include <mutex>

namespace upswing::posix {
namespace internal {
constinit std::atomic<std::uint32_t> fork_generation{0};
}
namespace {

constinit std::once_flag watching;

// One bit per descriptor. Descriptors above the table are rare and then merely stay open in the
// child, where close-on-exec still ends them.
constexpr int kDescriptors = 16 * 1024;
constinit std::atomic<std::uint64_t> open_descriptors[kDescriptors / 64]{};

void InChild() {
  for (int word = 0; word < kDescriptors / 64; ++word) {
    const std::uint64_t bits = open_descriptors[word].exchange(0, std::memory_order_relaxed);
    for (int bit = 0; bits >> bit != 0; ++bit) {
      if ((bits >> bit & 1) != 0) close(word * 64 + bit);
      if (bit == 63) break;
    }
  }
  internal::fork_generation.fetch_add(1, std::memory_order_release);
}

}  // namespace

void WatchForks() {
  std::call_once(watching, [] { pthread_atfork(nullptr, nullptr, &InChild); });
}

void CloseInChild(int descriptor) {
  if (descriptor < 0 || descriptor >= kDescriptors) return;
  open_descriptors[descriptor / 64].fetch_or(std::uint64_t{1} << (descriptor % 64),
                                             std::memory_order_relaxed);
}

void KeepInChild(int descriptor) {
  if (descriptor < 0 || descriptor >= kDescriptors) return;
  open_descriptors[descriptor / 64].fetch_and(~(std::uint64_t{1} << (descriptor % 64)),
                                              std::memory_order_relaxed);
}

}  // namespace upswing::posix
