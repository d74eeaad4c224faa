#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/store/event_store.hpp"
#include "server/store/unit_key.hpp"

namespace upswing::store {

struct EmbeddedOptions {
  /// Data folder; made if it is absent (not with `read_only`). Holds `upswing.db` and `unit.key`.
  std::string directory;

  /// Reads beside a running server, or after a crash; changes nothing. Otherwise this process owns
  /// the folder: a second owner gets kFailedPrecondition.
  bool read_only = false;

  /// Part of every unit key. Taken when the store is made; later opens may leave it empty, and get
  /// kFailedPrecondition if it is another one.
  std::string project;

  /// Number of shards of a new store; later opens keep the store's own. A power of two in [1,
  /// 4096]. About one million units per shard is a good measure.
  int shards = 64;

  /// Compacts landed batches on a thread of its own. Without it only `Compact` does.
  bool background = true;

  /// Landed bytes that start a compaction round. Range: [64 KiB, 1 GiB].
  std::int64_t round_bytes = 24 << 20;

  /// Rows per chunk, at most: what a reader decodes at once, for each run and thread. At least 1.
  std::int64_t chunk_rows = 16'384;

  /// Runs of one size class that are merged into one. Range: [2, 64].
  int merge_runs = 8;

  /// Chunks that merging replaced are kept, up to this, while a snapshot taken before can read
  /// them; beyond it such a snapshot has to be taken anew. Unit: bytes.
  std::int64_t retired_bytes = 512 << 20;

  /// Memory for the unit dictionaries held between rounds. Unit: bytes.
  std::int64_t dictionary_bytes = 192 << 20;

  /// Landed records that a snapshot decodes at once (about 100 bytes each; as chunks they take a
  /// tenth of that). At least 1.
  std::int64_t snapshot_records = 500'000;

  /// SQLite VFS to open the database with (fault injection in tests); empty = the default.
  std::string vfs;
};

/// What `Verify` found; empty lists mean a sound store.
struct VerifyReport {
  std::int64_t blobs = 0;
  std::vector<std::string> damaged;  ///< "chunk 17: ...", "landed batch 3: ...".
};

/// The default store: one SQLite database in one folder. docs/reference/store-format.md says what
/// is inside.
class EmbeddedStore : public EventStore {
 public:
  /// kFailedPrecondition: another process owns the folder, the key file does not match the store,
  /// or the store has a newer format (the message says which). kNotFound: read-only and no store
  /// there.
  static absl::StatusOr<std::unique_ptr<EmbeddedStore>> Open(const EmbeddedOptions& options);

  /// Compacts everything landed, then merges runs as the size classes say (`all`: into one run).
  virtual absl::Status Compact(bool all) = 0;

  /// Reads every blob and compares its checksum; also SQLite's own integrity check.
  virtual absl::StatusOr<VerifyReport> Verify() = 0;

  /// Copies the store, while it runs, to a new file.
  virtual absl::Status Backup(const std::string& file) = 0;
};

}  // namespace upswing::store
