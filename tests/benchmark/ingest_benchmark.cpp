// Parts of the ingest benchmark; ingest.sh puts them together. Each prints one JSON object.
//   ingest_benchmark generate device|server MILLIONS FILE [FIRST]  batches of 500 records, none
//   twice;
//                    FIRST sets a file apart from others: the number of its first batch
//   ingest_benchmark send FILE PORT CONNECTIONS   posts a file's batches over loopback
//   ingest_benchmark disk FILE                    append + fdatasync of 64, 256 and 1,024 KiB
//   ingest_benchmark decode FILE                  zstd over a file's bodies, nothing else
//   ingest_benchmark known DIR MILLIONS           that many batches known by one store
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "sdk/base/hash.hpp"
#include "sdk/wire/batch.hpp"
#include "sdk/wire/batch_encoder.hpp"
#include "server/store/embedded/embedded_store.hpp"
#include "server/store/records.hpp"
#include "tests/support/traffic.hpp"

namespace {

using namespace upswing;

constexpr std::uint64_t kUsers = 5'000'000;
constexpr int kRecords = 500;

double Seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

double CpuSeconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return static_cast<double>(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
         static_cast<double>(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

[[noreturn]] void Fail(const std::string& why) {
  std::fprintf(stderr, "ingest_benchmark: %s\n", why.c_str());
  std::exit(1);
}

std::string User(std::uint64_t number) {
  return "u-" + std::to_string(10'000'000 + number % kUsers);
}

// One batch of the shop's traffic (tests/support/traffic.hpp) with users of our own.
std::string Body(bool device, std::uint64_t number, wire::BatchHeader* header) {
  testing::Traffic traffic({.seed = number, .one_user = device});
  wire::Encoder encoder;
  for (int i = 0; i < kRecords; ++i) {
    testing::TrafficRecord record = traffic.Next();
    // Steps of a prime: 500 different users in a server's batch, and all users by and by.
    record.units = {
        {"user",
         User(device ? number : (number * kRecords + static_cast<std::uint64_t>(i)) * 2'750'159)}};
    testing::AddTo(record, &encoder);
  }
  *header = traffic.Header();
  return encoder.Finish(*header);
}

/// File: per batch the sizes of both (u32 each), the id as the header names it, the body.
void Generate(bool device, double millions, const char* file, std::uint64_t first) {
  std::FILE* out = std::fopen(file, "wb");
  if (out == nullptr) Fail(std::string(file) + " cannot be written");
  const auto batches = static_cast<std::uint64_t>(millions * 1e6 / kRecords);
  std::uint64_t bytes = 0;
  for (std::uint64_t b = 0; b < batches; ++b) {
    wire::BatchHeader header;
    const std::string body = Body(device, first + b, &header);
    const std::string id = wire::FormatBatchId(header.id);
    const std::uint32_t sizes[2] = {static_cast<std::uint32_t>(id.size()),
                                    static_cast<std::uint32_t>(body.size())};
    std::fwrite(sizes, sizeof(sizes), 1, out);
    std::fwrite(id.data(), 1, id.size(), out);
    std::fwrite(body.data(), 1, body.size(), out);
    bytes += body.size();
  }
  if (std::fclose(out) != 0) Fail(std::string(file) + " cannot be written");
  std::printf("{\"shape\": \"%s\", \"records\": %llu, \"body_bytes_per_record\": %.2f}\n",
              device ? "device" : "server", static_cast<unsigned long long>(batches * kRecords),
              static_cast<double>(bytes) / static_cast<double>(batches * kRecords));
}

struct Batch {
  std::string_view id, body;
};

class BatchFile {
 public:
  explicit BatchFile(const char* file) {
    const int descriptor = open(file, O_RDONLY | O_CLOEXEC);
    struct stat info {};
    if (descriptor < 0 || fstat(descriptor, &info) != 0)
      Fail(std::string(file) + " cannot be read");
    const auto size = static_cast<std::size_t>(info.st_size);
    void* mapped = mmap(nullptr, size, PROT_READ, MAP_PRIVATE | MAP_POPULATE, descriptor, 0);
    close(descriptor);
    if (mapped == MAP_FAILED) Fail(std::string(file) + " cannot be mapped");
    rest_ = {static_cast<const char*>(mapped), size};
  }
  bool Next(Batch* batch) {
    if (rest_.size() < 8) return false;
    std::uint32_t sizes[2];
    std::memcpy(sizes, rest_.data(), sizeof(sizes));
    batch->id = rest_.substr(8, sizes[0]);
    batch->body = rest_.substr(8 + sizes[0], sizes[1]);
    rest_.remove_prefix(8 + sizes[0] + sizes[1]);
    return true;
  }

 private:
  std::string_view rest_;
};

struct Connection {
  int socket = -1;
  Batch batch;
  std::string out;
  std::string in;
  std::size_t sent = 0;
  double since = 0;
  bool busy = false;
};

int Connect(int port) {
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0)
    Fail("cannot connect");
  const int on = 1;
  setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  fcntl(descriptor, F_SETFL, O_NONBLOCK);
  return descriptor;
}

/// Posts every batch once, a connection's next when its last is acknowledged. A 429 or 503 is
/// repeated after a moment, as clients do; anything else ends the run.
void Send(const char* file, int port, int connections) {
  BatchFile batches(file);
  std::vector<Connection> all(static_cast<std::size_t>(connections));
  std::vector<pollfd> polls(all.size());
  std::int64_t acknowledged = 0, later = 0, bytes = 0;
  std::vector<float> waits;
  const auto begin = [&](Connection* c, bool again) {
    if (!again && !batches.Next(&c->batch)) {
      c->busy = false;
      return;
    }
    c->out = "POST /v1/batches HTTP/1.1\r\nHost: localhost\r\nContent-Length: " +
             std::to_string(c->batch.body.size()) + "\r\nUpswing-Batch: ";
    c->out.append(c->batch.id).append("\r\n\r\n").append(c->batch.body);
    c->sent = 0;
    c->in.clear();
    c->since = Seconds();
    c->busy = true;
  };
  for (Connection& c : all) {
    c.socket = Connect(port);
    begin(&c, false);
  }
  const double start = Seconds();
  char buffer[16384];
  for (;;) {
    std::size_t busy = 0;
    for (std::size_t i = 0; i < all.size(); ++i) {
      Connection& c = all[i];
      while (c.busy && c.sent < c.out.size()) {
        const ssize_t n = write(c.socket, c.out.data() + c.sent, c.out.size() - c.sent);
        if (n <= 0) break;
        c.sent += static_cast<std::size_t>(n);
      }
      const short events = c.sent < c.out.size() ? POLLOUT : POLLIN;
      polls[i] = {c.busy ? c.socket : -1, events, 0};
      busy += c.busy ? 1 : 0;
    }
    if (busy == 0) break;
    poll(polls.data(), polls.size(), 1000);
    for (std::size_t i = 0; i < all.size(); ++i) {
      if ((polls[i].revents & (POLLIN | POLLERR | POLLHUP)) == 0) continue;
      Connection& c = all[i];
      const ssize_t n = read(c.socket, buffer, sizeof(buffer));
      if (n <= 0) Fail("the server closed a connection");
      c.in.append(buffer, static_cast<std::size_t>(n));
      const std::size_t head = c.in.find("\r\n\r\n");
      if (head == std::string::npos) continue;
      const std::size_t length = c.in.find("Content-Length: ");
      if (length == std::string::npos || length > head) Fail("no length: " + c.in);
      if (c.in.size() < head + 4 + std::strtoull(c.in.c_str() + length + 16, nullptr, 10)) continue;
      const int status = std::atoi(c.in.c_str() + 9);
      if (status == 429 || status == 503) {
        ++later;
        usleep(1000);
        begin(&c, true);
        continue;
      }
      if (status != 200 || c.in.find(c.batch.id) > head ||
          c.in.find("\"accepted\":500") == std::string::npos)
        Fail("not an acknowledgement: " + c.in);
      ++acknowledged;
      bytes += static_cast<std::int64_t>(c.batch.body.size());
      waits.push_back(static_cast<float>(Seconds() - c.since));
      begin(&c, false);
    }
  }
  const double seconds = Seconds() - start;
  std::sort(waits.begin(), waits.end());
  const auto quantile = [&](double q) {
    return waits.empty() ? 0.0
                         : 1000.0 * static_cast<double>(waits[static_cast<std::size_t>(
                                        q * static_cast<double>(waits.size() - 1))]);
  };
  std::printf(
      "{\"records\": %lld, \"seconds\": %.2f, \"records_per_second\": %.0f, \"client_cpu\": %.2f, "
      "\"ack_ms\": {\"p50\": %.1f, \"p99\": %.1f, \"max\": %.0f}, \"told_to_wait\": %lld, "
      "\"body_mb_per_second\": %.1f}\n",
      static_cast<long long>(acknowledged * kRecords), seconds,
      static_cast<double>(acknowledged * kRecords) / seconds, CpuSeconds(), quantile(0.5),
      quantile(0.99), quantile(1), static_cast<long long>(later),
      static_cast<double>(bytes) / 1e6 / seconds);
}

void Disk(const char* file) {
  const std::string block(1 << 20, 'x');
  std::printf("{\"append_and_fdatasync\": {");
  bool first = true;
  for (const std::size_t kib : {64, 256, 1024}) {
    const int descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (descriptor < 0) Fail(std::string(file) + " cannot be written");
    const double start = Seconds();
    std::int64_t syncs = 0;
    while (Seconds() < start + 3) {
      if (write(descriptor, block.data(), kib << 10) != static_cast<ssize_t>(kib << 10) ||
          fdatasync(descriptor) != 0)
        Fail("the disk refuses");
      ++syncs;
    }
    const double seconds = Seconds() - start;
    std::printf("%s\"%zu_kib\": {\"mb_per_second\": %.0f, \"ms\": %.2f}", first ? "" : ", ", kib,
                static_cast<double>(syncs) * static_cast<double>(kib) / 1024 * 1.048576 / seconds,
                1000 * seconds / static_cast<double>(syncs));
    first = false;
    close(descriptor);
    unlink(file);
  }
  std::printf("}}\n");
}

void Decode(const char* file) {
  BatchFile batches(file);
  Batch one;
  wire::Decoder decoder;
  wire::Batch batch;
  std::int64_t records = 0, bytes = 0, plain = 0;
  double columns = 0;
  const double start = CpuSeconds();
  // The frame is opened and the columns are read in one call; what the frame alone costs is told by
  // a second pass of the same bytes through a decoder that refuses them right after.
  while (batches.Next(&one)) {
    if (!decoder.Decode(one.body, {}, &batch).ok()) Fail("a batch does not decode");
    records += static_cast<std::int64_t>(batch.records());
    bytes += static_cast<std::int64_t>(one.body.size());
    plain += static_cast<std::int64_t>(batch.buffer.size());
  }
  columns = CpuSeconds() - start;
  BatchFile again(file);
  wire::Limits none;
  none.records = 0;
  const double second = CpuSeconds();
  while (again.Next(&one)) decoder.Decode(one.body, none, &batch).IgnoreError();
  const double frame = CpuSeconds() - second;
  const auto rate = [&](double seconds) { return static_cast<double>(records) / seconds / 1e6; };
  std::printf(
      "{\"records\": %lld, \"body_bytes_per_record\": %.2f, \"plain_bytes_per_record\": %.2f, "
      "\"zstd_million_records_per_cpu_second\": %.1f, "
      "\"zstd_and_columns_million_records_per_cpu_second\": %.1f}\n",
      static_cast<long long>(records), static_cast<double>(bytes) / static_cast<double>(records),
      static_cast<double>(plain) / static_cast<double>(records), rate(frame), rate(columns));
}

long ResidentMiB() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss / 1024;
}

/// Batches of no records, 1,000 per client and 512 per commit: what it takes to know them.
void Known(const std::string& directory, double millions) {
  store::EmbeddedOptions options;
  options.directory = directory;
  auto store = store::EmbeddedStore::Open(options);
  if (!store.ok()) Fail(std::string(store.status().message()));
  const auto total = static_cast<std::uint64_t>(millions * 1e6);
  constexpr std::uint64_t kPerClient = 1000;
  const store::Records empty;
  const std::string blob = store::EncodeRecords(empty);
  const auto batch = [&](std::uint64_t i) {
    store::LandingBatch landing;
    const std::uint64_t client = i / kPerClient;
    landing.key = {base::Mix(client), base::Mix(client + 1), 1 + i % kPerClient};
    landing.checksum = base::Mix(i);
    landing.blob = blob;
    return landing;
  };
  const double start = Seconds();
  std::vector<store::LandingBatch> batches;
  for (std::uint64_t i = 0; i < total; i += batches.size()) {
    batches.clear();
    while (batches.size() < 4096 && i + batches.size() < total)
      batches.push_back(batch(i + batches.size()));
    if (!(*store)->Land(absl::MakeSpan(batches)).ok()) Fail("does not land");
  }
  const double landed = Seconds() - start;
  // A million of them again, here and there: each must be known, and quickly.
  const double again = Seconds();
  constexpr std::uint64_t kAgain = 1'000'000;
  for (std::uint64_t i = 0; i < kAgain; i += batches.size()) {
    batches.clear();
    for (std::uint64_t k = 0; k < 512; ++k) batches.push_back(batch(base::Mix(i + k) % total));
    const auto outcomes = (*store)->Land(absl::MakeSpan(batches));
    if (!outcomes.ok()) Fail("does not land");
    for (const store::LandingOutcome outcome : *outcomes)
      if (outcome != store::LandingOutcome::kDuplicate) Fail("a known batch was taken for new");
  }
  const double repeated = Seconds() - again;
  const auto stats = *(*store)->Stats();
  std::printf(
      "{\"known_batches\": %lld, \"seconds\": %.1f, \"batches_per_second\": %.0f, "
      "\"duplicates_per_second\": %.0f, \"bytes_per_batch\": %.2f, \"peak_mib\": %ld}\n",
      static_cast<long long>(stats.known_batches), landed, static_cast<double>(total) / landed,
      static_cast<double>(kAgain) / repeated,
      static_cast<double>(stats.file_bytes) / static_cast<double>(total), ResidentMiB());
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  if (mode == "generate" && argc > 4) {
    Generate(std::string(argv[2]) == "device", std::atof(argv[3]), argv[4],
             argc > 5 ? std::strtoull(argv[5], nullptr, 10) : 0);
  } else if (mode == "send" && argc > 4) {
    Send(argv[2], std::atoi(argv[3]), std::atoi(argv[4]));
  } else if (mode == "disk" && argc > 2) {
    Disk(argv[2]);
  } else if (mode == "decode" && argc > 2) {
    Decode(argv[2]);
  } else if (mode == "known" && argc > 3) {
    Known(argv[2], std::atof(argv[3]));
  } else {
    std::fprintf(stderr,
                 "usage: ingest_benchmark generate device|server MILLIONS FILE [FIRST] | send FILE "
                 "PORT CONNECTIONS | disk FILE | decode FILE | known DIR MILLIONS\n");
    return 2;
  }
  return 0;
}
