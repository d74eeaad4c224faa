#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "server/store/embedded/client_counts.hpp"
#include "server/store/embedded/client_rows.hpp"
#include "server/store/embedded/database.hpp"
#include "server/store/embedded/directory.hpp"
#include "server/store/embedded/embedded_store.hpp"
#include "server/store/embedded/folder_lock.hpp"
#include "server/store/embedded/known_batches.hpp"
#include "server/store/embedded/live_snapshots.hpp"
#include "server/store/embedded/round.hpp"
#include "server/store/embedded/tombstones.hpp"
#include "server/store/embedded/unit_dictionary.hpp"

namespace upswing::store {

/// The store behind `EmbeddedStore::Open`: landing in embedded_store.cpp, compaction in
/// compaction*.cpp, erasure and expiry in erasure.cpp, checks and copies in upkeep.cpp.
class StoreImpl : public EmbeddedStore {
 public:
  explicit StoreImpl(const EmbeddedOptions& options);
  ~StoreImpl() override;
  absl::Status OpenAll();

  absl::StatusOr<std::vector<LandingOutcome>> Land(absl::Span<LandingBatch> batches) override;
  absl::StatusOr<std::optional<std::int64_t>> BootOffset(std::uint64_t epoch_hi,
                                                         std::uint64_t epoch_lo,
                                                         std::uint64_t boot_id) override;
  std::optional<std::int64_t> ErasedAt(std::string_view unit_type,
                                       std::uint64_t key) const override;
  using EventStore::Snapshot;
  absl::StatusOr<std::shared_ptr<const RecordSource>> Snapshot(const SnapshotScope& scope) override;
  absl::StatusOr<EraseResult> Erase(std::string_view unit_type, std::uint64_t key,
                                    std::int64_t now_ms, const AuditErasure& audit) override;
  absl::StatusOr<EraseResult> Expire(std::int64_t before_ms,
                                     const std::vector<std::string>& keep) override;
  absl::Status PutMeta(std::string_view key, std::string_view value) override;
  absl::StatusOr<std::optional<std::string>> GetMeta(std::string_view key) override;
  absl::StatusOr<std::vector<std::pair<std::string, std::string>>> ListMeta(
      std::string_view prefix) override;
  absl::Status Audit(const AuditEntry& entry) override;
  absl::StatusOr<std::vector<AuditEntry>> AuditLog() override;
  absl::StatusOr<StoreStats> Stats() override;
  std::int64_t BacklogBytes() const override { return backlog_bytes_ + rows_->bytes(); }

  absl::Status VisitState(const StateVisitor& visitor) override;
  const UnitHasher& hasher() const override { return *hasher_; }
  absl::Status Compact(bool all) override;
  absl::StatusOr<VerifyReport> Verify() override;
  absl::Status Backup(const std::string& file) override;

 private:
  /// A dictionary and how much of it the database has.
  struct Shard {
    UnitDictionary units;
    std::uint32_t stored = 0;
    std::uint64_t last_used = 0;
  };
  using ShardKey = std::pair<std::int64_t, int>;  // (type, shard)
  /// Chunks on their way into the database.
  struct Pending {
    GroupKey group;
    ChunkRef ref;
    std::string bytes;
  };
  /// What one round takes.
  struct Landed {
    Records records;
    std::int64_t last_id = 0;  ///< 0: nothing.
    std::int64_t count = 0;    ///< Of records, as they were announced.
    std::int64_t bytes = 0;
    std::vector<std::pair<std::int64_t, std::string>> damaged;  ///< (id, reason)
  };
  struct Run {
    std::int64_t id = 0;
    std::vector<std::pair<GroupKey, ChunkRef>> chunks;
  };
  struct Replacement {
    GroupKey group;
    std::vector<ChunkRef> old;
    std::vector<Pending> fresh;
  };

  absl::Status MayWrite() const;
  absl::Status CheckVersion();
  absl::Status Prepare();
  absl::Status AddWhatCameLater();
  absl::Status LoadState();
  absl::Status Recover();
  void PrepareStatements();
  absl::Status LandOne(LandingBatch& batch, LandingOutcome* outcome);
  absl::Status LandBoot(const LandingBatch& batch);
  absl::Status CountKnownOnce();
  ErasedWhen ErasedFilter() const;
  absl::Status AddAudit(const AuditEntry& entry);  // under write_mutex_

  // Compaction. All of it under maintenance_mutex_. Several threads encode chunks, one writes them.
  static int Encoders();
  // Of chunks per transaction: it must not hold up landing for long.
  static constexpr std::int64_t kTransactionBytes = 4 << 20;
  bool WantsRound() const;
  bool WantsFold() const;
  absl::StatusOr<bool> RunRound();
  absl::StatusOr<Landed> ReadLanded();
  absl::StatusOr<std::map<std::string_view, std::int64_t>> NumberNames(const Records& records);
  absl::StatusOr<Run> WriteRun(const Records& records, const std::vector<ShardRows>& shards);
  absl::Status FinishRun(std::int64_t run, const Landed& landed);
  absl::Status CompactLanded();
  enum class Merging : std::uint8_t {
    kCrowded,  ///< Where a report would suffer.
    kDue,      ///< Where a class of runs is full.
    kAll,
  };
  absl::Status Merge(Merging what);
  std::vector<Replacement> DueMerges(Merging what) const;
  absl::StatusOr<Replacement> MergeChunks(Database* database, Replacement old);
  absl::Status Fold();
  absl::StatusOr<Shard*> LoadShard(const ShardKey& key);
  void TrimShards();
  absl::Status WriteUnits(std::int64_t run, const ShardKey& key, Shard* shard);
  absl::Status WriteChunk(std::int64_t run, const Pending& chunk, ChunkRef* written);
  enum class OldBytes : std::uint8_t { kDelete, kRetire };
  // kLater: a power cut before the next synced commit may take it back.
  enum class Durability : std::uint8_t { kNow, kLater };
  absl::Status ReplaceChunks(const std::vector<Replacement>& replacements, OldBytes old_bytes,
                             Durability durability,
                             const std::function<absl::Status()>& beside = {});
  absl::Status DeleteRetired(bool all);
  absl::Status CheckChunk(std::uint64_t id);
  absl::StatusOr<std::int64_t> NewRun(bool done);
  absl::Status Checkpoint(bool truncate);

  // Erasure. Likewise.
  using DropRow =
      std::function<bool(const Records& records, std::uint32_t row, std::uint32_t unit)>;
  using ReplaceChunk = std::function<absl::Status(Replacement)>;
  absl::StatusOr<std::optional<Replacement>> WithoutRows(const GroupKey& group,
                                                         const ChunkRef& chunk,
                                                         const DropRow& drop);
  absl::StatusOr<bool> DropRows(const std::vector<std::pair<GroupKey, ChunkRef>>& chunks,
                                const DropRow& drop, const ReplaceChunk& replace,
                                EraseResult* result);
  absl::Status ReplaceAtOnce(Replacement replacement);
  std::vector<std::pair<GroupKey, ChunkRef>> ChunksOf(const ShardKey& shard,
                                                      std::uint32_t unit) const;
  absl::StatusOr<EraseResult> EraseRecords(std::string_view unit_type, std::uint64_t key,
                                           std::int64_t until_ms, const AuditErasure& audit);
  absl::Status ZeroKey(const ShardKey& shard, std::uint32_t unit);
  absl::Status EraseSetAside(std::string_view unit_type, std::uint64_t key);
  absl::Status MarkErased(const std::set<std::string>& hashes);
  absl::Status ScrubFreePages();
  absl::Status TakeOverErasures();
  absl::Status FinishErasures();

  void StartBackground();
  void StopBackground();
  void Background();

  EmbeddedOptions options_;
  std::string file_;
  std::string journal_;  // of erasures
  FolderLock lock_;
  std::unique_ptr<UnitHasher> hasher_;
  Tombstones tombstones_;

  std::mutex write_mutex_;
  Database write_;                    // this and what follows: guarded by write_mutex_
  std::unique_ptr<ClientRows> rows_;  // but for `Fold`, which takes the lock by itself
  std::optional<KnownBatches> known_;
  std::optional<ClientCounts> counts_;
  Statement insert_landed_, insert_conflict_, add_to_meta_;
  Statement insert_chunk_, insert_chunk_data_, delete_chunk_, delete_chunk_data_;

  std::mutex maintenance_mutex_;  // taken before write_mutex_
  Database read_;                 // this and what follows: guarded by maintenance_mutex_
  bool recovered_ = false;        // false: dictionaries, names and directory may be wrong
  NameTable names_;
  Directory directory_;
  std::map<ShardKey, Shard> dictionaries_;
  std::uint64_t uses_ = 0;
  std::set<std::uint64_t> damaged_;  // chunks that merging leaves alone

  /// Bytes of chunks that merging replaced, kept for the snapshots taken before.
  struct Retired {
    std::uint64_t chunk = 0;
    std::int64_t bytes = 0;
    std::uint64_t before = 0;  ///< Snapshots with lower numbers may read it.
  };
  std::deque<Retired> retired_;
  std::int64_t retired_bytes_ = 0;

  std::shared_ptr<LiveSnapshots> snapshots_ = std::make_shared<LiveSnapshots>();
  std::atomic<int> wal_pages_{0};  // in the log after the last commit
  std::atomic<std::int64_t> backlog_records_{0};
  std::atomic<std::int64_t> backlog_bytes_{0};

  std::mutex wake_mutex_;
  std::condition_variable wake_;
  bool stop_ = false;  // guarded by wake_mutex_
  std::thread background_;
};

}  // namespace upswing::store
