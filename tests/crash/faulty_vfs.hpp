#pragma once

#include <cstdint>
#include <functional>
#include <string>

namespace upswing::testing {

/// What the SQLite VFS "faulty" does with the file operations that go through it. It sits on the
/// default VFS; one at a time, for one thread.
struct FaultPlan {
  /// Operations until one fails with an I/O error; 0 = none fails.
  std::int64_t fail_at = 0;
  /// How many fail, one after the other.
  std::int64_t failures = 1;
  /// From that one on everything fails: the machine is dead.
  bool die = false;
  /// Files whose path ends so cannot grow beyond their first page: the disk is full. Empty: none.
  std::string full = {};
  /// Files that name no VFS go through this one too.
  bool everywhere = false;
};

/// Registers the VFS once and starts to count anew.
void StartFaults(const FaultPlan& plan);

/// Operations seen since `StartFaults`.
std::int64_t OperationsSeen();

/// Writes to `copy` what a disk may hold of `file` after a power cut now: the bytes of the last
/// sync and, of the writes since, those for which `keep` says so, in their order.
void CopyAfterPowerCut(const std::string& file, const std::string& copy,
                       const std::function<bool()>& keep);

}  // namespace upswing::testing
