#include "server/store/embedded/tombstones.hpp"

#include <openssl/sha.h>

#include <algorithm>
#include <mutex>

#include "server/store/bytes.hpp"

namespace upswing::store {

std::string TombstoneHash(std::string_view unit_type, std::uint64_t key) {
  std::string text("upswing tombstone");
  text.push_back('\0');
  text.append(unit_type);
  text.push_back('\0');
  PutFixed(key, &text);
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  return std::string(reinterpret_cast<const char*>(digest), 16);
}

absl::Status Tombstones::Load(Database* database) {
  const std::unique_lock lock(mutex_);
  Statement select = database->Prepare("SELECT hash, erased_ms FROM tombstone");
  for (;;) {
    const absl::StatusOr<bool> row = select.Step();
    if (!row.ok()) return row.status();
    if (!*row) break;
    erased_[std::string(select.Blob(0))] = select.Int(1);
  }
  count_ = erased_.size();
  return absl::OkStatus();
}

std::optional<std::int64_t> Tombstones::Find(std::string_view unit_type, std::uint64_t key) const {
  if (empty()) return std::nullopt;
  const std::shared_lock lock(mutex_);
  const auto found = erased_.find(TombstoneHash(unit_type, key));
  if (found == erased_.end()) return std::nullopt;
  return found->second;
}

absl::Status Tombstones::Add(Database* database, std::string_view unit_type, std::uint64_t key,
                             std::int64_t erased_ms) {
  const std::string hash = TombstoneHash(unit_type, key);
  absl::Status status = database
                            ->Prepare(
                                "INSERT INTO tombstone(hash,erased_ms,done) VALUES(?1,?2,0) ON "
                                "CONFLICT(hash) DO UPDATE "
                                "SET erased_ms=max(erased_ms,excluded.erased_ms), done=0")
                            .BindBlob(1, hash)
                            .Bind(2, erased_ms)
                            .Run();
  if (!status.ok()) return status;
  const std::unique_lock lock(mutex_);
  std::int64_t& at = erased_.try_emplace(hash, erased_ms).first->second;
  at = std::max(at, erased_ms);
  count_ = erased_.size();
  return absl::OkStatus();
}

absl::Status Tombstones::MarkDone(Database* database, std::string_view unit_type,
                                  std::uint64_t key) {
  const std::string hash = TombstoneHash(unit_type, key);
  return database->Prepare("UPDATE tombstone SET done=1 WHERE hash=?1").BindBlob(1, hash).Run();
}

absl::StatusOr<std::set<std::string>> Tombstones::Unfinished(Database* database) const {
  std::set<std::string> hashes;
  Statement select = database->Prepare("SELECT hash FROM tombstone WHERE done=0");
  for (;;) {
    const absl::StatusOr<bool> row = select.Step();
    if (!row.ok()) return row.status();
    if (!*row) return hashes;
    hashes.emplace(select.Blob(0));
  }
}

}  // namespace upswing::store
