// Nodes of Upswing on a real ClickHouse cluster of two shards with two replicas each, and what
// happens to it.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <fstream>
#include <functional>
#include <map>
#include <mutex>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>

#include <nlohmann/json.hpp>

#include "sdk/wire/batch_encoder.hpp"
#include "server/store/chunk.hpp"
#include "server/store/clickhouse/clickhouse_store.hpp"
#include "server/store/clickhouse/client.hpp"
#include "tests/support/clickhouse_cluster.hpp"
#include "tests/support/http_server_process.hpp"
#include "tests/support/paths.hpp"
#include "tests/support/process.hpp"
#include "tests/support/raw_connection.hpp"

namespace upswing {
namespace {

using nlohmann::json;
using testing::ClickHouseCluster;
using testing::Finished;
using ::testing::HasSubstr;
using testing::RunProgram;
using testing::Server;
using testing::TemporaryFolder;
using testing::Upswing;

ClickHouseCluster& Cluster() {
  static ClickHouseCluster cluster(2, 2);
  return cluster;
}

constexpr char kAsOf[] = "2030-01-01T00:00:00Z";

std::string Catalog() { return (testing::SourceDir() / "samples/feed_shop/catalog.json").string(); }

// A store of its own on the cluster, and its nodes.
class Store {
 public:
  /// `key_of`: a data folder whose secret it gets, so that units have the same keys.
  explicit Store(const std::string& database, const std::string& project = "shop",
                 const std::string& key_of = "", ClickHouseCluster* cluster = &Cluster())
      : database_(database), cluster_(cluster) {
    if (!key_of.empty()) std::filesystem::copy_file(key_of + "/unit.key", key());
    const Finished init = RunProgram(
        {Upswing(), "store", "init", "--store", Url(), "--unit-key", key(), "--project", project});
    EXPECT_EQ(init.status, 0) << init.err;
  }
  /// `sums`: who sums up for reports.
  std::string Url(int first = 0, const std::string& sums = "auto") const {
    return cluster_->Url(database_, first) + "&sums=" + sums;
  }
  std::string key() const { return folder_ / "unit.key"; }
  Server Node(int first = 0, std::vector<std::string> more = {},
              Server::Auth auth = Server::Auth::kNone, const std::string& sums = "auto") const {
    more.insert(more.end(), {"--store", Url(first, sums), "--unit-key", key()});
    return Server("", more, auth);
  }
  TemporaryFolder& folder() { return folder_; }

 private:
  std::string database_;
  ClickHouseCluster* cluster_;
  TemporaryFolder folder_;
};

int PortOf(const Server& node) {
  return std::atoi(node.url().substr(node.url().rfind(':') + 1).c_str());
}

// Numbers within 1e-9 of their scale, everything else alike; returns what differs.
void ExpectAlike(const json& a, const json& b, const std::string& where) {
  if (a.is_number_float() || b.is_number_float()) {
    ASSERT_TRUE(a.is_number() && b.is_number()) << where << ": " << a << " and " << b;
    const double x = a.get<double>();
    const double y = b.get<double>();
    EXPECT_LE(std::fabs(x - y), 1e-9 * std::max({std::fabs(x), std::fabs(y), 1e-3}))
        << where << ": " << x << " and " << y;
    return;
  }
  ASSERT_EQ(a.type(), b.type()) << where << ": " << a << " and " << b;
  if (a.is_object()) {
    for (const auto& [key, value] : a.items()) {
      ASSERT_TRUE(b.contains(key)) << where << "." << key;
      ExpectAlike(value, b[key], where + "." + key);
    }
    EXPECT_EQ(a.size(), b.size()) << where;
  } else if (a.is_array()) {
    ASSERT_EQ(a.size(), b.size()) << where;
    for (std::size_t i = 0; i < a.size(); ++i)
      ExpectAlike(a[i], b[i], where + "[" + std::to_string(i) + "]");
  } else {
    EXPECT_EQ(a, b) << where;
  }
}

json ReportOf(const std::string& experiment, const std::string& flag, const std::string& where,
              const std::string& as_of) {
  const Finished report = RunProgram(
      {Upswing(), "report", experiment, flag, where, "--as-of", as_of, "--format", "json"});
  EXPECT_EQ(report.status, 0) << report.err;
  return report.status == 0 ? json::parse(report.out) : json();
}

TEST(ClickHouse, TheSimulatedShopReportsAsFromAFolder) {
  const TemporaryFolder folder;
  Server one(folder / "data", {"--catalog", Catalog()});
  Store store("shop", "shop", folder / "data");
  Server node = store.Node(0, {"--catalog", Catalog()});
  for (const Server* server : {&one, &node}) {
    const Finished simulated = RunProgram({Upswing(), "simulate", "--server", server->url(),
                                           "--catalog", Catalog(), "--users", "80"});
    ASSERT_EQ(simulated.status, 0) << simulated.err;
  }
  const std::string as_of = "2030-01-01T00:00:00Z";
  json mine = ReportOf("one_tap", "--data", folder / "data", as_of);
  // What clients had counted when they formed their last batch depends on when that was.
  mine["health"].erase("stages");
  EXPECT_GT(mine["variants"][0]["units"].get<int>(), 20);
  for (const char* sums : {"node", "shards"}) {
    json theirs = ReportOf("one_tap", "--store", store.Url(2, sums), as_of);
    theirs["health"].erase("stages");
    ExpectAlike(mine, theirs, sums);
  }
}

TEST(ClickHouse, HillstromReportsAsFromAFolder) {
  const std::string data =
      (testing::SharedDir() / "data/hillstrom_email/hillstrom.csv.gz").string();
  if (!std::filesystem::exists(data)) GTEST_SKIP() << "no ../shared/data";
  constexpr char kMapping[] = R"({"experiment": "spring_email",
   "variant": {"column": "segment", "control": "No E-Mail", "weights": {"No E-Mail": 1, "Mens E-Mail": 1, "Womens E-Mail": 1}},
   "attributes": {"channel": "channel", "newbie": "newbie"},
   "metrics": [{"key": "visit", "type": "conversion", "column": "visit"},
               {"key": "conversion", "type": "conversion", "column": "conversion"},
               {"key": "spend", "type": "sum", "column": "spend"},
               {"key": "spend_per_visit", "type": "ratio", "numerator": {"event": "spend", "sum": true}, "denominator": {"event": "visit"}}],
   "covariates": [{"metric": "spend", "column": "history"}]})";
  const TemporaryFolder folder;
  const std::string mapping = folder / "mapping.json";
  std::ofstream(mapping) << kMapping;
  Server one(folder / "data");
  Store store("hillstrom", "default", folder / "data");
  Server nodes[] = {store.Node(0), store.Node(3)};
  // Through both nodes: the second time every batch is known, whichever node took it.
  for (const Server* server : {&one, &nodes[0], &nodes[1]}) {
    const Finished imported =
        RunProgram({Upswing(), "import", data, "--mapping", mapping, "--server", server->url()});
    ASSERT_EQ(imported.status, 0) << imported.err;
  }
  const std::string as_of = "2030-01-01T00:00:00Z";
  const json mine = ReportOf("spring_email", "--data", folder / "data", as_of);
  EXPECT_EQ(mine["variants"][0]["units"], 21306);
  for (const char* sums : {"node", "shards"})
    ExpectAlike(mine, ReportOf("spring_email", "--store", store.Url(1, sums), as_of), sums);
  ExpectAlike(mine, ReportOf("spring_email", "--server", nodes[1].url(), as_of), "report");
}

TEST(ClickHouse, NodesShareCatalogKeysAndAuditLogAndRefuseAnotherSecret) {
  Store store("nodes");
  const Finished made =
      RunProgram({Upswing(), "keys", "create", "boss", "--scope", "admin", "--store", store.Url()});
  ASSERT_EQ(made.status, 0) << made.err;
  const std::string key = made.out.substr(0, made.out.find('\n'));
  Server a = store.Node(0, {}, Server::Auth::kKeys);
  Server b = store.Node(2, {}, Server::Auth::kKeys);
  const Finished published = RunProgram(
      {Upswing(), "catalog", "publish", Catalog(), "--server", a.url(), "--api-key", key});
  ASSERT_EQ(published.status, 0) << published.err;
  // The report of an experiment that the other node does not know yet is an error.
  const auto begin = std::chrono::steady_clock::now();
  Finished asked;
  do {
    asked = RunProgram({Upswing(), "report", "one_tap", "--server", b.url(), "--api-key", key,
                        "--format", "json"});
    usleep(20'000);
  } while (asked.status != 0 &&
           std::chrono::steady_clock::now() - begin < std::chrono::seconds(60));
  EXPECT_EQ(asked.status, 0) << asked.err;
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  RecordProperty("seconds_until_the_other_node_has_the_catalog", std::to_string(seconds));
  std::printf("another node had the catalog after %.2f s\n", seconds);

  ASSERT_EQ(RunProgram({Upswing(), "keys", "revoke", "boss", "--store", store.Url()}).status, 0);
  const auto refused = [&](const Server& node) {
    for (int i = 0; i < 600; ++i, usleep(100'000))
      if (RunProgram({Upswing(), "report", "one_tap", "--server", node.url(), "--api-key", key})
              .err.find("revoked") != std::string::npos)
        return true;
    return false;
  };
  EXPECT_TRUE(refused(a));
  EXPECT_TRUE(refused(b));

  const std::string other = store.folder() / "other.key";
  ASSERT_TRUE(store::ReadOrMakeKeyChain(other).ok());
  const Finished wrong = RunProgram({Upswing(), "serve", "--listen", "127.0.0.1:0", "--store",
                                     store.Url(), "--unit-key", other, "--insecure-no-auth"});
  EXPECT_EQ(wrong.status, 1);
  EXPECT_THAT(wrong.err, HasSubstr("--unit-key: "));
  EXPECT_THAT(wrong.err, HasSubstr("fingerprint"));
}

constexpr int kDevices = 6;
constexpr int kRecords = 20;

// What the events of a batch are worth: tells batches apart in the store.
double Worth(int device, std::uint64_t sequence) {
  return static_cast<double>(sequence * kDevices + static_cast<std::uint64_t>(device));
}

std::string Body(int device, std::uint64_t sequence, std::string* id) {
  wire::Encoder encoder;
  for (int i = 0; i < kRecords; ++i) {
    const std::string user =
        "u-" + std::to_string((sequence * 7 + static_cast<std::uint64_t>(i)) % 5000);
    const wire::UnitRef unit{"user", user};
    wire::EventRecord event;
    event.subject = encoder.Subject(absl::MakeConstSpan(&unit, 1));
    event.name = "delivery";
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

// Devices that go on sending, each batch until it is acknowledged, to one node or the other; now
// and then they send again what was acknowledged.
class Devices {
 public:
  explicit Devices(std::vector<int> ports) : ports_(std::move(ports)) {
    for (int device = 0; device < kDevices; ++device)
      threads_.emplace_back([this, device] { Run(device); });
  }
  ~Devices() { Stop(); }
  void Stop() {
    stop_ = true;
    for (std::thread& thread : threads_)
      if (thread.joinable()) thread.join();
  }
  std::int64_t acknowledged() const { return acknowledged_; }
  std::int64_t refused() const { return refused_; }
  std::int64_t broken() const { return broken_; }
  std::string problems() {
    const std::lock_guard lock(mutex_);
    return problems_;
  }
  const std::uint64_t* sequences() const { return answered_; }

 private:
  void Run(int device) {
    std::mt19937 random(static_cast<unsigned>(device) + 1);
    std::uint64_t sequence = 1;
    std::size_t at = static_cast<std::size_t>(device) % ports_.size();
    while (!stop_) {
      const bool again = answered_[device] > 0 && random() % 6 == 0;
      if (random() % 4 == 0) at = random() % ports_.size();
      const std::uint64_t sent = again ? 1 + random() % answered_[device] : sequence;
      std::string id;
      const std::string body = Body(device, sent, &id);
      const int socket = testing::ConnectTo(ports_[at]);
      const std::string answer = socket < 0 ? "" : testing::PostBatch(socket, id, body);
      if (socket >= 0) close(socket);
      if (answer.empty()) {
        ++broken_;
        at = (at + 1) % ports_.size();
        usleep(20'000);
        continue;
      }
      if (answer.starts_with("HTTP/1.1 503") || answer.starts_with("HTTP/1.1 429")) {
        if (answer.find("Retry-After:") == std::string::npos) Note("no Retry-After: " + answer);
        ++refused_;
        usleep(20'000);
        continue;
      }
      const bool duplicate = answer.find("\"duplicate\":true") != std::string::npos;
      if (!answer.starts_with("HTTP/1.1 200") || answer.find(id) == std::string::npos ||
          (!duplicate && answer.find("\"accepted\":20") == std::string::npos))
        Note("not an acknowledgement: " + answer);
      if (!again) {
        answered_[device] = sequence++;
        ++acknowledged_;
      }
    }
  }
  void Note(const std::string& problem) {
    const std::lock_guard lock(mutex_);
    if (problems_.size() < 2000) problems_ += problem + "\n";
  }

  const std::vector<int> ports_;
  std::atomic<bool> stop_{false};
  std::atomic<std::int64_t> acknowledged_{0}, refused_{0}, broken_{0};
  std::uint64_t answered_[kDevices] = {};
  std::mutex mutex_;
  std::string problems_;  // guarded by mutex_
  std::vector<std::thread> threads_;
};

// Waits for something that must come; false after two minutes.
bool Comes(const std::function<bool()>& condition) {
  for (int i = 0; i < 2400; ++i, usleep(50'000))
    if (condition()) return true;
  return false;
}

// The shop lives in a folder and is moved, with an attempt that is killed and one that is repeated.
TEST(ClickHouse, AFolderIsMovedIntoTheClusterAndReportsTheSame) {
  const TemporaryFolder folder;
  const std::string data = folder / "data";
  const Finished simulated =
      RunProgram({Upswing(), "simulate", "--data", data, "--catalog", Catalog(), "--users", "600"});
  ASSERT_EQ(simulated.status, 0) << simulated.err;
  {
    // Batches of devices, one of which comes again after the move, and a unit that was erased.
    Server one(data);
    for (std::uint64_t sequence : {1, 2}) {
      std::string id;
      const std::string body = Body(0, sequence, &id);
      const int socket = testing::ConnectTo(PortOf(one));
      EXPECT_THAT(testing::PostBatch(socket, id, body), HasSubstr("\"accepted\":20"));
      close(socket);
    }
    EXPECT_EQ(RunProgram({Upswing(), "erase", "--unit", "user=u-8", "--server", one.url()}).status,
              0);
    one.process().Signal(SIGTERM);
    one.process().Wait();
  }
  const std::string to = Cluster().Url("moved");
  const std::vector<std::string> copy = {Upswing(),          "store", "copy", "--from",
                                         "embedded:" + data, "--to",  to};
  const auto committed = [] {
    return std::atoll(Cluster().Ask(0, "SELECT count() FROM moved.ledger WHERE kind = 0").c_str());
  };
  {
    testing::Process cut_short(copy, folder / "cut_short");
    // In the middle: some of the rows are there.
    ASSERT_TRUE(Comes([&] { return committed() > 0; }));
    cut_short.Signal(SIGKILL);
    EXPECT_EQ(cut_short.Wait(), 128 + SIGKILL) << cut_short.Log();
  }
  const Finished moved = RunProgram(copy);
  EXPECT_EQ(moved.status, 0) << moved.err;
  EXPECT_THAT(moved.out, HasSubstr(" reports are equal"));
  long long rows = 0;
  long long there = 0;
  ASSERT_EQ(std::sscanf(moved.out.c_str(), "%lld rows copied, %lld were there", &rows, &there), 2);
  EXPECT_GT(rows, 0);
  EXPECT_GT(there, 0);
  std::printf("%lld rows were there when it was killed, %lld came after\n", there, rows);
  const Finished again = RunProgram(copy);
  EXPECT_EQ(again.status, 0) << again.err;
  EXPECT_THAT(again.out, HasSubstr("0 rows copied"));

  Server node("", {"--store", to, "--unit-key", data + "/unit.key"});
  std::string id;
  const std::string body = Body(0, 2, &id);
  const int socket = testing::ConnectTo(PortOf(node));
  EXPECT_THAT(testing::PostBatch(socket, id, body), HasSubstr("\"duplicate\":true"));
  close(socket);
}

// A query that would not end, asked as reports are.
constexpr char kEndless[] = "SELECT count() FROM system.numbers";

std::unique_ptr<store::ClickHouseClient> ClientWith(const std::string& more) {
  auto client = store::ClickHouseClient::Connect(
      *store::ParseClickHouseAddress(Cluster().Url("default") + more));
  EXPECT_TRUE(client.ok()) << client.status();
  return *std::move(client);
}

TEST(ClickHouse, AQueryEndsAtItsTimeAndAtItsMemory) {
  const auto timed = ClientWith("&seconds=1")->Read(kEndless);
  EXPECT_EQ(timed.status().code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(std::string(timed.status().message()), HasSubstr("ClickHouse at 127.0.0.1:"));
  const auto large = ClientWith("&memory=134217728")
                         ->Read(
                             "SELECT length(groupArray(number)) FROM (SELECT number FROM "
                             "system.numbers LIMIT 100000000)");
  EXPECT_EQ(large.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(large.status().message()), HasSubstr("Memory limit"));
}

TEST(ClickHouse, AQueryEndsOnTheServerWhenItsReaderGivesUp) {
  const auto running = [](const std::string& what) {
    return Cluster().Ask(0, "SELECT count() FROM system.processes WHERE query = '" + what + "'");
  };
  const auto client = ClientWith("");
  std::atomic<bool> given_up{false};
  std::thread reader([&] {
    const auto answer = client->Read(kEndless, {}, [&] { return given_up.load(); });
    EXPECT_EQ(answer.status().code(), absl::StatusCode::kCancelled);
  });
  EXPECT_TRUE(Comes([&] { return running(kEndless) == "1\n"; }));
  given_up = true;
  reader.join();
  EXPECT_TRUE(Comes([&] { return running(kEndless) == "0\n"; }));
}

class Faults : public ::testing::Test {
 protected:
  // Some more batches of all devices.
  bool ServiceGoesOn(const Devices& devices) {
    const std::int64_t before = devices.acknowledged();
    return Comes([&] { return devices.acknowledged() > before + 5 * kDevices; });
  }
  // Every acknowledged batch is there once, and nothing is there twice.
  static void ExpectEachOnce(const Store& store, const Devices& devices) {
    const auto opened = store::ClickHouseStore::Open(
        {.address = *store::ParseClickHouseAddress(store.Url()), .read_only = true});
    ASSERT_TRUE(opened.ok()) << opened.status();
    const auto source = (*opened)->Snapshot();
    ASSERT_TRUE(source.ok()) << source.status();
    std::map<double, int> rows;
    for (int shard = 0; shard < (*source)->shards(); ++shard) {
      for (const auto& chunk : (*source)->Chunks("user", shard, store::Lane::kEvents, "delivery")) {
        const auto bytes = (*source)->Read(chunk);
        ASSERT_TRUE(bytes.ok()) << bytes.status();
        std::vector<double> values;
        ASSERT_TRUE(store::ChunkReader::Open(*bytes)->ReadValues(&values).ok());
        for (const double value : values) ++rows[value];
      }
    }
    std::int64_t lost = 0;
    std::int64_t doubled = 0;
    for (const auto& [worth, count] : rows) doubled += count != kRecords;
    for (int device = 0; device < kDevices; ++device)
      for (std::uint64_t sequence = 1; sequence <= devices.sequences()[device]; ++sequence)
        lost += rows.count(Worth(device, sequence)) == 0;
    EXPECT_EQ(lost, 0);
    EXPECT_EQ(doubled, 0);
    std::printf(
        "%lld batches acknowledged, %lld requests refused with Retry-After, %lld broken: "
        "%lld lost, %lld doubled\n",
        static_cast<long long>(devices.acknowledged()), static_cast<long long>(devices.refused()),
        static_cast<long long>(devices.broken()), static_cast<long long>(lost),
        static_cast<long long>(doubled));
  }
};

// Someone who asks for a report again and again; what comes must be the whole report or an error of
// one line.
class Reader {
 public:
  Reader(std::vector<std::string> where, json wanted)
      : where_(std::move(where)), wanted_(std::move(wanted)), thread_([this] { Run(); }) {}
  ~Reader() { Stop(); }
  void Stop() {
    stop_ = true;
    if (thread_.joinable()) thread_.join();
  }
  int whole() const { return whole_; }
  int refused() const { return refused_; }

 private:
  void Run() {
    for (std::size_t i = 0; !stop_; ++i) {
      const Finished report =
          RunProgram({Upswing(), "report", "one_tap", where_[0],
                      where_[1 + i % (where_.size() - 1)], "--as-of", kAsOf, "--format", "json"});
      if (report.status == 0) {
        ExpectAlike(json::parse(report.out)["variants"], wanted_, "variants");
        ++whole_;
        continue;
      }
      EXPECT_EQ(report.status, 1);
      EXPECT_EQ(std::count(report.err.begin(), report.err.end(), '\n'), 1) << report.err;
      ++refused_;
      usleep(100'000);
    }
  }

  const std::vector<std::string> where_;  // a flag and its values
  const json wanted_;
  std::atomic<bool> stop_{false};
  std::atomic<int> whole_{0}, refused_{0};
  std::thread thread_;
};

// Waits until one of the servers works on a report, or it is over.
bool ReportRunsOn(
    const ClickHouseCluster& cluster, const std::vector<int>& servers,
    const std::function<bool()>& over = [] { return false; }) {
  for (int i = 0; i < 60'000 && !over(); ++i, usleep(1'000))
    for (const int server : servers)
      if (std::stoi("0" + cluster.Ask(server,
                                      "SELECT count() FROM system.processes WHERE query LIKE "
                                      "'SELECT%records_local%' AND "
                                      "query NOT LIKE '%system.processes%'")) > 0)
        return true;
  return over();
}

// How often a node has answered somebody who asked for a report with this status.
int Reports(const Server& node, int status) {
  testing::RawConnection connection(static_cast<std::uint16_t>(PortOf(node)));
  connection.Send("GET /metrics HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n");
  const std::string text = connection.ReadToEnd();
  const std::string line =
      "upswing_http_requests_total{method=\"GET\",route=\"/v1/experiments/{key}/"
      "report\",status=\"" +
      std::to_string(status) + "\"} ";
  const std::size_t at = text.find(line);
  return at == std::string::npos ? 0 : std::atoi(text.c_str() + at + line.size());
}

// A small shop in a folder, and a copy of it in the cluster.
struct CopiedShop {
  explicit CopiedShop(const std::string& database)
      : data(Simulated(folder)), store(database, "shop", data) {
    const Finished copied =
        RunProgram({Upswing(), "store", "copy", "--from", "embedded:" + data, "--to", store.Url()});
    if (copied.status != 0) throw std::runtime_error("store copy: " + copied.err);
  }
  static std::string Simulated(const TemporaryFolder& folder) {
    const std::string data = folder / "data";
    const Finished simulated = RunProgram(
        {Upswing(), "simulate", "--data", data, "--catalog", Catalog(), "--users", "25"});
    if (simulated.status != 0) throw std::runtime_error("simulate: " + simulated.err);
    return data;
  }

  const TemporaryFolder folder;
  const std::string data;
  const Store store;
};

// Some reports are whole before anyone notices.
TEST(ClickHouse, AReportOfANodeEndsWhenItsReaderLeaves) {
  const CopiedShop shop("leaves");
  const Store& store = shop.store;
  Server node = store.Node(0);
  for (int asked = 1; asked <= 100 && Reports(node, 499) == 0; ++asked) {
    const auto over = [&] { return Reports(node, 499) + Reports(node, 200) == asked; };
    {
      testing::RawConnection reader(static_cast<std::uint16_t>(PortOf(node)));
      reader.Send("GET /v1/experiments/one_tap/report HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
      ASSERT_TRUE(ReportRunsOn(Cluster(), {0, 1, 2, 3}, over));
    }
    ASSERT_TRUE(Comes(over));
  }
  EXPECT_EQ(Reports(node, 499), 1);
}

TEST_F(Faults, KillsOfAReplicaAndOfANodeDuringIngestAndReport) {
  // Shoppers whose report does not change by what the devices send.
  const CopiedShop shop("kills");
  const Store& store = shop.store;
  const json wanted = ReportOf("one_tap", "--data", shop.data, kAsOf)["variants"];
  Server nodes[] = {store.Node(0), store.Node(3, {}, Server::Auth::kNone, "shards")};
  Devices devices({PortOf(nodes[0]), PortOf(nodes[1])});
  ASSERT_TRUE(ServiceGoesOn(devices));
  int whole_reports = 0;
  int refused_reports = 0;
  for (const auto& [replica, sums] : {std::pair(1, "node"), std::pair(1, "shards"),
                                      std::pair(2, "shards"), std::pair(2, "node")}) {
    SCOPED_TRACE(sums);
    Reader reader(
        {"--store", store.Url(0, sums), store.Url(1, sums), store.Url(2, sums), store.Url(3, sums)},
        wanted);
    ASSERT_TRUE(ReportRunsOn(Cluster(), {replica}));
    Cluster().Kill(replica);
    // One of the shard's replicas is no quorum.
    const std::int64_t refused = devices.refused();
    EXPECT_TRUE(Comes([&] { return devices.refused() > refused + 3; }));
    const int whole = reader.whole();
    EXPECT_TRUE(Comes([&] { return reader.whole() > whole + 2; })) << "reading goes on";
    Cluster().Start(replica);
    EXPECT_TRUE(ServiceGoesOn(devices));
    reader.Stop();
    whole_reports += reader.whole();
    refused_reports += reader.refused();
  }
  Cluster().WaitUntilReady();
  int broken = 0;
  for (Server& node : nodes) {
    Reader of_node({"--server", node.url()}, wanted);
    EXPECT_TRUE(Comes([&] { return of_node.whole() > 0; }));
    // A node that met a refusal asks the next server.
    ASSERT_TRUE(ReportRunsOn(Cluster(), {0, 1, 2, 3}));
    node.Kill();
    EXPECT_TRUE(Comes([&] { return of_node.refused() > 0; }));
    EXPECT_TRUE(ServiceGoesOn(devices)) << "through the other node";
    node.Restart();
    EXPECT_TRUE(ServiceGoesOn(devices));
    const int whole = of_node.whole();
    EXPECT_TRUE(Comes([&] { return of_node.whole() > whole; }));
    of_node.Stop();
    broken += of_node.refused();
  }
  devices.Stop();
  EXPECT_EQ(devices.problems(), "");
  std::printf(
      "%d reports whole and %d refused with kills of replicas; %d refused with kills of "
      "nodes\n",
      whole_reports, refused_reports, broken);
  Cluster().WaitUntilReady();
  ExpectEachOnce(store, devices);
}

TEST_F(Faults, AWholeShardAway) {
  const CopiedShop shop("shard");
  const Store& store = shop.store;
  const json wanted = ReportOf("one_tap", "--data", shop.data, kAsOf)["variants"];
  Server nodes[] = {store.Node(0), store.Node(1)};
  Devices devices({PortOf(nodes[0]), PortOf(nodes[1])});
  ASSERT_TRUE(ServiceGoesOn(devices));
  for (const int replica : {2, 3}) Cluster().Kill(replica);
  const std::int64_t refused = devices.refused();
  EXPECT_TRUE(Comes([&] { return devices.refused() > refused + 3; }));
  // By the command and by a node: an error, not the other shard's half.
  for (const std::vector<std::string>& where :
       {std::vector<std::string>{"--store", store.Url(0, "node")},
        {"--store", store.Url(0, "shards")},
        {"--server", nodes[1].url()}}) {
    const Finished report = RunProgram(
        {Upswing(), "report", "one_tap", where[0], where[1], "--as-of", kAsOf, "--format", "json"});
    EXPECT_EQ(report.status, 1) << report.out;
    EXPECT_EQ(report.out, "");
    EXPECT_EQ(std::count(report.err.begin(), report.err.end(), '\n'), 1) << report.err;
    EXPECT_THAT(report.err, HasSubstr("no replica of a shard answers: 127.0.0.1:"));
    std::printf("%s", report.err.c_str());
  }
  for (const int replica : {2, 3}) Cluster().Start(replica);
  EXPECT_TRUE(ServiceGoesOn(devices));
  devices.Stop();
  EXPECT_EQ(devices.problems(), "");
  Cluster().WaitUntilReady();
  EXPECT_EQ(ReportOf("one_tap", "--server", nodes[0].url(), kAsOf)["variants"], wanted);
  ExpectEachOnce(store, devices);
}

TEST_F(Faults, AFullDiskOfAReplica) {
  if (!ClickHouseCluster::CanLimitDisks())
    GTEST_SKIP() << "needs mount namespaces for this user (unshare --user --mount)";
  ClickHouseCluster cluster(2, 2, 0);
  Store store("full", "shop", "", &cluster);
  // One node asks the server that is going to be full, the other one of the other shard.
  Server nodes[] = {store.Node(0, {"--catalog", Catalog()}), store.Node(3)};
  Devices devices({PortOf(nodes[0]), PortOf(nodes[1])});
  ASSERT_TRUE(ServiceGoesOn(devices));
  for (int time = 0; time < 2; ++time) {
    cluster.FillDisk();
    const std::int64_t refused = devices.refused();
    EXPECT_TRUE(Comes([&] { return devices.refused() > refused + 3; }));
    const Finished report =
        RunProgram({Upswing(), "report", "one_tap", "--store", store.Url(0), "--format", "json"});
    EXPECT_EQ(report.status, 0) << "reading goes on: " << report.err;
    cluster.EmptyDisk();
    EXPECT_TRUE(ServiceGoesOn(devices));
  }
  devices.Stop();
  EXPECT_EQ(devices.problems(), "");
  cluster.WaitUntilReady();
  ExpectEachOnce(store, devices);
}

TEST_F(Faults, LossOfTheCoordinator) {
  Store store("coordinator");
  Server nodes[] = {store.Node(0, {"--catalog", Catalog()}), store.Node(3)};
  Devices devices({PortOf(nodes[0]), PortOf(nodes[1])});
  ASSERT_TRUE(ServiceGoesOn(devices));
  Cluster().StopCoordinator();
  const std::int64_t refused = devices.refused();
  EXPECT_TRUE(Comes([&] { return devices.refused() > refused + 3; }));
  const Finished report =
      RunProgram({Upswing(), "report", "one_tap", "--store", store.Url(1), "--format", "json"});
  EXPECT_EQ(report.status, 0) << "reading goes on: " << report.err;
  Cluster().StartCoordinator();
  EXPECT_TRUE(ServiceGoesOn(devices));
  devices.Stop();
  EXPECT_EQ(devices.problems(), "");
  Cluster().WaitUntilReady();
  ExpectEachOnce(store, devices);
}

TEST_F(Faults, ACutBetweenReplicas) {
  Store store("cut");
  Server nodes[] = {store.Node(0), store.Node(3)};
  Devices devices({PortOf(nodes[0]), PortOf(nodes[1])});
  ASSERT_TRUE(ServiceGoesOn(devices));
  Cluster().CutReplication();
  const std::int64_t refused = devices.refused();
  EXPECT_TRUE(Comes([&] { return devices.refused() > refused + 3; }));
  Cluster().MendReplication();
  EXPECT_TRUE(ServiceGoesOn(devices));
  devices.Stop();
  EXPECT_EQ(devices.problems(), "");
  ExpectEachOnce(store, devices);
}

}  // namespace
}  // namespace upswing
