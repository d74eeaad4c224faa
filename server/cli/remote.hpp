#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "sdk/catalog/blob.hpp"
#include "upswing/transport.hpp"

namespace upswing::cli {

/// A running server as the commands with `--server` see it. Not thread-safe.
class Remote {
 public:
  /// `url` has scheme and host; kInvalidArgument otherwise. `api_key` may be empty.
  static absl::StatusOr<Remote> Open(std::string url, std::string api_key);

  struct Catalog {
    std::string source;  ///< JSON as published; empty if there is none.
    std::string etag;
  };
  absl::StatusOr<Catalog> GetCatalog();

  /// Name of the project that the server holds.
  absl::StatusOr<std::string> GetProject();

  /// Publishes `source`; `if_match` is the ETag it was made from, or empty to publish over
  /// anything. kAborted if another version is in force by now, kInvalidArgument with what the
  /// server says of the catalog.
  absl::Status PutCatalog(std::string_view source, const std::string& if_match);

  /// Sends an id list for a catalog to be published.
  absl::Status PutList(const catalog::Blob& list);

  /// GET of `path`; the body of a 200. Other answers are errors with the server's own words.
  absl::StatusOr<std::string> Get(const std::string& path);

  /// POST of a JSON `body` to `path`; likewise.
  absl::StatusOr<std::string> Post(const std::string& path, std::string_view body);

  const std::string& url() const { return url_; }
  const std::string& api_key() const { return api_key_; }

 private:
  Remote(std::string url, std::string api_key, std::unique_ptr<Transport> transport);
  absl::StatusOr<HttpResponse> Send(HttpRequest request);

  std::string url_;
  std::string api_key_;
  std::unique_ptr<Transport> transport_;
};

/// PEM file of the authorities that commands trust: what the environment variable SSL_CERT_FILE
/// names, as with other programs; empty = the system's.
std::string TrustedAuthorities();

/// Percent-encodes everything but letters, digits and "-._~".
std::string PercentEncode(std::string_view text);

}  // namespace upswing::cli
