#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "server/access/key_file.hpp"
#include "server/http/message.hpp"

namespace upswing::http {

/// Who sent a request. `key` is what the audit log calls them.
struct Caller {
  std::string key;
  access::Scopes scopes;
};

/// Decides who may call what. Thread-safe.
class Gate {
 public:
  /// `keys` outlives this. Null: everybody on this machine may do everything (the server listens on
  /// loopback only then). Web pages still may not: a request must name a loopback host, so that a
  /// name that was rebound to 127.0.0.1 gets nothing, and must not come from another origin.
  explicit Gate(access::KeyFile* keys) : keys_(keys) {}

  bool open() const { return keys_ == nullptr; }

  /// Fills `caller` and returns nothing if the request may go on; else the answer: 401 with what is
  /// wrong with the key, 403 if it has none of the scopes of `needed`. Without any of these no key
  /// is asked for.
  ///
  /// The key stands in `Authorization: Bearer <key>` or in `X-API-Key`.
  std::optional<Response> Admit(const Request& request, access::Scopes needed,
                                Caller* caller) const;

 private:
  access::KeyFile* const keys_;
};

}  // namespace upswing::http
