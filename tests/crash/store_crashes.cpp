// Crashes of the server's store; tests/crash/store_crashes.sh runs the long form.
//
//   store_crashes kills N     N times: kill -9 at a random moment under load, compacting
//   store_crashes errors N    for each n in 1..N: the n-th file operation fails once
//   store_crashes outages N   likewise, with 3 to 60 operations failing one after the other
//   store_crashes power N     N times: power cut at a random operation; a random subset of the
//                             writes that were not synced reaches the disk
//
// After each: every acknowledged batch is there once, no batch is there twice, and every record is
// its user's. Ends with one line.
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "server/store/chunk.hpp"
#include "server/store/embedded/embedded_store.hpp"
#include "tests/crash/faulty_vfs.hpp"
#include "tests/support/stream_of_records.hpp"

namespace {

using namespace upswing;
using testing::RecordList;

// A user of one batch: every round gives numbers to new units.
std::uint64_t KeyOf(std::uint64_t sequence, std::uint64_t user) {
  return (sequence * 100 + user) * 0x9e3779b97f4a7c15ULL;
}

// Batch `sequence` holds one purchase per of its 20 users, worth `sequence`.
store::LandingBatch Batch(std::uint64_t sequence) {
  RecordList list;
  for (std::uint64_t user = 1; user <= 20; ++user)
    list.events.push_back({{{"user", KeyOf(sequence, user)}},
                           static_cast<std::int64_t>(sequence),
                           "purchase",
                           static_cast<double>(sequence),
                           0,
                           0,
                           {},
                           static_cast<std::uint32_t>(user)});
  return testing::ToBatch(list, 1, sequence);
}

store::EmbeddedOptions Options(const std::string& directory) {
  store::EmbeddedOptions options;
  options.directory = directory;
  options.background = false;
  options.shards = 2;
  options.merge_runs = 2;
  return options;
}

void Fail(const std::string& why) {
  std::fprintf(stderr, "store_crashes: %s\n", why.c_str());
  std::exit(1);
}

// Opens the folder as a restarted server does; how often each batch is there, in whole batches.
std::map<std::uint64_t, int> Recovered(const std::string& directory) {
  auto store = store::EmbeddedStore::Open(Options(directory));
  if (!store.ok()) Fail("does not open again: " + std::string(store.status().message()));
  const auto report = (*store)->Verify();
  if (!report.ok() || !report->damaged.empty())
    Fail("damaged: " + (report.ok() ? report->damaged[0] : std::string(report.status().message())));
  std::map<double, int> rows;
  const auto source = *(*store)->Snapshot();
  for (int shard = 0; shard < source->shards(); ++shard) {
    const std::vector<std::uint64_t> keys = *source->Keys("user", shard);
    for (const auto& chunk : source->Chunks("user", shard, store::Lane::kEvents, "purchase")) {
      const std::string bytes = *source->Read(chunk);
      std::vector<double> values;
      std::vector<std::uint32_t> units;
      const auto reader = store::ChunkReader::Open(bytes);
      if (!reader->ReadValues(&values).ok() || !reader->Read(store::ColumnId::kUnit, &units).ok())
        Fail("unreadable chunk");
      for (std::size_t i = 0; i < values.size(); ++i) {
        ++rows[values[i]];
        const auto sequence = static_cast<std::uint64_t>(values[i]);
        bool its_users = false;
        for (std::uint64_t user = 1; user <= 20 && units[i] < keys.size(); ++user)
          its_users |= keys[units[i]] == KeyOf(sequence, user);
        if (!its_users) Fail("a record of another user in batch " + std::to_string(sequence));
      }
    }
  }
  std::map<std::uint64_t, int> batches;
  for (const auto& [value, count] : rows) {
    if (count % 20 != 0) Fail("a part of a batch");
    batches[static_cast<std::uint64_t>(value)] = count / 20;
  }
  // A batch that is there must be known, one that is not must be new: send the first and the last
  // again.
  std::set<std::uint64_t> sent = {1, 2, 3};
  const std::uint64_t last = batches.empty() ? 0 : batches.rbegin()->first;
  for (std::uint64_t back = 0; back < std::min<std::uint64_t>(last, 16); ++back)
    sent.insert(last - back);
  std::vector<store::LandingBatch> again;
  for (const std::uint64_t sequence : sent) again.push_back(Batch(sequence));
  const auto outcomes = (*store)->Land(absl::MakeSpan(again));
  if (!outcomes.ok()) Fail("does not land after recovery");
  auto outcome = outcomes->begin();
  for (const std::uint64_t sequence : sent) {
    const bool there = batches.count(sequence) > 0;
    if ((*outcome++ == store::LandingOutcome::kDuplicate) != there)
      Fail("batch " + std::to_string(sequence) + " and what is known of it disagree");
    batches[sequence] = std::max(1, batches[sequence]);
  }
  return batches;
}

void Check(const std::map<std::uint64_t, int>& there, const std::set<std::uint64_t>& acknowledged,
           const std::string& when) {
  for (const std::uint64_t sequence : acknowledged)
    if (there.count(sequence) == 0)
      Fail("acknowledged batch " + std::to_string(sequence) + " lost, " + when);
  for (const auto& [sequence, count] : there)
    if (count != 1) Fail("batch " + std::to_string(sequence) + " doubled, " + when);
}

int Kills(int count, const std::string& directory) {
  std::mt19937 random(1);
  std::set<std::uint64_t> acknowledged;
  std::uint64_t next = 1;
  for (int kill_number = 0; kill_number < count; ++kill_number) {
    int ends[2];
    if (pipe(ends) != 0) Fail("pipe");
    const pid_t child = fork();
    if (child == 0) {
      store::EmbeddedOptions options = Options(directory);
      auto store = store::EmbeddedStore::Open(options);
      if (!store.ok()) _exit(3);
      for (std::uint64_t sequence = next;; ++sequence) {
        store::LandingBatch batch = Batch(sequence);
        if (!(*store)->Land(absl::MakeSpan(&batch, 1)).ok()) _exit(4);
        if (write(ends[1], &sequence, sizeof(sequence)) != sizeof(sequence)) _exit(5);
        if (sequence % 7 == 0 && !(*store)->Compact(sequence % 21 == 0).ok()) _exit(6);
      }
    }
    close(ends[1]);
    // Not a wait for something: the random moment is the point.
    usleep(static_cast<useconds_t>(5'000 + random() % 120'000));
    kill(child, SIGKILL);
    std::uint64_t sequence = 0;
    while (read(ends[0], &sequence, sizeof(sequence)) == sizeof(sequence)) {
      acknowledged.insert(sequence);
      next = sequence + 1;
    }
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    if (!WIFSIGNALED(status))
      Fail("the victim ended by itself: " + std::to_string(WEXITSTATUS(status)));
    const auto there = Recovered(directory);
    Check(there, acknowledged, "kill " + std::to_string(kill_number));
    for (const auto& [known, times] : there) next = std::max(next, known + 1);
  }
  std::printf("%d kills, %zu acknowledged batches, 0 lost, 0 doubled\n", count,
              acknowledged.size());
  return 0;
}

// Lands and compacts through the faulty VFS; what was acknowledged. Eight batches are some 440 file
// operations.
std::set<std::uint64_t> Work(const std::string& directory, std::uint64_t batches = 8) {
  std::set<std::uint64_t> acknowledged;
  store::EmbeddedOptions options = Options(directory);
  options.vfs = "faulty";
  auto store = store::EmbeddedStore::Open(options);
  if (!store.ok()) return acknowledged;
  for (std::uint64_t sequence = 1; sequence <= batches; ++sequence) {
    store::LandingBatch batch = Batch(sequence);
    if ((*store)->Land(absl::MakeSpan(&batch, 1)).ok()) acknowledged.insert(sequence);
    if (sequence % 2 == 0) (*store)->Compact(sequence % 4 == 0).IgnoreError();
  }
  return acknowledged;
}

int Errors(int count, bool outages, const std::string& directory) {
  const char* what = outages ? "an outage from" : "an I/O error at";
  std::mt19937 random(3);
  for (int n = 1; n <= count; ++n) {
    std::filesystem::remove_all(directory);
    testing::StartFaults({n, outages ? 3 + static_cast<std::int64_t>(random() % 58) : 1, false});
    // As much work as it takes to get there, so that early faults are quick.
    const std::set<std::uint64_t> acknowledged =
        Work(directory, 8 + static_cast<std::uint64_t>(n) / 30);
    const std::int64_t operations = testing::OperationsSeen();
    testing::StartFaults({});
    if (std::filesystem::exists(directory + "/upswing.db"))
      Check(Recovered(directory), acknowledged,
            std::string(what) + " operation " + std::to_string(n));
    if (operations < n) {
      std::printf("%s each of %lld operations: 0 lost, 0 doubled\n", what,
                  static_cast<long long>(operations));
      return 0;
    }
  }
  std::printf("%s each of the first %d operations: 0 lost, 0 doubled\n", what, count);
  return 0;
}

int Power(int count, const std::string& directory) {
  std::mt19937 random(2);
  testing::StartFaults({});
  std::filesystem::remove_all(directory);
  Work(directory);
  const auto operations = testing::OperationsSeen();
  for (int n = 0; n < count; ++n) {
    std::filesystem::remove_all(directory);
    testing::StartFaults({});
    testing::StartFaults({1 + static_cast<std::int64_t>(random()) % operations, 1, true});
    const std::set<std::uint64_t> acknowledged = Work(directory);
    const std::string after = directory + "_after";
    std::filesystem::remove_all(after);
    std::filesystem::create_directories(after);
    for (const char* suffix : {"/upswing.db", "/upswing.db-wal"})
      testing::CopyAfterPowerCut(directory + suffix, after + suffix,
                                 [&] { return random() % 2 == 0; });
    testing::StartFaults({});
    if (std::filesystem::exists(directory + "/unit.key"))
      std::filesystem::copy_file(directory + "/unit.key", after + "/unit.key");
    // A cut while the store is being made leaves nothing acknowledged; making it again must work.
    Check(Recovered(after), acknowledged, "power cut " + std::to_string(n));
  }
  std::printf("%d power cuts over %lld operations: 0 lost, 0 doubled\n", count,
              static_cast<long long>(operations));
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: store_crashes kills|errors|outages|power COUNT FOLDER\n");
    return 2;
  }
  const std::string mode = argv[1];
  const int count = std::atoi(argv[2]);
  const std::string directory = argv[3];
  std::filesystem::remove_all(directory);
  if (mode == "kills") return Kills(count, directory);
  if (mode == "errors" || mode == "outages") return Errors(count, mode == "outages", directory);
  return Power(count, directory);
}
