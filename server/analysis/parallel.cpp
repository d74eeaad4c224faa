#include "server/analysis/parallel.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <thread>
#include <vector>

namespace upswing::analysis {

absl::Status InParallel(int threads, int count, const std::function<absl::Status(int, int)>& work) {
  std::atomic<int> next{0};
  std::mutex mutex;
  absl::Status first;
  const auto run = [&](int thread) {
    for (int i = next++; i < count; i = next++) {
      const absl::Status status = work(thread, i);
      if (status.ok()) continue;
      const std::lock_guard lock(mutex);
      first.Update(status);
      next = count;
    }
  };
  std::vector<std::thread> others;
  for (int t = 1; t < std::min(threads, count); ++t) others.emplace_back(run, t);
  run(0);
  for (std::thread& thread : others) thread.join();
  return first;
}

}  // namespace upswing::analysis
