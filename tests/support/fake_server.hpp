#pragma once

#include <map>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "sdk/wire/protocol.hpp"
#include "tests/support/fault_proxy.hpp"
#include "upswing/transport.hpp"

namespace upswing::testing {

/// The server's side of the protocol in memory: rules 1 to 5 of sdk/wire/protocol.hpp, slow and
/// obvious. Any thread.
class FakeServer {
 public:
  /// Answers a POST of batch `id` with body `bytes`.
  HttpResponse Post(const std::string& batch_header, const std::string& bytes);

  /// Larger batches are answered with 413 before anything is stored.
  void SetLargestBatch(std::size_t records) { largest_batch_ = records; }

  /// Each stored record as one line: "exposure <units> <experiment> <variant>" or "event <units>
  /// <name> <value>".
  std::vector<std::string> Lines() const;
  std::size_t records() const { return Lines().size(); }
  std::size_t conflicts() const { return conflicts_; }
  std::size_t duplicates() const { return duplicates_; }

 private:
  enum class State { kStored, kSplit };
  struct Known {
    State state;
    std::uint64_t checksum;
  };
  mutable std::mutex mutex_;
  std::size_t largest_batch_ = 1'000'000;
  std::map<wire::BatchId, Known> known_;
  std::vector<std::string> lines_;
  std::size_t conflicts_ = 0;
  std::size_t duplicates_ = 0;
};

/// The server behind a proxy.
FaultProxy::Upstream ToServer(FakeServer* server);

}  // namespace upswing::testing
