#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <type_traits>

#include "sdk/capi/handles.hpp"

/// What deciding and reading flags share, by name and by key.
namespace upswing::capi {

// `internal` holds the C++ decision, and in its last word the number of the client that made it.
inline constexpr std::size_t kWords = std::extent_v<decltype(upswing_decision::internal)>;
static_assert(std::is_trivially_copyable_v<Decision>);
static_assert(sizeof(Decision) <= (kWords - 1) * sizeof(std::uint64_t));
inline constexpr std::size_t kFirstDecision = sizeof(upswing_decision);  // of ABI version 1

/// Writes the decision of the client with this number into the caller's struct.
upswing_status WriteDecision(std::uint64_t client, const Decision& decision, upswing_decision* out);

inline bool IsKey(const upswing_client*, upswing_str key) { return IsText(key); }
inline std::string_view ToKey(upswing_str key) { return View(key); }

// Three words of a key hold the C++ handle, the last the number of its client, as in a decision.
static_assert(std::is_trivially_copyable_v<KeyHandle>);
static_assert(sizeof(KeyHandle) <= 3 * sizeof(std::uint64_t));
inline bool IsKey(const upswing_client* client, const upswing_key* key) {
  return key != nullptr && client != nullptr && key->internal[3] == client->number;
}
inline KeyHandle ToKey(const upswing_key* key) {
  KeyHandle handle;
  std::memcpy(static_cast<void*>(&handle), key->internal, sizeof(handle));
  return handle;
}

/// `decide` gives the decision of (client, key, subject).
template <class ClientHandle, class Key, class Decide>
upswing_status DecideInto(ClientHandle* client, Key key, const upswing_subject* subject,
                          upswing_decision* out, Decide decide) {
  if (out == nullptr || out->size < kFirstDecision || !IsKey(client, key) || subject == nullptr) {
    return UPSWING_INVALID_ARGUMENT;
  }
  if (subject->broken) return UPSWING_OUT_OF_MEMORY;
  return Guard(client, [&] {
    return WriteDecision(client->number, decide(*client->client, ToKey(key), subject->subject),
                         out);
  });
}

/// A typed read: `read` gives the value; the caller's on any misuse.
template <class T, class Key, class Read>
T ReadFlag(upswing_client* client, Key flag, const upswing_subject* subject, T otherwise,
           Read read) {
  if (!IsKey(client, flag) || subject == nullptr || subject->broken) return otherwise;
  T value = otherwise;
  const upswing_status status = Guard(client, [&] {
    value = read(*client->client, ToKey(flag), subject->subject);
    return UPSWING_OK;
  });
  return status == UPSWING_OK ? value : otherwise;
}

}  // namespace upswing::capi
