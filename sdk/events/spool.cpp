#include "sdk/events/spool.hpp"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace upswing::events {
namespace {

constexpr char kLockName[] = "lock";
constexpr char kAsideName[] = "aside";

std::string EpochName(std::uint64_t hi, std::uint64_t lo) {
  return wire::FormatBatchId({hi, lo, 1}).substr(0, 32);
}

/// Small enough that evicting one is a small loss, large enough that a device needs few.
std::size_t SegmentBytes(std::size_t max_bytes) {
  return std::clamp<std::size_t>(max_bytes / 16, 4 * 1024, 512 * 1024);
}

}  // namespace

struct Spool::Folder {
  std::string path;
  std::unique_ptr<port::FileLock> lock;
  std::size_t segments = 0;
};

struct Spool::Segment {
  Folder* folder = nullptr;
  std::string path;
  Lane lane = Lane::kExposures;
  std::unique_ptr<port::File> file;
  std::size_t size = 0;
  std::size_t live = 0;  // entries that are not done
  bool dirty = false;
};

struct Spool::Entry {
  BatchInfo info;
  Segment* segment = nullptr;  // null: the bytes are in `memory`
  std::uint64_t offset = 0;    // of the record in the segment
  std::uint32_t size = 0;      // of the payload
  std::string memory;
};

Spool::Spool(SpoolOptions options, port::FileSystem* files, const port::Clock* clock,
             Counters* counters)
    : options_(std::move(options)), files_(files), clock_(clock), counters_(counters) {}

Spool::~Spool() {
  for (Segment* const segment : writable_) {
    if (segment != nullptr && segment->live == 0) CloseSegment(segment);
  }
  if (Folder* const folder = std::exchange(own_, nullptr); folder != nullptr) {
    RemoveFolderIfEmpty(folder);
  }
}

absl::Status Spool::Open(std::uint64_t epoch_hi, std::uint64_t epoch_lo) {
  const std::lock_guard guard(mutex_);
  epoch_hi_ = epoch_hi;
  epoch_lo_ = epoch_lo;
  if (options_.directory.empty()) return absl::OkStatus();
  return MakeOwnFolder();
}

absl::Status Spool::MakeOwnFolder() {
  if (own_ != nullptr) return absl::OkStatus();
  auto folder = std::make_unique<Folder>();
  folder->path = absl::StrCat(options_.directory, "/", EpochName(epoch_hi_, epoch_lo_));
  absl::Status status = files_->MakeDirectories(folder->path);
  if (!status.ok()) return last_error_ = status;
  absl::StatusOr<std::unique_ptr<port::FileLock>> lock =
      files_->TryLock(absl::StrCat(folder->path, "/", kLockName));
  if (!lock.ok()) return last_error_ = lock.status();
  if (*lock == nullptr) {
    // Another process took the new folder for a dead one between these two calls; it will let go of
    // it again.
    return last_error_ = absl::UnavailableError("spool: own folder is locked by another process");
  }
  folder->lock = *std::move(lock);
  own_ = folders_.emplace_back(std::move(folder)).get();
  return absl::OkStatus();
}

void Spool::Adopt() {
  const std::lock_guard guard(mutex_);
  if (options_.directory.empty()) return;
  absl::StatusOr<std::vector<std::string>> names = files_->List(options_.directory);
  if (!names.ok()) return;
  std::sort(names->begin(), names->end());
  for (const std::string& name : *names) {
    const std::string path = absl::StrCat(options_.directory, "/", name);
    const bool known = std::any_of(folders_.begin(), folders_.end(),
                                   [&](const auto& folder) { return folder->path == path; });
    if (known || name.size() != 32) continue;
    absl::StatusOr<std::unique_ptr<port::FileLock>> lock =
        files_->TryLock(absl::StrCat(path, "/", kLockName));
    if (!lock.ok() || *lock == nullptr) continue;
    auto folder = std::make_unique<Folder>();
    folder->path = path;
    folder->lock = *std::move(lock);
    LoadFolder(std::move(folder));
  }
}

void Spool::LoadFolder(std::unique_ptr<Folder> folder) {
  Folder* const adopted = folders_.emplace_back(std::move(folder)).get();
  ++adopted->segments;  // So that closing an empty segment does not remove the folder under us.
  absl::StatusOr<std::vector<std::string>> names = files_->List(adopted->path);
  Entries found;
  if (names.ok()) {
    std::sort(names->begin(), names->end());
    for (const std::string& name : *names) {
      if (name != kLockName) LoadSegment(adopted, name, &found);
    }
  }
  found.sort([](const Entry& a, const Entry& b) { return a.info.id < b.info.id; });
  // Before the own batches, after those adopted earlier.
  const auto own = std::find_if(entries_.begin(), entries_.end(), [&](const Entry& entry) {
    return entry.info.id.epoch_hi == epoch_hi_ && entry.info.id.epoch_lo == epoch_lo_;
  });
  entries_.splice(own, found);
  --adopted->segments;
  RemoveFolderIfEmpty(adopted);
  MakeRoom(0);
}

void Spool::LoadSegment(Folder* folder, const std::string& name, Entries* found) {
  const std::string path = absl::StrCat(folder->path, "/", name);
  if (absl::EndsWith(name, ".new")) {
    files_->Remove(path).IgnoreError();
    return;
  }
  absl::StatusOr<std::string> content = files_->ReadAll(path);
  if (!content.ok()) {
    last_error_ = content.status();
    return;
  }
  if (content->size() >= kSegmentMagic.size() &&
      content->compare(0, kSegmentMagic.size(), kSegmentMagic) != 0) {
    MoveAside(path, absl::StrCat(folder->path.substr(folder->path.rfind('/') + 1), "-", name));
    last_error_ = absl::UnimplementedError(
        absl::StrCat("spool: ", path, " has another format version and was set aside"));
    return;
  }
  Segment* const segment = segments_.emplace_back(std::make_unique<Segment>()).get();
  segment->folder = folder;
  segment->path = path;
  segment->lane = name[0] == 'm' ? Lane::kEvents : Lane::kExposures;
  segment->size = content->size();
  disk_bytes_ += segment->size;
  ++folder->segments;
  for (std::size_t offset = kSegmentMagic.size(); offset < content->size();) {
    const std::optional<SpoolRecord> record =
        ParseSpoolRecord(std::string_view(*content).substr(offset));
    // Torn tail: the process died while it appended. What was cut off was never promised.
    if (!record) break;
    const std::size_t next = offset + kRecordHeaderBytes + record->payload_size;
    if (!record->sound) {
      // Whole records behind it, so this is not a tear but damage: count what is lost and go on.
      counters_->DropBatch({}, wire::DropReason::kSpoolCorrupt, record->info.exposures,
                           record->info.events);
    } else if (!record->done) {
      Entry& entry = found->emplace_back();
      entry.info = record->info;
      entry.segment = segment;
      entry.offset = offset;
      entry.size = record->payload_size;
      ++segment->live;
    }
    offset = next;
  }
  if (segment->live == 0) CloseSegment(segment);
}

void Spool::MoveAside(const std::string& path, const std::string& name) {
  const std::string aside = absl::StrCat(options_.directory, "/", kAsideName);
  absl::Status status = files_->MakeDirectories(aside);
  if (status.ok()) status = files_->Rename(path, absl::StrCat(aside, "/", name));
  if (!status.ok()) last_error_ = status;
}

bool Spool::Append(const BatchInfo& info, std::string_view bytes) {
  const std::lock_guard guard(mutex_);
  const absl::Status status = AppendLocked(info, bytes, entries_.end());
  if (status.ok()) return true;
  counters_->DropBatch(bytes, wire::DropReason::kSpoolFailed, info.exposures, info.events);
  return false;
}

absl::Status Spool::AppendLocked(const BatchInfo& info, std::string_view bytes,
                                 Entries::iterator before) {
  MakeRoom(bytes.size() + kRecordHeaderBytes);
  Entry entry;
  entry.info = info;
  entry.size = static_cast<std::uint32_t>(bytes.size());
  if (!options_.directory.empty()) {
    absl::Status status = Write(&entry, bytes);
    // Once more: a folder that was removed under us is made anew.
    if (!status.ok()) status = Write(&entry, bytes);
    if (!status.ok()) last_error_ = status;
  }
  if (entry.segment == nullptr) {
    const std::size_t limit =
        options_.directory.empty() ? options_.max_bytes : options_.max_unwritten_bytes;
    if (memory_bytes_ + bytes.size() > limit) {
      return absl::ResourceExhaustedError("spool: memory for unwritten batches is full");
    }
    entry.memory.assign(bytes);
    memory_bytes_ += bytes.size();
  }
  entries_.insert(before, std::move(entry));
  return absl::OkStatus();
}

absl::Status Spool::Write(Entry* entry, std::string_view bytes) {
  absl::StatusOr<Segment*> segment = WritableSegment(entry->info.lane);
  if (!segment.ok()) return segment.status();
  const std::string record = FormatSpoolRecord(entry->info, bytes);
  absl::Status status = (*segment)->file->Append(record);
  if (status.ok() && options_.fsync == FsyncPolicy::kEveryBatch) status = (*segment)->file->Sync();
  if (!status.ok()) {
    // What was written is a torn tail now, so nothing may follow it.
    writable_[static_cast<int>(entry->info.lane)] = nullptr;
    if ((*segment)->live == 0) CloseSegment(*segment);
    return status;
  }
  entry->segment = *segment;
  entry->offset = (*segment)->size;
  (*segment)->size += record.size();
  (*segment)->dirty = options_.fsync != FsyncPolicy::kEveryBatch;
  dirty_ = dirty_ || (*segment)->dirty;
  disk_bytes_ += record.size();
  ++(*segment)->live;
  return absl::OkStatus();
}

absl::StatusOr<Spool::Segment*> Spool::WritableSegment(Lane lane) {
  Segment*& current = writable_[static_cast<int>(lane)];
  if (current != nullptr && !current->file->Exists()) {
    // Someone removed our files. What they held stays readable through the open descriptor.
    current = nullptr;
    own_ = nullptr;
  }
  if (current != nullptr && current->size < SegmentBytes(options_.max_bytes)) return current;
  if (absl::Status status = MakeOwnFolder(); !status.ok()) return status;
  auto segment = std::make_unique<Segment>();
  segment->folder = own_;
  segment->lane = lane;
  const std::string number = std::to_string(next_segment_++);
  segment->path =
      absl::StrCat(own_->path, lane == Lane::kEvents ? "/m-" : "/e-",
                   std::string(8 - std::min<std::size_t>(8, number.size()), '0'), number, ".log");
  absl::StatusOr<std::unique_ptr<port::File>> file = files_->Open(segment->path, true);
  if (!file.ok()) {
    if (absl::IsNotFound(file.status())) own_ = nullptr;
    return file.status();
  }
  segment->file = *std::move(file);
  absl::Status status = segment->file->Append(kSegmentMagic);
  if (status.ok() && options_.fsync == FsyncPolicy::kEveryBatch) {
    status = files_->SyncDirectory(own_->path);
    if (status.ok()) status = files_->SyncDirectory(options_.directory);
  }
  if (!status.ok()) {
    files_->Remove(segment->path).IgnoreError();
    return status;
  }
  segment->size = kSegmentMagic.size();
  disk_bytes_ += segment->size;
  ++own_->segments;
  Segment* const before = current;
  current = segments_.emplace_back(std::move(segment)).get();
  if (before != nullptr && before->live == 0) CloseSegment(before);
  return current;
}

absl::Status Spool::Sync() {
  const std::lock_guard guard(mutex_);
  if (!dirty_) return absl::OkStatus();
  absl::Status result;
  for (const auto& segment : segments_) {
    if (!segment->dirty) continue;
    absl::Status status = segment->file->Sync();
    if (status.ok()) {
      segment->dirty = false;
    } else {
      result = last_error_ = status;
    }
  }
  if (result.ok() && own_ != nullptr) {
    result = files_->SyncDirectory(own_->path);
    if (result.ok()) result = files_->SyncDirectory(options_.directory);
  }
  dirty_ = !result.ok();
  return result;
}

absl::StatusOr<std::string> Spool::Load(const Entry& entry) {
  if (entry.segment == nullptr) return entry.memory;
  if (entry.segment->file == nullptr) {
    absl::StatusOr<std::unique_ptr<port::File>> file = files_->Open(entry.segment->path, false);
    if (!file.ok()) return file.status();
    entry.segment->file = *std::move(file);
  }
  std::string record;
  if (absl::Status status =
          entry.segment->file->ReadAt(entry.offset, kRecordHeaderBytes + entry.size, &record);
      !status.ok()) {
    return status;
  }
  const std::optional<SpoolRecord> parsed = ParseSpoolRecord(record);
  if (!parsed || !parsed->sound || parsed->info.id != entry.info.id) {
    return absl::DataLossError(absl::StrCat("spool: damaged batch in ", entry.segment->path));
  }
  record.erase(0, kRecordHeaderBytes);
  return record;
}

std::optional<Spool::Batch> Spool::Front() {
  const std::lock_guard guard(mutex_);
  while (!entries_.empty()) {
    const auto front = entries_.begin();
    if (Expired(front->info)) {
      Drop(front, wire::DropReason::kExpired);
      continue;
    }
    absl::StatusOr<std::string> bytes = Load(*front);
    if (bytes.ok()) return Batch{front->info, *std::move(bytes)};
    last_error_ = bytes.status();
    counters_->DropBatch({}, wire::DropReason::kSpoolCorrupt, front->info.exposures,
                         front->info.events);
    Finish(front);
  }
  return std::nullopt;
}

bool Spool::Expired(const BatchInfo& info) const {
  // Within a boot the boot clock tells the age, so that a wall clock set to next year drops
  // nothing.
  const std::int64_t age = info.boot_id == clock_->BootId() ? clock_->BootMillis() - info.boot_ms
                                                            : clock_->WallMillis() - info.wall_ms;
  return age > options_.max_age_ms;
}

Spool::Entries::iterator Spool::Find(const wire::BatchId& id) {
  return std::find_if(entries_.begin(), entries_.end(),
                      [&](const Entry& entry) { return entry.info.id == id; });
}

void Spool::Remove(const wire::BatchId& id) {
  const std::lock_guard guard(mutex_);
  const auto entry = Find(id);
  if (entry != entries_.end()) Finish(entry);
}

void Spool::SetAside(const wire::BatchId& id) {
  const std::lock_guard guard(mutex_);
  const auto entry = Find(id);
  if (entry == entries_.end()) return;
  absl::StatusOr<std::string> bytes = Load(*entry);
  if (bytes.ok() && !options_.directory.empty()) {
    const std::string aside = absl::StrCat(options_.directory, "/", kAsideName);
    absl::Status status = files_->MakeDirectories(aside);
    if (status.ok()) {
      status = files_->WriteAtomically(
          absl::StrCat(aside, "/refused-", next_aside_++ % kMaxAside, ".batch"), *bytes);
    }
    if (!status.ok()) last_error_ = status;
  }
  Finish(entry);
}

void Spool::Replace(const wire::BatchId& id, const std::vector<Batch>& parts) {
  const std::lock_guard guard(mutex_);
  const auto entry = Find(id);
  if (entry == entries_.end()) return;
  for (const Batch& part : parts) {
    const absl::Status status = AppendLocked(part.info, part.bytes, entry);
    if (status.ok()) continue;
    counters_->DropBatch(part.bytes, wire::DropReason::kSpoolFailed, part.info.exposures,
                         part.info.events);
  }
  // `MakeRoom` may have evicted the batch itself.
  if (const auto again = Find(id); again != entries_.end()) Finish(again);
}

void Spool::Finish(Entries::iterator entry) {
  Segment* const segment = entry->segment;
  if (segment == nullptr) {
    memory_bytes_ -= entry->memory.size();
  } else {
    --segment->live;
    const bool is_writable = writable_[0] == segment || writable_[1] == segment;
    if (segment->live == 0 && !is_writable) {
      CloseSegment(segment);
    } else if (segment->file != nullptr) {
      // Saves a resend after a restart; if it is lost, the server drops the duplicate.
      segment->file->WriteAt(entry->offset + kDoneOffset, std::string_view("\x01", 1))
          .IgnoreError();
    }
  }
  entries_.erase(entry);
  if (entries_.empty()) {
    for (Segment*& segment_in_use : writable_) {
      if (segment_in_use != nullptr) CloseSegment(std::exchange(segment_in_use, nullptr));
    }
  }
}

void Spool::Drop(Entries::iterator entry, wire::DropReason reason) {
  absl::StatusOr<std::string> bytes = Load(*entry);
  counters_->DropBatch(bytes.ok() ? std::string_view(*bytes) : std::string_view(), reason,
                       entry->info.exposures, entry->info.events);
  Finish(entry);
}

void Spool::CloseSegment(Segment* segment) {
  Folder* const folder = segment->folder;
  disk_bytes_ -= segment->size;
  segment->file.reset();
  const absl::Status status = files_->Remove(segment->path);
  if (!status.ok() && !absl::IsNotFound(status)) last_error_ = status;
  --folder->segments;
  std::erase_if(segments_, [&](const auto& other) { return other.get() == segment; });
  RemoveFolderIfEmpty(folder);
}

void Spool::RemoveFolderIfEmpty(Folder* folder) {
  if (folder->segments != 0 || folder == own_) return;
  files_->Remove(absl::StrCat(folder->path, "/", kLockName)).IgnoreError();
  files_->Remove(folder->path).IgnoreError();
  std::erase_if(folders_, [&](const auto& other) { return other.get() == folder; });
}

void Spool::MakeRoom(std::size_t size) {
  while (!entries_.empty() && disk_bytes_ + memory_bytes_ + size > options_.max_bytes) {
    auto victim = std::find_if(entries_.begin(), entries_.end(),
                               [](const Entry& entry) { return entry.info.lane == Lane::kEvents; });
    if (victim == entries_.end()) victim = entries_.begin();
    Segment* const segment = victim->segment;
    if (segment == nullptr) {
      Drop(victim, wire::DropReason::kSpoolFull);
      continue;
    }
    // Space comes back by the segment, so all its batches go: they are neighbours in age and of one
    // lane.
    for (Segment*& writable : writable_) {
      if (writable == segment) writable = nullptr;
    }
    for (std::size_t live = segment->live; live > 0; --live) {
      Drop(std::find_if(entries_.begin(), entries_.end(),
                        [&](const Entry& entry) { return entry.segment == segment; }),
           wire::DropReason::kSpoolFull);
    }
  }
}

void Spool::Purge(wire::DropReason reason) {
  const std::lock_guard guard(mutex_);
  while (!entries_.empty()) Drop(entries_.begin(), reason);
  const std::string aside = absl::StrCat(options_.directory, "/", kAsideName);
  absl::StatusOr<std::vector<std::string>> names = files_->List(aside);
  if (!options_.directory.empty() && names.ok()) {
    for (const std::string& name : *names) {
      files_->Remove(absl::StrCat(aside, "/", name)).IgnoreError();
    }
  }
  if (Folder* const folder = std::exchange(own_, nullptr); folder != nullptr) {
    RemoveFolderIfEmpty(folder);
  }
}

std::size_t Spool::batches() const {
  const std::lock_guard guard(mutex_);
  return entries_.size();
}

std::size_t Spool::records() const {
  const std::lock_guard guard(mutex_);
  std::size_t sum = 0;
  for (const Entry& entry : entries_) sum += entry.info.exposures + entry.info.events;
  return sum;
}

std::size_t Spool::bytes() const {
  const std::lock_guard guard(mutex_);
  return disk_bytes_ + memory_bytes_;
}

std::size_t Spool::unwritten_batches() const {
  const std::lock_guard guard(mutex_);
  if (options_.directory.empty()) return 0;
  return static_cast<std::size_t>(
      std::count_if(entries_.begin(), entries_.end(),
                    [](const Entry& entry) { return entry.segment == nullptr; }));
}

absl::Status Spool::last_error() const {
  const std::lock_guard guard(mutex_);
  // A copy of its own: the count of a shared one is kept in Abseil's library, where a race detector
  // does not look.
  return absl::Status(last_error_.code(), last_error_.message());
}

}  // namespace upswing::events
