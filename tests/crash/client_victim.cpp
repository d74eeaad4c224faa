// The process that the crash harness kills: tracks numbered events as fast as it can, flushes now
// and then, and notes after each completed flush, in one write, the last number that had been
// tracked before it.
//
//     upswing_crash_victim URL STORAGE NOTES FIRST COUNT WORKERS CERTIFICATE
//
// How many numbers it has tracked stands in the memory-mapped file PROGRESS (NOTES + ".progress"),
// which outlives it. CERTIFICATE is the PEM file to trust, or "-".
//
// WORKERS > 0: creates the client, uses it, then forks so many workers that all use it, each with
// numbers of its own, and waits for them.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "tests/crash/client_numbers.hpp"
#include "upswing/client.hpp"

namespace {

using upswing::Client;
using upswing::Subject;

// However slow the server is: a close ends as soon as everything is sent.
constexpr std::chrono::minutes kUntilSent{5};

void Note(int file, long first, long last) {
  const std::string line = std::to_string(first) + " " + std::to_string(last) + "\n";
  if (write(file, line.data(), line.size()) != static_cast<ssize_t>(line.size())) std::abort();
}

volatile long* progress = nullptr;

void Work(Client* client, int notes, long first, long count) {
  const Subject user("user", "u-1");
  for (long number = first; number < first + count; ++number) {
    client->Track(user, "purchase", static_cast<double>(number));
    progress[first / upswing::testing::kNumbersPerWorker] = number - first + 1;
    // Flushes of every kind: long enough to send, and too short for it.
    if (number % 97 == 96) {
      client->Flush(std::chrono::milliseconds(number % 2 == 0 ? 0 : 1000));
      Note(notes, first, number);
    }
  }
  client->Close(kUntilSent);
  Note(notes, first, first + count - 1);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 8) return 2;
  upswing::ClientOptions options;
  options.server_url = argv[1];
  options.storage_directory = argv[2];
  options.catalog.poll_interval = std::chrono::milliseconds(0);
  options.delivery.fsync = upswing::Fsync::kEveryBatch;
  options.delivery.batch_records = 20;
  options.delivery.flush_interval = std::chrono::milliseconds(100);
  options.delivery.max_backoff = std::chrono::milliseconds(100);
  if (std::string(argv[7]) != "-") options.ca_bundle_path = argv[7];
  const int shared = open((std::string(argv[3]) + ".progress").c_str(), O_RDWR | O_CLOEXEC);
  progress = static_cast<long*>(mmap(nullptr, upswing::testing::kProgressBytes,
                                     PROT_READ | PROT_WRITE, MAP_SHARED, shared, 0));
  if (progress == MAP_FAILED) return 1;
  const int notes = open(argv[3], O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  const long first = std::atol(argv[4]);
  const long count = std::atol(argv[5]);
  const int workers = std::atoi(argv[6]);
  auto client = Client::Create(options);
  if (!client.ok()) return 1;
  if (workers == 0) {
    Work(client->get(), notes, first, count);
    return 0;
  }
  // The parent has records in its queue and a connection open when it forks.
  (*client)->Track(Subject("user", "u-1"), "purchase", static_cast<double>(first));
  (*client)->Flush(std::chrono::seconds(5));
  (*client)->Track(Subject("user", "u-1"), "purchase", static_cast<double>(first + 1));
  progress[first / upswing::testing::kNumbersPerWorker] = 2;
  for (int worker = 0; worker < workers; ++worker) {
    if (fork() == 0) {
      Work(client->get(), notes, first + upswing::testing::kNumbersPerWorker * (worker + 1), count);
      client->reset();
      _exit(0);
    }
  }
  for (int worker = 0; worker < workers; ++worker) {
    int status = 0;
    wait(&status);
  }
  (*client)->Close(kUntilSent);
  Note(notes, first, first + 1);
  return 0;
}
