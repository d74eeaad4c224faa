// kill -9 of `upswing serve` at random moments while devices post batches over HTTP, with restarts.
//
//   server_kills UPSWING COUNT FOLDER [SEED]      tests/crash/store_crashes.sh runs the long form
//
// Devices behave as the SDK does: a batch without an answer is sent again, with the same bytes,
// until there is one; now and then an acknowledged one is sent again too. In the end every
// acknowledged batch is there once and whole, and none is there twice. Ends with one line.
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "sdk/wire/batch_encoder.hpp"
#include "server/store/chunk.hpp"
#include "server/store/embedded/embedded_store.hpp"
#include "tests/support/http_server_process.hpp"

namespace {

using namespace upswing;

constexpr int kDevices = 6;
constexpr int kRecords = 20;

[[noreturn]] void Fail(const std::string& why) {
  std::fprintf(stderr, "server_kills: %s\n", why.c_str());
  std::exit(1);
}

/// What the purchases of a batch are worth: tells batches apart in the store.
double Worth(int device, std::uint64_t sequence) {
  return static_cast<double>(sequence * kDevices + static_cast<std::uint64_t>(device));
}

struct Device {
  int number = 0;
  std::uint64_t sequence = 1;  ///< Of the batch that waits for its answer.
  std::uint64_t answered = 0;
  std::uint64_t repeated = 0;
};

std::string Body(int device, std::uint64_t sequence, std::string* id) {
  wire::Encoder encoder;
  for (int i = 0; i < kRecords; ++i) {
    const std::string user =
        "u-" + std::to_string((sequence * 7 + static_cast<std::uint64_t>(i)) % 5000);
    const wire::UnitRef unit{"user", user};
    wire::EventRecord event;
    event.subject = encoder.Subject(absl::MakeConstSpan(&unit, 1));
    event.name = "purchase";
    event.value = Worth(device, sequence);
    event.time = {static_cast<std::int64_t>(sequence), wire::TimeKind::kBoot};
    encoder.AddEvent(event);
  }
  wire::BatchHeader header;
  header.id = {77, static_cast<std::uint64_t>(device), sequence};
  header.sdk_name = "test";
  header.boot_id = 5;
  header.wall_ms = 1'790'000'000'000;
  header.boot_ms = 1'000'000'000;
  *id = wire::FormatBatchId(header.id);
  return encoder.Finish(header);
}

/// Posts until the server is gone.
void Run(int port, unsigned seed, Device* device) {
  std::mt19937 random(seed);
  const int socket = testing::ConnectTo(port);
  if (socket < 0) return;
  for (;;) {
    const bool again = device->answered > 0 && random() % 8 == 0;
    const std::uint64_t sequence = again ? 1 + random() % device->answered : device->sequence;
    std::string id;
    const std::string body = Body(device->number, sequence, &id);
    const std::string answer = testing::PostBatch(socket, id, body);
    if (answer.empty()) break;
    if (answer.find("HTTP/1.1 429") == 0 || answer.find("HTTP/1.1 503") == 0) continue;
    const bool duplicate = answer.find("\"duplicate\":true") != std::string::npos;
    if (answer.find("HTTP/1.1 200") != 0 || answer.find(id) == std::string::npos ||
        (!duplicate && answer.find("\"accepted\":20") == std::string::npos))
      Fail("not an acknowledgement: " + answer);
    if (again && !duplicate) Fail("acknowledged batch " + id + " was forgotten");
    device->repeated += duplicate ? 1 : 0;
    if (!again) device->answered = device->sequence++;
  }
  close(socket);
}

/// How often the records of each worth are there.
std::map<double, int> Rows(const std::string& folder) {
  store::EmbeddedOptions options;
  options.directory = folder + "/data";
  options.read_only = true;
  const auto store = store::EmbeddedStore::Open(options);
  if (!store.ok()) Fail("does not open: " + std::string(store.status().message()));
  const auto report = (*store)->Verify();
  if (!report.ok() || !report->damaged.empty()) Fail("damaged blobs");
  std::map<double, int> rows;
  const auto source = *(*store)->Snapshot();
  for (int shard = 0; shard < source->shards(); ++shard) {
    for (const auto& chunk : source->Chunks("user", shard, store::Lane::kEvents, "purchase")) {
      const std::string bytes = *source->Read(chunk);
      std::vector<double> values;
      if (!store::ChunkReader::Open(bytes)->ReadValues(&values).ok()) Fail("unreadable chunk");
      for (const double value : values) ++rows[value];
    }
  }
  return rows;
}

void Check(const std::vector<Device>& devices, const std::string& folder, int kills) {
  const std::map<double, int> rows = Rows(folder);
  for (const auto& [worth, count] : rows)
    if (count != kRecords)
      Fail(std::to_string(count) + " records of a batch, after kill " + std::to_string(kills));
  for (const Device& device : devices)
    for (std::uint64_t sequence = 1; sequence <= device.answered; ++sequence)
      if (rows.count(Worth(device.number, sequence)) == 0)
        Fail("acknowledged batch " + std::to_string(sequence) + " of device " +
             std::to_string(device.number) + " lost, after kill " + std::to_string(kills));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 4) {
    std::fprintf(stderr, "usage: server_kills UPSWING COUNT FOLDER [SEED]\n");
    return 2;
  }
  const int count = std::atoi(argv[2]);
  const std::string folder = argv[3];
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  std::mt19937 random(argc > 4 ? static_cast<unsigned>(std::atoi(argv[4])) : 1);
  std::vector<Device> devices(kDevices);
  for (int d = 0; d < kDevices; ++d) devices[static_cast<std::size_t>(d)].number = d;
  for (int kills = 1; kills <= count; ++kills) {
    const testing::ServerProcess server = testing::StartServer(argv[1], folder);
    std::vector<std::thread> threads;
    for (Device& device : devices)
      threads.emplace_back(Run, server.port, static_cast<unsigned>(random()), &device);
    // Not a wait for something: the random moment is the point. A second has the round of
    // compaction that a restart begins with.
    usleep(static_cast<useconds_t>(5'000 + random() % 900'000));
    kill(server.process, SIGKILL);
    for (std::thread& thread : threads) thread.join();
    int status = 0;
    waitpid(server.process, &status, 0);
    if (!WIFSIGNALED(status)) Fail("the server ended by itself");
    if (kills % 25 == 0 || kills == count) Check(devices, folder, kills);
  }
  std::uint64_t answered = 0;
  std::uint64_t repeated = 0;
  for (const Device& device : devices) {
    answered += device.answered;
    repeated += device.repeated;
  }
  std::printf(
      "%d kills of the server, %llu acknowledged batches, %llu answered as duplicates: 0 lost, 0 "
      "doubled\n",
      count, static_cast<unsigned long long>(answered), static_cast<unsigned long long>(repeated));
  std::filesystem::remove_all(folder);
  return 0;
}
