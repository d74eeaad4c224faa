// Kills the client process with SIGKILL at random moments and restarts it on the same folder:
//
//     upswing_crash_client_kills VICTIM FOLDER KILLS WORKERS [SEED]
//
// Promise checked: every record whose `Track` returned before a completed `Flush` is on the server
// exactly once, no record is there twice, nothing is there that was never tracked, and no spool
// stops a restart. What is missing was never batched: records enter batches in order, so that what
// is stored of each process must be all that it tracked up to some record. The server is a real
// one, and is killed like its clients, now and then. With WORKERS, each victim forks so many
// workers on one folder while its TLS connection is open, of which some are killed alone and some
// with all the others.
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <optional>
#include <random>
#include <string>

#include "tests/crash/client_numbers.hpp"
#include "tests/support/fault_proxy.hpp"
#include "tests/support/real_server.hpp"
#include "tests/support/tls_front.hpp"

namespace upswing::testing {
namespace {

class Harness {
 public:
  Harness(std::string victim, std::string folder, int workers, std::uint64_t seed)
      : victim_(std::move(victim)),
        folder_(std::move(folder)),
        workers_(workers),
        random_(seed),
        server_(folder_ + "_server"),
        proxy_(server_.upstream(), [](const FaultProxy::Request&) { return Fault::kNone; }) {
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
    const int shared =
        open((folder_ + "/notes.progress").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (ftruncate(shared, kProgressBytes) != 0) std::abort();
    progress_ = static_cast<long*>(
        mmap(nullptr, kProgressBytes, PROT_READ | PROT_WRITE, MAP_SHARED, shared, 0));
    if (progress_ == MAP_FAILED) std::abort();
    close(shared);
    if (workers_ > 0) {
      certificate_.emplace(folder_, "localhost");
      front_.emplace(*certificate_, proxy_.port());
    }
  }

  int Run(int kills) {
    for (int round = 0; round < kills; ++round) {
      const pid_t child = Start(round, 100'000);
      // From before the first instruction of main to deep in the work.
      usleep(static_cast<useconds_t>(random_() % 250'000));
      if (workers_ > 0 && round % 2 == 0) KillSomeWorkers(child);
      if (round % 10 == 5) server_.KillAndRestart();
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
    const std::string url = front_ ? front_->url() : proxy_.url();
    const std::string trusted = front_ ? certificate_->certificate_path : "-";
    const pid_t child = fork();
    if (child == 0) {
      setpgid(0, 0);
      execl(victim_.c_str(), victim_.c_str(), url.c_str(), storage.c_str(), notes.c_str(),
            first.c_str(),
            workers_ > 0 ? std::to_string(std::min(count, 9'000L)).c_str() : numbers.c_str(),
            workers.c_str(), trusted.c_str(), nullptr);
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
    for (const double number : server_.StopAndReadValues()) ++stored[static_cast<long>(number)];
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
    long tracked = 0;
    long never_batched = 0;
    long holes = 0;
    std::size_t known = 0;
    // Without workers a run may be as long as its victim lives.
    const std::size_t step = workers_ > 0 ? 1 : kNumbersPerVictim / kNumbersPerWorker;
    for (std::size_t run = 0; run < kRuns; run += step) {
      const long begin = static_cast<long>(run) * kNumbersPerWorker;
      // A victim may be killed between `Track` and the note about it.
      const long count = progress_[run];
      long of_run = 0;
      long end = begin;
      for (auto number = stored.lower_bound(begin);
           number != stored.end() && number->first <= begin + count; ++number) {
        ++of_run;
        end = number->first + 1;
      }
      tracked += count;
      known += static_cast<std::size_t>(of_run);
      holes += end - begin - of_run;
      never_batched += std::max(0L, begin + count - end);
    }
    const long unknown = static_cast<long>(stored.size() - known);
    std::cout << "tracked " << tracked << ", flushed " << promised << ", stored " << stored.size()
              << ", lost " << lost << ", doubled " << doubled << ", never batched " << never_batched
              << ", holes " << holes << ", never tracked " << unknown;
    if (front_) std::cout << ", TLS handshakes " << front_->handshakes();
    std::cout << "\n";
    if (promised == 0) std::cerr << "crash: nothing was ever flushed: the kills came too early\n";
    return lost + doubled + holes + unknown == 0 && promised > 0 ? 0 : 1;
  }

  std::string victim_;
  std::string folder_;
  int workers_;
  std::mt19937_64 random_;
  long* progress_ = nullptr;  // shared with the victims
  RealServer server_;
  FaultProxy proxy_;
  std::optional<Certificate> certificate_;
  std::optional<TlsFront> front_;
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
