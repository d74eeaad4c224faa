// Kills the client process with SIGKILL at random moments and restarts it on the same folder:
//
//     upswing_crash_client_kills VICTIM FOLDER KILLS WORKERS [SEED]
//
// Promise checked: every record whose `Track` returned before a completed `Flush` is on the server
// exactly once, no record is there twice, nothing is there that was never tracked, and no spool
// stops a restart. With WORKERS, each victim forks so many workers on one folder, of which some are
// killed alone and some with all the others.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <random>
#include <string>

#include "tests/support/fake_server.hpp"
#include "tests/support/fault_proxy.hpp"

namespace upswing::testing {
namespace {

constexpr long kNumbersPerVictim = 1'000'000;

class Harness {
 public:
  Harness(std::string victim, std::string folder, int workers, std::uint64_t seed)
      : victim_(std::move(victim)),
        folder_(std::move(folder)),
        workers_(workers),
        random_(seed),
        proxy_(
            [this](const FaultProxy::Request& request) {
              const HttpResponse answer =
                  server_.Post(request.Header("upswing-batch"), request.body);
              std::string raw = "HTTP/1.1 " + std::to_string(answer.status) +
                                " X\r\nContent-Length: " + std::to_string(answer.body.size()) +
                                "\r\n";
              for (const auto& [name, value] : answer.headers) raw += name + ": " + value + "\r\n";
              return raw + "\r\n" + answer.body;
            },
            [](const FaultProxy::Request&) { return Fault::kNone; }) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }

  int Run(int kills) {
    for (int round = 0; round < kills; ++round) {
      const pid_t child = Start(round, 100'000);
      // From before the first instruction of main to deep in the work.
      usleep(static_cast<useconds_t>(random_() % 250'000));
      if (workers_ > 0 && round % 2 == 0) KillSomeWorkers(child);
      kill(-child, SIGKILL);
      int status = 0;
      waitpid(child, &status, 0);
      if (WIFEXITED(status) && WEXITSTATUS(status) != 0) {
        std::cerr << "crash: victim " << round << " ended with " << WEXITSTATUS(status) << "\n";
        return 1;
      }
    }
    // One that lives sends what all left behind. The killed workers' folders are free only when the
    // kernel has let go of them, so a second one makes sure.
    for (int last = 0; last < 2; ++last) {
      int status = 0;
      waitpid(Start(kills + last, 1'000), &status, 0);
      if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) {
        std::cerr << "crash: the last victim did not end well\n";
        return 1;
      }
    }
    return Check();
  }

 private:
  pid_t Start(int round, long count) {
    const std::string first = std::to_string(round * kNumbersPerVictim);
    const std::string numbers = std::to_string(count);
    const std::string workers = std::to_string(workers_);
    const std::string storage = folder_ + "/storage";
    const std::string notes = folder_ + "/notes";
    const std::string url = proxy_.url();
    const pid_t child = fork();
    if (child == 0) {
      setpgid(0, 0);
      execl(victim_.c_str(), victim_.c_str(), url.c_str(), storage.c_str(), notes.c_str(),
            first.c_str(),
            workers_ > 0 ? std::to_string(std::min(count, 9'000L)).c_str() : numbers.c_str(),
            workers.c_str(), nullptr);
      _exit(127);
    }
    setpgid(child, child);
    return child;
  }

  void KillSomeWorkers(pid_t parent) {
    std::ifstream children("/proc/" + std::to_string(parent) + "/task/" + std::to_string(parent) +
                           "/children");
    pid_t worker = 0;
    while (children >> worker) {
      if (random_() % 2 == 0) kill(worker, SIGKILL);
    }
    usleep(static_cast<useconds_t>(random_() % 20'000));
  }

  int Check() {
    std::map<long, int> stored;
    for (const std::string& line : server_.Lines()) {
      ++stored[static_cast<long>(std::atof(line.substr(line.rfind(' ') + 1).c_str()))];
    }
    // For each run of numbers, the last one that a completed flush has covered.
    std::map<long, long> flushed;
    std::ifstream notes(folder_ + "/notes");
    long first = 0;
    long last = 0;
    while (notes >> first >> last) {
      long& high = flushed.emplace(first, last).first->second;
      high = std::max(high, last);
    }
    long promised = 0;
    long lost = 0;
    for (const auto& [begin, end] : flushed) {
      for (long number = begin; number <= end; ++number, ++promised) {
        if (stored.find(number) == stored.end()) ++lost;
      }
    }
    long doubled = 0;
    for (const auto& [number, times] : stored) doubled += times > 1 ? 1 : 0;
    std::cout << "flushed " << promised << ", stored " << stored.size() << ", lost " << lost
              << ", doubled " << doubled << "\n";
    if (promised == 0) std::cerr << "crash: nothing was ever flushed: the kills came too early\n";
    return lost == 0 && doubled == 0 && promised > 0 ? 0 : 1;
  }

  std::string victim_;
  std::string folder_;
  int workers_;
  std::mt19937_64 random_;
  FakeServer server_;
  FaultProxy proxy_;
};

}  // namespace
}  // namespace upswing::testing

int main(int argc, char** argv) {
  if (argc < 5) {
    std::cerr << "usage: upswing_crash_client_kills VICTIM FOLDER KILLS WORKERS [SEED]\n";
    return 2;
  }
  const std::uint64_t seed = argc > 5 ? std::strtoull(argv[5], nullptr, 10) : 1;
  std::cout << "seed " << seed << "\n";
  upswing::testing::Harness harness(argv[1], argv[2], std::atoi(argv[4]), seed);
  return harness.Run(std::atoi(argv[3]));
}
