#include "server/store/embedded/snapshot.hpp"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/store/embedded/client_counts.hpp"
#include "server/store/embedded/database.hpp"
#include "server/store/embedded/directory.hpp"
#include "server/store/embedded/read_ahead.hpp"
#include "server/store/records.hpp"

namespace upswing::store {
namespace {

constexpr std::uint64_t kInMemory = 1ULL << 63;  // chunk ids that are keys of `memory_`

// No two snapshots of a process share an id of this kind.
std::uint64_t NewMemoryId() {
  static std::atomic<std::uint64_t> next{0};
  return kInMemory | ++next;
}

struct Reader {
  Database database;
  Statement select;
};

class Snapshot : public RecordSource {
 public:
  explicit Snapshot(SnapshotOptions options) : options_(std::move(options)) {}
  ~Snapshot() override {
    if (options_.released) options_.released();
  }

  absl::Status Take();

  int shards() const override { return options_.shards; }

  std::uint32_t Units(std::string_view unit_type, int shard) const override {
    const auto found = units_.find({names_.Find(unit_type), shard});
    return found == units_.end() ? 0 : found->second;
  }

  std::uint32_t StableUnits(std::string_view unit_type, int shard) const override {
    const auto found = stable_units_.find({names_.Find(unit_type), shard});
    return found == stable_units_.end() ? 0 : found->second;
  }

  std::vector<ChunkRef> Chunks(std::string_view unit_type, int shard, Lane lane,
                               std::string_view name) const override {
    const auto found = directory_.find({names_.Find(unit_type), shard, lane, names_.Find(name)});
    return found == directory_.end() ? std::vector<ChunkRef>() : found->second;
  }

  std::vector<ChunkGroup> Groups() const override {
    std::vector<ChunkGroup> groups;
    for (const auto& [key, chunks] : directory_)
      groups.push_back({names_.Text(key.type), key.shard, key.lane, names_.Text(key.name)});
    return groups;
  }

  absl::StatusOr<std::string> Read(const ChunkRef& chunk) const override {
    if ((chunk.id & kInMemory) != 0) return memory_.at(chunk.id);
    absl::StatusOr<std::unique_ptr<Reader>> reader = Borrow();
    if (!reader.ok()) return reader.status();
    absl::StatusOr<std::string> bytes = ReadChunkData(&(*reader)->select, chunk.id);
    Return(*std::move(reader));
    return bytes;
  }

  void WillRead(std::int64_t bytes) const override {
    std::int64_t stored = 0;
    for (const auto& [group, chunks] : directory_) {
      for (const ChunkRef& chunk : chunks) {
        const bool in_memory = (chunk.id & kInMemory) != 0;
        if (in_memory) bytes -= chunk.bytes;  // As if all of them were to be read.
        if (!in_memory) stored += chunk.bytes;
      }
    }
    const std::lock_guard lock(mutex_);
    // Reading the whole file pays where about half of it is needed.
    if (read_ahead_ == nullptr && stored > 0 && 2 * bytes >= stored)
      read_ahead_ = std::make_unique<ReadAhead>(options_.file, options_.vfs);
  }

  absl::StatusOr<std::vector<std::uint64_t>> Keys(std::string_view unit_type,
                                                  int shard) const override {
    const std::int64_t type = names_.Find(unit_type);
    absl::StatusOr<std::unique_ptr<Reader>> reader = Borrow();
    if (!reader.ok()) return reader.status();
    absl::StatusOr<std::vector<std::uint64_t>> keys =
        LoadKeys(&(*reader)->database, type, shard, nullptr);
    Return(*std::move(reader));
    if (!keys.ok()) return keys;
    const auto stored = stored_units_.find({type, shard});
    // Units that came since the snapshot are not part of it.
    keys->resize(stored == stored_units_.end() ? 0 : stored->second);
    const auto added = added_keys_.find({type, shard});
    if (added != added_keys_.end())
      keys->insert(keys->end(), added->second.begin(), added->second.end());
    return keys;
  }

  int ShardOf(std::uint64_t key) const override { return store::ShardOf(key, options_.shards); }

  std::optional<std::int64_t> EarliestEventMs() const override {
    std::optional<std::int64_t> earliest;
    for (const auto& [group, chunks] : directory_) {
      if (group.lane != Lane::kEvents) continue;
      for (const ChunkRef& chunk : chunks)
        earliest = std::min(earliest.value_or(chunk.min_time_ms), chunk.min_time_ms);
    }
    return earliest;
  }

  std::int64_t EventsWithout(std::string_view name,
                             const std::vector<std::string>& unit_types) const override {
    std::int64_t count = 0;
    const auto found = reach_.find(name);
    if (found == reach_.end()) return 0;
    for (const auto& [types, events] : found->second) {
      const bool has = std::any_of(types.begin(), types.end(), [&](const std::string& type) {
        return std::find(unit_types.begin(), unit_types.end(), type) != unit_types.end();
      });
      if (!has) count += events;
    }
    return count;
  }

  std::map<std::string, std::int64_t> Erased(std::string_view experiment) const override {
    const auto found = erased_.find(experiment);
    return found == erased_.end() ? std::map<std::string, std::int64_t>() : found->second;
  }

  absl::StatusOr<std::map<std::string, DecisionCounts>> Decisions(
      std::string_view experiment, std::int64_t from_ms, std::int64_t to_ms) const override {
    absl::StatusOr<std::unique_ptr<Reader>> reader = Borrow();
    if (!reader.ok()) return reader.status();
    auto counts = ReadDecisions(&(*reader)->database, experiment, from_ms, to_ms);
    Return(*std::move(reader));
    return counts;
  }

  absl::StatusOr<std::map<std::uint8_t, std::int64_t>> DroppedEvents(
      std::string_view name, std::int64_t from_ms, std::int64_t to_ms) const override {
    absl::StatusOr<std::unique_ptr<Reader>> reader = Borrow();
    if (!reader.ok()) return reader.status();
    auto dropped = ReadDroppedEvents(&(*reader)->database, name, from_ms, to_ms);
    Return(*std::move(reader));
    return dropped;
  }

  std::vector<std::string> Unreadable() const override { return unreadable_; }

 private:
  using UnitKey = std::pair<std::int64_t, int>;  // (type, shard)

  absl::StatusOr<std::unique_ptr<Reader>> Borrow() const {
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        std::unique_ptr<Reader> reader = std::move(idle_.back());
        idle_.pop_back();
        return reader;
      }
    }
    absl::StatusOr<Database> database = Database::Open(options_.file, false, options_.vfs);
    if (!database.ok()) return database.status();
    auto reader = std::make_unique<Reader>();
    reader->database = *std::move(database);
    reader->select = reader->database.Prepare("SELECT data FROM chunk_data WHERE id=?1");
    return reader;
  }
  void Return(std::unique_ptr<Reader> reader) const {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(reader));
  }

  absl::Status LoadUnits(Database* database);
  absl::Status LoadReach(Database* database);
  absl::Status AddLanded(Database* database);
  absl::Status AddSlice(Database* database, const Records& records);

  SnapshotOptions options_;
  NameTable names_;
  Directory directory_;
  std::map<UnitKey, std::uint32_t> units_;
  std::map<UnitKey, std::uint32_t> stored_units_;
  std::map<UnitKey, std::uint32_t> stable_units_;  // of finished rounds
  std::map<UnitKey, std::vector<std::uint64_t>> added_keys_;
  absl::flat_hash_map<std::uint64_t, std::string> memory_;
  std::map<std::string, std::map<std::vector<std::string>, std::int64_t>, std::less<>> reach_;
  std::map<std::string, std::map<std::string, std::int64_t>, std::less<>> erased_;
  std::vector<std::string> unreadable_;
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<Reader>> idle_;  // guarded by mutex_
  mutable std::unique_ptr<ReadAhead> read_ahead_;      // guarded by mutex_
};

absl::Status Snapshot::Take() {
  absl::StatusOr<std::unique_ptr<Reader>> reader = Borrow();
  if (!reader.ok()) return reader.status();
  Database* database = &(*reader)->database;
  {
    Transaction transaction(database, "BEGIN");
    absl::Status status = transaction.status();
    if (status.ok()) status = names_.Load(database);
    if (!status.ok()) return status;
    absl::StatusOr<Directory> directory = LoadDirectory(database);
    if (!directory.ok()) return directory.status();
    directory_ = *std::move(directory);
    if (status = LoadUnits(database); !status.ok()) return status;
    if (status = LoadReach(database); !status.ok()) return status;
    if (status = AddLanded(database); !status.ok()) return status;
    if (status = transaction.Commit(); !status.ok()) return status;
  }
  Return(*std::move(reader));
  return absl::OkStatus();
}

absl::Status Snapshot::LoadUnits(Database* database) {
  // A round that fails takes back the numbers it gave.
  Statement select = database->Prepare(
      "SELECT type, shard, max(base + count), max((base + count) * done) FROM units "
      "JOIN run ON run.id = units.run GROUP BY type, shard");
  for (;;) {
    const absl::StatusOr<bool> row = select.Step();
    if (!row.ok()) return row.status();
    if (!*row) break;
    const UnitKey key{select.Int(0), static_cast<int>(select.Int(1))};
    units_[key] = stored_units_[key] = static_cast<std::uint32_t>(select.Int(2));
    stable_units_[key] = static_cast<std::uint32_t>(select.Int(3));
  }
  Statement damaged = database->Prepare("SELECT what, reason FROM quarantine ORDER BY id");
  for (;;) {
    const absl::StatusOr<bool> row = damaged.Step();
    if (!row.ok()) return row.status();
    if (!*row) return absl::OkStatus();
    unreadable_.push_back(std::string(damaged.Blob(0)) + ": " + std::string(damaged.Blob(1)));
  }
}

absl::Status Snapshot::LoadReach(Database* database) {
  Statement erased = database->Prepare("SELECT experiment, variant, count FROM erased");
  for (;;) {
    const absl::StatusOr<bool> row = erased.Step();
    if (!row.ok()) return row.status();
    if (!*row) break;
    erased_[std::string(erased.Blob(0))][std::string(erased.Blob(1))] = erased.Int(2);
  }
  Statement select = database->Prepare("SELECT name, types, count FROM reach");
  for (;;) {
    const absl::StatusOr<bool> row = select.Step();
    if (!row.ok()) return row.status();
    if (!*row) return absl::OkStatus();
    std::vector<std::string> types;
    const std::string_view ids = select.Blob(1);
    for (const absl::string_view id :
         absl::StrSplit(absl::string_view(ids.data(), ids.size()), ',')) {
      std::int64_t number = 0;
      if (absl::SimpleAtoi(id, &number)) types.push_back(names_.Text(number));
    }
    reach_[names_.Text(select.Int(0))][types] += select.Int(2);
  }
}

absl::Status Snapshot::AddLanded(Database* database) {
  Records records;
  Statement select = database->Prepare("SELECT id, checksum, data FROM landed ORDER BY id");
  for (;;) {
    const absl::StatusOr<bool> row = select.Step();
    if (!row.ok()) return row.status();
    if (!*row) break;
    const std::string_view data = select.Blob(2);
    const absl::Status status = BlobChecksum(data) == select.Int(1)
                                    ? DecodeRecords(data, &records)
                                    : absl::DataLossError("checksum");
    if (!status.ok())
      unreadable_.push_back(absl::StrCat("landed batch ", select.Int(0), ": ", status.message()));
    if (records.size() < options_.slice_records) continue;
    if (absl::Status added = AddSlice(database, records); !added.ok()) return added;
    records.Clear();
  }
  return records.size() == 0 ? absl::OkStatus() : AddSlice(database, records);
}

// Makes a run of chunks in memory.
absl::Status Snapshot::AddSlice(Database* database, const Records& records) {
  const std::uint64_t run = NewMemoryId();
  for (const auto& [name_types, count] : CountReach(records))
    reach_[name_types.first][name_types.second] += count;

  for (const ShardRows& shard : CutByUnit(records, options_.shards, options_.erased)) {
    const std::int64_t type = names_.FindOrInvent(records.strings[shard.unit_type]);
    const UnitKey unit_key{type, shard.shard};
    // Numbers of the keys at hand: one pass over the shard's keys beats a table of all of them.
    absl::flat_hash_map<std::uint64_t, std::uint32_t> numbers;
    for (const auto* lane : {&shard.exposures, &shard.events})
      for (const KeyedRow& row : *lane) numbers.try_emplace(row.key, 0xffffffff);
    const auto stored = stored_units_.find(unit_key);
    std::uint32_t next = 0;
    if (stored != stored_units_.end()) {
      std::vector<std::string> damaged;
      absl::StatusOr<std::vector<std::uint64_t>> keys =
          LoadKeys(database, type, shard.shard, &damaged);
      for (const std::string& what : damaged) unreadable_.push_back(what + ": checksum");
      if (!keys.ok()) return keys.status();
      next = static_cast<std::uint32_t>(keys->size());
      for (std::uint32_t unit = 0; unit < next; ++unit)
        if (const auto found = numbers.find((*keys)[unit]); found != numbers.end())
          found->second = unit;
    }
    std::vector<std::uint64_t>& fresh = added_keys_[unit_key];  // of earlier slices
    for (const std::uint64_t key : fresh) {
      if (const auto found = numbers.find(key); found != numbers.end()) found->second = next;
      ++next;
    }
    const auto number = [&](std::uint64_t key) {
      std::uint32_t& unit = numbers[key];
      if (unit == 0xffffffff) {
        unit = next++;
        fresh.push_back(key);
      }
      return unit;
    };
    BuildChunks(records, shard, options_.chunk_rows, number, [&](BuiltChunk chunk) {
      chunk.ref.id = NewMemoryId();
      chunk.ref.run = run;
      memory_.emplace(chunk.ref.id, std::move(chunk.bytes));
      const GroupKey group{type, shard.shard, chunk.lane, names_.FindOrInvent(chunk.name)};
      directory_[group].push_back(chunk.ref);
    });
    units_[unit_key] = next;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::shared_ptr<const RecordSource>> TakeSnapshot(SnapshotOptions options) {
  auto snapshot = std::make_shared<Snapshot>(std::move(options));
  if (absl::Status status = snapshot->Take(); !status.ok()) return status;
  return snapshot;
}

}  // namespace upswing::store
