#include "server/store/embedded/directory.hpp"

#define XXH_INLINE_ALL
#include <xxhash.h>

#include <cstring>

#include "absl/strings/str_cat.h"

namespace upswing::store {

absl::Status NameTable::Load(Database* database) {
  ids_.clear();
  texts_.clear();
  Statement select = database->Prepare("SELECT id, text FROM name");
  for (;;) {
    const absl::StatusOr<bool> row = select.Step();
    if (!row.ok()) return row.status();
    if (!*row) return absl::OkStatus();
    std::string text(select.Blob(1));
    ids_.emplace(text, select.Int(0));
    texts_.emplace(select.Int(0), std::move(text));
  }
}

std::int64_t NameTable::Find(std::string_view text) const {
  const auto found = ids_.find(text);
  return found == ids_.end() ? 0 : found->second;
}

absl::StatusOr<std::int64_t> NameTable::FindOrAdd(Database* database, std::string_view text) {
  if (const std::int64_t id = Find(text); id != 0) return id;
  Statement insert = database->Prepare("INSERT INTO name(text) VALUES(?1)");
  if (absl::Status status = insert.BindBlob(1, text).Run(); !status.ok()) return status;
  const std::int64_t id = database->LastRowId();
  ids_.emplace(text, id);
  texts_.emplace(id, text);
  return id;
}

std::int64_t NameTable::FindOrInvent(std::string_view text) {
  if (const std::int64_t id = Find(text); id != 0) return id;
  const std::int64_t id = -1 - static_cast<std::int64_t>(ids_.size());
  ids_.emplace(text, id);
  texts_.emplace(id, text);
  return id;
}

const std::string& NameTable::Text(std::int64_t id) const {
  static const std::string empty;
  const auto found = texts_.find(id);
  return found == texts_.end() ? empty : found->second;
}

absl::StatusOr<Directory> LoadDirectory(Database* database) {
  Directory directory;
  Statement select = database->Prepare(
      "SELECT chunk.id, run, type, shard, lane, name, rows, min_unit, max_unit, min_ms, max_ms, "
      "bytes "
      "FROM chunk JOIN run ON run.id = chunk.run WHERE run.done = 1 "
      "ORDER BY type, shard, lane, name, run, min_unit, max_unit, chunk.id");
  for (;;) {
    const absl::StatusOr<bool> row = select.Step();
    if (!row.ok()) return row.status();
    if (!*row) return directory;
    const GroupKey group{select.Int(2), static_cast<int>(select.Int(3)),
                         static_cast<Lane>(select.Int(4)), select.Int(5)};
    ChunkRef chunk;
    chunk.id = static_cast<std::uint64_t>(select.Int(0));
    chunk.run = static_cast<std::uint64_t>(select.Int(1));
    chunk.rows = static_cast<std::uint32_t>(select.Int(6));
    chunk.min_unit = static_cast<std::uint32_t>(select.Int(7));
    chunk.max_unit = static_cast<std::uint32_t>(select.Int(8));
    chunk.min_time_ms = select.Int(9);
    chunk.max_time_ms = select.Int(10);
    chunk.bytes = select.Int(11);
    directory[group].push_back(chunk);
  }
}

std::string ChunkLabel(std::uint64_t id) { return absl::StrCat("chunk ", id); }

absl::StatusOr<std::string> ReadChunkData(Statement* select, std::uint64_t id) {
  const absl::StatusOr<bool> row = select->Bind(1, static_cast<std::int64_t>(id)).Step();
  if (!row.ok()) return row.status();
  if (!*row) return absl::NotFoundError(absl::StrCat(ChunkLabel(id), " was replaced"));
  std::string bytes(select->Blob(0));
  select->Reset();
  return bytes;
}

std::string UnitsLabel(std::int64_t type, std::int64_t shard, std::int64_t base) {
  return absl::StrCat("units of type ", type, ", shard ", shard, ", from ", base);
}

absl::StatusOr<std::vector<std::uint64_t>> LoadKeys(Database* database, std::int64_t type,
                                                    int shard, std::vector<std::string>* damaged) {
  std::vector<std::uint64_t> keys;
  Statement select = database->Prepare(
      "SELECT base, count, checksum, data FROM units WHERE type=?1 AND shard=?2 ORDER BY base");
  select.Bind(1, type).Bind(2, shard);
  for (;;) {
    const absl::StatusOr<bool> row = select.Step();
    if (!row.ok()) return row.status();
    if (!*row) return keys;
    const std::string_view data = select.Blob(3);
    const auto base = static_cast<std::size_t>(select.Int(0));
    const auto count = static_cast<std::size_t>(select.Int(1));
    const bool sound =
        BlobChecksum(data) == select.Int(2) && data.size() == count * 8 && base == keys.size();
    if (!sound) {
      const std::string what = UnitsLabel(type, shard, select.Int(0));
      if (damaged == nullptr) return absl::DataLossError(what + ": checksum");
      damaged->push_back(what);
    }
    keys.resize(base + count);
    if (sound && count > 0) std::memcpy(keys.data() + base, data.data(), data.size());
  }
}

std::int64_t BlobChecksum(std::string_view bytes) {
  return static_cast<std::int64_t>(XXH3_64bits(bytes.data(), bytes.size()));
}

absl::Status NoteDamage(Database* database, std::string_view what) {
  return database
      ->Prepare(
          "INSERT INTO quarantine(what,reason) SELECT ?1,'checksum' WHERE "
          "NOT EXISTS (SELECT 1 FROM quarantine WHERE what=?1)")
      .BindText(1, what)
      .Run();
}

bool Damaged(std::string_view bytes, std::int64_t checksum) {
  return checksum != 0 && checksum != BlobChecksum(bytes);
}

absl::StatusOr<std::string> ChecksumColumn(Database* database, std::string_view table) {
  const absl::StatusOr<bool> has = database->HasColumn(table, "checksum");
  if (!has.ok()) return has.status();
  return *has ? "checksum" : "0";
}

}  // namespace upswing::store
