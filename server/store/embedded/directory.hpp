#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/store/embedded/database.hpp"
#include "server/store/record_source.hpp"

namespace upswing::store {

/// The table `name`: event names, experiment keys and unit types by number.
class NameTable {
 public:
  absl::Status Load(Database* database);
  /// 0 if the name is not there; numbers begin at 1.
  std::int64_t Find(std::string_view text) const;
  /// Inserts through `database`, whose transaction must be open; call `Load` again if it fails.
  absl::StatusOr<std::int64_t> FindOrAdd(Database* database, std::string_view text);
  /// A name that is not there gets a number that is nowhere stored: for chunks in memory.
  std::int64_t FindOrInvent(std::string_view text);
  const std::string& Text(std::int64_t id) const;

 private:
  std::map<std::string, std::int64_t, std::less<>> ids_;
  std::unordered_map<std::int64_t, std::string> texts_;
};

/// Chunks that hold the same kind of records of the same shard.
struct GroupKey {
  std::int64_t type = 0;
  int shard = 0;
  Lane lane = Lane::kEvents;
  std::int64_t name = 0;

  auto operator<=>(const GroupKey&) const = default;
};

using Directory = std::map<GroupKey, std::vector<ChunkRef>>;

/// The finished chunks, each group in order of (run, min_unit).
absl::StatusOr<Directory> LoadDirectory(Database* database);

/// "chunk 17", as errors and reports call it.
std::string ChunkLabel(std::uint64_t id);

/// Reads and checks nothing but that it is there: kNotFound if it was replaced.
absl::StatusOr<std::string> ReadChunkData(Statement* select, std::uint64_t id);

/// Keys of a (type, shard) by number; checks the checksums. Units of a damaged blob have the key 0,
/// as erased ones have, and the blob is named in `damaged`; kDataLoss if that is null.
absl::StatusOr<std::vector<std::uint64_t>> LoadKeys(Database* database, std::int64_t type,
                                                    int shard, std::vector<std::string>* damaged);

/// "units of type 2, shard 3, from 100", as errors and reports call it.
std::string UnitsLabel(std::int64_t type, std::int64_t shard, std::int64_t base);

/// XXH3-64 of a blob, as the checksum columns hold it.
std::int64_t BlobChecksum(std::string_view bytes);
/// Notes a blob that failed its checksum, so that every report names it from now on.
absl::Status NoteDamage(Database* database, std::string_view what);
/// True if `checksum` is not that of the blob; 0 is none (kLaterChecksums).
bool Damaged(std::string_view bytes, std::int64_t checksum);
/// What to select as the checksum of such a table: 0 where a reader meets a folder from before.
absl::StatusOr<std::string> ChecksumColumn(Database* database, std::string_view table);

}  // namespace upswing::store
