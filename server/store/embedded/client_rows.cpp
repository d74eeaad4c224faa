#include "server/store/embedded/client_rows.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "server/store/bytes.hpp"
#include "server/store/embedded/directory.hpp"

namespace upswing::store {
namespace {

// Per transaction of a fold: what landing waits for. Each row may be a page.
constexpr std::size_t kRowsPerTransaction = 1024;
constexpr std::int64_t kArrivalsPerTransaction = 512;
constexpr std::uint64_t kMostUnchanged = 1024;  // a row of `known`

// Numbers of known batches are only added, so that a row's beginning need not be said again.
std::size_t Unchanged(const ClientRows::Key& key, std::string_view before, std::string_view now) {
  if (key.table != ClientRows::Table::kKnown) return 0;
  const auto differ = std::mismatch(before.begin(), before.end(), now.begin(), now.end());
  return static_cast<std::size_t>(differ.first - before.begin());
}

}  // namespace

std::string EpochBlob(std::uint64_t hi, std::uint64_t lo) {
  std::string blob;
  for (const std::uint64_t half : {hi, lo})
    for (int shift = 56; shift >= 0; shift -= 8) blob.push_back(static_cast<char>(half >> shift));
  return blob;
}

BatchKey EpochOf(std::string_view blob) {
  BatchKey key;
  for (std::size_t i = 0; i < 16 && i < blob.size(); ++i) {
    std::uint64_t& half = i < 8 ? key.epoch_hi : key.epoch_lo;
    half = half << 8 | static_cast<unsigned char>(blob[i]);
  }
  return key;
}

std::string KnownLabel(std::string_view epoch, std::int64_t page) {
  return absl::StrCat("known batches of ",
                      absl::BytesToHexString(absl::string_view(epoch.data(), epoch.size())),
                      ", page ", page);
}

std::string ArrivalLabel(std::int64_t id) { return absl::StrCat("arrival ", id); }

ClientRows::ClientRows(Database* database)
    : database_(database),
      select_known_(
          database->Prepare("SELECT sums, checksum FROM known WHERE epoch=?1 AND page=?2")),
      select_boot_(database->Prepare("SELECT offset FROM boot WHERE epoch=?1 AND boot=?2")),
      select_counter_(database->Prepare("SELECT data, checksum FROM counter WHERE epoch=?1")),
      write_known_(
          database->Prepare("INSERT INTO known(epoch,page,sums,checksum) VALUES(?1,?2,?3,?4) "
                            "ON CONFLICT(epoch,page) DO UPDATE SET sums=excluded.sums, "
                            "checksum=excluded.checksum")),
      write_boot_(
          database->Prepare("INSERT OR IGNORE INTO boot(epoch,boot,offset) VALUES(?1,?2,?3)")),
      write_counter_(
          database->Prepare("INSERT INTO counter(epoch,data,checksum) VALUES(?1,?2,?3) ON "
                            "CONFLICT(epoch) DO UPDATE SET data=excluded.data, "
                            "checksum=excluded.checksum")),
      append_(database->Prepare("INSERT INTO arrival(checksum,data) VALUES(?1,?2)")) {}

absl::Status ClientRows::Replay() {
  Statement select = database_->Prepare("SELECT id, checksum, data FROM arrival ORDER BY id");
  for (;;) {
    const absl::StatusOr<bool> row = select.Step();
    if (!row.ok()) return row.status();
    if (!*row) return absl::OkStatus();
    Begin();
    staged_arrival_ = select.Int(0);
    const std::string_view data = select.Blob(2);
    staged_bytes_ = static_cast<std::int64_t>(data.size());
    if (BlobChecksum(data) != select.Int(1))
      if (absl::Status status = NoteDamage(database_, ArrivalLabel(staged_arrival_)); !status.ok())
        return status;
    ByteReader reader(data);
    while (!reader.AtEnd()) {
      Key key;
      key.table = static_cast<Table>(reader.Fixed<std::uint8_t>());
      key.epoch_hi = reader.Fixed<std::uint64_t>();
      key.epoch_lo = reader.Fixed<std::uint64_t>();
      key.sub = reader.Fixed<std::int64_t>();
      const std::uint64_t unchanged = reader.Varint();
      const std::string_view rest = reader.Sized();
      if (!reader.ok() || unchanged > kMostUnchanged) break;  // of a damaged one
      const absl::StatusOr<std::string*> value = Edit(key);
      if (!value.ok()) return value.status();
      (*value)->resize(static_cast<std::size_t>(unchanged));
      (*value)->append(rest);
    }
    Committed();
  }
}

void ClientRows::Begin() {
  staged_.clear();
  staged_arrival_ = staged_bytes_ = 0;
  has_loaded_ = false;
}

absl::StatusOr<std::string> ClientRows::Load(const Key& key) {
  const std::string epoch = EpochBlob(key.epoch_hi, key.epoch_lo);
  Statement& select = key.table == Table::kKnown  ? select_known_
                      : key.table == Table::kBoot ? select_boot_
                                                  : select_counter_;
  select.BindBlob(1, epoch);
  if (key.table != Table::kCounter) select.Bind(2, key.sub);
  const absl::StatusOr<bool> row = select.Step();
  if (!row.ok()) return row.status();
  std::string value;
  if (!*row) return value;
  bool damaged = false;
  if (key.table == Table::kBoot) {
    PutFixed(select.Int(0), &value);
  } else {
    value = select.Blob(0);
    damaged = Damaged(value, select.Int(1));
  }
  select.Reset();
  // Damaged counters begin anew: they count once more at worst. What else could be asked of numbers
  // of known batches? One that changed makes its batch one in conflict: kept aside.
  if (damaged && key.table == Table::kCounter) value.clear();
  if (damaged && key.table == Table::kKnown)
    if (absl::Status status = NoteDamage(database_, KnownLabel(epoch, key.sub)); !status.ok())
      return status;
  return value;
}

absl::StatusOr<std::string_view> ClientRows::Get(const Key& key) {
  if (const auto found = staged_.find(key); found != staged_.end())
    return std::string_view(found->second.value);
  for (const Rows* rows : {&active_, &frozen_})
    if (const auto found = rows->find(key); found != rows->end())
      return std::string_view(found->second);
  if (!has_loaded_ || loaded_key_ != key) {
    absl::StatusOr<std::string> loaded = Load(key);
    if (!loaded.ok()) return loaded.status();
    loaded_ = *std::move(loaded);
    loaded_key_ = key;
    has_loaded_ = true;
  }
  return std::string_view(loaded_);
}

absl::StatusOr<std::string*> ClientRows::Edit(const Key& key) {
  const auto staged = staged_.find(key);
  if (staged != staged_.end()) return &staged->second.value;
  const absl::StatusOr<std::string_view> value = Get(key);
  if (!value.ok()) return value.status();
  Staged& row = staged_[key];
  row.value = row.before = *value;
  return &row.value;
}

absl::Status ClientRows::Finish() {
  if (staged_.empty()) return absl::OkStatus();
  std::string data;
  for (const auto& [key, row] : staged_) {
    PutFixed(static_cast<std::uint8_t>(key.table), &data);
    PutFixed(key.epoch_hi, &data);
    PutFixed(key.epoch_lo, &data);
    PutFixed(key.sub, &data);
    const std::size_t unchanged = Unchanged(key, row.before, row.value);
    PutVarint(unchanged, &data);
    PutSized(std::string_view(row.value).substr(unchanged), &data);
  }
  absl::Status status = append_.Bind(1, BlobChecksum(data)).BindBlob(2, data).Run();
  staged_arrival_ = database_->LastRowId();
  staged_bytes_ = static_cast<std::int64_t>(data.size());
  return status;
}

std::int64_t ClientRows::BytesOf(const std::string& row) {
  // A hash table is between 7/16 and 7/8 full.
  return static_cast<std::int64_t>(sizeof(Rows::value_type) * 3 / 2 + row.capacity());
}

void ClientRows::Committed() {
  for (auto& [key, staged] : staged_) {
    const auto [row, fresh] = active_.try_emplace(key);
    if (!fresh) bytes_ -= BytesOf(row->second);
    row->second = std::move(staged.value);
    bytes_ += BytesOf(row->second);
  }
  if (staged_arrival_ != 0) {
    last_arrival_ = staged_arrival_;
    if (first_arrival_ == 0) first_arrival_ = last_arrival_;
  }
  arrival_bytes_ += staged_bytes_;
  Begin();
}

absl::Status ClientRows::Write(const Key& key, std::string_view value) {
  const std::string epoch = EpochBlob(key.epoch_hi, key.epoch_lo);
  switch (key.table) {
    case Table::kKnown:
      return write_known_.BindBlob(1, epoch)
          .Bind(2, key.sub)
          .BindBlob(3, value)
          .Bind(4, BlobChecksum(value))
          .Run();
    case Table::kBoot:
      return write_boot_.BindBlob(1, epoch)
          .Bind(2, key.sub)
          .Bind(3, ByteReader(value).Fixed<std::int64_t>())
          .Run();
    case Table::kCounter:
      return write_counter_.BindBlob(1, epoch)
          .BindBlob(2, value)
          .Bind(3, BlobChecksum(value))
          .Run();
  }
  return absl::OkStatus();
}

absl::Status ClientRows::WriteRows(absl::Span<Rows::value_type* const> rows) {
  const Unsynced unsynced(database_);
  absl::Status status = unsynced.status();
  if (!status.ok()) return status;
  Transaction transaction(database_, "BEGIN IMMEDIATE");
  status = transaction.status();
  for (const Rows::value_type* row : rows)
    if (status.ok()) status = Write(row->first, row->second);
  return status.ok() ? transaction.Commit() : status;
}

absl::Status ClientRows::WriteFrozen(std::mutex* write_mutex,
                                     const std::function<absl::Status()>& between) {
  std::vector<Rows::value_type*> order;
  order.reserve(frozen_.size());
  for (auto& row : frozen_) order.push_back(&row);
  std::sort(order.begin(), order.end(),
            [](const auto* a, const auto* b) { return a->first < b->first; });
  for (std::size_t begin = 0; begin < order.size(); begin += kRowsPerTransaction) {
    absl::Status status;
    {
      const std::lock_guard lock(*write_mutex);
      status = WriteRows(absl::MakeSpan(order).subspan(begin, kRowsPerTransaction));
    }
    if (status.ok()) status = between();
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status ClientRows::DeleteArrivals(std::mutex* write_mutex, std::int64_t from,
                                        std::int64_t to) {
  for (; from <= to; from += kArrivalsPerTransaction) {
    const std::lock_guard lock(*write_mutex);
    Transaction transaction(database_, "BEGIN IMMEDIATE");
    absl::Status status = transaction.status();
    if (status.ok())
      status = database_->Prepare("DELETE FROM arrival WHERE id<=?1")
                   .Bind(1, std::min(to, from + kArrivalsPerTransaction - 1))
                   .Run();
    if (status.ok()) status = transaction.Commit();
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

// What a fold that failed has left.
void ClientRows::Thaw() {
  for (auto& [key, row] : frozen_) {
    const auto [to, fresh] = active_.try_emplace(key);
    if (fresh) {
      to->second = std::move(row);
    } else {
      bytes_ -= BytesOf(row);
    }
  }
  frozen_.clear();
}

absl::Status ClientRows::Fold(std::mutex* write_mutex,
                              const std::function<absl::Status()>& between) {
  std::int64_t first = 0;
  std::int64_t last = 0;
  std::int64_t logged = 0;
  {
    const std::lock_guard lock(*write_mutex);
    if (first_arrival_ == 0) return absl::OkStatus();
    frozen_ = std::exchange(active_, {});
    first = std::exchange(first_arrival_, 0);
    last = last_arrival_;
    logged = arrival_bytes_;
  }
  absl::Status status = WriteFrozen(write_mutex, between);
  if (status.ok()) status = DeleteArrivals(write_mutex, first, last);
  Rows done;
  const std::lock_guard lock(*write_mutex);
  if (!status.ok()) {
    first_arrival_ = first;
    Thaw();
    return status;
  }
  for (const auto& [key, row] : frozen_) bytes_ -= BytesOf(row);
  arrival_bytes_ -= logged;
  done.swap(frozen_);
  return absl::OkStatus();
}

}  // namespace upswing::store
