#include "platform/posix/posix_clock.hpp"

#include <fcntl.h>
#include <time.h>
#include <unistd.h>

namespace upswing::posix {
namespace {

#ifdef CLOCK_BOOTTIME
constexpr clockid_t kBootClock = CLOCK_BOOTTIME;
#else
constexpr clockid_t kBootClock = CLOCK_MONOTONIC;
#endif

std::int64_t Millis(clockid_t clock) {
  timespec now{};
  clock_gettime(clock, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1000 + now.tv_nsec / 1'000'000;
}

std::uint64_t Fnv1a(const char* text, ssize_t size) {
  std::uint64_t hash = 0xcbf29ce484222325ULL;
  for (ssize_t i = 0; i < size; ++i) {
    hash = (hash ^ static_cast<unsigned char>(text[i])) * 0x100000001b3ULL;
  }
  return hash;
}

std::uint64_t ReadBootId() {
  char text[64];
  const int file = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
  const ssize_t size = file < 0 ? -1 : read(file, text, sizeof text);
  if (file >= 0) close(file);
  // 32 bits: it tells the few boots of one device apart, and it travels in every batch.
  const std::uint64_t id =
      size > 0 ? Fnv1a(text, size) >> 32
               : static_cast<std::uint64_t>((Millis(CLOCK_REALTIME) - Millis(kBootClock)) / 60'000);
  return id == 0 ? 1 : id;
}

}  // namespace

PosixClock::PosixClock() : boot_id_(ReadBootId()) {}

std::int64_t PosixClock::WallMillis() const { return Millis(CLOCK_REALTIME); }
std::int64_t PosixClock::BootMillis() const { return Millis(kBootClock); }

}  // namespace upswing::posix
