#pragma once

#include <atomic>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

struct ssl_ctx_st;

namespace upswing::testing {

/// A fresh self-signed certificate for `host`, as PEM files in `folder`.
struct Certificate {
  Certificate(const std::string& folder, const std::string& host);

  std::string certificate_path;
  std::string key_path;
  std::string pin;  ///< "sha256//<base64>" of its public key.
};

/// Takes TLS off: accepts on a loopback port and relays to a plain one. One thread per connection.
class TlsFront {
 public:
  TlsFront(const Certificate& certificate, int plain_port);
  ~TlsFront();
  TlsFront(const TlsFront&) = delete;
  TlsFront& operator=(const TlsFront&) = delete;

  /// "https://localhost:<port>"
  std::string url() const { return "https://localhost:" + std::to_string(port_); }
  int port() const { return port_; }
  /// Handshakes that were completed.
  int handshakes() const { return handshakes_; }

 private:
  void Accept();
  void Serve(int connection);

  ssl_ctx_st* context_;
  const int plain_port_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<int> handshakes_{0};
  std::atomic<bool> stop_{false};
  std::thread acceptor_;
  std::mutex mutex_;  // all below
  std::vector<std::thread> connections_;
};

}  // namespace upswing::testing
