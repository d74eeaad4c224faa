#include "server/store/embedded/memory_limit.hpp"

#include <unistd.h>

#include <algorithm>
#include <fstream>

namespace upswing::store {

std::int64_t MemoryLimit(const std::string& root) {
  std::int64_t limit = sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
  const auto apply = [&](const std::string& file) {
    std::int64_t bytes = 0;
    if (std::ifstream(file) >> bytes && bytes > 0) limit = std::min(limit, bytes);
  };
  std::ifstream groups(root + "/proc/self/cgroup");
  for (std::string line; std::getline(groups, line);) {
    // "0::/a/b" (version 2) or "4:memory:/a/b".
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    if (!controllers.empty() && controllers != "memory") continue;
    // Groups above bound it too. In a container they are not to be seen, and its own is the top.
    for (std::string group = line.substr(second + 1);;) {
      apply(root + "/sys/fs/cgroup" + group + "/memory.max");
      apply(root + "/sys/fs/cgroup/memory" + group + "/memory.limit_in_bytes");
      if (group.empty()) break;
      group.resize(group.rfind('/') == std::string::npos ? 0 : group.rfind('/'));
    }
  }
  return limit;
}

}  // namespace upswing::store
