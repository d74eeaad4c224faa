#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "platform/port/clock.hpp"
#include "server/access/key_file.hpp"
#include "server/http/message.hpp"
#include "server/http/rate_limiter.hpp"

namespace upswing::http {

/// Who sent a request. `key` is what the audit log calls them.
struct Caller {
  std::string key;
  access::Scopes scopes;
};

/// Decides who may call what. Thread-safe.
class Gate {
 public:
  /// `keys` and `clock` outlive this. `origins` are web pages that may call from a browser, as
  /// "https://shop.example.com"; "*" is every page. `keys` null: everybody on this machine may do
  /// everything (the server listens on loopback only then). Web pages still may not: a request must
  /// name a loopback host, so that a name that was rebound to 127.0.0.1 gets nothing, and must not
  /// come from another origin.
  ///
  /// `read_unknown`: a key that is not known is looked for in the file itself, at most a hundred
  /// times a second, so that one that was just made works at once. For a file that is near.
  Gate(access::KeyFile* keys, const port::Clock* clock, std::vector<std::string> origins,
       bool read_unknown)
      : keys_(keys), clock_(clock), origins_(std::move(origins)), read_unknown_(read_unknown) {}

  bool open() const { return keys_ == nullptr; }

  /// Whether pages of this origin may call.
  bool AllowsOrigin(std::string_view origin) const;

  /// Fills `caller` and returns nothing if the request may go on; else the answer: 401 with what is
  /// wrong with the key, 403 if it has none of the scopes of `needed`. Without any of these no key
  /// is asked for. 429 with `Retry-After` if the key has spent its requests of
  /// the second or of the day.
  ///
  /// The key stands in `Authorization: Bearer <key>` or in `X-API-Key`.
  std::optional<Response> Admit(const Request& request, access::Scopes needed, Caller* caller);

 private:
  access::KeyFile* const keys_;
  const port::Clock* const clock_;
  const std::vector<std::string> origins_;
  const bool read_unknown_;
  std::atomic<std::int64_t> read_ms_{0};  // boot time of the last look into the file
  RateLimiter rates_;

  access::CheckedKey Check(std::string_view token);
};

}  // namespace upswing::http
