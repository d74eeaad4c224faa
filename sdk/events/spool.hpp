#pragma once

#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "platform/port/clock.hpp"
#include "platform/port/file_system.hpp"
#include "sdk/events/counters.hpp"
#include "sdk/events/spool_record.hpp"

namespace upswing::events {

/// When an appended batch is forced to the disk. A killed process loses nothing under any policy; a
/// power cut loses what was not forced yet.
enum class FsyncPolicy : std::uint8_t {
  kEveryBatch,
  kInterval,      ///< By `Sync`, which the client calls every few seconds and at the moments of
                  ///< kOnBackground.
  kOnBackground,  ///< By `Sync`, which the client calls when the app goes to the background,
                  ///< flushes or closes.
};

struct SpoolOptions {
  /// Folder of all processes that share a spool; empty keeps batches in memory only.
  std::string directory;
  std::size_t max_bytes = std::size_t{10} << 20;
  std::int64_t max_age_ms = std::int64_t{14} * 24 * 60 * 60 * 1000;
  FsyncPolicy fsync = FsyncPolicy::kInterval;
  /// Memory for batches that could not be written.
  std::size_t max_unwritten_bytes = std::size_t{1} << 20;
};

/// Batches between being formed and being acknowledged. Any thread may call.
///
/// Each process appends to its own locked sub-folder, named after its epoch; sub-folders whose
/// process is dead are adopted: their batches are sent as they are and the folder is removed when
/// it is empty. Batches that the disk refuses stay in memory within a bound. A full spool evicts
/// whole batches: metric lane first, oldest first.
///
///     <directory>/<epoch>/lock, e-00000001.log, m-00000001.log ...    exposures, metric events
///     <directory>/aside/    segments of another format version, and batches that the server
///     answered with 400
class Spool {
 public:
  Spool(SpoolOptions options, port::FileSystem* files, const port::Clock* clock,
        Counters* counters);
  ~Spool();
  Spool(const Spool&) = delete;
  Spool& operator=(const Spool&) = delete;

  /// Makes the own folder, whose name is `epoch`, and adopts dead ones. An error means that batches
  /// are kept in memory until a later append succeeds.
  absl::Status Open(std::uint64_t epoch_hi, std::uint64_t epoch_lo);

  /// Adopts sub-folders that died since `Open`.
  void Adopt();

  /// Takes a formed batch. False when it had to be dropped (and counted).
  bool Append(const BatchInfo& info, std::string_view bytes);

  /// Forces appended batches to the disk.
  absl::Status Sync();

  struct Batch {
    BatchInfo info;
    std::string bytes;
  };
  /// The oldest batch that is not done: adopted ones first, then by sequence. Batches past the age
  /// cap are dropped on the way. Nullopt when there is none.
  std::optional<Batch> Front();

  /// The batch needs no more sending.
  void Remove(const wire::BatchId& id);

  /// The batch's bytes go to the folder `aside` (the newest `kMaxAside`) and it needs no more
  /// sending.
  void SetAside(const wire::BatchId& id);

  /// Puts `parts` in the place of a batch. Their order of sending is that of the batch.
  void Replace(const wire::BatchId& id, const std::vector<Batch>& parts);

  /// Drops everything, also on disk, counting records as dropped for `reason`.
  void Purge(wire::DropReason reason);

  std::size_t batches() const;
  std::size_t records() const;
  std::size_t bytes() const;
  /// Batches that are in memory because the disk refused them.
  std::size_t unwritten_batches() const;
  absl::Status last_error() const;

 private:
  struct Folder;
  struct Segment;
  struct Entry;
  using Entries = std::list<Entry>;

  static constexpr int kMaxAside = 16;

  absl::Status AppendLocked(const BatchInfo& info, std::string_view bytes,
                            Entries::iterator before);
  absl::Status Write(Entry* entry, std::string_view bytes);
  absl::Status MakeOwnFolder();
  absl::StatusOr<Segment*> WritableSegment(Lane lane);
  void LoadFolder(std::unique_ptr<Folder> folder);
  void LoadSegment(Folder* folder, const std::string& name, Entries* found);
  void MoveAside(const std::string& path, const std::string& name);
  absl::StatusOr<std::string> Load(const Entry& entry);
  void Finish(Entries::iterator entry);
  void Drop(Entries::iterator entry, wire::DropReason reason);
  void CloseSegment(Segment* segment);
  void RemoveFolderIfEmpty(Folder* folder);
  void MakeRoom(std::size_t size);
  bool Expired(const BatchInfo& info) const;
  Entries::iterator Find(const wire::BatchId& id);

  const SpoolOptions options_;
  port::FileSystem* const files_;
  const port::Clock* const clock_;
  Counters* const counters_;

  mutable std::mutex mutex_;  // all below
  std::uint64_t epoch_hi_ = 0;
  std::uint64_t epoch_lo_ = 0;
  std::vector<std::unique_ptr<Folder>> folders_;
  Folder* own_ = nullptr;  // in folders_, or null while the disk refuses one
  std::vector<std::unique_ptr<Segment>> segments_;
  Segment* writable_[2] = {nullptr, nullptr};  // in segments_
  Entries entries_;                            // in the order of sending
  std::size_t disk_bytes_ = 0;
  std::size_t memory_bytes_ = 0;
  std::uint64_t next_segment_ = 1;
  int next_aside_ = 0;
  bool dirty_ = false;
  absl::Status last_error_;
};

}  // namespace upswing::events
