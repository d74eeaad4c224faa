#pragma once

#include <cstdint>
#include <string>

namespace upswing::store {

/// Memory that this process may fill: the machine's, or less where a control group (a container, a
/// service with `MemoryMax`) has less. `root` is before /proc and /sys, for tests. Unit: bytes.
/// Sources: cgroups(7); Linux, admin-guide/cgroup-v2, memory.max; cgroup-v1, memory.limit_in_bytes.
std::int64_t MemoryLimit(const std::string& root = "");

}  // namespace upswing::store
