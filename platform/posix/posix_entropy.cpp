#include "platform/posix/posix_entropy.hpp"

#include <time.h>
#include <unistd.h>

#include <atomic>

namespace upswing::posix {
namespace {

// For a sandbox that forbids getentropy: ids would still differ between devices with probability
// near 1, and the app must not end because of us. splitmix64 over what differs.
std::uint64_t Fallback() {
  static std::atomic<std::uint64_t> count{0};
  timespec wall = {};
  timespec boot = {};
  clock_gettime(CLOCK_REALTIME, &wall);
  clock_gettime(CLOCK_MONOTONIC, &boot);
  std::uint64_t x = count.fetch_add(1) + 1;
  for (const std::uint64_t part :
       {static_cast<std::uint64_t>(wall.tv_sec), static_cast<std::uint64_t>(wall.tv_nsec),
        static_cast<std::uint64_t>(boot.tv_nsec), static_cast<std::uint64_t>(getpid()),
        static_cast<std::uint64_t>(reinterpret_cast<std::uintptr_t>(&wall))}) {
    x = (x ^ part) + 0x9e3779b97f4a7c15;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9;
    x = (x ^ (x >> 27)) * 0x94d049bb133111eb;
    x ^= x >> 31;
  }
  return x;
}

}  // namespace

std::uint64_t PosixEntropy::Next64() {
  std::uint64_t bits = 0;
  return getentropy(&bits, sizeof bits) == 0 ? bits : Fallback();
}

}  // namespace upswing::posix
