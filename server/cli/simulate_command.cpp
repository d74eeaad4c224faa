#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>

#include <CLI/CLI.hpp>

#include "absl/strings/str_cat.h"
#include "server/cli/command.hpp"
#include "server/report/words.hpp"
#include "server/simulation/shop.hpp"
#include "upswing/client.hpp"

namespace upswing::cli {
namespace {

using std::chrono::milliseconds;

// Few enough that their records fit the SDK's queue between two flushes.
constexpr std::uint64_t kDevicesPerFlush = 500;
constexpr auto kCatalogTimeout = std::chrono::seconds(30);
constexpr auto kFlushTimeout = std::chrono::minutes(10);

struct Flags {
  std::string server;
  std::string api_key;
  std::string storage;
  std::uint64_t first = 1;
  std::uint64_t devices = 20'000;
  std::uint64_t seed = 1;
  bool truth = false;
};

void PrintTruth() {
  const simulation::Shop shop;
  const simulation::Truth off = TruthOf(shop, false);
  const simulation::Truth on = TruthOf(shop, true);
  std::printf("The truth behind the simulated shop:\n");
  std::printf("  purchase_rate   off %.5f   on %.5f   lift %s\n", off.purchase_rate,
              on.purchase_rate,
              report::SignedPercent(on.purchase_rate / off.purchase_rate - 1).c_str());
  std::printf("  gmv_per_device  off %.3f    on %.3f    lift %s\n", off.gmv, on.gmv,
              report::SignedPercent(on.gmv / off.gmv - 1).c_str());
  std::printf("  cart_rate       the same in both: one-tap checkout comes after the cart\n");
}

// One device opens the app, and may look, fill the cart, log in and buy. Every event has an id, so
// that a process that is killed and started again counts nothing twice.
void Open(const simulation::Shop& shop, std::uint64_t seed, std::uint64_t device, Client* client) {
  const simulation::Visit visit = VisitOf(shop, seed, device);
  const std::string number = absl::StrCat(seed, "-", device);
  Subject subject("device", "d-" + number);
  subject.Set("member_tier", visit.member_tier);
  const bool one_tap = client->Bool("checkout.one_tap", subject, false);
  const auto track = [&](std::string_view event, double value,
                         std::initializer_list<Property> properties) {
    client->Track(subject, event, value, properties,
                  {.event_id = absl::StrCat(std::string(event), "-", number)});
  };
  if (visit.views) track("product_view", 1, {});
  if (visit.adds_to_cart) track("add_to_cart", 1, {});
  // From here on the records carry both ids; the experiment goes on by device.
  if (visit.logs_in) subject.SetUnit("user", "u-" + number);
  if (Buys(shop, visit, one_tap)) track("purchase", visit.amount, {{"category", "beauty"}});
}

absl::Status Run(const Flags& flags) {
  if (flags.truth) {
    PrintTruth();
    return absl::OkStatus();
  }
  ClientOptions options;
  options.server_url = flags.server;
  options.api_key = flags.api_key;
  options.storage_directory = flags.storage;
  options.delivery.flush_interval = milliseconds(200);
  options.delivery.max_backoff = std::chrono::seconds(2);
  auto client = Client::Create(options);
  if (!client.ok()) return client.status();
  const auto deadline = std::chrono::steady_clock::now() + kCatalogTimeout;
  while ((*client)->Stats().catalog_version == 0) {
    if (std::chrono::steady_clock::now() > deadline) {
      return absl::UnavailableError(absl::StrCat(
          flags.server, ": no catalog came within 30 seconds: ", (*client)->Stats().last_error));
    }
    std::this_thread::sleep_for(milliseconds(20));
  }

  const simulation::Shop shop;
  for (std::uint64_t i = 0; i < flags.devices; ++i) {
    Open(shop, flags.seed, flags.first + i, client->get());
    if ((i + 1) % kDevicesPerFlush != 0 && i + 1 != flags.devices) continue;
    const FlushResult flushed = (*client)->Flush(kFlushTimeout);
    if (flushed.dropped > 0 || flushed.kept > 0) {
      return absl::UnavailableError(absl::StrCat(flags.server, ": ", flushed.kept,
                                                 " records are still on disk and ", flushed.dropped,
                                                 " were dropped: ", (*client)->Stats().last_error));
    }
    std::printf("%s of %s devices\n", report::Count(static_cast<std::int64_t>(i + 1)).c_str(),
                report::Count(static_cast<std::int64_t>(flags.devices)).c_str());
    std::fflush(stdout);
  }
  const ClientStats stats = (*client)->Stats();
  std::printf("%s records acknowledged in %s batches, %s bytes\n",
              report::Count(static_cast<std::int64_t>(stats.acknowledged)).c_str(),
              report::Count(static_cast<std::int64_t>(stats.batches_acknowledged)).c_str(),
              report::Count(static_cast<std::int64_t>(stats.bytes_sent)).c_str());
  return absl::OkStatus();
}

}  // namespace

void AddSimulateCommand(CLI::App& app, Action& action) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command = app.add_subcommand(
      "simulate", "Drives a short-video shop with known true effects through the SDK");
  command->add_option("--server", flags->server,
                      "URL of a server with the catalog samples/feed_shop/catalog.json");
  command->add_option("--api-key", flags->api_key, "key with scope client");
  command->add_option("--storage", flags->storage,
                      "folder of the SDK's spool; default: memory only");
  command->add_option("--devices", flags->devices, "how many devices open the app (default 20000)")
      ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000'000}));
  command->add_option("--first", flags->first, "number of the first device (default 1)");
  command->add_option("--seed", flags->seed, "same seed, same shop (default 1)");
  command->add_flag("--truth", flags->truth, "print the true effects and end");
  command->callback([flags, &action] {
    if (flags->server.empty() && !flags->truth)
      throw CLI::ValidationError("--server", "say where the records go, or ask for the --truth");
    action = [flags] { return Run(*flags); };
  });
}

}  // namespace upswing::cli
