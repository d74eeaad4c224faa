#pragma once

#include "upswing/transport.hpp"

namespace upswing::testing {

/// What an app may hand in: HTTP/1.1 over a plain socket, one connection kept alive. Understands
/// Content-Length only.
class PlainTransport final : public Transport {
 public:
  ~PlainTransport() override;
  absl::StatusOr<HttpResponse> Send(const HttpRequest& request) override;
  void Cancel() override;
  void AbandonAfterFork() override;

 private:
  void Disconnect();
  absl::StatusOr<HttpResponse> Exchange(const HttpRequest& request);

  int socket_ = -1;
};

}  // namespace upswing::testing
