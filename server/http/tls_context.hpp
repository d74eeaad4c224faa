#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <utility>  // Boost 1.74's Asio needs it first.

#include <boost/asio/ssl/context.hpp>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/http/http_server.hpp"

namespace upswing::http {

/// The certificate that new connections get. TLS 1.2 and 1.3 with forward secrecy. Thread-safe.
class TlsContext {
 public:
  /// kInvalidArgument names the file that cannot be read or does not fit the others.
  static absl::StatusOr<std::unique_ptr<TlsContext>> Load(const TlsOptions& options);

  std::shared_ptr<boost::asio::ssl::context> Get() const;

  /// Reads the files again. On an error the former certificate stays.
  absl::Status Reload();

 private:
  explicit TlsContext(TlsOptions options) : options_(std::move(options)) {}

  const TlsOptions options_;
  mutable std::mutex mutex_;
  std::shared_ptr<boost::asio::ssl::context> context_;  // with mutex_
};

}  // namespace upswing::http
