// Start time with a cached catalog, idle memory and threads, over the C interface.
//
//   size_start CATALOG FOLDER     CATALOG: compiled bytes; FOLDER: is made, and then holds the
//   cache
//
// Prints one line of a table. Times are medians of 21 clients made and destroyed one after another.
#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "upswing/upswing.h"

namespace {

upswing_str Str(const std::string& text) { return {text.data(), text.size()}; }

long Threads() {
  long count = 0;
  DIR* const tasks = opendir("/proc/self/task");
  while (const dirent* const entry = readdir(tasks)) count += entry->d_name[0] != '.';
  closedir(tasks);
  return count;
}

// KiB that only this process has in memory.
long PrivateKib() {
  std::ifstream file("/proc/self/smaps_rollup");
  long sum = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("Private_", 0) == 0) sum += std::atol(line.c_str() + line.find(':') + 1);
  }
  return sum;
}

upswing_client* Create(const upswing_options& options) {
  upswing_client* client = nullptr;
  if (upswing_client_create(&options, &client, nullptr) != UPSWING_OK) std::exit(1);
  return client;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: size_start CATALOG FOLDER\n");
    return 2;
  }
  std::ifstream file(argv[1], std::ios::binary);
  const std::string catalog{std::istreambuf_iterator<char>(file), {}};
  const std::string folder = argv[2];
  mkdir(folder.c_str(), 0700);
  // The cache, as a fetch would have left it.
  std::ofstream(folder + "/catalog", std::ios::binary) << catalog;

  upswing_options options;
  upswing_options_init(&options, sizeof(options));
  options.storage_directory = Str(folder);
  options.poll_interval_ms = 0;
  std::vector<double> times;
  for (int i = 0; i < 21; ++i) {
    const auto start = std::chrono::steady_clock::now();
    upswing_client* const client = Create(options);
    times.push_back(
        std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start)
            .count());
    upswing_client_destroy(client);
  }
  std::nth_element(times.begin(), times.begin() + 10, times.end());

  const long memory = PrivateKib();
  const long threads = Threads();
  upswing_client* const client = Create(options);
  upswing_stats stats = {};
  stats.size = sizeof(stats);
  upswing_client_stats(client, &stats);
  usleep(200'000);
  std::printf("catalog %zu bytes, version %llu: ready in %.0f us; %ld KiB more, %ld threads more\n",
              catalog.size(), static_cast<unsigned long long>(stats.catalog_version), times[10],
              PrivateKib() - memory, Threads() - threads);
  upswing_client_destroy(client);
  return stats.catalog_version == 0 ? 1 : 0;
}
