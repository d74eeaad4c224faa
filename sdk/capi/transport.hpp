#pragma once

#include <memory>

#include "upswing/transport.hpp"
#include "upswing/upswing.h"

namespace upswing::capi {

/// The app's HTTP stack as the SDK wants it. Null if `transport` is of no known size or cannot
/// send. Calls `release` in its destructor, once `Own` was called.
class CTransport final : public Transport {
 public:
  static std::shared_ptr<CTransport> Make(const upswing_transport& transport);
  ~CTransport() override;

  void Own() { own_ = true; }

  absl::StatusOr<HttpResponse> Send(const HttpRequest& request) override;
  void Cancel() override;
  void AbandonAfterFork() override;

 private:
  explicit CTransport(const upswing_transport& transport) : app_(transport) {}

  const upswing_transport app_;
  bool own_ = false;
};

}  // namespace upswing::capi
