#include "server/store/embedded/rotation.hpp"

#include <filesystem>
#include <memory>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "server/store/chunk.hpp"
#include "server/store/embedded/database.hpp"
#include "server/store/embedded/directory.hpp"
#include "server/store/embedded/embedded_store.hpp"
#include "server/store/embedded/folder_lock.hpp"
#include "server/store/embedded/meta.hpp"
#include "server/store/embedded/sync_path.hpp"
#include "server/store/embedded/take_place.hpp"
#include "server/store/records.hpp"
#include "server/store/unit_key.hpp"

namespace upswing::store {
namespace {

/// Records landed in the copy before they are compacted.
constexpr std::int64_t kRoundRecords = 2'000'000;

/// What has no unit keys in it, or only hashes of them, which stay under the key of their time.
constexpr const char* kCopyTables = R"sql(
INSERT OR REPLACE INTO meta SELECT * FROM old.meta WHERE key NOT IN ('key_fingerprint');
INSERT INTO known SELECT * FROM old.known;
INSERT INTO boot SELECT * FROM old.boot;
INSERT INTO counter SELECT * FROM old.counter;
INSERT INTO arrival SELECT * FROM old.arrival;
INSERT INTO tally SELECT * FROM old.tally;
INSERT INTO tombstone SELECT * FROM old.tombstone;
INSERT INTO erased SELECT * FROM old.erased;
INSERT INTO audit SELECT * FROM old.audit;
)sql";

std::string CopyFolder(const std::string& directory) { return directory + "/rotating"; }

void CopyProperty(const Properties& from, std::uint32_t row, Records* to, const StringPool& strings,
                  Properties* properties) {
  for (std::uint32_t p = from.first[row]; p < from.first[row + 1]; ++p) {
    const bool is_text = from.type[p] == PropertyType::kString;
    properties->name.push_back(to->strings.Intern(strings[from.name[p]]));
    properties->type.push_back(from.type[p]);
    properties->bits.push_back(
        is_text ? to->strings.Intern(strings[static_cast<std::uint32_t>(from.bits[p])])
                : from.bits[p]);
  }
  properties->first.push_back(static_cast<std::uint32_t>(properties->name.size()));
}

/// Moves the records of one group of chunks into the copy, under the new keys.
class Mover {
 public:
  Mover(const UnitHasher& hasher, Database* copy) : hasher_(hasher) {
    insert_ = copy->Prepare(
        "INSERT INTO landed(epoch,sequence,received_ms,records,checksum,data) "
        "VALUES(zeroblob(16),0,0,?1,?2,?3)");
  }

  /// `keys` are those of the group's units, by number. Returns how many records were moved: a
  /// record has a copy per unit type, and goes with the first type's.
  absl::StatusOr<std::int64_t> Move(const ChunkGroup& group, const std::vector<std::uint64_t>& keys,
                                    std::string_view chunk) {
    from_.Clear();
    to_.Clear();
    units_.clear();
    absl::Status status = AppendChunk(chunk, group.lane, group.name, &from_, &units_);
    if (!status.ok()) return status;
    const bool is_event = group.lane == Lane::kEvents;
    for (std::uint32_t row = 0; row < units_.size(); ++row) {
      const std::uint32_t subject =
          is_event ? from_.events.subject[row] : from_.exposures.subject[row];
      if (!AddSubject(group, keys[units_[row]], subject)) continue;
      is_event ? AddEvent(row) : AddExposure(row);
    }
    const auto moved = static_cast<std::int64_t>(to_.size());
    if (moved == 0) return 0;
    const std::string blob = EncodeRecords(to_);
    status = insert_.Bind(1, moved).Bind(2, BlobChecksum(blob)).BindBlob(3, blob).Run();
    if (!status.ok()) return status;
    return moved;
  }

 private:
  // False if another unit type's copy of the record is the first.
  bool AddSubject(const ChunkGroup& group, std::uint64_t key, std::uint32_t subject) {
    const Records::Subjects& from = from_.subjects;
    for (std::uint32_t p = from.first[subject]; p < from.first[subject + 1]; ++p) {
      if (from_.strings[from.unit_type[p]] < group.unit_type) return false;
    }
    Records::Subjects& to = to_.subjects;
    to.unit_type.push_back(to_.strings.Intern(group.unit_type));
    to.key.push_back(hasher_.Rekey(key));
    for (std::uint32_t p = from.first[subject]; p < from.first[subject + 1]; ++p) {
      if (from.key[p] == 0) continue;
      to.unit_type.push_back(to_.strings.Intern(from_.strings[from.unit_type[p]]));
      to.key.push_back(hasher_.Rekey(from.key[p]));
    }
    to.first.push_back(static_cast<std::uint32_t>(to.key.size()));
    return true;
  }

  std::uint32_t NewSubject() const { return static_cast<std::uint32_t>(to_.subjects.size() - 1); }

  void AddExposure(std::uint32_t row) {
    const Records::Exposures& from = from_.exposures;
    Records::Exposures& to = to_.exposures;
    to.subject.push_back(NewSubject());
    to.experiment.push_back(to_.strings.Intern(from_.strings[from.experiment[row]]));
    to.variant.push_back(to_.strings.Intern(from_.strings[from.variant[row]]));
    to.iteration.push_back(from.iteration[row]);
    to.phase.push_back(from.phase[row]);
    to.order.push_back(from.order[row]);
    to.reason.push_back(from.reason[row]);
    to.catalog_version.push_back(from.catalog_version[row]);
    to.time_ms.push_back(from.time_ms[row]);
    CopyProperty(from.attributes, row, &to_, from_.strings, &to.attributes);
  }

  void AddEvent(std::uint32_t row) {
    const Records::Events& from = from_.events;
    Records::Events& to = to_.events;
    to.subject.push_back(NewSubject());
    to.name.push_back(to_.strings.Intern(from_.strings[from.name[row]]));
    to.order.push_back(from.order[row]);
    to.value.push_back(from.value[row]);
    to.time_ms.push_back(from.time_ms[row]);
    to.event_id.push_back(from.event_id[row]);
    to.ref_id.push_back(from.ref_id[row]);
    CopyProperty(from.properties, row, &to_, from_.strings, &to.properties);
  }

  const UnitHasher& hasher_;
  Statement insert_;
  Records from_, to_;
  std::vector<std::uint32_t> units_;
};

absl::Status CopyMeta(const std::string& old_file, Database* copy) {
  absl::Status status = copy->Prepare("ATTACH DATABASE ?1 AS old").BindText(1, old_file).Run();
  if (status.ok()) status = copy->Execute(kCopyTables);
  if (status.ok()) status = copy->Execute("DETACH DATABASE old");
  return status;
}

std::int64_t Rows(const RecordSource& source) {
  std::int64_t rows = 0;
  for (const ChunkGroup& group : source.Groups()) {
    for (const ChunkRef& chunk :
         source.Chunks(group.unit_type, group.shard, group.lane, group.name))
      rows += chunk.rows;
  }
  return rows;
}

absl::StatusOr<std::int64_t> MoveRecords(const RecordSource& source, const UnitHasher& hasher,
                                         Database* copy, EmbeddedStore* compacts) {
  Mover mover(hasher, copy);
  std::int64_t moved = 0;
  std::int64_t waiting = 0;
  for (const ChunkGroup& group : source.Groups()) {
    const absl::StatusOr<std::vector<std::uint64_t>> keys =
        source.Keys(group.unit_type, group.shard);
    if (!keys.ok()) return keys.status();
    for (const ChunkRef& chunk :
         source.Chunks(group.unit_type, group.shard, group.lane, group.name)) {
      const absl::StatusOr<std::string> bytes = source.Read(chunk);
      if (!bytes.ok()) return bytes.status();
      const absl::StatusOr<std::int64_t> records = mover.Move(group, *keys, *bytes);
      if (!records.ok()) return records.status();
      moved += *records;
      waiting += *records;
    }
    if (waiting < kRoundRecords) continue;
    if (absl::Status status = compacts->Compact(false); !status.ok()) return status;
    waiting = 0;
  }
  if (absl::Status status = compacts->Compact(false); !status.ok()) return status;
  return moved;
}

absl::Status CheckMovable(EmbeddedStore* store, const RecordSource& source) {
  if (const auto unreadable = source.Unreadable(); !unreadable.empty())
    return absl::DataLossError(absl::StrCat(unreadable.front(), ": cannot be read"));
  const absl::StatusOr<StoreStats> stats = store->Stats();
  if (!stats.ok()) return stats.status();
  if (stats->quarantined == 0 && stats->conflicts == 0) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(
      stats->quarantined, " blobs set aside and ", stats->conflicts,
      " batches in conflict hold unit keys under the old secret: remove them from the tables "
      "quarantine and conflict first"));
}

/// Builds the copy in its folder; the caller holds the lock of the store's.
absl::StatusOr<std::int64_t> BuildCopy(const std::string& directory, std::int64_t now_ms) {
  EmbeddedOptions options;
  options.directory = directory;
  options.read_only = true;
  const absl::StatusOr<std::unique_ptr<EmbeddedStore>> store = EmbeddedStore::Open(options);
  if (!store.ok()) return store.status();
  const absl::StatusOr<std::shared_ptr<const RecordSource>> source = (*store)->Snapshot();
  if (!source.ok()) return source.status();
  if (absl::Status status = CheckMovable(store->get(), **source); !status.ok()) return status;

  absl::StatusOr<KeyChain> chain = ReadKeyChain(directory + "/unit.key");
  if (!chain.ok()) return chain.status();
  if (chain->size() == kMaxKeyChain)
    return absl::FailedPreconditionError(
        absl::StrCat(directory, "/unit.key: has ", kMaxKeyChain, " links, the most there can be"));
  const absl::StatusOr<UnitSecret> secret = DrawSecret();
  if (!secret.ok()) return secret.status();
  chain->push_back(*secret);

  const std::string old_file = directory + "/upswing.db";
  absl::StatusOr<Database> old = Database::Open(old_file, false, "");
  if (!old.ok()) return old.status();
  const absl::StatusOr<std::string> project = MetaValue(&*old, "project");
  if (!project.ok()) return project.status();

  const std::string folder = CopyFolder(directory);
  std::error_code error;
  if (!std::filesystem::create_directory(folder, error))
    return absl::UnavailableError(absl::StrCat(folder, ": ", error.message()));
  absl::Status status = WriteKeyChain(*chain, folder + "/unit.key");
  if (!status.ok()) return status;
  options = {};
  options.directory = folder;
  options.shards = (*source)->shards();
  options.project = *project;
  options.background = false;
  const absl::StatusOr<std::unique_ptr<EmbeddedStore>> fresh = EmbeddedStore::Open(options);
  if (!fresh.ok()) return fresh.status();
  absl::StatusOr<Database> copy = Database::Open(folder + "/upswing.db", true, "");
  if (!copy.ok()) return copy.status();
  // Whoever is interrupted starts over, so nothing of the copy need be durable before its end.
  status = copy->Execute("PRAGMA synchronous=OFF");
  if (status.ok()) status = CopyMeta(old_file, &*copy);
  if (!status.ok()) return status;
  const absl::StatusOr<std::int64_t> moved =
      MoveRecords(**source, (*fresh)->hasher(), &*copy, fresh->get());
  if (!moved.ok()) return moved.status();
  const absl::StatusOr<std::shared_ptr<const RecordSource>> made = (*fresh)->Snapshot();
  if (!made.ok()) return made.status();
  if (Rows(**made) != Rows(**source))
    return absl::DataLossError(
        absl::StrCat("the copy has ", Rows(**made), " rows, the store has ", Rows(**source)));
  status = (*fresh)->Audit(
      {now_ms, "unit-key.rotate",
       absl::StrCat(*moved, " records under link ", chain->size(), " of the key chain")});
  if (!status.ok()) return status;
  return *moved;
}

}  // namespace

absl::StatusOr<std::int64_t> RotateUnitKey(const std::string& directory, std::int64_t now_ms) {
  const std::string file = directory + "/upswing.db";
  if (!std::filesystem::exists(file))
    return absl::NotFoundError(absl::StrCat(directory, ": no store here (no upswing.db)"));
  {
    // What an earlier process left undone is done first.
    EmbeddedOptions options;
    options.directory = directory;
    options.background = false;
    const absl::StatusOr<std::unique_ptr<EmbeddedStore>> store = EmbeddedStore::Open(options);
    if (!store.ok()) return store.status();
    if (absl::Status status = (*store)->Compact(false); !status.ok()) return status;
  }
  FolderLock lock;
  if (absl::Status status = lock.Acquire(directory + "/lock"); !status.ok()) return status;
  const absl::StatusOr<std::int64_t> moved = BuildCopy(directory, now_ms);
  absl::Status status = moved.status();
  if (status.ok()) status = TakePlace(CopyFolder(directory) + "/upswing.db", file);
  // The key follows; or the copy is removed if it is not in its place.
  status.Update(FinishRotation(directory));
  if (!status.ok()) return status;
  return moved;
}

absl::Status FinishRotation(const std::string& directory) {
  const std::string folder = CopyFolder(directory);
  std::error_code error;
  if (!std::filesystem::exists(folder, error)) return absl::OkStatus();
  // The database moves first, then the key that belongs to it.
  if (const absl::StatusOr<KeyChain> chain = ReadKeyChain(folder + "/unit.key"); chain.ok()) {
    absl::StatusOr<Database> database = Database::Open(directory + "/upswing.db", false, "");
    if (!database.ok()) return database.status();
    const absl::StatusOr<std::string> project = MetaValue(&*database, "project");
    const absl::StatusOr<std::string> fingerprint = MetaValue(&*database, "key_fingerprint");
    if (!project.ok()) return project.status();
    if (!fingerprint.ok()) return fingerprint.status();
    if (UnitHasher(*chain, *project).Fingerprint() == *fingerprint) {
      if (absl::Status status = SyncPath(directory); !status.ok()) return status;
      std::filesystem::rename(folder + "/unit.key", directory + "/unit.key", error);
      if (error)
        return absl::UnavailableError(absl::StrCat(directory, "/unit.key: ", error.message()));
      if (absl::Status status = SyncPath(directory); !status.ok()) return status;
    }
  }
  std::filesystem::remove_all(folder, error);
  if (error) return absl::UnavailableError(absl::StrCat(folder, ": ", error.message()));
  return absl::OkStatus();
}

}  // namespace upswing::store
