#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "platform/port/entropy.hpp"
#include "sdk/client/catalog_keeper.hpp"
#include "sdk/transport/batch_sender.hpp"
#include "upswing/options.hpp"
#include "upswing/transport.hpp"

namespace upswing::client {

/// Keeps one request open at the server, which answers when another catalog is published: a stopped
/// experiment ends within a second or so instead of at the next poll. Has a thread and a connection
/// of its own. A server that answers at once, or not at all, is asked again with growing pauses.
class CatalogWatch {
 public:
  struct Environment {
    std::function<transport::Endpoint()> endpoint;
    /// What the user allows now.
    std::function<bool()> may_fetch;
    std::function<bool()> may_write;
    /// Another catalog may be in force, with other times at which something starts or ends.
    std::function<void()> changed;
    LogSink log;
  };

  /// `keeper` and `entropy` outlive this.
  CatalogWatch(std::shared_ptr<Transport> transport, CatalogKeeper* keeper, port::Entropy* entropy,
               Environment environment);
  ~CatalogWatch();

 private:
  void Loop();

  const std::shared_ptr<Transport> transport_;
  CatalogKeeper* const keeper_;
  port::Entropy* const entropy_;
  const Environment environment_;
  std::mutex mutex_;
  std::condition_variable stopped_;
  std::atomic<bool> stop_{false};  // written with mutex_
  std::thread thread_;
};

}  // namespace upswing::client
