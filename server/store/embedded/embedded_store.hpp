#pragma once

#include <cstdint>
#include <functional>
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

  /// Rows of clients (known batches, boots, counters) enter their tables when they take this much
  /// memory, or as much of the log: at about 400 bytes a client, 64 MiB are 160,000 clients, of
  /// which several share a page. At least 0. Unit: bytes.
  std::int64_t client_bytes = 64 << 20;

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

/// Takes down what a store knows beside records and small values; see `EmbeddedStore::VisitState`.
/// An error ends the visit.
struct StateVisitor {
  /// A batch that is known, or known as split. `mark`: what is kept of its checksum, the low 32
  /// bits, but 2 more where those are 0 or 1.
  std::function<absl::Status(const BatchKey&, bool split, std::uint32_t mark)> known;
  /// The offset of an (epoch, boot); the key's sequence means nothing.
  std::function<absl::Status(const BatchKey&, std::uint64_t boot_id, std::int64_t offset)> boot;
  /// By how much a client's counter grew on a day (since 1970), summed over clients: one value that
  /// is not 0 at a time.
  std::function<absl::Status(std::int64_t day, const ClientCount&)> tally;
  std::function<absl::Status(const std::string& experiment, const std::string& variant,
                             std::int64_t units)>
      erased;
  std::function<absl::Status(std::string_view hash, std::int64_t erased_ms)> tombstone;
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

  /// Shows everything that a copy needs beside records, small values and the audit log.
  virtual absl::Status VisitState(const StateVisitor& visitor) = 0;

  /// Copies the store, while it runs, to a new file.
  virtual absl::Status Backup(const std::string& file) = 0;
};

}  // namespace upswing::store
