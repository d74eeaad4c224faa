#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <mutex>
#include <string>
#include <thread>

#include "sdk/transport/curl_transport.hpp"
#include "tests/support/fake_platform.hpp"
#include "tests/support/process.hpp"
#include "upswing/client.hpp"

// Catalogs that any network may carry: signed by the server, verified by the SDK.
namespace upswing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
namespace fs = std::filesystem;

class SignedCatalog : public ::testing::Test {
 protected:
  void SetUp() override { fs::create_directory(device_); }

  // The public half of the signing key `name`, which is made if it is new.
  std::string PublicKey(const std::string& name) {
    const testing::Finished made =
        testing::RunProgram({testing::Upswing(), "keys", "signing", folder_ / (name + ".pem")});
    EXPECT_EQ(made.status, 0) << made.err;
    return made.out.substr(0, made.out.find('\n'));
  }

  static std::string Source(const std::string& value) {
    return R"({"project": "shop", "flags": {"color": {"type": "string", "default": ")" + value +
           "\"}}}";
  }

  // What a server with these keys delivers as this version; the flag's value is "v<version>".
  std::string Catalog(int version, const std::vector<std::string>& signers) {
    std::ofstream(folder_ / "catalog.json") << Source("v" + std::to_string(version));
    std::vector<std::string> arguments = {testing::Upswing(),
                                          "catalog",
                                          "compile",
                                          folder_ / "catalog.json",
                                          "-o",
                                          folder_ / "catalog.bin",
                                          "--version-number",
                                          std::to_string(version)};
    for (const std::string& signer : signers) {
      PublicKey(signer);
      arguments.insert(arguments.end(), {"--signing-key", folder_ / (signer + ".pem")});
    }
    const testing::Finished compiled = testing::RunProgram(arguments);
    EXPECT_EQ(compiled.status, 0) << compiled.err;
    return Read(folder_ / "catalog.bin");
  }

  static std::string Read(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    return std::string(std::istreambuf_iterator<char>(file), {});
  }

  // A client whose catalog comes from `answer_`, by a network that nobody trusts.
  absl::StatusOr<std::unique_ptr<Client>> Start(const std::vector<std::string>& ring) {
    auto network = std::make_shared<testing::ScriptedTransport>(
        [this](const testing::ScriptedTransport::Sent& sent) -> absl::StatusOr<HttpResponse> {
          if (sent.method != "GET") return HttpResponse{503, {}, ""};
          const std::lock_guard lock(mutex_);
          // A CDN is not told the key.
          EXPECT_THAT(sent.url, StartsWith(signed_ ? "http://cdn/v1/" : "http://server/v1/"));
          EXPECT_EQ(sent.Header("Authorization"), signed_ ? "" : "Bearer key");
          ++asked_;
          return HttpResponse{200, {{"ETag", "\"" + std::to_string(asked_) + "\""}}, answer_};
        });
    signed_ = !ring.empty();
    ClientOptions options;
    options.server_url = "http://server";
    options.api_key = "key";
    options.storage_directory = device_;
    options.transport = network;
    options.catalog.trusted_keys = ring;
    options.catalog.cdn_url = ring.empty() ? "" : "http://cdn/";
    return Client::Create(std::move(options));
  }

  // Lets the client fetch `answer` and judge it.
  void Deliver(Client* client, const std::string& answer) {
    int before;
    {
      const std::lock_guard lock(mutex_);
      answer_ = answer;
      before = asked_;
    }
    // Its one thread asks again only after it has dealt with the answer before.
    for (int seen = before; seen < before + 2;) {
      client->NetworkBack();
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      const std::lock_guard lock(mutex_);
      seen = asked_;
    }
  }

  static std::string Color(Client* client) {
    return std::string(client->String("color", Subject("user", "u-1"), "none"));
  }

  std::string Cache() { return Read(device_ + "/catalog"); }

  testing::TemporaryFolder folder_;
  std::string device_ = folder_ / "device";
  std::mutex mutex_;
  std::string answer_;
  int asked_ = 0;
  bool signed_ = false;
};

TEST_F(SignedCatalog, OnesByAKeyOfTheRingComeInForceAndAreCachedAsTheyCame) {
  const std::string good = Catalog(2, {"own"});
  auto client = Start({PublicKey("own")});
  ASSERT_TRUE(client.ok()) << client.status();
  Deliver(client->get(), good);
  EXPECT_EQ(Color(client->get()), "v2");
  EXPECT_THAT(Cache(), ::testing::EndsWith(good));
}

TEST_F(SignedCatalog, WrongOnesChangeNothingAndAreNeverCached) {
  const std::string good = Catalog(5, {"own"});
  auto client = Start({PublicKey("own")});
  ASSERT_TRUE(client.ok()) << client.status();
  Deliver(client->get(), good);
  ASSERT_EQ(Color(client->get()), "v5");
  const std::string other = Catalog(6, {"other"});
  const std::string newer = Catalog(6, {"own"});
  std::string changed = newer;
  changed[changed.size() - 5] = static_cast<char>(changed[changed.size() - 5] ^ 1);
  // The signature of one catalog before another: 16 bytes of head, 8 of the key's name, 64.
  const std::string moved = good.substr(0, 16 + 72) + newer.substr(16 + 72);
  const std::pair<const char*, std::string> wrong[] = {
      {"unsigned", Catalog(6, {})},
      {"by another key", other},
      {"truncated signature", newer.substr(0, 16 + 40)},
      {"truncated head", newer.substr(0, 12)},
      {"truncated catalog", newer.substr(0, newer.size() - 1)},
      {"one bit changed", changed},
      {"another's signature", moved},
      {"no signatures in the list", newer.substr(0, 8) + std::string(8, '\0') + newer.substr(88)},
      {"replayed", Catalog(4, {"own"})},
      {"a portal's page", "<html>sign in</html>"},
      {"empty", ""}};
  for (const auto& [name, bytes] : wrong) {
    Deliver(client->get(), bytes);
    EXPECT_EQ(Color(client->get()), "v5") << name;
    EXPECT_THAT(Cache(), ::testing::EndsWith(good)) << name;
    EXPECT_FALSE((*client)->SupplyCatalog(bytes).ok()) << name;
  }
  Deliver(client->get(), newer);
  EXPECT_EQ(Color(client->get()), "v6");
  // The one that was replaced is a replayed one from now on.
  Deliver(client->get(), good);
  EXPECT_EQ(Color(client->get()), "v6");
}

TEST_F(SignedCatalog, OnesOnTheDeviceAreVerifiedToo) {
  const std::string good = Catalog(5, {"own"});
  const std::string ring = PublicKey("own");
  std::ofstream(device_ + "/catalog") << "\"tag\"\n" << Catalog(9, {"other"});
  {
    auto client = Start({ring});
    ASSERT_TRUE(client.ok()) << client.status();
    EXPECT_EQ(Color(client->get()), "none");
    Deliver(client->get(), good);
    EXPECT_EQ(Color(client->get()), "v5");
  }
  auto again = Start({ring});
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(Color(again->get()), "v5") << "from the disk";
}

TEST_F(SignedCatalog, WithoutARingSignaturesAreNotAskedFor) {
  auto client = Start({});
  ASSERT_TRUE(client.ok());
  EXPECT_TRUE((*client)->SupplyCatalog(Catalog(2, {"own"})).ok());
  EXPECT_EQ(Color(client->get()), "v2");
  EXPECT_TRUE((*client)->SupplyCatalog(Catalog(1, {})).ok());
  EXPECT_EQ(Color(client->get()), "v1");
}

TEST_F(SignedCatalog, AKeyIsReplacedByTheOtherWhileBothSign) {
  const std::string former = PublicKey("former"), next = PublicKey("next");
  auto old_app = Start({former});
  ASSERT_TRUE(old_app.ok());
  auto new_app = Start({next});
  ASSERT_TRUE(new_app.ok());
  const std::string both = Catalog(2, {"former", "next"});
  EXPECT_TRUE((*old_app)->SupplyCatalog(both).ok());
  EXPECT_TRUE((*new_app)->SupplyCatalog(both).ok());
  // The former key is retired: out of the new apps' ring, and soon out of the server.
  EXPECT_THAT((*new_app)->SupplyCatalog(Catalog(3, {"former"})).message(),
              HasSubstr("no key that is trusted"));
  EXPECT_FALSE((*old_app)->SupplyCatalog(Catalog(3, {"next"})).ok());
  EXPECT_EQ(Color(new_app->get()), "v2");
}

TEST_F(SignedCatalog, AKeyThatIsNoneIsRefusedByName) {
  for (const char* const wrong :
       {"", "ed25519//AAAA", "sha256//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "ed25519//AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="}) {
    const auto client = Start({wrong});
    ASSERT_FALSE(client.ok()) << wrong;
    EXPECT_THAT(client.status().message(), HasSubstr("catalog.trusted_keys"));
  }
}

TEST_F(SignedCatalog, TheServerSignsWhatItDeliversAndARollbackIsANewVersion) {
  const std::string ring = PublicKey("own");
  testing::Server server(folder_ / "data",
                         {"--project", "shop", "--catalog-signing-key", folder_ / "own.pem"});
  const auto transport = transport::MakeCurlTransport({});
  const auto call = [&](const std::string& method, const std::string& path,
                        const std::string& body) {
    const auto response =
        transport->Send({.method = method, .url = server.url() + path, .body = body});
    EXPECT_TRUE(response.ok());
    EXPECT_EQ(response->status, 200) << response->body;
    return response->body;
  };
  call("PUT", "/v1/catalog", Source("first"));
  const std::string first = call("GET", "/v1/catalog", "");
  ClientOptions options;
  options.server_url = server.url();
  options.catalog.trusted_keys = {ring};
  options.catalog.watch = true;
  auto client = Client::Create(options);
  ASSERT_TRUE(client.ok());
  const auto wait_for = [&](const std::string& color) {
    for (int i = 0; i < 12'000 && Color(client->get()) != color; ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    EXPECT_EQ(Color(client->get()), color);
  };
  wait_for("first");
  call("PUT", "/v1/catalog", Source("second"));
  wait_for("second");
  EXPECT_FALSE((*client)->SupplyCatalog(first).ok()) << "replayed";
  call("POST", "/v1/catalog/rollback", R"({"version": 1})");
  wait_for("first");
}

// A list of more than 10,000 ids travels beside the catalog.
TEST_F(SignedCatalog, IdListsAreSignedToo) {
  std::string ids;
  for (int i = 0; i < 10'001; ++i) ids += (i == 0 ? "\"u-" : ",\"u-") + std::to_string(i) + "\"";
  const std::string source =
      R"({"project": "shop", "segments": {"vip": {"unit": "user", "ids": [)" + ids +
      R"(]}}, "flags": {"color": {"type": "string", "default": "red",
           "rules": [{"key": "vip", "when": {"segment": "vip"}, "value": "gold"}]}}})";
  PublicKey("own");
  testing::Server server(folder_ / "data",
                         {"--project", "shop", "--catalog-signing-key", folder_ / "own.pem"});
  const auto transport = transport::MakeCurlTransport({});
  const auto put =
      transport->Send({.method = "PUT", .url = server.url() + "/v1/catalog", .body = source});
  ASSERT_TRUE(put.ok());
  ASSERT_EQ(put->status, 200) << put->body;
  for (const bool tampered : {false, true}) {
    std::atomic<int> lists{0};
    ClientOptions options;
    options.server_url = server.url();
    options.catalog.trusted_keys = {PublicKey("own")};
    options.storage_directory = folder_ / (tampered ? "tampered" : "sound");
    options.transport = std::make_shared<testing::ScriptedTransport>(
        [&](const testing::ScriptedTransport::Sent& sent) -> absl::StatusOr<HttpResponse> {
          auto got = transport->Send({.method = sent.method, .url = sent.url});
          if (got.ok() && sent.url.find("/blobs/") != std::string::npos) {
            // Without its signature it is the right list, but nobody says so.
            if (tampered) got->body.erase(0, 16 + 72);
            ++lists;
          }
          return got;
        });
    auto client = Client::Create(options);
    ASSERT_TRUE(client.ok()) << client.status();
    const std::string wanted = tampered ? "red" : "gold";
    for (int i = 0; i < 12'000 && (lists < 1 || Color(client->get()) != wanted); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    EXPECT_GE(lists, 1);
    EXPECT_EQ(Color(client->get()), wanted);
  }
}

}  // namespace
}  // namespace upswing
