#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tests/support/fault_proxy.hpp"
#include "tests/support/process.hpp"

namespace upswing::testing {

/// A real `upswing serve` behind a proxy, and what its store holds in the end.
class RealServer {
 public:
  /// `data` is made anew, and removed by the destructor.
  explicit RealServer(std::string data);
  ~RealServer();
  RealServer(const RealServer&) = delete;
  RealServer& operator=(const RealServer&) = delete;

  FaultProxy::Upstream upstream() const;

  /// kill -9, and a new process on the same data and port.
  void KillAndRestart();

  /// Stops the server and opens its store: the values of all "purchase" events, sorted.
  std::vector<double> StopAndReadValues();

 private:
  std::string data_;
  std::optional<Server> server_;
};

}  // namespace upswing::testing
