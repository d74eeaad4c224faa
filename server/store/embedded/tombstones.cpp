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

absl::Status Tombstones::Add(Database* database, const std::vector<Erasure>& erasures) {
  Statement insert = database->Prepare(
      "INSERT INTO tombstone(hash,erased_ms,done) VALUES(?1,?2,0) ON CONFLICT(hash) DO UPDATE "
      "SET erased_ms=max(erased_ms,excluded.erased_ms), done=0");
  for (const Erasure& erasure : erasures) {
    absl::Status status = insert.BindBlob(1, erasure.hash).Bind(2, erasure.erased_ms).Run();
    if (!status.ok()) return status;
    const std::unique_lock lock(mutex_);
    State& state = erased_[erasure.hash];
    state = {std::max(state.erased_ms, erasure.erased_ms), false};
    count_ = erased_.size();
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

absl::Status Tombstones::MarkDone(Database* database, const std::set<std::string>& hashes) {
  Statement update = database->Prepare("UPDATE tombstone SET done=1 WHERE hash=?1");
  for (const std::string& hash : hashes) {
    if (absl::Status status = update.BindBlob(1, hash).Run(); !status.ok()) return status;
    const std::unique_lock lock(mutex_);
    erased_[hash].done = true;
  }
  return absl::OkStatus();
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
