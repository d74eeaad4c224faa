// A server under load for a long time: clients that are killed at random, two restarts (a stop and
// a kill), and at the end exact counts and no growth of memory, descriptors or latency.
//
//     upswing_soak FOLDER [--seconds S] [--workers N] [--share OF_MAXIMUM] [--lenient]
//
// First it measures what the workers together get through, then it sends `share` of that. Each
// worker is a process that sends batches of 20 records one after the other and remembers, in memory
// shared with its parent, only which were acknowledged: the worker that takes a dead one's place
// sends the batch in flight again, as an SDK does from its spool. So each batch counts once, and
// the server must say so.
//
// Both restarts come in the first third. What grows with time would begin anew with each, so growth
// is judged within the last life of the server, which is the longest: its second quarter beside its
// last. --lenient: what time decides (latency, the rate) is shown and not judged, and since a short
// life is all warm-up, its memory is judged against a ceiling instead of its own beginning.
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "sdk/base/hash.hpp"
#include "sdk/transport/curl_transport.hpp"
#include "sdk/wire/batch_encoder.hpp"
#include "sdk/wire/batch_id.hpp"
#include "tests/support/process.hpp"
#include "tests/support/raw_connection.hpp"

namespace upswing {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kMostWorkers = 32;
constexpr std::uint64_t kEvents = 19;     // beside one exposure
constexpr std::uint64_t kUsers = 50'000;  // of each worker
constexpr std::uint64_t kEpoch = 0x50a4;
// A long soak's memory stands still near 100 MiB; a leak of 2 KiB a batch passes this within the
// 70,000 batches of a short one's last life.
constexpr double kMostResidentMib = 192;

// Latency in buckets a tenth apart, from 10 us up.
constexpr int kBuckets = 200;
int BucketOf(double seconds) {
  return std::clamp(static_cast<int>(std::log(seconds / 1e-5) / std::log(1.1)), 0, kBuckets - 1);
}
double UpperEnd(int bucket) { return 1e-5 * std::pow(1.1, bucket + 1); }

struct Shared {
  std::atomic<std::uint64_t> acknowledged[kMostWorkers];  // batches of each worker
  std::atomic<std::uint64_t> latency[kBuckets];
  std::atomic<std::uint64_t> interval_ns;  // between two batches of a worker; 0 = none
  std::atomic<std::uint64_t> again;        // answered as known: its first answer was lost
  std::atomic<std::uint64_t> failures;     // no answer, or one that asks to come again
  std::atomic<bool> stop;
  std::atomic<int> port;
  std::int64_t start_ms;
};

[[noreturn]] void Fail(const std::string& what) {
  std::fprintf(stderr, "soak: %s\n", what.c_str());
  std::exit(1);
}

std::uint64_t UserOf(int worker, std::uint64_t sequence) {
  return static_cast<std::uint64_t>(worker) * kUsers + base::Mix(sequence) % kUsers;
}

// The same bytes whenever it is made.
std::string MakeBatch(const Shared& shared, int worker, std::uint64_t sequence,
                      wire::Encoder* encoder) {
  encoder->Clear();
  const std::uint64_t user = UserOf(worker, sequence);
  const std::string id = "u-" + std::to_string(user);
  const wire::UnitRef unit{"user", id};
  wire::ExposureRecord exposure;
  exposure.subject = encoder->Subject(absl::MakeConstSpan(&unit, 1));
  exposure.experiment = "soak";
  exposure.variant = base::Mix(user) % 2 == 0 ? "off" : "on";
  exposure.time = {1000, wire::TimeKind::kBoot};
  encoder->AddExposure(exposure);
  wire::EventRecord event;
  event.subject = exposure.subject;
  event.name = "play";
  event.time = exposure.time;
  for (std::uint64_t i = 0; i < kEvents; ++i) {
    event.value = static_cast<double>(i);
    encoder->AddEvent(event);
  }
  wire::BatchHeader header;
  header.id = {kEpoch, static_cast<std::uint64_t>(worker), sequence};
  header.sdk_name = "soak";
  header.boot_ms = 1000;
  header.wall_ms = shared.start_ms + static_cast<std::int64_t>(sequence);
  return encoder->Finish(header, {});
}

[[noreturn]] void Work(Shared* shared, int worker) {
  wire::Encoder encoder;
  std::unique_ptr<testing::RawConnection> connection;
  Clock::time_point due = Clock::now();
  for (bool last = false; !last;) {
    // The last batch, which must be acknowledged, settles what a killed worker left in flight.
    const bool stopping = shared->stop;
    const std::chrono::nanoseconds interval(shared->interval_ns.load());
    const Clock::time_point now = Clock::now();
    if (!stopping && interval.count() > 0 && now < due) {
      const auto wait =
          std::min<std::chrono::nanoseconds>(due - now, std::chrono::milliseconds(50));
      usleep(static_cast<unsigned>(wait.count() / 1000 + 1));
      continue;
    }
    // What was missed during a restart is not made up for.
    due = std::max(due + interval, now - std::chrono::seconds(1));
    const std::uint64_t sequence = shared->acknowledged[worker] + 1;
    const std::string body = MakeBatch(*shared, worker, sequence, &encoder);
    const std::string id =
        wire::FormatBatchId({kEpoch, static_cast<std::uint64_t>(worker), sequence});
    const std::string request =
        "POST /v1/batches HTTP/1.1\r\nHost: localhost\r\nUpswing-Batch: " + id +
        "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
    const Clock::time_point begin = Clock::now();
    if (connection == nullptr)
      connection =
          std::make_unique<testing::RawConnection>(static_cast<std::uint16_t>(shared->port));
    const std::string answer = connection->Send(request) ? connection->ReadAnswer() : "";
    const bool taken = answer.find(" 200 ") == 8 && answer.find(id) != std::string::npos;
    if (taken) {
      const std::chrono::duration<double> took = Clock::now() - begin;
      ++shared->latency[BucketOf(took.count())];
      if (answer.find("\"duplicate\":true") != std::string::npos) ++shared->again;
      shared->acknowledged[worker] = sequence;
      last = stopping;
      continue;
    }
    ++shared->failures;
    if (answer.empty()) connection.reset();
    if (answer.find(" 4") == 8 && answer.find(" 429") != 8) Fail("refused: " + answer);
    usleep(50'000);
  }
  std::_Exit(0);
}

struct Sample {
  double seconds = 0;
  double requests_per_second = 0;
  double p50 = 0, p99 = 0;
  long resident_kib = 0;
  long descriptors = 0;
};

class Soak {
 public:
  Soak(std::string folder, int workers)
      : folder_(std::move(folder)), workers_(static_cast<std::size_t>(workers)) {
    std::filesystem::create_directories(folder_);
    std::ofstream(folder_ + "/catalog.json")
        << R"({"project": "soak", "experiments": {"soak": {"status": "running", "unit": "user",
  "control": "off", "variants": {"off": {"weight": 1}, "on": {"weight": 1}},
  "plan": {"primary": "plays"}}}, "metrics": {"plays": {"type": "count", "event": "play"}}})";
    server_ = std::make_unique<testing::Server>(
        folder_ + "/data", std::vector<std::string>{"--catalog", folder_ + "/catalog.json"});
    shared_ = static_cast<Shared*>(
        mmap(nullptr, sizeof(Shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0));
    new (shared_) Shared();
    shared_->port = std::stoi(server_->url().substr(server_->url().rfind(':') + 1));
    shared_->start_ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                            std::chrono::system_clock::now().time_since_epoch())
                            .count();
    for (std::size_t i = 0; i < workers_.size(); ++i) Spawn(i);
  }

  // Batches a second that the workers get through.
  double Measure(double seconds) {
    Pause(seconds / 4);
    const std::uint64_t before = Acknowledged();
    const Clock::time_point begin = Clock::now();
    Pause(seconds);
    return static_cast<double>(Acknowledged() - before) /
           std::chrono::duration<double>(Clock::now() - begin).count();
  }

  void Run(double seconds, double batches_per_second) {
    shared_->interval_ns =
        static_cast<std::uint64_t>(1e9 * static_cast<double>(workers_.size()) / batches_per_second);
    const double step = std::clamp(seconds / 60, 0.5, 10.0);
    const Clock::time_point begin = Clock::now();
    Pause(step);
    int restarts = 0;
    TakeSample(0);
    for (double now = 0; now < seconds;) {
      Pause(step);
      now = std::chrono::duration<double>(Clock::now() - begin).count();
      samples_.push_back(TakeSample(now));
      const Sample& s = samples_.back();
      std::printf(
          "%6.0f s %8.0f batches/s  p50 %6.2f ms  p99 %7.2f ms  %6ld MiB  %4ld descriptors\n", now,
          s.requests_per_second, s.p50 * 1e3, s.p99 * 1e3, s.resident_kib / 1024, s.descriptors);
      std::fflush(stdout);
      // A third of the clients is killed in each step.
      for (std::size_t i = 0; i < workers_.size(); i += 3) Replace(random_() % workers_.size());
      if (restarts < 2 && now > seconds * (restarts + 1) / 6) {
        Restart(restarts == 0);
        last_life_ = samples_.size();
        ++restarts;
        TakeSample(0);
      }
    }
    if (restarts < 2) Fail("too short for two restarts");
    wanted_ = batches_per_second;
  }

  // Everything that was acknowledged must be there, once; nothing may have grown.
  bool Judge(bool lenient) {
    shared_->stop = true;
    bool good = true;
    for (const pid_t worker : workers_) {
      int status = 0;
      waitpid(worker, &status, 0);
      good &= WIFEXITED(status) && WEXITSTATUS(status) == 0;
    }
    const auto judge = [&](const char* what, double is, double most, bool counts) {
      const bool ok = is <= most;
      std::printf("%-44s %12.2f  (at most %.2f)%s\n", what, is, most,
                  ok       ? ""
                  : counts ? "  TOO MUCH"
                           : "  too much; not judged");
      good &= ok || !counts;
    };
    const auto equal = [&](const char* what, std::int64_t is, std::int64_t expected) {
      std::printf("%-44s %12lld  (must be %lld)%s\n", what, static_cast<long long>(is),
                  static_cast<long long>(expected), is == expected ? "" : "  WRONG");
      good &= is == expected;
    };
    std::int64_t batches = 0, users = 0;
    for (std::size_t worker = 0; worker < workers_.size(); ++worker) {
      const std::uint64_t count = shared_->acknowledged[worker];
      batches += static_cast<std::int64_t>(count);
      std::vector<bool> seen(kUsers);
      for (std::uint64_t sequence = 1; sequence <= count; ++sequence)
        seen[base::Mix(sequence) % kUsers] = true;
      users += std::count(seen.begin(), seen.end(), true);
    }
    std::printf("%lld batches; %llu answers were lost and asked for again; %d clients killed\n",
                static_cast<long long>(batches),
                static_cast<unsigned long long>(shared_->again.load()), killed_);
    const auto metric = [&, text = Get("/metrics")](const std::string& name) {
      const std::size_t at = text.find("\nupswing_" + name + " ");
      return at == std::string::npos ? -1 : std::stoll(text.substr(at + 10 + name.size()));
    };
    equal("records stored", metric("store_records"),
          batches * static_cast<std::int64_t>(kEvents + 1));
    equal("conflicts", metric("store_conflicts"), 0);
    equal("quarantined", metric("store_quarantined"), 0);
    const auto report = nlohmann::json::parse(Get("/v1/experiments/soak/report"), nullptr, false);
    std::int64_t units = 0;
    double plays = 0;
    for (const auto& variant : report["variants"]) {
      units += variant["units"].get<std::int64_t>();
      plays += variant["metrics"]["plays"]["sum"].get<double>();
    }
    equal("units in the report", units, users);
    equal("units in two variants",
          report["units_excluded"]["multiple_variants"].get<std::int64_t>(), 0);
    equal("plays in the report", static_cast<std::int64_t>(plays),
          batches * static_cast<std::int64_t>(kEvents));

    const auto median = [&](std::size_t from, std::size_t to, auto field) {
      std::vector<double> values;
      for (std::size_t i = from; i < to; ++i)
        values.push_back(static_cast<double>(field(samples_[i])));
      std::sort(values.begin(), values.end());
      return values.empty() ? 0.0 : values[values.size() / 2];
    };
    const std::size_t quarter = (samples_.size() - last_life_) / 4;
    const auto before = [&](auto field) {
      return median(last_life_ + quarter, last_life_ + 2 * quarter, field);
    };
    const auto after = [&](auto field) {
      return median(samples_.size() - quarter, samples_.size(), field);
    };
    const auto memory = [](const Sample& s) { return static_cast<double>(s.resident_kib) / 1024; };
    const auto files = [](const Sample& s) { return s.descriptors; };
    const auto p50 = [](const Sample& s) { return s.p50 * 1e3; };
    const auto p99 = [](const Sample& s) { return s.p99 * 1e3; };
    const auto rate = [](const Sample& s) { return s.requests_per_second; };
    std::printf("last life, second quarter: %.0f MiB, %.0f descriptors, p50 %.2f ms, p99 %.2f ms\n",
                before(memory), before(files), before(p50), before(p99));
    judge("memory in the last quarter, MiB", after(memory),
          lenient ? kMostResidentMib : before(memory) * 1.1 + 32, true);
    judge("descriptors in the last quarter", after(files), before(files) + 8, true);
    judge("p50 in the last quarter, ms", after(p50), before(p50) * 1.5 + 1, !lenient);
    judge("p99 in the last quarter, ms", after(p99), before(p99) * 1.5 + 5, !lenient);
    judge("batches/s short of what was to be sent",
          wanted_ - median(last_life_, samples_.size(), rate), wanted_ / 20, !lenient);
    server_->process().Signal(SIGTERM);
    const int status = server_->process().Wait();
    equal("exit status of the server", status, 0);
    return good;
  }

 private:
  void Spawn(std::size_t worker) {
    const pid_t child = fork();
    if (child < 0) Fail("cannot fork");
    if (child == 0) Work(shared_, static_cast<int>(worker));
    workers_[worker] = child;
  }

  void Replace(std::size_t worker) {
    int status = 0;
    kill(workers_[worker], SIGKILL);
    waitpid(workers_[worker], &status, 0);
    if (!WIFSIGNALED(status)) Fail("a client gave up");
    ++killed_;
    Spawn(worker);
  }

  void Restart(bool stop) {
    std::printf("%s\n", stop ? "-- SIGTERM, start" : "-- SIGKILL, start");
    if (stop) {
      server_->process().Signal(SIGTERM);
      if (const int status = server_->process().Wait(); status != 0)
        Fail("the server ended with " + std::to_string(status) + ": " + server_->process().Log());
    } else {
      server_->Kill();
    }
    server_->Restart();
  }

  static void Pause(double seconds) { usleep(static_cast<unsigned>(seconds * 1e6)); }

  std::uint64_t Acknowledged() const {
    std::uint64_t all = 0;
    for (const auto& each : shared_->acknowledged) all += each;
    return all;
  }

  Sample TakeSample(double now) {
    Sample sample;
    sample.seconds = now;
    std::vector<std::uint64_t> counts(kBuckets);
    std::uint64_t all = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
      const std::uint64_t total = shared_->latency[i];
      counts[i] = total - latency_before_[i];
      latency_before_[i] = total;
      all += counts[i];
    }
    std::uint64_t below = 0;
    for (std::size_t i = 0; i < counts.size(); ++i) {
      below += counts[i];
      if (sample.p50 == 0 && below * 2 >= all) sample.p50 = UpperEnd(static_cast<int>(i));
      if (sample.p99 == 0 && below * 100 >= all * 99) sample.p99 = UpperEnd(static_cast<int>(i));
    }
    const Clock::time_point time = Clock::now();
    sample.requests_per_second =
        static_cast<double>(all) / std::chrono::duration<double>(time - sampled_).count();
    sampled_ = time;
    const std::string process = "/proc/" + std::to_string(server_->process().pid());
    std::ifstream status(process + "/status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("VmRSS:")) sample.resident_kib = std::stol(line.substr(6));
    }
    for ([[maybe_unused]] const auto& file : std::filesystem::directory_iterator(process + "/fd"))
      ++sample.descriptors;
    return sample;
  }

  std::string Get(const std::string& path) {
    const auto transport = transport::MakeCurlTransport({});
    const auto response = transport->Send(
        {.method = "GET", .url = server_->url() + path, .timeout = std::chrono::minutes(20)});
    if (!response.ok()) Fail(path + ": " + std::string(response.status().message()));
    return response->body;
  }

  const std::string folder_;
  std::vector<pid_t> workers_;
  std::unique_ptr<testing::Server> server_;
  Shared* shared_ = nullptr;
  std::mt19937_64 random_{1};
  std::vector<Sample> samples_;
  std::size_t last_life_ = 0;  // number of the first sample after the last restart
  double wanted_ = 0;          // batches a second
  std::vector<std::uint64_t> latency_before_ = std::vector<std::uint64_t>(kBuckets);
  Clock::time_point sampled_ = Clock::now();
  int killed_ = 0;
};

}  // namespace
}  // namespace upswing

int main(int argc, char** argv) {
  double seconds = 60, share = 0.8;
  int workers = 8;
  bool lenient = false;
  if (argc < 2) {
    std::fprintf(
        stderr, "usage: upswing_soak FOLDER [--seconds S] [--workers N] [--share X] [--lenient]\n");
    return 2;
  }
  for (int i = 2; i < argc; ++i) {
    const std::string flag = argv[i];
    if (flag == "--lenient") {
      lenient = true;
    } else if (i + 1 < argc && flag == "--seconds") {
      seconds = std::atof(argv[++i]);
    } else if (i + 1 < argc && flag == "--workers") {
      workers = std::clamp(std::atoi(argv[++i]), 1, upswing::kMostWorkers);
    } else if (i + 1 < argc && flag == "--share") {
      share = std::atof(argv[++i]);
    } else {
      std::fprintf(stderr, "soak: %s is no flag\n", flag.c_str());
      return 2;
    }
  }
  std::filesystem::remove_all(argv[1]);
  upswing::Soak soak(argv[1], workers);
  const double most = std::max(1.0, soak.Measure(std::clamp(seconds / 20, 1.0, 30.0)));
  std::printf("maximum: %.0f batches/s of 20 records; %.0f %% of it for %.0f s\n", most,
              share * 100, seconds);
  soak.Run(seconds, most * share);
  const bool good = soak.Judge(lenient);
  std::filesystem::remove_all(argv[1]);
  std::printf("%s\n", good ? "ok" : "FAILED");
  return good ? 0 : 1;
}
