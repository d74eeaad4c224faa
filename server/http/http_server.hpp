#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/http/message.hpp"

namespace upswing::http {

/// PEM files of a server that speaks TLS.
struct TlsOptions {
  std::string certificate_file;  ///< With the chain up to, not including, the root.
  std::string key_file;
  /// Authorities whose certificates clients must show; empty: clients show none.
  std::string client_ca_file;
};

/// Bounds of one listening server. Past a bound the client gets a 4xx problem that names it, or,
/// where no answer is possible, its connection is closed.
struct ServerOptions {
  /// Address and port to listen on; port 0 lets the system choose.
  std::string host = "127.0.0.1";
  std::uint16_t port = 8080;

  /// Threads that serve. Range: [1, 256].
  int threads = 2;

  /// Longest request line with all headers. Unit: bytes. Beyond: 431.
  std::size_t header_bytes = 16 * 1024;

  /// Largest body. Unit: bytes. Beyond: 413, before the body is read where its length was
  /// announced.
  std::size_t body_bytes = 8 * 1024 * 1024;

  /// Connections open at once. For one more, the one is closed whose client the server has waited
  /// for longest: between requests, for a request, or to take an answer. If the handler has
  /// requests of all, the new one.
  std::size_t connections = 10'000;

  /// Time for request line and headers to arrive whole once they have begun, for the first request
  /// since the connection was opened, and for a TLS handshake. Beyond: closed, here and below up to
  /// a second later.
  std::chrono::milliseconds header_timeout{std::chrono::seconds{10}};

  /// Time for a body to arrive whole, and for an answer to be taken. Beyond: closed.
  std::chrono::milliseconds request_timeout{std::chrono::seconds{30}};

  /// How long an idle keep-alive connection stays open.
  std::chrono::milliseconds idle_timeout{std::chrono::seconds{75}};

  /// TLS if `certificate_file` is not empty.
  TlsOptions tls = {};
};

/// An HTTP/1.1 server over TCP or TLS. Thread-safe.
class HttpServer {
 public:
  /// Binds and starts serving. kInvalidArgument names a wrong option; kUnavailable says why the
  /// address cannot be bound.
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(ServerOptions options, Handler handler);

  virtual ~HttpServer() = default;

  /// The port that was bound.
  virtual std::uint16_t Port() const = 0;

  /// Connections open now.
  virtual std::size_t Connections() const = 0;

  /// Reads the files of TLS again; connections from now on get the new certificate. On an error the
  /// former stays.
  virtual absl::Status ReloadTls() = 0;

  /// Accepts no more, lets requests under way be answered for at most `grace`, then closes
  /// everything and joins the threads. Idempotent.
  virtual void Stop(std::chrono::milliseconds grace) = 0;
};

}  // namespace upswing::http
