// The SDK in one screen: decide, show, track, and say what was delivered.
//
//   upswing serve --data data --catalog samples/feed_shop/catalog.json --insecure-no-auth
//   sample_first_exposure http://127.0.0.1:8080 d-1
#include <chrono>
#include <cstdio>
#include <thread>

#include <upswing/client.hpp>

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: sample_first_exposure SERVER_URL DEVICE_ID\n");
    return 2;
  }
  auto client = upswing::Client::Create({.server_url = argv[1]});
  if (!client.ok()) {
    std::fprintf(stderr, "%s\n", std::string(client.status().message()).c_str());
    return 1;
  }
  // An app would show its defaults meanwhile; this program waits, at most ten seconds, for the
  // first catalog.
  for (int i = 0; i < 100 && (*client)->Stats().catalog_version == 0; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
  }

  upswing::Subject device("device", argv[2]);
  device.Set("member_tier", "gold");
  const bool one_tap = (*client)->Bool("checkout.one_tap", device, false);
  std::printf("one-tap checkout: %s\n", one_tap ? "on" : "off");
  (*client)->Track(device, "purchase", 129.00, {{"category", "beauty"}});

  const upswing::FlushResult result = (*client)->Close(std::chrono::seconds(10));
  std::printf("%llu records delivered, %llu kept, %llu dropped\n",
              static_cast<unsigned long long>(result.sent),
              static_cast<unsigned long long>(result.kept),
              static_cast<unsigned long long>(result.dropped));
  return result.sent > 0 && result.dropped == 0 ? 0 : 1;
}
