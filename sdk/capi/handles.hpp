#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <string_view>

#include "upswing/client.hpp"
#include "upswing/subject.hpp"
#include "upswing/upswing.h"

/// After memory ran out in the middle of a call, what the call held may be half changed and a mutex
/// of the client may be locked for ever: from then on the handle answers UPSWING_OUT_OF_MEMORY
/// without touching what is behind it.
struct upswing_client {
  std::unique_ptr<upswing::Client> client;
  std::uint64_t number;  // different for every client: decisions carry it
  mutable std::atomic<bool> broken{false};
};

struct upswing_subject {
  upswing::Subject subject;
  bool broken = false;
};

struct upswing_text {
  std::string text;
};

namespace upswing::capi {

/// The boundary: whatever is thrown inside `body` becomes a code. This folder alone is compiled
/// with exceptions; the folders below throw nothing themselves, but memory may run out in them.
template <class Body>
upswing_status Guard(Body body) noexcept {
  try {
    return body();
  } catch (const std::bad_alloc&) {
    return UPSWING_OUT_OF_MEMORY;
  } catch (...) {
    return UPSWING_INTERNAL;
  }
}

/// The same for work on a handle that must not be used after a failure.
template <class Handle, class Body>
upswing_status Guard(Handle* handle, Body body) noexcept {
  if (handle == nullptr) return UPSWING_INVALID_ARGUMENT;
  if (handle->broken) return UPSWING_OUT_OF_MEMORY;
  const upswing_status status = Guard([&] { return body(); });
  if (status == UPSWING_OUT_OF_MEMORY || status == UPSWING_INTERNAL) handle->broken = true;
  return status;
}

inline bool IsText(upswing_str text) { return text.data != nullptr || text.len == 0; }
inline std::string_view View(upswing_str text) { return {text.data, text.len}; }
inline upswing_str Str(std::string_view text) { return {text.data(), text.size()}; }

/// A time that std::chrono::system_clock can hold: years 1678 to 2261.
inline bool IsTime(std::int64_t ms) { return ms > -9'200'000'000'000 && ms < 9'200'000'000'000; }
inline std::chrono::system_clock::time_point Time(std::int64_t ms) {
  return std::chrono::system_clock::time_point(
      std::chrono::duration_cast<std::chrono::system_clock::duration>(
          std::chrono::milliseconds(ms)));
}

/// Copies what the caller's version of a sized struct has room for. `first`: bytes of version 1.
template <class T>
upswing_status CopyOut(T from, std::size_t first, T* out) {
  const std::size_t size = out->size;
  if (size < first) return UPSWING_INVALID_ARGUMENT;
  from.size = size;
  __builtin_memcpy(out, &from, size < sizeof(T) ? size : sizeof(T));
  return UPSWING_OK;
}

}  // namespace upswing::capi
