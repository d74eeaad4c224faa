#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace upswing::testing {

/// What goes wrong with one request.
enum class Fault {
  kNone,
  kResetOnConnect,    ///< The connection is reset before anything is read.
  kResetInRequest,    ///< ... after a part of the request, which is all that the server sees.
  kResetInResponse,   ///< The server has answered; the client gets half of it and a reset.
  kSilentClose,       ///< The server has answered; the client gets nothing.
  kSlowDrip,          ///< The answer comes byte by byte.
  kTruncatedBody,     ///< The answer ends before its announced length.
  kDuplicateRequest,  ///< The server gets the request twice; the client gets the second answer.
  kCommitThen413,     ///< The server has answered; the client gets a 413 that names the batch.
  kCommitThen500,
  kToo413,  ///< 413 that names the batch; the server sees nothing.
  k500,
  k500RetryAfter,  ///< With Retry-After: 3.
  k503,
  k503RetryAfter,  ///< With Retry-After: 7.
  k429,
  k401,  ///< From our server: it does not take the key, as is the next one.
  k403,
  kForeign400,  ///< From somewhere that is not our server, as are the next ones.
  kForeign401,
  kForeign403,
  kCaptivePortal200,
  kCaptivePortal302,
  kLate,  ///< The client gets a 500; the server gets the request later, after other requests.
};
inline constexpr int kFaults = static_cast<int>(Fault::kLate) + 1;
const char* FaultName(Fault fault);

/// An HTTP/1.1 proxy on a real socket of the loopback interface that damages traffic as it is told.
/// One thread per connection.
class FaultProxy {
 public:
  /// One request as it was read: `head` ends with the empty line.
  struct Request {
    std::string head;
    std::string body;
    bool cut_off = false;  ///< The server gets half of the body, then a reset.
    std::string Header(const std::string& lower_case_name) const;
  };
  /// Gives the server's answer to a whole request as raw HTTP/1.1 bytes with a Content-Length;
  /// empty = none came.
  using Upstream = std::function<std::string(const Request&)>;
  /// Chooses the fault of a request; called from any thread.
  using Choose = std::function<Fault(const Request&)>;

  FaultProxy(Upstream upstream, Choose choose);
  ~FaultProxy();

  int port() const { return port_; }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  /// How often each fault was injected.
  std::map<Fault, int> injected() const;
  /// Connections that were made.
  int connections() const { return accepted_; }
  /// All bytes that clients sent.
  std::string captured() const;
  /// Sends what `kLate` still holds.
  void DeliverLate();

 private:
  void Accept();
  void Serve(int connection);
  bool Handle(int connection, const Request& request, Fault fault);

  Upstream upstream_;
  Choose choose_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<bool> stop_{false};
  std::atomic<int> accepted_{0};
  std::thread acceptor_;
  mutable std::mutex mutex_;  // all below
  std::vector<std::thread> connections_;
  std::vector<int> open_;
  std::vector<Request> late_;
  std::map<Fault, int> injected_;
  std::string captured_;
};

/// An upstream that relays to a server at 127.0.0.1:port.
FaultProxy::Upstream RelayTo(int port);

}  // namespace upswing::testing
