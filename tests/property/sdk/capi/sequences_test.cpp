// Random calls of the C interface, alone and by several threads on one client. `CApiCaller` checks
// the answers; the sanitizers (labels `sanitize` and `threads`) check the rest.
//
// `--calls=N` (default 40,000) sets how many calls each test makes.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/capi_calls.hpp"
#include "tests/support/capi_catalogs.hpp"

namespace upswing::testing {
namespace {

std::size_t calls = 40'000;

std::string Random(std::uint64_t seed, std::size_t size) {
  std::mt19937_64 random(seed);
  std::string bytes;
  while (bytes.size() < size) bytes += static_cast<char>(random());
  return bytes;
}

TEST(CApiSequences, AnyOrderOfCallsIsAnswered) {
  const std::vector<std::string> catalogs = CApiCatalogs();
  std::size_t accepted = 0;
  for (std::uint64_t seed = 0; seed < calls / 200; ++seed) {
    const std::string bytes = Random(seed, 200 * 100);
    Choices choices(bytes);
    CApiCaller caller(nullptr, catalogs);
    for (int i = 0; i < 200; ++i) caller.Call(choices);
    accepted += caller.accepted();
  }
  EXPECT_GT(accepted, calls / 4);  // refusals alone would show little
}

TEST(CApiSequences, ThreadsMayCallAnythingOnOneClient) {
  const std::vector<std::string> catalogs = CApiCatalogs();
  upswing_options options;
  ASSERT_EQ(upswing_options_init(&options, sizeof(options)), UPSWING_OK);
  options.bundled_catalog = {catalogs[0].data(), catalogs[0].size()};
  options.poll_interval_ms = 0;
  upswing_client* client = nullptr;
  ASSERT_EQ(upswing_client_create(&options, &client, nullptr), UPSWING_OK);
  std::atomic<std::size_t> accepted{0};
  std::vector<std::thread> threads;
  for (std::uint64_t t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      const std::string bytes = Random(t, calls / 4 * 100);
      Choices choices(bytes);
      CApiCaller caller(client, catalogs);
      for (std::size_t i = 0; i < calls / 4; ++i) caller.Call(choices);
      accepted += caller.accepted();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_GT(accepted.load(), calls / 4);
  upswing_client_destroy(client);
}

}  // namespace
}  // namespace upswing::testing

int main(int argc, char** argv) {
  ::testing::InitGoogleTest(&argc, argv);
  const std::string flag = "--calls=";
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument.rfind(flag, 0) == 0) {
      upswing::testing::calls = std::strtoull(argument.c_str() + flag.size(), nullptr, 10);
    }
  }
  return RUN_ALL_TESTS();
}
