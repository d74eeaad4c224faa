// Start time with a cached catalog, idle memory and threads, over the C interface.
//
//   size_start CATALOG FOLDER     CATALOG: compiled bytes; FOLDER: is made, and then holds the
//   cache
//
// Prints one line of a table. Times are medians of 21 clients made and destroyed one after another.
#include <dirent.h>
#include <sys/wait.h>
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

upswing_status SendCatalog(void* user, const upswing_http_request*,
                           upswing_http_response* response) {
  upswing_http_response_set_status(response, 200);
  upswing_http_response_add_header(response, UPSWING_STR("ETag"), UPSWING_STR("\"1\""));
  return upswing_http_response_add_body(response, Str(*static_cast<const std::string*>(user)));
}

upswing_client* Create(const upswing_options& options) {
  upswing_client* client = nullptr;
  if (upswing_client_create(&options, &client, nullptr) != UPSWING_OK) std::exit(1);
  return client;
}

// One session that fetches the catalog leaves it on disk.
void FillTheCache(upswing_options options, const std::string& catalog) {
  upswing_transport transport = {};
  transport.size = sizeof(transport);
  transport.user = const_cast<std::string*>(&catalog);
  transport.send = SendCatalog;
  options.server_url = UPSWING_STR("http://server.test");
  options.transport = &transport;
  upswing_client* const client = Create(options);
  upswing_stats stats = {};
  stats.size = sizeof(stats);
  while (stats.catalog_version == 0) {
    usleep(10'000);
    upswing_client_stats(client, &stats);
  }
  upswing_client_destroy(client);
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
  upswing_options options;
  upswing_options_init(&options, sizeof(options));
  options.storage_directory = Str(folder);
  // In a process of its own, so that this one's memory is that of an app which starts.
  const pid_t filler = fork();
  if (filler == 0) {
    FillTheCache(options, catalog);
    std::_Exit(0);
  }
  waitpid(filler, nullptr, 0);
  options.poll_interval_ms = 0;

  const long memory = PrivateKib();
  const long threads = Threads();
  upswing_client* const client = Create(options);
  upswing_stats stats = {};
  stats.size = sizeof(stats);
  upswing_client_stats(client, &stats);
  usleep(200'000);
  const long more_memory = PrivateKib() - memory;
  const long more_threads = Threads() - threads;
  upswing_client_destroy(client);

  std::vector<double> times;
  for (int i = 0; i < 21; ++i) {
    const auto start = std::chrono::steady_clock::now();
    upswing_client* const again = Create(options);
    times.push_back(
        std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start)
            .count());
    upswing_client_destroy(again);
  }
  std::nth_element(times.begin(), times.begin() + 10, times.end());
  std::printf("catalog %zu bytes, version %llu: ready in %.0f us; %ld KiB more, %ld threads more\n",
              catalog.size(), static_cast<unsigned long long>(stats.catalog_version), times[10],
              more_memory, more_threads);
  return stats.catalog_version == 0 ? 1 : 0;
}
