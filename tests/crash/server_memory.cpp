// Memory stays bounded: both modes run under a limit of the address space, as `ulimit -v` sets it,
// and fail if something needs more. tests/crash/server_memory.sh runs the long form.
//
//   server_memory push UPSWING SECONDS MIB FOLDER   64 clients push as fast as they can into a
//   server
//                                                   that may have MIB
//   server_memory report MIB FOLDER                 an analysis that may have MIB, over data on
//   disk
//                                                   of more than ten times that
#include <malloc.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <vector>

#include "sdk/base/hash.hpp"
#include "sdk/wire/batch_encoder.hpp"
#include "server/analysis/analyze.hpp"
#include "server/store/embedded/embedded_store.hpp"
#include "server/store/records.hpp"
#include "tests/support/http_server_process.hpp"

namespace {

using namespace upswing;

constexpr int kClients = 64;
constexpr int kRecords = 500;

[[noreturn]] void Fail(const std::string& why) {
  std::fprintf(stderr, "server_memory: %s\n", why.c_str());
  std::exit(1);
}

std::string Body(std::uint64_t client, std::uint64_t sequence, std::string* id) {
  wire::Encoder encoder;
  for (std::uint64_t i = 0; i < kRecords; ++i) {
    const std::uint64_t random = base::Mix(client << 40 ^ sequence << 10 ^ i);
    const std::string user = "u-" + std::to_string(random % 1'000'000);
    const wire::UnitRef unit{"user", user};
    wire::EventRecord event;
    event.subject = encoder.Subject(absl::MakeConstSpan(&unit, 1));
    event.name = "purchase";
    event.value = static_cast<double>(random >> 40);
    event.time = {static_cast<std::int64_t>(sequence), wire::TimeKind::kBoot};
    encoder.AddEvent(event);
  }
  wire::BatchHeader header;
  header.id = {78, client, sequence};
  header.sdk_name = "test";
  header.boot_id = 5;
  header.wall_ms = 1'790'000'000'000;
  header.boot_ms = 1'000'000'000;
  *id = wire::FormatBatchId(header.id);
  return encoder.Finish(header);
}

long StatusKib(pid_t process, const std::string& name) {
  std::ifstream file("/proc/" + std::to_string(process) + "/status");
  for (std::string line; std::getline(file, line);)
    if (line.find(name + ":") == 0) return std::atol(line.c_str() + name.size() + 1);
  return 0;
}

int Push(const std::string& program, int seconds, std::size_t mib, const std::string& folder) {
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  const testing::ServerProcess server = testing::StartServer(program, folder, mib << 20);
  std::atomic<std::int64_t> stored{0}, later{0};
  std::atomic<bool> stop{false};
  std::vector<std::thread> clients;
  for (std::uint64_t client = 0; client < kClients; ++client) {
    clients.emplace_back([&, client] {
      const int socket = testing::ConnectTo(server.port);
      if (socket < 0) Fail("a client is refused");
      for (std::uint64_t sequence = 1; !stop; ++sequence) {
        std::string id;
        const std::string body = Body(client, sequence, &id);
        for (;;) {
          const std::string answer = testing::PostBatch(socket, id, body);
          if (answer.empty()) Fail("the server is gone");
          if (answer.find("HTTP/1.1 429") == 0 || answer.find("HTTP/1.1 503") == 0) {
            ++later;
            usleep(20'000);
            continue;
          }
          if (answer.find("HTTP/1.1 200") != 0) Fail("not an acknowledgement: " + answer);
          stored += kRecords;
          break;
        }
      }
      close(socket);
    });
  }
  // How long clients push is the subject, not a wait.
  for (int second = 0; second < seconds; ++second) sleep(1);
  stop = true;
  for (std::thread& client : clients) client.join();
  const long peak = StatusKib(server.process, "VmPeak");
  const long resident = StatusKib(server.process, "VmHWM");
  kill(server.process, SIGTERM);
  int status = 0;
  waitpid(server.process, &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) Fail("the server did not end well");
  store::EmbeddedOptions options;
  options.directory = folder + "/data";
  options.read_only = true;
  const auto store = store::EmbeddedStore::Open(options);
  if (!store.ok() || (*store)->Stats()->records != stored) Fail("records are missing");
  std::printf(
      "64 clients, %d s: %lld records stored, told to wait %lld times; address space %ld of %zu "
      "MiB, "
      "resident %ld MiB\n",
      seconds, static_cast<long long>(stored), static_cast<long long>(later), peak / 1024, mib,
      resident / 1024);
  std::filesystem::remove_all(folder);
  return 0;
}

// Numbers that do not compress, so that the data is large with few records.
store::Records Incompressible(std::uint64_t from, std::uint64_t count, std::uint64_t units) {
  store::Records records;
  const std::uint32_t user = records.strings.Intern("user");
  const std::uint32_t experiment = records.strings.Intern("exp");
  const std::uint32_t variant[2] = {records.strings.Intern("off"), records.strings.Intern("on")};
  const std::uint32_t name = records.strings.Intern("purchase");
  for (std::uint64_t i = from; i < from + count; ++i) {
    const std::uint64_t random = base::Mix(i + 1);
    const std::uint64_t key = base::Mix(i % units + 77) | 1;
    records.subjects.unit_type.push_back(user);
    records.subjects.key.push_back(key);
    records.subjects.first.push_back(static_cast<std::uint32_t>(records.subjects.key.size()));
    const auto subject = static_cast<std::uint32_t>(records.subjects.size() - 1);
    if (i < units) {
      auto& x = records.exposures;
      x.subject.push_back(subject);
      x.experiment.push_back(experiment);
      x.variant.push_back(variant[key >> 20 & 1]);
      x.iteration.push_back(1);
      x.phase.push_back(1);
      x.order.push_back(static_cast<std::uint32_t>(random));
      x.reason.push_back(0);
      x.catalog_version.push_back(random);
      x.time_ms.push_back(static_cast<std::int64_t>(random >> 34));
      x.attributes.first.push_back(0);
      continue;
    }
    auto& e = records.events;
    e.subject.push_back(subject);
    e.name.push_back(name);
    e.order.push_back(static_cast<std::uint32_t>(random));
    e.value.push_back(static_cast<double>(random) / 3);
    e.time_ms.push_back(static_cast<std::int64_t>(random >> 24));
    e.event_id.push_back(random);
    e.ref_id.push_back(base::Mix(random));
    e.properties.first.push_back(0);
  }
  return records;
}

std::int64_t Load(const std::string& directory, std::size_t mib) {
  store::EmbeddedOptions options;
  options.directory = directory;
  options.background = false;
  options.merge_runs = 4;  // A reader holds a chunk of each run.
  const auto store = store::EmbeddedStore::Open(options);
  if (!store.ok()) Fail(std::string(store.status().message()));
  constexpr std::uint64_t kBatch = 50'000;
  // Some 38 bytes of a record cannot be saved.
  const std::uint64_t units = mib * 2000;
  std::uint64_t sequence = 0;
  for (std::uint64_t from = 0;
       (*store)->Stats()->chunk_bytes < static_cast<std::int64_t>(mib) * 10 << 20;) {
    for (int i = 0; i < 30; ++i, from += kBatch) {
      const store::Records records = Incompressible(from, kBatch, units);
      store::LandingBatch batch;
      batch.key = {1, 1, ++sequence};
      batch.records = static_cast<std::uint32_t>(records.size());
      batch.blob = store::EncodeRecords(records);
      if (!(*store)->Land(absl::MakeSpan(&batch, 1)).ok()) Fail("does not land");
    }
    if (!(*store)->Compact(false).ok()) Fail("does not compact");
  }
  return (*store)->Stats()->chunk_bytes;
}

// In a process of its own, because the loading one has grown already.
int Analyze(const std::string& directory, std::size_t mib) {
  // A second arena would reserve 64 MiB of addresses that nobody uses.
  mallopt(M_ARENA_MAX, 1);
  const rlimit limit{mib << 20, mib << 20};
  if (setrlimit(RLIMIT_AS, &limit) != 0) Fail("no limit can be set");
  store::EmbeddedOptions options;
  options.directory = directory;
  options.read_only = true;
  const auto store = store::EmbeddedStore::Open(options);
  if (!store.ok()) Fail(std::string(store.status().message()));
  analysis::ExperimentSpec spec;
  spec.experiment = "exp";
  spec.unit_type = "user";
  spec.variants = {{"off", 1}, {"on", 1}};
  spec.as_of_ms = std::int64_t{1} << 41;
  auto& metric = spec.metrics.emplace_back();
  metric.key = "spent";
  metric.type = metrics::MetricType::kSum;
  metric.events.events = {"purchase"};
  // Pooled over all units: the second pass that caps need is bounded too.
  metric.winsorize.emplace();
  metric.winsorize->percentile_nonzero = 0.999;
  const auto source = (*store)->Snapshot();
  if (!source.ok()) Fail(std::string(source.status().message()));
  const auto result = analysis::Analyze(**source, spec, {.threads = 2});
  if (!result.ok()) Fail(std::string(result.status().message()));
  if (!result->unreadable.empty()) Fail("unreadable: " + result->unreadable[0]);
  std::printf("%lld records analysed, %lld units, address space %ld of %zu MiB, resident %ld MiB\n",
              static_cast<long long>(result->exposures + result->events),
              static_cast<long long>(result->variants[0].units + result->variants[1].units),
              StatusKib(getpid(), "VmPeak") / 1024, mib, StatusKib(getpid(), "VmHWM") / 1024);
  return 0;
}

int Report(const char* self, std::size_t mib, const std::string& folder) {
  std::filesystem::remove_all(folder);
  const std::int64_t bytes = Load(folder, mib);
  std::printf("%lld MiB of data: ", static_cast<long long>(bytes >> 20));
  std::fflush(stdout);
  const pid_t child = fork();
  if (child == 0) {
    execl(self, self, "analyze", std::to_string(mib).c_str(), folder.c_str(), nullptr);
    _exit(127);
  }
  int status = 0;
  waitpid(child, &status, 0);
  std::filesystem::remove_all(folder);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) Fail("the analysis needs more");
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  const auto number = [&](int i) { return static_cast<std::size_t>(std::atoll(argv[i])); };
  if (mode == "push" && argc == 6) return Push(argv[2], std::atoi(argv[3]), number(4), argv[5]);
  if (mode == "report" && argc == 4) return Report(argv[0], number(2), argv[3]);
  if (mode == "analyze" && argc == 4) return Analyze(argv[3], number(2));
  std::fprintf(stderr,
               "usage: server_memory push UPSWING SECONDS MIB FOLDER | report MIB FOLDER\n");
  return 2;
}
