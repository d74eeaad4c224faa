#include "server/project/unit_check_runner.hpp"

#include <algorithm>
#include <utility>

namespace upswing::project {

std::optional<UnitCheckRunner::Made> UnitCheckRunner::Last(const std::string& key) const {
  const std::lock_guard lock(mutex_);
  const auto found = made_.find(key);
  return found == made_.end() ? std::nullopt : std::optional<Made>(found->second);
}

void UnitCheckRunner::Keep(const std::string& key, Made made) {
  const std::lock_guard lock(mutex_);
  if (made_.size() >= kMost) made_.clear();
  made_[key] = std::move(made);
}

void UnitCheckRunner::Start(const std::string& key, std::string state, std::int64_t at_ms,
                            Work work) {
  const std::lock_guard lock(mutex_);
  const bool waits =
      std::any_of(tasks_.begin(), tasks_.end(), [&](const Task& task) { return task.key == key; });
  if (stopped_ || waits) return;
  tasks_.push_back({key, {{}, std::move(state), at_ms}, std::move(work)});
  if (!thread_.joinable()) thread_ = std::thread([this] { Run(); });
  changed_.notify_all();
}

void UnitCheckRunner::Run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopped_ || !tasks_.empty(); });
    if (stopped_) return;
    const Work work = tasks_.front().work;
    lock.unlock();
    auto checks = work();
    lock.lock();
    Task task = std::move(tasks_.front());
    tasks_.pop_front();
    if (checks.ok()) {
      task.made.checks = *std::move(checks);
      if (made_.size() >= kMost) made_.clear();
      made_[task.key] = std::move(task.made);
    }
    changed_.notify_all();
  }
}

void UnitCheckRunner::Drain() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return stopped_ || tasks_.empty(); });
}

void UnitCheckRunner::Stop() {
  std::thread thread;
  {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    thread = std::move(thread_);
  }
  changed_.notify_all();
  if (thread.joinable()) thread.join();
}

}  // namespace upswing::project
