#include "server/store/embedded/tombstones.hpp"

#include <algorithm>
#include <mutex>

namespace upswing::store {

absl::Status Tombstones::Load(Database* database) {
  const std::unique_lock lock(mutex_);
  Statement select = database->Prepare("SELECT hash, erased_ms, done FROM tombstone");
  for (;;) {
    const absl::StatusOr<bool> row = select.Step();
    if (!row.ok()) return row.status();
    if (!*row) break;
    erased_[std::string(select.Blob(0))] = {select.Int(1), select.Int(2) != 0};
  }
  count_ = erased_.size();
  return absl::OkStatus();
}

std::optional<Tombstones::State> Tombstones::Look(std::string_view unit_type,
                                                  std::uint64_t key) const {
  if (empty()) return std::nullopt;
  const std::shared_lock lock(mutex_);
  const auto found = erased_.find(TombstoneHash(unit_type, key));
  if (found == erased_.end()) return std::nullopt;
  return found->second;
}

std::optional<std::int64_t> Tombstones::Find(std::string_view unit_type, std::uint64_t key) const {
  const std::optional<State> state = Look(unit_type, key);
  if (!state.has_value()) return std::nullopt;
  return state->erased_ms;
}

std::optional<std::int64_t> Tombstones::FindDone(std::string_view unit_type,
                                                 std::uint64_t key) const {
  const std::optional<State> state = Look(unit_type, key);
  if (!state.has_value() || !state->done) return std::nullopt;
  return state->erased_ms;
}

absl::Status Tombstones::AddHash(Database* database, const std::string& hash,
                                 std::int64_t erased_ms) {
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
  State& state = erased_[hash];
  state = {std::max(state.erased_ms, erased_ms), false};
  count_ = erased_.size();
  return absl::OkStatus();
}

absl::Status Tombstones::Add(Database* database, std::string_view unit_type, std::uint64_t key,
                             std::int64_t erased_ms) {
  return AddHash(database, TombstoneHash(unit_type, key), erased_ms);
}

absl::Status Tombstones::Add(Database* database, const std::vector<Erasure>& erasures) {
  for (const Erasure& erasure : erasures) {
    absl::Status status = AddHash(database, erasure.hash, erasure.erased_ms);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

std::vector<Erasure> Tombstones::Missing(const std::vector<Erasure>& erasures) const {
  std::vector<Erasure> missing;
  const std::shared_lock lock(mutex_);
  for (const Erasure& erasure : erasures) {
    const auto known = erased_.find(erasure.hash);
    if (known == erased_.end() || known->second.erased_ms < erasure.erased_ms)
      missing.push_back(erasure);
  }
  return missing;
}

std::vector<Erasure> Tombstones::Beyond(const std::vector<Erasure>& erasures) const {
  absl::flat_hash_map<std::string_view, std::int64_t> given;
  for (const Erasure& erasure : erasures) {
    std::int64_t& latest = given.try_emplace(erasure.hash, erasure.erased_ms).first->second;
    latest = std::max(latest, erasure.erased_ms);
  }
  std::vector<Erasure> beyond;
  const std::shared_lock lock(mutex_);
  for (const auto& [hash, state] : erased_) {
    const auto known = given.find(hash);
    if (known == given.end() || known->second < state.erased_ms)
      beyond.push_back({hash, state.erased_ms});
  }
  return beyond;
}

absl::Status Tombstones::MarkDone(Database* database, std::string_view unit_type,
                                  std::uint64_t key) {
  const std::string hash = TombstoneHash(unit_type, key);
  absl::Status status =
      database->Prepare("UPDATE tombstone SET done=1 WHERE hash=?1").BindBlob(1, hash).Run();
  const std::unique_lock lock(mutex_);
  if (status.ok()) erased_[hash].done = true;
  return status;
}

absl::Status Tombstones::MarkAllDone(Database* database) {
  absl::Status status = database->Execute("UPDATE tombstone SET done=1");
  const std::unique_lock lock(mutex_);
  if (status.ok())
    for (auto& [hash, state] : erased_) state.done = true;
  return status;
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
