// How long evaluation takes on loopback, with the exposures recorded: first the most requests a
// second that get through, then the latency at half of that. For one flag of one unit, for all
// flags of one unit, and for one flag of 20 units in one request. Every unit is a new one, so that
// no exposure is left out as a repeat.
//
//     upswing_evaluation_load FOLDER [SECONDS] [CONNECTIONS]
//
// Twice: with a core that only the client has and the others for the server, so that what is
// measured is the server; and with all cores for both, as on a machine that callers share. Half
// load is measured in rounds, and after each one the floor is: a process that evaluates nothing and
// gives the server's own answer to whatever it reads, asked by the same client for the same bytes
// at the same times. What the machine does to a round it shows in both.
//
// Requests are due at random (exponential intervals, as of many independent callers), and the time
// of each counts from the moment it was due, so that a slow answer hides nothing of what it holds
// up. The client is one thread. On its own core it does not sleep, so that waking up is no part of
// any figure. Client, server and floor have a session each, as from a service manager: Linux shares
// processors out between sessions.
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/process.hpp"
#include "tests/support/raw_connection.hpp"

namespace upswing {
namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

constexpr int kUnits = 20;
constexpr int kFlags = 10;
constexpr int kRounds = 5;

[[noreturn]] void Fail(const std::string& why) {
  std::fprintf(stderr, "evaluation_load: %s\n", why.c_str());
  std::exit(1);
}

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

std::string NextRequest(const Kind& kind) {
  static std::int64_t user = 0;
  const std::string body = kind.body(++user);
  return "POST " + std::string(kind.path) +
         " HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

// Where the server and where the client may run.
struct Cores {
  const char* name;
  cpu_set_t server;
  cpu_set_t client;
  bool alone;  // The client has its core for itself.
};

// Processes that start from now on inherit it.
void RunOn(const cpu_set_t& cores) { sched_setaffinity(0, sizeof cores, &cores); }

std::vector<Cores> Setups() {
  cpu_set_t all;
  sched_getaffinity(0, sizeof all, &all);
  std::vector<Cores> setups;
  if (CPU_COUNT(&all) > 1) {
    Cores apart{"client's own core", all, {}, true};
    int last = CPU_SETSIZE - 1;
    while (!CPU_ISSET(last, &all)) --last;
    CPU_CLR(last, &apart.server);
    CPU_SET(last, &apart.client);
    setups.push_back(apart);
  }
  setups.push_back({"shared cores", all, all, false});
  return setups;
}

// A process that gives `answer` to whatever it reads.
class Floor {
 public:
  Floor(const std::string& answer, const Cores& cores) {
    const int listener = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    if (bind(listener, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
        listen(listener, 64) != 0)
      Fail("no socket for the floor");
    getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    RunOn(cores.server);
    if ((pid_ = fork()) == 0) Serve(listener, answer);
    RunOn(cores.client);
    close(listener);
  }
  ~Floor() {
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
  }
  Floor(const Floor&) = delete;
  Floor& operator=(const Floor&) = delete;

  std::uint16_t port() const { return port_; }

 private:
  [[noreturn]] static void Serve(int listener, const std::string& answer) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    setsid();
    const int ready = epoll_create1(0);
    epoll_event event{EPOLLIN, {.fd = listener}};
    epoll_ctl(ready, EPOLL_CTL_ADD, listener, &event);
    std::array<char, 16384> request;
    for (;;) {
      if (epoll_wait(ready, &event, 1, -1) != 1) continue;
      const int one = 1;
      if (event.data.fd == listener) {
        event.data.fd = accept(listener, nullptr, nullptr);
        setsockopt(event.data.fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
        epoll_ctl(ready, EPOLL_CTL_ADD, event.data.fd, &event);
      } else if (recv(event.data.fd, request.data(), request.size(), 0) <= 0 ||
                 send(event.data.fd, answer.data(), answer.size(), MSG_NOSIGNAL) < 0) {
        close(event.data.fd);
      }
    }
  }

  std::uint16_t port_ = 0;
  pid_t pid_ = -1;
};

// Waits for answers; in whole milliseconds before Linux 5.11.
int Wait(int ready, std::array<epoll_event, 16>* events, const timespec& time) {
  const int size = static_cast<int>(events->size());
  const int count = epoll_pwait2(ready, events->data(), size, &time, nullptr);
  if (count >= 0 || errno != ENOSYS) return count;
  const auto milliseconds = time.tv_sec * 1000 + (time.tv_nsec + 999'999) / 1'000'000;
  return epoll_wait(ready, events->data(), size, static_cast<int>(milliseconds));
}

// Sends for `seconds`, `per_second` requests (0: on each connection one after the other), and
// returns the seconds that each answer took, in order of size.
std::vector<double> Load(const Kind& kind, std::uint16_t port, int connections, double seconds,
                         double per_second, const Cores& cores) {
  const auto duration = [](double s) {
    return std::chrono::duration_cast<Clock::duration>(Seconds(s));
  };
  std::deque<testing::RawConnection> open;
  std::vector<Clock::time_point> due(static_cast<std::size_t>(connections));  // of what is asked
  std::vector<std::uint32_t> idle;
  const int ready = epoll_create1(0);
  for (std::uint32_t i = 0; i < static_cast<std::uint32_t>(connections); ++i) {
    epoll_event event{EPOLLIN, {.u32 = i}};
    epoll_ctl(ready, EPOLL_CTL_ADD, open.emplace_back(port).socket(), &event);
    idle.push_back(i);
  }
  std::mt19937_64 random(1);
  std::exponential_distribution<double> interval(std::max(per_second, 1.0));
  std::vector<double> took;
  took.reserve(static_cast<std::size_t>((per_second + 100'000) * seconds));
  const Clock::time_point begin = Clock::now();
  const Clock::time_point end = begin + duration(seconds);
  Clock::time_point next = begin;
  for (;;) {
    const Clock::time_point now = Clock::now();
    if (per_second == 0) next = now;
    while (!idle.empty() && next <= now && next < end) {
      due[idle.back()] = next;
      if (!open[idle.back()].Send(NextRequest(kind))) Fail("the connection was closed");
      idle.pop_back();
      if (per_second > 0) next += duration(interval(random));
    }
    if (next >= end && idle.size() == open.size()) break;
    timespec wait{1, 0};
    if (!idle.empty() && next < end) {
      const auto left = std::max<Clock::duration>(next - Clock::now(), Clock::duration(0));
      wait = {0, std::min<std::int64_t>(left.count(), 999'999'999)};
    }
    if (cores.alone) wait = {0, 0};
    std::array<epoll_event, 16> events;
    const int count = Wait(ready, &events, wait);
    for (int i = 0; i < count; ++i) {
      const std::uint32_t at = events[static_cast<std::size_t>(i)].data.u32;
      const std::string answer = open[at].ReadAnswer();
      if (answer.find(" 200 ") != 8) Fail("answered " + answer);
      took.push_back(Seconds(Clock::now() - due[at]).count());
      idle.push_back(at);
    }
  }
  close(ready);
  std::sort(took.begin(), took.end());
  return took;
}

double At(const std::vector<double>& sorted, double share) {
  if (sorted.empty()) Fail("nothing was answered in the time");
  return sorted[static_cast<std::size_t>(share * static_cast<double>(sorted.size() - 1))];
}

// Of each round, in order of size.
struct Rounds {
  std::vector<double> p50, p99;

  void Add(const std::vector<double>& took) {
    for (auto [all, share] : {std::pair(&p50, 0.5), std::pair(&p99, 0.99)}) {
      all->push_back(At(took, share) * 1e3);
      std::sort(all->begin(), all->end());
    }
  }
  std::string Shown() const {
    std::array<char, 32> text;
    std::snprintf(text.data(), text.size(), "p50 %.3f, p99", At(p50, 0.5));
    std::string all = text.data();
    for (const double each : p99) {
      std::snprintf(text.data(), text.size(), " %.2f", each);
      all += text.data();
    }
    return all + " ms";
  }
};

void Measure(const std::string& folder, double seconds, int connections, const Cores& cores) {
  std::filesystem::remove_all(folder + "/data");
  RunOn(cores.server);
  testing::Server server(folder + "/data", {"--catalog", folder + "/catalog.json"});
  RunOn(cores.client);
  setsid();
  const auto port =
      static_cast<std::uint16_t>(std::stoi(server.url().substr(server.url().rfind(':') + 1)));
  for (const Kind& kind : kKinds) {
    testing::RawConnection once(port);
    once.Send(NextRequest(kind));
    const Floor floor(once.ReadAnswer(), cores);
    Load(kind, port, connections, seconds / 5, 0, cores);
    const double most =
        static_cast<double>(Load(kind, port, connections, seconds, 0, cores).size()) / seconds;
    Rounds served, bare;
    for (int i = 0; i < kRounds; ++i) {
      Load(kind, port, connections, seconds / 5, most / 2, cores);
      served.Add(Load(kind, port, connections, seconds, most / 2, cores));
      bare.Add(Load(kind, floor.port(), connections, seconds, most / 2, cores));
    }
    std::printf("%s, %s: most %.0f/s; at half: %s; floor: %s\n", cores.name, kind.name, most,
                served.Shown().c_str(), bare.Shown().c_str());
    std::fflush(stdout);
  }
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
  const double seconds = argc > 2 ? std::atof(argv[2]) : 2;
  const int connections = argc > 3 ? std::clamp(std::atoi(argv[3]), 1, 64) : 16;
  prctl(PR_SET_TIMERSLACK, 1UL);  // of the sleep until a request is due; else 50 microseconds
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
  for (const Cores& cores : Setups()) {
    // In a child, which can leave the session in which it started the server.
    const pid_t child = fork();
    if (child == 0) {
      Measure(folder, seconds, connections, cores);
      std::exit(0);
    }
    int status = 0;
    if (waitpid(child, &status, 0) != child || status != 0) return 1;
  }
  std::filesystem::remove_all(folder);
  return 0;
}
