// What delivery costs: time and allocations on the caller's thread, bytes on the wire, CPU of the
// whole pipeline, memory.
//
//     delivery_benchmark        (preset `benchmark`; prints one table per question)
//
// Times are medians over blocks of calls, so that a context switch or a busy neighbour does not
// count.
#include <flatbuffers/flatbuffers.h>
#include <malloc.h>
#include <sys/resource.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <new>
#include <string>
#include <thread>
#include <vector>

#include "server/authoring/compile.hpp"
#include "server/authoring/parse.hpp"
#include "tests/benchmark/assignment_catalogs.hpp"
#include "tests/support/traffic.hpp"
#include "upswing/client.hpp"

namespace {

thread_local std::uint64_t allocations = 0;

}  // namespace

// Counts the calling thread's allocations.
void* operator new(std::size_t size) {
  ++allocations;
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }

namespace upswing {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

double Nanoseconds(Clock::duration duration) {
  return std::chrono::duration<double, std::nano>(duration).count();
}

double Median(std::vector<double> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2),
                   values.end());
  return values[values.size() / 2];
}

std::string CatalogBytes() {
  const std::string text =
      benchmark::CatalogFile(1000, benchmark::Shape::kSplit, /*with_flags=*/true);
  const authoring::ParseResult parsed = authoring::Parse(text);
  return authoring::Compile(*parsed.model, {})->bytes;
}

std::unique_ptr<Client> MakeClient(const std::string& catalog, const std::string& directory) {
  ClientOptions options;
  options.catalog.bundled = catalog;
  options.storage_directory = directory;
  options.delivery.queue_bytes = std::size_t{16} << 20;
  options.delivery.spool_bytes = std::size_t{1} << 30;
  options.delivery.batch_records = 10'000;
  options.delivery.flush_interval = std::chrono::hours(1);
  return *Client::Create(options);
}

struct Cost {
  double median_ns;
  double allocations_per_call;
};

/// Runs `call(i)` on each thread in blocks of 100; the pipeline is emptied between rounds, off the
/// clock.
template <typename Call>
Cost Measure(Client* client, int threads, Call call) {
  constexpr int kBlock = 100;
  constexpr int kBlocks = 300;
  std::vector<double> times;
  std::uint64_t allocated = 0;
  std::mutex mutex;
  std::vector<std::thread> workers;
  for (int thread = 0; thread < threads; ++thread) {
    workers.emplace_back([&, thread] {
      std::vector<double> own;
      own.reserve(kBlocks);
      for (int i = 0; i < kBlock; ++i) call(thread, i);  // Warm-up.
      const std::uint64_t before = allocations;
      for (int block = 0; block < kBlocks; ++block) {
        const Clock::time_point start = Clock::now();
        for (int i = 0; i < kBlock; ++i) call(thread, block * kBlock + i);
        own.push_back(Nanoseconds(Clock::now() - start) / kBlock);
      }
      const std::uint64_t made = allocations - before;
      const std::lock_guard lock(mutex);
      allocated += made;
      times.insert(times.end(), own.begin(), own.end());
    });
  }
  for (std::thread& worker : workers) worker.join();
  client->Flush(milliseconds(0));
  client->Purge();
  return {Median(times), static_cast<double>(allocated) / (threads * kBlock * kBlocks)};
}

void CallerCosts(const std::string& catalog, const std::string& directory) {
  const auto client = MakeClient(catalog, directory);
  std::printf("caller's thread                          threads  median ns  allocations/call\n");
  const auto print = [](const char* name, int threads, Cost cost) {
    std::printf("%-40s %7d %10.1f %17.4f\n", name, threads, cost.median_ns,
                cost.allocations_per_call);
  };
  const Subject user("user", "u-12345678");
  // Warm-up: every page of the ring is touched once.
  for (int i = 0; i < 200'000; ++i)
    client->Track(user, "purchase", 129.0, {{"category", "beauty"}});
  client->Purge();
  for (const int threads : {1, 2, 4}) {
    print("Track(purchase, 129, {category})", threads,
          Measure(client.get(), threads, [&](int, int) {
            client->Track(user, "purchase", 129.0, {{"category", "beauty"}});
          }));
  }
  std::vector<Subject> users;
  for (int i = 0; i < 30'000; ++i)
    users.emplace_back("user", "u-" + std::to_string(10'000'000 + i));
  const char* const experiment = "experiment_00500";
  const Cost peek = Measure(client.get(), 1, [&](int, int i) {
    static_cast<void>(client->Peek(experiment, users[static_cast<std::size_t>(i)]));
  });
  print("Peek", 1, peek);
  Cost fresh{};
  for (int round = 0; round < 2;
       ++round) {  // The first round touches memory; `Purge` forgets the exposures.
    fresh = Measure(client.get(), 1, [&](int, int i) {
      client->Decide(experiment, users[static_cast<std::size_t>(i)]);
    });
  }
  print("Decide, new exposure", 1, fresh);
  const Cost peek_one = Measure(
      client.get(), 1, [&](int, int) { static_cast<void>(client->Peek(experiment, users[0])); });
  print("Peek, one user", 1, peek_one);
  const Cost repeat =
      Measure(client.get(), 1, [&](int, int) { client->Decide(experiment, users[0]); });
  print("Decide, repeat", 1, repeat);
  std::printf("repeat over Peek %+.1f ns, new over Peek %+.1f ns\n\n",
              repeat.median_ns - peek_one.median_ns, fresh.median_ns - peek.median_ns);
}

std::string Json(const testing::TrafficRecord& record) {
  std::string json = "{\"type\":\"" + std::string(record.is_exposure ? "exposure" : "event") + "\"";
  for (const auto& [type, id] : record.units) json += ",\"" + type + "\":\"" + id + "\"";
  json += ",\"name\":\"" + record.name +
          "\",\"timestamp\":" + std::to_string(1'795'000'000'000 + record.boot_ms);
  if (record.is_exposure) {
    json += ",\"variant\":\"" + record.variant + "\"";
  } else {
    json += ",\"value\":" + std::to_string(record.value);
  }
  if (record.event_id != 0) json += ",\"id\":\"" + std::to_string(record.event_id) + "\"";
  json += ",\"properties\":{";
  for (const auto& property : record.properties) {
    if (json.back() != '{') json += ",";
    json += "\"" + property.name + "\":";
    json += property.type == wire::ValueType::kString ? "\"" + property.text + "\""
                                                      : std::to_string(property.integer);
  }
  return json + "}}";
}

std::size_t GzipBytes(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);
  std::string out(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  deflate(&stream, Z_FINISH);
  const std::size_t size = stream.total_out;
  deflateEnd(&stream);
  return size;
}

/// One table per record in a vector, as a straightforward schema would have it; names are shared
/// strings.
std::size_t RowsBytes(const std::vector<testing::TrafficRecord>& records) {
  flatbuffers::FlatBufferBuilder builder;
  std::vector<flatbuffers::Offset<flatbuffers::Table>> rows;
  for (const auto& record : records) {
    std::vector<flatbuffers::Offset<flatbuffers::String>> texts;
    for (const auto& [type, id] : record.units) {
      texts.push_back(builder.CreateSharedString(type));
      texts.push_back(builder.CreateSharedString(id));
    }
    for (const auto& property : record.properties) {
      texts.push_back(builder.CreateSharedString(property.name));
      texts.push_back(builder.CreateSharedString(property.type == wire::ValueType::kString
                                                     ? property.text
                                                     : std::to_string(property.integer)));
    }
    const auto name = builder.CreateSharedString(record.name);
    const auto variant = builder.CreateSharedString(record.variant);
    const auto list = builder.CreateVector(texts);
    const auto start = builder.StartTable();
    builder.AddOffset(4, name);
    if (record.is_exposure) builder.AddOffset(6, variant);
    builder.AddOffset(8, list);
    builder.AddElement<std::int64_t>(10, 1'795'000'000'000 + record.boot_ms, 0);
    if (!record.is_exposure) builder.AddElement<double>(12, record.value, 0);
    builder.AddElement<std::uint64_t>(14, record.event_id, 0);
    builder.AddElement<std::uint64_t>(16, record.ref_id, 0);
    rows.emplace_back(builder.EndTable(start));
  }
  const auto vector = builder.CreateVector(rows);
  const auto start = builder.StartTable();
  builder.AddOffset(4, vector);
  builder.Finish(flatbuffers::Offset<flatbuffers::Table>(builder.EndTable(start)));
  std::string out(ZSTD_compressBound(builder.GetSize()), '\0');
  return ZSTD_compress(out.data(), out.size(), builder.GetBufferPointer(), builder.GetSize(), 5);
}

void Bytes() {
  std::printf(
      "body bytes per record, beyond the entropy of ids   ours  rows+zstd  gzip JSON  (bar)\n");
  struct Case {
    const char* name;
    bool device;
    testing::TrafficOptions::Names names;
    int records;
    const char* bar;
  };
  using Names = testing::TrafficOptions::Names;
  for (const Case& c :
       {Case{"device, 20 records, pack's names", true, Names::kPack, 20, "12"},
        Case{"device, 20 records, unseen names", true, Names::kUnseen, 20, "17"},
        Case{"device, 500 records, pack's names", true, Names::kPack, 500, "5"},
        Case{"device, 500 records, unseen names", true, Names::kUnseen, 500, "5"},
        Case{"server, 500 records, pack's names", false, Names::kPack, 500, "6"},
        Case{"server, 500 records, unseen names", false, Names::kUnseen, 500, "6"}}) {
    double ours = 0, rows = 0, json = 0, ids = 0;
    constexpr int kBatches = 100;
    for (int batch = 0; batch < kBatches; ++batch) {
      testing::Traffic traffic(
          {.seed = 1000u + static_cast<unsigned>(batch), .one_user = c.device, .names = c.names});
      wire::Encoder encoder;
      std::vector<testing::TrafficRecord> records;
      std::string text = "[";
      for (int i = 0; i < c.records; ++i) {
        records.push_back(traffic.Next());
        testing::AddTo(records.back(), &encoder);
        ids += records.back().id_bits / 8 + (c.device ? 0 : testing::Traffic::kServerIdBits / 8);
        text += (i == 0 ? "" : ",") + Json(records.back());
      }
      ours += static_cast<double>(encoder.Finish(traffic.Header()).size());
      rows += static_cast<double>(RowsBytes(records));
      json += static_cast<double>(GzipBytes(text + "]"));
    }
    const double count = kBatches * c.records;
    std::printf("%-48s %6.2f %10.2f %10.2f   <= %s\n", c.name, (ours - ids) / count,
                (rows - ids) / count, (json - ids) / count, c.bar);
  }
  std::printf("\n");
}

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

void PipelineCpu(const std::string& directory) {
  ClientOptions options;
  options.storage_directory = directory;
  options.delivery.queue_bytes = std::size_t{64} << 20;
  options.delivery.spool_bytes = std::size_t{1} << 30;
  const auto client = *Client::Create(options);
  const Subject user("user", "u-12345678");
  const double start = CpuSeconds();
  for (int i = 0; i < 1'000'000; ++i) {
    client->Track(user, "purchase", i % 300, {{"category", "beauty"}});
    if (i % 100'000 == 99'999) client->Flush(milliseconds(0));
  }
  client->Flush(milliseconds(0));
  const ClientStats stats = client->Stats();
  std::printf(
      "CPU for 1 million records tracked, batched, compressed, spooled: %.2f s (%llu batches, %.2f "
      "bytes each record on disk, %llu dropped)\n",
      CpuSeconds() - start, static_cast<unsigned long long>(stats.spooled_batches),
      static_cast<double>(stats.spooled_bytes) / 1e6,
      static_cast<unsigned long long>(stats.dropped.total()));
  client->Purge();
}

long ResidentKiB() {
  std::ifstream file("/proc/self/statm");
  long total = 0, resident = 0;
  file >> total >> resident;
  return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

void Memory(const std::string& directory) {
  malloc_trim(0);
  const long before = ResidentKiB();
  ClientOptions options;
  options.storage_directory = directory;
  options.delivery.flush_interval = std::chrono::hours(1);
  options.delivery.batch_records = 10'000;
  options.delivery.queue_bytes = std::size_t{4} << 20;
  const auto client = *Client::Create(options);
  std::this_thread::sleep_for(milliseconds(200));
  const long idle = ResidentKiB();
  const Subject user("user", "u-12345678");
  for (int i = 0; i < 9'999; ++i) client->Track(user, "purchase", i, {{"category", "beauty"}});
  const long queued = ResidentKiB();
  std::printf("memory of an idle client %ld KiB, with 10,000 queued records %ld KiB\n",
              idle - before, queued - before);
  client->Purge();
}

void CreateTime(const std::string& catalog, const std::string& directory) {
  // A cold start with a cached catalog: the folder holds one.
  std::filesystem::create_directories(directory);
  std::ofstream(directory + "/catalog", std::ios::binary) << "\"etag\"\n" << catalog;
  std::vector<double> times;
  for (int i = 0; i < 21; ++i) {
    ClientOptions options;
    options.server_url = "http://127.0.0.1:1";
    options.storage_directory = directory;
    const Clock::time_point start = Clock::now();
    const auto client = *Client::Create(options);
    times.push_back(Nanoseconds(Clock::now() - start) / 1e6);
    if (client->Stats().catalog_version == 0 && i == 0)
      std::printf("the cached catalog was not used\n");
  }
  std::printf(
      "Create with a cached catalog of 1,000 experiments: first %.2f ms, median %.2f ms (bar 5 "
      "ms)\n",
      times.front(), Median(times));
}

}  // namespace
}  // namespace upswing

int main() {
  const std::string directory = std::filesystem::temp_directory_path() /
                                ("upswing_delivery_benchmark_" + std::to_string(getpid()));
  const std::string catalog = upswing::CatalogBytes();
  upswing::CreateTime(catalog, directory + "/create");
  upswing::Memory(directory + "/memory");
  upswing::CallerCosts(catalog, directory + "/caller");
  upswing::Bytes();
  upswing::PipelineCpu(directory + "/cpu");
  std::filesystem::remove_all(directory);
  return 0;
}
