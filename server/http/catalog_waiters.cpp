#include "server/http/catalog_waiters.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace upswing::http {
namespace {

// Each holds a connection, whose number is bounded too.
constexpr std::size_t kMost = 20'000;

}  // namespace

bool CatalogWaiters::Add(std::int64_t deadline_ms, std::function<void()> answer) {
  const std::lock_guard lock(mutex_);
  if (draining_ || waiters_.size() >= kMost) return false;
  waiters_.push_back({deadline_ms, std::move(answer)});
  return true;
}

void CatalogWaiters::Wake() {
  std::vector<Waiter> woken;
  {
    const std::lock_guard lock(mutex_);
    woken.swap(waiters_);
  }
  for (const Waiter& waiter : woken) waiter.answer();
}

void CatalogWaiters::Expire(std::int64_t now_ms) {
  std::vector<Waiter> expired;
  {
    const std::lock_guard lock(mutex_);
    const auto late =
        std::partition(waiters_.begin(), waiters_.end(),
                       [now_ms](const Waiter& waiter) { return waiter.deadline_ms > now_ms; });
    std::move(late, waiters_.end(), std::back_inserter(expired));
    waiters_.erase(late, waiters_.end());
  }
  for (const Waiter& waiter : expired) waiter.answer();
}

void CatalogWaiters::Drain() {
  {
    const std::lock_guard lock(mutex_);
    draining_ = true;
  }
  Wake();
}

std::size_t CatalogWaiters::waiting() const {
  const std::lock_guard lock(mutex_);
  return waiters_.size();
}

}  // namespace upswing::http
