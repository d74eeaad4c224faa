// How long evaluation takes on loopback, with the exposures recorded: first the most requests a
// second that CONNECTIONS get through, then the latency at half of that. For one flag of one unit,
// for all flags of one unit, and for one flag of 20 units in one request. Every unit is a new one,
// so that no exposure is left out as a repeat.
//
//     upswing_evaluation_load FOLDER [SECONDS] [CONNECTIONS]
#include <sys/prctl.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tests/support/process.hpp"
#include "tests/support/raw_connection.hpp"

namespace upswing {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kUnits = 20;
constexpr int kFlags = 10;
constexpr std::int64_t kUsersOfAThread = 100'000'000;

struct Kind {
  const char* name;
  const char* path;
  std::string (*body)(std::int64_t user);
};

std::string Context(std::int64_t user) {
  return R"({"targetingKey":"u-)" + std::to_string(user) + R"(","country":"CN","age":)" +
         std::to_string(user % 80) + "}";
}

std::string OneContext(std::int64_t user) { return R"({"context":)" + Context(user) + "}"; }

std::string ManyContexts(std::int64_t user) {
  std::string body = R"({"flags":["tap"],"contexts":[)";
  for (int i = 0; i < kUnits; ++i) body += (i == 0 ? "" : ",") + Context(user * kUnits + i);
  return body + "]}";
}

constexpr Kind kKinds[] = {{"one flag", "/ofrep/v1/evaluate/flags/tap", OneContext},
                           {"all 11 flags", "/ofrep/v1/evaluate/flags", OneContext},
                           {"20 units", "/v1/evaluate", ManyContexts}};

std::string Request(const Kind& kind, std::int64_t user) {
  const std::string body = kind.body(user);
  return "POST " + std::string(kind.path) +
         " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

// Sends for `seconds`, each connection `per_second` requests (0 = one after the other), and returns
// the seconds that each answer took. With a rate, the time counts from the moment at which the
// request was due, so that a slow answer is not hidden by what it holds up.
std::vector<double> Load(const Kind& kind, std::uint16_t port, int connections, double seconds,
                         double per_second) {
  static std::int64_t threads_before = 0;
  const std::int64_t first = std::exchange(threads_before, threads_before + connections);
  std::vector<std::vector<double>> took(static_cast<std::size_t>(connections));
  std::vector<std::thread> threads;
  const Clock::time_point begin = Clock::now();
  const auto end =
      begin + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  for (int i = 0; i < connections; ++i) {
    threads.emplace_back([&, i] {
      prctl(PR_SET_TIMERSLACK, 1UL);  // Of the sleep until a request is due; else 50 microseconds.
      testing::RawConnection connection(port);
      const std::chrono::duration<double> interval(per_second > 0 ? 1 / per_second : 0);
      // Connections take turns.
      Clock::time_point due =
          begin + std::chrono::duration_cast<Clock::duration>(interval * i / connections);
      for (std::int64_t user = (first + i) * kUsersOfAThread; due < end && Clock::now() < end;
           ++user) {
        if (per_second > 0)
          std::this_thread::sleep_until(due);
        else
          due = Clock::now();
        const std::string answer =
            connection.Send(Request(kind, user)) ? connection.ReadAnswer() : "";
        if (answer.find(" 200 ") != 8) {
          std::fprintf(stderr, "evaluation_load: %s\n", answer.c_str());
          std::exit(1);
        }
        took[static_cast<std::size_t>(i)].push_back(
            std::chrono::duration<double>(Clock::now() - due).count());
        due += std::chrono::duration_cast<Clock::duration>(interval);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::vector<double> all;
  for (const auto& each : took) all.insert(all.end(), each.begin(), each.end());
  std::sort(all.begin(), all.end());
  return all;
}

double At(const std::vector<double>& sorted, double share) {
  return sorted.empty()
             ? 0
             : sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1))];
}

}  // namespace
}  // namespace upswing

int main(int argc, char** argv) {
  using namespace upswing;
  if (argc < 2) {
    std::fprintf(stderr, "usage: upswing_evaluation_load FOLDER [SECONDS] [CONNECTIONS]\n");
    return 2;
  }
  const std::string folder = argv[1];
  const double seconds = argc > 2 ? std::atof(argv[2]) : 10;
  const int connections = argc > 3 ? std::clamp(std::atoi(argv[3]), 1, 64) : 4;
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  std::string flags;
  for (int i = 0; i < kFlags; ++i)
    flags += R"(, "flag)" + std::to_string(i) + R"(": {"type": "string", "default": "red"})";
  std::ofstream(folder + "/catalog.json") << R"({"project": "shop",
  "attributes": {"country": "string", "age": "int"},
  "flags": {"tap": {"type": "bool", "default": false})"
                                          << flags << R"(},
  "experiments": {"one_tap": {"status": "running", "unit": "user", "control": "off",
    "when": {"all": [{"attribute": "country", "in": ["CN", "HK"]}, {"attribute": "age", ">=": 18}]},
    "variants": {"off": {"weight": 1}, "on": {"weight": 1, "set": {"tap": true}}}}}})";
  testing::Server server(folder + "/data", {"--catalog", folder + "/catalog.json"});
  const auto port =
      static_cast<std::uint16_t>(std::stoi(server.url().substr(server.url().rfind(':') + 1)));
  for (const Kind& kind : kKinds) {
    Load(kind, port, connections, seconds / 5, 0);
    const double most =
        static_cast<double>(Load(kind, port, connections, seconds, 0).size()) / seconds;
    const std::vector<double> half = Load(kind, port, connections, seconds, most / 2 / connections);
    std::printf(
        "%-12s most %6.0f/s over %d connections; at half, %6.0f/s: p50 %.3f ms, p90 %.3f ms, p99 "
        "%.3f ms, p99.9 %.3f ms\n",
        kind.name, most, connections, static_cast<double>(half.size()) / seconds,
        At(half, 0.5) * 1e3, At(half, 0.9) * 1e3, At(half, 0.99) * 1e3, At(half, 0.999) * 1e3);
  }
  std::filesystem::remove_all(folder);
  return 0;
}
