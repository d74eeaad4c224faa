#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include <nlohmann/json.hpp>
#include <sqlite3.h>

#include "sdk/transport/curl_transport.hpp"
#include "sdk/wire/batch_encoder.hpp"
#include "sdk/wire/batch_id.hpp"
#include "tests/support/process.hpp"
#include "upswing/client.hpp"

// What an operator meets: a full disk, other versions of the data folder, logs.
namespace upswing {
namespace {

using Json = nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;
namespace fs = std::filesystem;

constexpr char kCatalog[] = R"({"project": "shop", "experiments": {"tap": {"status": "running",
  "unit": "user", "control": "off", "variants": {"off": {"weight": 1}, "on": {"weight": 1}},
  "plan": {"primary": "buys"}}}, "metrics": {"buys": {"type": "count", "event": "purchase"}}})";

class Operations : public ::testing::Test {
 protected:
  void SetUp() override { std::ofstream(folder_ / "catalog.json") << kCatalog; }

  HttpResponse Call(const testing::Server& server, const std::string& method,
                    const std::string& path, std::string_view body = "") {
    const auto response =
        transport_->Send({.method = method, .url = server.url() + path, .body = body});
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() ? *response : HttpResponse();
  }

  // A batch of `records` exposures and as many events with values that do not compress.
  static std::string Batch(std::uint64_t sequence, int records = 1, std::uint64_t device = 4) {
    wire::Encoder encoder;
    std::uint64_t noise = (sequence ^ device << 32) * 0x9e3779b97f4a7c15ULL;
    for (int i = 0; i < records; ++i) {
      const std::string id = "u-secret-" + (device == 4 ? "" : std::to_string(device) + "-") +
                             std::to_string(sequence) + "-" + std::to_string(i);
      const wire::UnitRef unit{"user", id};
      wire::ExposureRecord exposure;
      exposure.subject = encoder.Subject(absl::MakeConstSpan(&unit, 1));
      exposure.experiment = "tap";
      exposure.variant = (sequence + static_cast<std::uint64_t>(i)) % 2 == 0 ? "on" : "off";
      exposure.time = {900, wire::TimeKind::kBoot};
      encoder.AddExposure(exposure);
      wire::EventRecord event;
      event.subject = exposure.subject;
      event.name = "purchase";
      noise = noise * 6364136223846793005ULL + 1442695040888963407ULL;
      event.value = static_cast<double>(noise >> 11);
      event.time = {900, wire::TimeKind::kBoot};
      encoder.AddEvent(event);
    }
    wire::BatchHeader header;
    header.id = {3, device, sequence};
    header.boot_ms = 900;
    return encoder.Finish(header, {});
  }

  static std::int64_t Metric(const std::string& text, const std::string& name) {
    const std::size_t at = text.find("\nupswing_" + name + " ");
    return at == std::string::npos ? -1 : std::stoll(text.substr(at + name.size() + 10));
  }

  static void Sql(const std::string& file, const std::string& statement) {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(file.c_str(), &database), SQLITE_OK);
    char* error = nullptr;
    EXPECT_EQ(sqlite3_exec(database, statement.c_str(), nullptr, nullptr, &error), SQLITE_OK)
        << (error == nullptr ? "" : error);
    sqlite3_close(database);
  }

  testing::TemporaryFolder folder_;
  std::unique_ptr<Transport> transport_ = transport::MakeCurlTransport({});
};

// A file system of 24 MiB in memory; null where this user may not mount one.
class SmallDisk {
 public:
  static std::unique_ptr<SmallDisk> Make(const std::string& folder) {
    fs::create_directories(folder);
    if (mount("tmpfs", folder.c_str(), "tmpfs", 0, "size=24m") != 0) return nullptr;
    return std::unique_ptr<SmallDisk>(new SmallDisk(folder));
  }
  ~SmallDisk() { umount2(folder_.c_str(), MNT_DETACH); }

 private:
  explicit SmallDisk(std::string folder) : folder_(std::move(folder)) {}
  const std::string folder_;
};

// Fills the file's disk to the last page, with what the file holds already.
void FillDisk(const std::string& file) {
  std::ofstream out(file, std::ios::binary | std::ios::app);
  const std::string page(4096, 'x');
  while (out.write(page.data(), static_cast<std::streamsize>(page.size())).flush()) {
  }
}

TEST_F(Operations, AFullDiskLosesNothingAndIsOverWhenThereIsRoom) {
  const std::string disk = folder_ / "disk";
  const std::unique_ptr<SmallDisk> mounted = SmallDisk::Make(disk);
  if (mounted == nullptr) GTEST_SKIP() << "needs the right to mount a file system";
  testing::Server server(disk + "/data", {"--catalog", folder_ / "catalog.json"});
  // Something else fills the disk but for a few megabytes.
  const std::string ballast = disk + "/ballast";
  std::ofstream(ballast) << std::string(std::size_t{16} << 20, 'x');

  // An app, and whoever sends batches as it does.
  ClientOptions options;
  options.server_url = server.url();
  options.storage_directory = folder_ / "device";
  options.delivery.flush_interval = std::chrono::milliseconds(100);
  options.delivery.max_backoff = std::chrono::milliseconds(200);
  auto client = Client::Create(options);
  ASSERT_TRUE(client.ok());

  std::int64_t records = 0;
  std::uint64_t sequence = 0;
  HttpResponse refused;
  for (; sequence < 3000; ++sequence) {
    refused = Call(server, "POST", "/v1/batches", Batch(sequence + 1, 500));
    if (refused.status != 200) break;
    records += 1000;
  }
  ASSERT_EQ(refused.status, 503) << refused.body;
  EXPECT_EQ(refused.Header("Content-Type"), "application/problem+json");
  EXPECT_NE(refused.Header("Retry-After"), "");
  EXPECT_GT(records, 0);
  // The store goes on to make room within its files, and some batches of a few bytes may fit in.
  const std::string rest = disk + "/rest";
  std::uint64_t small = 0;
  for (int refusals = 0; refusals < 20;
       std::this_thread::sleep_for(std::chrono::milliseconds(50))) {
    FillDisk(rest);
    const HttpResponse answer = Call(server, "POST", "/v1/batches", Batch(++small, 1, 5));
    if (answer.status == 200) {
      records += 2;
      refusals = 0;
    } else {
      ASSERT_EQ(answer.status, 503) << answer.body;
      ++refusals;
    }
    ASSERT_LT(small, 10'000u);
  }

  // What needs no room goes on; what the app records waits on its own disk.
  EXPECT_EQ(Call(server, "GET", "/healthz").status, 200);
  const HttpResponse report = Call(server, "GET", "/v1/experiments/tap/report");
  EXPECT_EQ(report.status, 200) << report.body;
  for (int i = 0; i < 500; ++i)
    (*client)->Track(Subject("user", "u-" + std::to_string(i)), "purchase", i);
  EXPECT_GT((*client)->Flush(std::chrono::seconds(1)).kept, 0u);

  fs::remove(ballast);
  fs::remove(rest);
  EXPECT_EQ((*client)->Flush(std::chrono::seconds(120)).kept, 0u);
  HttpResponse taken;
  for (int i = 0; i < 600 && taken.status != 200; ++i) {
    taken = Call(server, "POST", "/v1/batches", Batch(sequence + 1, 500));
    if (taken.status != 200) std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }
  ASSERT_EQ(taken.status, 200) << taken.body;
  EXPECT_EQ(Json::parse(taken.body)["accepted"], 1000) << "not stored before";
  records += 1000;
  EXPECT_EQ(Metric(Call(server, "GET", "/metrics").body, "store_records"), records + 500);
  // Nothing of what was answered with 200 is missing, nothing is there twice.
  for (std::uint64_t i = 1; i <= sequence; i += 7)
    EXPECT_EQ(Json::parse(Call(server, "POST", "/v1/batches", Batch(i, 500)).body)["duplicate"],
              true);
  server.process().Signal(SIGTERM);
  EXPECT_EQ(server.process().Wait(), 0) << server.process().Log();
  const testing::Finished verified =
      testing::RunProgram({testing::Upswing(), "store", "verify", "--data", disk + "/data"});
  EXPECT_EQ(verified.status, 0) << verified.err;
}

// The samples of a Prometheus text, by name with labels. Each belongs to a type that is given
// before.
std::map<std::string, double> Samples(const std::string& text) {
  std::map<std::string, double> samples;
  std::map<std::string, std::string> types;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::smatch match;
    if (std::regex_match(line, match, std::regex("# TYPE ([a-z_]+) (counter|gauge|histogram)"))) {
      EXPECT_TRUE(types.emplace(match[1], match[2]).second) << line;
      continue;
    }
    if (!std::regex_match(
            line, match,
            std::regex(
                R"re(([a-z_]+)(\{[a-z]+="[^"\\]*"(,[a-z]+="[^"\\]*")*\})? ([-+.e0-9]+))re"))) {
      ADD_FAILURE() << "no sample: " << line;
      continue;
    }
    std::string type = match[1];
    if (types[type].empty()) type = type.substr(0, type.rfind('_'));  // _bucket, _sum, _count
    EXPECT_NE(types[type], "") << line;
    EXPECT_TRUE(samples.emplace(match[1].str() + match[2].str(), std::stod(match[4])).second)
        << "twice: " << line;
  }
  return samples;
}

TEST_F(Operations, MetricsCountWhatHappened) {
  testing::Server server(folder_ / "data", {"--catalog", folder_ / "catalog.json"});
  for (const std::uint64_t sequence : {1, 2, 2, 3, 3, 3})
    ASSERT_EQ(Call(server, "POST", "/v1/batches", Batch(sequence, 5)).status, 200);
  ASSERT_EQ(Call(server, "POST", "/v1/batches", "nonsense").status, 400);
  ASSERT_EQ(Call(server, "GET", "/v1/experiments/tap/report").status, 200);
  ASSERT_EQ(Call(server, "GET", "/v1/experiments/none/report").status, 404);
  const HttpResponse answer = Call(server, "GET", "/metrics");
  ASSERT_EQ(answer.status, 200);
  EXPECT_THAT(std::string(answer.Header("Content-Type")), HasSubstr("text/plain; version=0.0.4"));
  const std::map<std::string, double> samples = Samples(std::string(answer.body));
  const auto at = [&](const std::string& name) {
    const auto found = samples.find("upswing_" + name);
    return found == samples.end() ? -1 : found->second;
  };
  EXPECT_EQ(at("ingest_batches_total"), 3);
  EXPECT_EQ(at("ingest_duplicate_batches_total"), 3);
  EXPECT_EQ(at("ingest_refused_requests_total"), 1);
  EXPECT_EQ(at("ingest_records_total"), 30);
  EXPECT_EQ(at("store_records"), 30);
  EXPECT_EQ(at("analysis_reports_total"), 2);
  EXPECT_EQ(at("analysis_failed_reports_total"), 1);
  EXPECT_EQ(at("catalog_version"), 1);
  EXPECT_EQ(at(R"(http_requests_total{method="POST",route="/v1/batches",status="200"})"), 6);
  EXPECT_EQ(at(R"(http_requests_total{method="POST",route="/v1/batches",status="400"})"), 1);
  // Buckets only grow, and the last holds all.
  const std::string route = R"({route="/v1/batches")";
  double last = 0;
  for (const char* const bound : {"0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025", "0.05",
                                  "0.1", "0.25", "1", "5", "30", "+Inf"}) {
    const double bucket = at("http_request_seconds_bucket" + route + ",le=\"" + bound + "\"}");
    EXPECT_GE(bucket, last) << bound;
    last = bucket;
  }
  EXPECT_EQ(last, 7);
  EXPECT_EQ(at("http_request_seconds_count" + route + "}"), 7);
  EXPECT_GT(at("http_request_seconds_sum" + route + "}"), 0);
}

TEST_F(Operations, ABackupTakenWhileDevicesPushHoldsWhatWasAcknowledgedAndTheRestComesOnceMore) {
  constexpr std::uint64_t kDevices = 4;
  constexpr int kRecords = 40;  // of a batch: half exposures, half events
  constexpr int kBackups = 3;
  const std::string data = folder_ / "data";
  testing::Server server(data, {"--catalog", folder_ / "catalog.json"});

  // Each device pushes batch after batch until the last backup is behind it.
  std::array<std::atomic<std::uint64_t>, kDevices> acknowledged{};  // by device, the last
  std::atomic<bool> stop = false;
  std::vector<std::thread> devices;
  for (std::uint64_t device = 0; device < kDevices; ++device) {
    devices.emplace_back([&, device] {
      const auto transport = transport::MakeCurlTransport({});
      for (std::uint64_t sequence = 1; !stop;) {
        const auto answer = transport->Send({.method = "POST",
                                             .url = server.url() + "/v1/batches",
                                             .body = Batch(sequence, kRecords / 2, 10 + device)});
        if (!answer.ok() || answer->status == 429 || answer->status == 503) continue;
        EXPECT_EQ(answer->status, 200) << answer->body;
        if (answer->status != 200) return;
        acknowledged[device] = sequence++;
      }
    });
  }
  const auto count = [&] {
    std::uint64_t batches = 0;
    for (const auto& each : acknowledged) batches += each;
    return batches;
  };
  const auto wait_for = [&](std::uint64_t batches) {
    while (count() < batches && !HasFailure())
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
  };
  std::array<std::array<std::uint64_t, kDevices>, kBackups> before;
  std::uint64_t during = 0;
  for (int i = 0; i < kBackups; ++i) {
    wait_for(count() + 100);
    for (std::size_t device = 0; device < kDevices; ++device)
      before[i][device] = acknowledged[device];
    const std::uint64_t begun = count();
    const testing::Finished taken =
        testing::RunProgram({testing::Upswing(), "store", "backup", "--data", data,
                             folder_ / ("backup" + std::to_string(i) + ".db")});
    during += count() - begun;
    EXPECT_EQ(taken.status, 0) << taken.err;
  }
  wait_for(count() + 100);
  stop = true;
  for (std::thread& device : devices) device.join();
  ASSERT_FALSE(HasFailure());
  EXPECT_GT(during, 0u) << "nothing was pushed while a backup was taken";

  const std::string report = "/v1/experiments/tap/report?as_of=2099-01-01T00:00:00Z&format=csv";
  const std::string original = Call(server, "GET", report).body;
  EXPECT_THAT(original, HasSubstr("on"));
  const auto all = static_cast<std::int64_t>(count()) * kRecords;
  EXPECT_EQ(Metric(Call(server, "GET", "/metrics").body, "store_records"), all);
  for (std::size_t i = 0; i < kBackups; ++i) {
    SCOPED_TRACE("backup " + std::to_string(i));
    const std::string copy = folder_ / ("copy" + std::to_string(i));
    fs::create_directories(copy);
    fs::copy_file(data + "/unit.key", copy + "/unit.key");
    for (const std::vector<std::string>& command : std::vector<std::vector<std::string>>{
             {"restore", "--data", copy, folder_ / ("backup" + std::to_string(i) + ".db")},
             {"verify", "--data", copy}}) {
      std::vector<std::string> arguments = {testing::Upswing(), "store"};
      arguments.insert(arguments.end(), command.begin(), command.end());
      const testing::Finished ended = testing::RunProgram(arguments);
      EXPECT_EQ(ended.status, 0) << command[0] << ": " << ended.err;
    }
    testing::Server restored(copy);
    const std::int64_t held = Metric(Call(restored, "GET", "/metrics").body, "store_records");
    // All devices send all once more: what the backup holds is known, the rest is new.
    std::int64_t known = 0;
    std::int64_t fresh = 0;
    for (std::uint64_t device = 0; device < kDevices; ++device) {
      for (std::uint64_t sequence = 1; sequence <= acknowledged[device]; ++sequence) {
        const HttpResponse answer =
            Call(restored, "POST", "/v1/batches", Batch(sequence, kRecords / 2, 10 + device));
        ASSERT_EQ(answer.status, 200) << answer.body;
        const Json body = Json::parse(answer.body);
        const bool duplicate = body.value("duplicate", false);
        EXPECT_EQ(body["accepted"], duplicate ? 0 : kRecords);
        EXPECT_TRUE(duplicate || sequence > before[i][device])
            << "acknowledged before the backup, and not in it: " << device << "/" << sequence;
        (duplicate ? known : fresh) += kRecords;
      }
    }
    EXPECT_EQ(known, held);
    EXPECT_EQ(known + fresh, all);
    EXPECT_EQ(Metric(Call(restored, "GET", "/metrics").body, "store_records"), all);
    EXPECT_EQ(Call(restored, "GET", report).body, original);
    restored.process().Signal(SIGTERM);
    EXPECT_EQ(restored.process().Wait(), 0);
  }
}

TEST_F(Operations, AnOlderDataFolderIsTakenOverAndANewerOneIsRefused) {
  const std::string data = folder_ / "data";
  std::string before;
  {
    testing::Server server(data, {"--catalog", folder_ / "catalog.json"});
    ASSERT_EQ(Call(server, "POST", "/v1/batches", Batch(1, 50)).status, 200);
    before = Call(server, "GET", "/v1/experiments/tap/report?as_of=2030-01-01T00:00:00Z").body;
    server.process().Signal(SIGTERM);
    ASSERT_EQ(server.process().Wait(), 0);
  }
  // As the first version made it: without the tables that came later.
  Sql(data + "/upswing.db", "DROP TABLE counter; DROP TABLE tally");
  {
    testing::Server server(data);
    EXPECT_EQ(Call(server, "GET", "/v1/experiments/tap/report?as_of=2030-01-01T00:00:00Z").body,
              before);
    EXPECT_EQ(Json::parse(Call(server, "POST", "/v1/batches", Batch(1, 50)).body)["duplicate"],
              true);
    EXPECT_EQ(Call(server, "POST", "/v1/batches", Batch(2, 50)).status, 200);
    server.process().Signal(SIGTERM);
    ASSERT_EQ(server.process().Wait(), 0);
  }
  const auto refused = [&](const std::string& word) {
    for (const char* const command : {"serve", "report"}) {
      std::vector<std::string> arguments = {testing::Upswing(), command, "--data", data};
      if (command == std::string("serve"))
        arguments.insert(arguments.end(), {"--listen", "127.0.0.1:0", "--insecure-no-auth"});
      else
        arguments.push_back("tap");
      const testing::Finished ended = testing::RunProgram(arguments);
      EXPECT_EQ(ended.status, 1) << command;
      EXPECT_THAT(ended.err, HasSubstr(word)) << command;
      EXPECT_THAT(ended.err, HasSubstr("newer")) << command;
    }
  };
  Sql(data + "/upswing.db", "UPDATE meta SET value='3' WHERE key='format_version'");
  refused("format version 3");
  Sql(data + "/upswing.db", "UPDATE meta SET value='2' WHERE key='format_version'");
  // The keys' file has a format of its own.
  std::ofstream(data + "/keys.json") << R"({"format": 99, "keys": []})";
  const testing::Finished ended =
      testing::RunProgram({testing::Upswing(), "serve", "--data", data, "--listen", "127.0.0.1:0"});
  EXPECT_EQ(ended.status, 1);
  EXPECT_THAT(ended.err, HasSubstr("newer version of Upswing"));
}

TEST_F(Operations, NoUnitIdIsInALogTheAuditLogOrAFile) {
  const std::string data = folder_ / "data";
  testing::Server server(data, {"--catalog", folder_ / "catalog.json", "--log", "requests"});
  const std::string id = "u-secret-1-0";
  ASSERT_EQ(Call(server, "POST", "/v1/batches", Batch(1)).status, 200);
  ASSERT_EQ(Call(server, "POST", "/ofrep/v1/evaluate/flags",
                 R"({"context": {"targetingKey": "u-secret-1-0"}})")
                .status,
            200);
  ASSERT_EQ(Call(server, "GET", "/v1/units/explain?type=user&id=" + id).status, 200);
  const HttpResponse records = Call(server, "GET", "/v1/units/records?type=user&id=" + id);
  ASSERT_EQ(records.status, 200);
  EXPECT_EQ(Json::parse(records.body)["records"].size(), 2u) << records.body;
  EXPECT_EQ(Call(server, "GET", "/nothing/" + id).status, 404);
  EXPECT_EQ(Call(server, "POST", "/v1/units/erase", R"({"unit": "user=u-secret-1-0"})").body,
            R"({"records":2})");
  const Json audit = Json::parse(Call(server, "GET", "/v1/audit").body)["entries"];
  int erasures = 0;
  for (const Json& entry : audit) {
    erasures += entry["action"].get<std::string>().find("erase") != std::string::npos ? 1 : 0;
    EXPECT_THAT(entry.dump(), Not(HasSubstr(id)));
  }
  EXPECT_EQ(erasures, 1) << audit.dump();
  EXPECT_EQ(audit[0]["action"], "unit.erase");
  EXPECT_EQ(audit[0]["detail"], "2 records");
  EXPECT_THAT(server.process().Log(), HasSubstr("/v1/units/erase"));
  EXPECT_THAT(server.process().Log(), Not(HasSubstr(id)));
  server.process().Signal(SIGTERM);
  ASSERT_EQ(server.process().Wait(), 0);
  for (const auto& file : fs::recursive_directory_iterator(data)) {
    if (!file.is_regular_file()) continue;
    std::ifstream stream(file.path(), std::ios::binary);
    const std::string bytes(std::istreambuf_iterator<char>(stream), {});
    EXPECT_THAT(bytes, Not(HasSubstr(id))) << file.path();
  }
}

}  // namespace
}  // namespace upswing
