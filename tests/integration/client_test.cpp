// The client with a catalog, against the protocol's reference server: exposures, consent, privacy,
// forks.
#include "upswing/client.hpp"

#include <sys/wait.h>
#include <unistd.h>
#include <zstd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <future>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "sdk/wire/batch.hpp"
#include "tests/support/catalog_fixture.hpp"
#include "tests/support/fake_platform.hpp"
#include "tests/support/fake_server.hpp"
#include "tests/support/fault_proxy.hpp"

namespace upswing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::Contains;
using testing::FaultProxy;
using ::testing::HasSubstr;
using ::testing::Not;

/// An experiment that everybody is in; `on` and `off` are the weights of its variants.
std::string CatalogBytes(int off, int on) {
  const std::string json = R"({"project": "shop",
    "attributes": {"country": "string", "email": "string"},
    "flags": {"tap": {"type": "bool", "default": false}},
    "experiments": {"one_tap": {"status": "running", "unit": "user", "control": "off",
      "when": {"attribute": "email", "set": true},
      "variants": {"off": {"weight": )" +
                           std::to_string(off) + R"(}, "on": {"weight": )" + std::to_string(on) +
                           R"(, "set": {"tap": true}}}, "report_by": ["country"]}}})";
  return testing::TestCatalog(json).compiled.bytes;
}

/// Two experiments; `status` is of "harmful", the weights are of "other".
std::string TwoExperiments(const std::string& status, int off, int on) {
  return testing::TestCatalog(R"({"project": "shop",
    "flags": {"harm": {"type": "bool", "default": false}},
    "experiments": {
      "harmful": {"status": ")" +
                              status + R"(", "unit": "user", "control": "off",
        "variants": {"off": {"weight": 0}, "on": {"weight": 1, "set": {"harm": true}}}},
      "other": {"status": "running", "unit": "user", "control": "off",
        "variants": {"off": {"weight": )" +
                              std::to_string(off) + R"(}, "on": {"weight": )" + std::to_string(on) +
                              R"(}}}}})")
      .compiled.bytes;
}

std::string StickyCatalog(int off, int on) {
  return testing::TestCatalog(R"({"project": "shop", "experiments": {
    "one_tap": {"status": "running", "unit": "user", "sticky": {"version": 1}, "control": "off",
      "variants": {"off": {"weight": )" +
                              std::to_string(off) + R"(}, "on": {"weight": )" + std::to_string(on) +
                              R"(}}}}})")
      .compiled.bytes;
}

/// All strings of all batches that start anywhere in `bytes`.
std::string Opened(const std::string& bytes) {
  std::string all;
  wire::Decoder decoder;
  wire::Batch batch;
  for (std::size_t at = bytes.find("\x28\xb5\x2f\xfd"); at != std::string::npos;
       at = bytes.find("\x28\xb5\x2f\xfd", at + 1)) {
    const std::size_t size = ZSTD_findFrameCompressedSize(bytes.data() + at, bytes.size() - at);
    if (ZSTD_isError(size) != 0) continue;
    if (!decoder.Decode(std::string_view(bytes).substr(at, size), {}, &batch).ok()) continue;
    for (const std::string_view text : batch.strings) all.append(text).append("\n");
  }
  return all;
}

class ClientWithCatalog : public ::testing::Test {
 protected:
  void SetUp() override {
    directory_ = ::testing::TempDir() + "/upswing_client_catalog_" +
                 ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(directory_);
    user_.Set("country", "CN").Set("email", "secret@example.com");
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  ClientOptions Options(const std::string& url) {
    ClientOptions options;
    options.server_url = url;
    options.storage_directory = directory_;
    options.catalog.bundled = CatalogBytes(0, 1);
    options.catalog.poll_interval = milliseconds(0);
    options.delivery.max_backoff = milliseconds(100);
    return options;
  }

  static testing::Fault NoFault(const FaultProxy::Request&) { return testing::Fault::kNone; }

  /// All bytes of all files under the folder.
  std::string FileBytes() const {
    std::string all;
    if (!std::filesystem::exists(directory_)) return all;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(directory_)) {
      if (!entry.is_regular_file()) continue;
      std::ifstream file(entry.path(), std::ios::binary);
      all.append(std::istreambuf_iterator<char>(file), {});
    }
    return all;
  }

  std::string directory_;
  testing::FakeServer server_;
  Subject user_{"user", "u-1"};
};

TEST_F(ClientWithCatalog, ReadingAFlagExposesOncePerUnitAndPeekingNever) {
  FaultProxy proxy(testing::ToServer(&server_), NoFault);
  auto client = *Client::Create(Options(proxy.url()));
  EXPECT_EQ(client->Peek("one_tap", user_).variant(), "on");
  EXPECT_TRUE(client->Flush(seconds(20)).kept == 0 && server_.records() == 0);
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(client->Bool("tap", user_, false));
  client->Expose(client->Peek("one_tap", user_), user_);
  Subject other("user", "u-2");
  other.Set("email", "x");
  client->Decide("one_tap", other);
  client->Flush(seconds(20));
  EXPECT_EQ(server_.records(), 2u);
  EXPECT_THAT(server_.Lines(), Contains("exposure user=u-1 one_tap on"));
  EXPECT_EQ(client->Stats().deduplicated, 5u);
}

TEST_F(ClientWithCatalog, AnExposureWithATimeOfItsOwnIsSentAsOftenAsItIsReported) {
  FaultProxy proxy(ToServer(&server_), NoFault);
  auto client = *Client::Create(Options(proxy.url()));
  const Decision decision = client->Peek("one_tap", user_);
  const std::chrono::system_clock::time_point past{std::chrono::hours(24 * 365 * 50)};
  client->Expose(decision, user_, past);
  client->Expose(decision, user_, past);
  client->Flush(seconds(20));
  EXPECT_EQ(server_.records(), 2u);
  EXPECT_EQ(client->Stats().deduplicated, 0u);
}

TEST_F(ClientWithCatalog, AHandleDecidesAsItsNameDoesAcrossCatalogs) {
  ClientOptions options = Options("");
  options.catalog.bundled.clear();
  auto client = *Client::Create(options);
  const KeyHandle experiment = client->ExperimentHandle("one_tap");
  const KeyHandle flag = client->FlagHandle("tap");
  const KeyHandle unknown = client->ExperimentHandle("two_taps");
  EXPECT_EQ(client->Peek(experiment, user_).reason, Reason::kNoCatalog);
  for (const bool on : {true, false}) {
    ASSERT_TRUE(client->SupplyCatalog(CatalogBytes(on ? 0 : 1, on ? 1 : 0)).ok());
    EXPECT_EQ(client->Decide(experiment, user_).variant(), on ? "on" : "off");
    EXPECT_EQ(client->Decide("one_tap", user_).variant(), on ? "on" : "off");
    EXPECT_EQ(client->Bool(flag, user_, !on), on);
    EXPECT_EQ(client->Int(flag, user_, 7), 7);
    EXPECT_EQ(client->Peek(unknown, user_).reason, Reason::kUnknownKey);
  }
}

TEST_F(ClientWithCatalog, DecideAllTellsEveryExperimentAndExposesNone) {
  auto client = *Client::Create(Options(""));
  std::vector<Decision> decisions;
  client->DecideAll(user_, decisions);
  ASSERT_EQ(decisions.size(), 1u);
  EXPECT_EQ(decisions[0].key(), "one_tap");
  EXPECT_EQ(decisions[0].variant(), "on");
  EXPECT_EQ(client->Stats().queued, 0u);
  client->SetConsent(Consent::kDenied);
  client->DecideAll(user_, decisions);
  ASSERT_EQ(decisions.size(), 1u);
  EXPECT_EQ(decisions[0].reason, Reason::kDisabled);
}

TEST_F(ClientWithCatalog, ASwitchOfVariantsIsLoggedEachTime) {
  // The server publishes off, then on, then off again: three exposures of the same user.
  FaultProxy proxy(testing::ToServer(&server_), NoFault);
  int version = 0;
  std::shared_ptr<testing::ScriptedTransport> transport =
      std::make_shared<testing::ScriptedTransport>(
          [&](const testing::ScriptedTransport::Sent& sent) -> absl::StatusOr<HttpResponse> {
            if (sent.method == "POST") return server_.Post(sent.Header("Upswing-Batch"), sent.body);
            ++version;
            return HttpResponse{200,
                                {{"ETag", std::to_string(version)}},
                                version % 2 == 1 ? CatalogBytes(1, 0) : CatalogBytes(0, 1)};
          });
  ClientOptions options = Options("http://test");
  options.transport = transport;
  options.catalog.poll_interval = std::chrono::hours(24);
  auto client = *Client::Create(options);
  std::atomic<int> changes{0};
  client->AddCatalogListener([&](std::uint64_t) { ++changes; });
  for (int i = 0; i < 3; ++i) {
    const int before = changes;
    client->NetworkBack();  // Polls at once.
    while (changes == before) usleep(1000);
    client->Decide("one_tap", user_);
  }
  client->Flush(seconds(20));
  EXPECT_GE(server_.records(), 2u);
  EXPECT_THAT(server_.Lines(), Contains("exposure user=u-1 one_tap on"));
  EXPECT_THAT(server_.Lines(), Contains("exposure user=u-1 one_tap off"));
}

TEST_F(ClientWithCatalog, ANetworkThatComesBackDuringAPollIsAskedAgain) {
  std::atomic<int> polls{0};
  std::promise<Client*> made;
  ClientOptions options = Options("http://test");
  options.transport = std::make_shared<testing::ScriptedTransport>(
      [&](const testing::ScriptedTransport::Sent& sent) -> absl::StatusOr<HttpResponse> {
        if (sent.method == "POST") return server_.Post(sent.Header("Upswing-Batch"), sent.body);
        if (++polls == 1) made.get_future().get()->NetworkBack();
        return absl::UnavailableError("no network");
      });
  options.catalog.poll_interval = std::chrono::hours(24);
  auto client = *Client::Create(options);
  made.set_value(client.get());
  while (polls < 2) usleep(1000);
}

TEST_F(ClientWithCatalog, NothingButDeclaredAttributesIsWrittenOrSent) {
  FaultProxy proxy(testing::ToServer(&server_),
                   [](const FaultProxy::Request&) { return testing::Fault::k500; });
  ClientOptions options = Options(proxy.url());
  options.delivery.compression_level = 1;
  {
    auto client = *Client::Create(options);
    client->Decide("one_tap", user_);
    client->Track(user_, "purchase", 129,
                  {{"category", "a value that is long enough to stay text"}});
    client->Flush(milliseconds(0));
    while (client->Stats().batches_sent == 0) usleep(1000);
    client->Close(milliseconds(0));
  }
  for (const std::string& bytes : {FileBytes(), proxy.captured()}) {
    const std::string everything = bytes + Opened(bytes);
    // The search works: what may leave is found, and what may not is not.
    EXPECT_THAT(everything, HasSubstr("a value that is long enough to stay text"));
    for (const char* secret : {"secret@example.com", "secret", "example.com", "email"}) {
      EXPECT_THAT(everything, Not(HasSubstr(secret)));
    }
  }
}

TEST_F(ClientWithCatalog, WithoutAnAnswerOnConsentNothingIsWrittenOrSentAndDenialForgetsAll) {
  FaultProxy proxy(testing::ToServer(&server_), NoFault);
  ClientOptions options = Options(proxy.url());
  options.consent = Consent::kUnknown;
  auto client = *Client::Create(options);
  EXPECT_TRUE(client->Bool("tap", user_, false)) << "deciding needs no consent";
  client->Track(user_, "purchase", 1);
  client->Flush(milliseconds(0));
  EXPECT_EQ(FileBytes(), "");
  EXPECT_EQ(proxy.captured(), "");

  client->SetConsent(Consent::kDenied);
  EXPECT_FALSE(client->Bool("tap", user_, false)) << "catalog default only";
  client->Track(user_, "purchase", 2);
  EXPECT_EQ(client->Stats().dropped.consent, 3u);
  EXPECT_EQ(FileBytes(), "");

  client->SetConsent(Consent::kGranted);
  client->Track(user_, "purchase", 3);
  client->Flush(seconds(20));
  EXPECT_THAT(server_.Lines(), ::testing::ElementsAre("event user=u-1 purchase 3.000000"));
}

TEST_F(ClientWithCatalog, GrantingConsentSendsWhatWaited) {
  FaultProxy proxy(testing::ToServer(&server_), NoFault);
  ClientOptions options = Options(proxy.url());
  options.consent = Consent::kUnknown;
  auto client = *Client::Create(options);
  client->Track(user_, "purchase", 1);
  client->SetConsent(Consent::kGranted);
  client->Flush(seconds(20));
  EXPECT_EQ(server_.records(), 1u);
}

TEST_F(ClientWithCatalog, AChildOfAForkSendsItsOwnRecordsAndNoneOfItsParents) {
  FaultProxy proxy(testing::ToServer(&server_), NoFault);
  auto client = *Client::Create(Options(proxy.url()));
  client->Track(user_, "parent", 1);
  const pid_t child = fork();
  if (child == 0) {
    const bool decides = client->Bool("tap", user_, false);
    client->Track(user_, "child", 2);
    const FlushResult result = client->Flush(seconds(20));
    client.reset();
    _exit(decides && result.kept == 0 ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  client->Close(seconds(20));
  std::vector<std::string> lines = server_.Lines();
  std::sort(lines.begin(), lines.end());
  EXPECT_THAT(lines, ::testing::ElementsAre("event user=u-1 child 2.000000",
                                            "event user=u-1 parent 1.000000",
                                            "exposure user=u-1 one_tap on"));
}

TEST_F(ClientWithCatalog, TwoClientsOnOneFolderDoNotDisturbEachOther) {
  FaultProxy proxy(testing::ToServer(&server_), NoFault);
  auto one = *Client::Create(Options(proxy.url()));
  auto other = *Client::Create(Options(proxy.url()));
  for (int i = 0; i < 100; ++i) {
    one->Track(user_, "one", i);
    other->Track(user_, "other", i);
  }
  one->Close(seconds(20));
  EXPECT_EQ(other->Flush(seconds(20)).kept, 0u);
  EXPECT_EQ(server_.records(), 200u);
}

TEST_F(ClientWithCatalog, AHeldBackCatalogWaitsForActivate) {
  std::atomic<bool> fetched{false};
  ClientOptions options = Options("http://test");
  options.catalog.apply = ApplyPolicy::kOnActivate;
  options.catalog.poll_interval = std::chrono::hours(24);
  options.transport = std::make_shared<testing::ScriptedTransport>(
      [&](const testing::ScriptedTransport::Sent& sent) -> absl::StatusOr<HttpResponse> {
        if (sent.method != "GET") return absl::UnavailableError("no");
        fetched = true;
        return HttpResponse{200, {{"ETag", "2"}}, CatalogBytes(1, 0)};
      });
  auto client = *Client::Create(options);
  while (!client->Stats().catalog_age) usleep(1000);
  EXPECT_EQ(client->Peek("one_tap", user_).variant(), "on") << "nothing changes under the user";
  EXPECT_TRUE(client->Activate());
  EXPECT_EQ(client->Peek("one_tap", user_).variant(), "off");
  EXPECT_FALSE(client->Activate());
}

TEST_F(ClientWithCatalog, AnExperimentThatIsStoppedEndsAtOnceAlsoUnderAHeldBackCatalog) {
  const std::string stopped = TwoExperiments("stopped", 0, 1);
  for (const ApplyPolicy policy : {ApplyPolicy::kOnActivate, ApplyPolicy::kNextSession}) {
    ClientOptions options = Options("http://test");
    options.storage_directory = "";
    options.catalog.bundled = TwoExperiments("running", 1, 0);
    options.catalog.apply = policy;
    options.catalog.poll_interval = std::chrono::hours(24);
    std::atomic<bool> may_fetch{false};
    options.transport = std::make_shared<testing::ScriptedTransport>(
        [&](const testing::ScriptedTransport::Sent& sent) -> absl::StatusOr<HttpResponse> {
          if (sent.method != "GET" || !may_fetch) return absl::UnavailableError("no");
          return HttpResponse{200, {{"ETag", "2"}}, stopped};
        });
    auto client = *Client::Create(options);
    EXPECT_EQ(client->Decide("harmful", user_).variant(), "on");
    EXPECT_EQ(client->Decide("other", user_).variant(), "off");
    may_fetch = true;
    client->NetworkBack();
    while (!client->Stats().catalog_age) usleep(1000);
    EXPECT_EQ(client->Decide("harmful", user_).reason, Reason::kDisabled);
    EXPECT_FALSE(client->Bool("harm", user_, true)) << "the catalog's default";
    EXPECT_EQ(client->Decide("other", user_).variant(), "off") << "what is new waits";
    EXPECT_EQ(client->Activate(), policy == ApplyPolicy::kOnActivate);
    EXPECT_EQ(client->Decide("other", user_).variant(),
              policy == ApplyPolicy::kOnActivate ? "on" : "off");
  }
}

TEST_F(ClientWithCatalog, AStickyUnitKeepsItsVariantOverRestartsAndNewWeights) {
  ClientOptions options = Options("");
  options.catalog.bundled = StickyCatalog(0, 1);
  {
    auto client = *Client::Create(options);
    EXPECT_EQ(client->Decide("one_tap", user_).variant(), "on");
  }
  options.catalog.bundled = StickyCatalog(1, 0);
  {
    auto client = *Client::Create(options);
    const Decision kept = client->Decide("one_tap", user_);
    EXPECT_EQ(kept.variant(), "on");
    EXPECT_EQ(kept.reason, Reason::kSticky);
    EXPECT_EQ(client->Decide("one_tap", Subject("user", "u-new")).variant(), "off");
    client->Purge();
    EXPECT_EQ(client->Decide("one_tap", user_).variant(), "off") << "a purge forgets it";
  }
  EXPECT_EQ((*Client::Create(options))->Peek("one_tap", user_).variant(), "off");
}

TEST_F(ClientWithCatalog, APeekKeepsNothingAndAForcedVariantNeither) {
  ClientOptions options = Options("");
  options.catalog.bundled = StickyCatalog(0, 1);
  {
    auto client = *Client::Create(options);
    EXPECT_EQ(client->Peek("one_tap", user_).variant(), "on");
  }
  options.overrides = {{"one_tap", "off"}};
  {
    auto client = *Client::Create(options);
    EXPECT_EQ(client->Decide("one_tap", user_).reason, Reason::kForced);
  }
  options.overrides.clear();
  EXPECT_EQ((*Client::Create(options))->Peek("one_tap", user_).reason, Reason::kAssigned);
}

TEST_F(ClientWithCatalog, KeptAssignmentsAreReadAndWrittenWithConsentOnly) {
  ClientOptions options = Options("");
  options.catalog.bundled = StickyCatalog(0, 1);
  (*Client::Create(options))->Decide("one_tap", user_);
  const std::string file = directory_ + "/sticky";
  ASSERT_TRUE(std::filesystem::exists(file));

  // Consent is asked for while the app runs: what was kept comes in force as the policy says.
  options.catalog.bundled = StickyCatalog(1, 0);
  options.consent = Consent::kUnknown;
  for (const ApplyPolicy policy :
       {ApplyPolicy::kImmediately, ApplyPolicy::kOnActivate, ApplyPolicy::kNextSession}) {
    options.catalog.apply = policy;
    auto client = *Client::Create(options);
    EXPECT_EQ(client->Decide("one_tap", user_).variant(), "off") << "not read";
    client->SetConsent(Consent::kGranted);
    client->Flush(milliseconds(0));
    const bool now = policy == ApplyPolicy::kImmediately;
    EXPECT_EQ(client->Peek("one_tap", user_).variant(), now ? "on" : "off");
    EXPECT_EQ(client->Activate(), policy == ApplyPolicy::kOnActivate);
    const bool never = policy == ApplyPolicy::kNextSession;
    EXPECT_EQ(client->Peek("one_tap", user_).variant(), never ? "off" : "on");
  }

  options.consent = Consent::kDenied;
  auto client = *Client::Create(options);
  client->Flush(milliseconds(0));
  EXPECT_FALSE(std::filesystem::exists(file)) << "denied: what earlier sessions kept goes";
}

TEST_F(ClientWithCatalog, DenialAtTheStartPurgesWhatEarlierSessionsLeftBehind) {
  ClientOptions options = Options("");
  {
    auto client = *Client::Create(options);
    client->Track(user_, "purchase", 1, {{"category", "a value that is long enough to stay"}});
  }
  ASSERT_THAT(FileBytes(), HasSubstr("UPBT"));
  options.consent = Consent::kDenied;
  auto client = *Client::Create(options);
  client->Flush(milliseconds(0));
  EXPECT_EQ(FileBytes(), "");
  EXPECT_EQ(client->Stats().dropped.consent, 1u);
}

TEST_F(ClientWithCatalog, TheFirstExposureAfterLoginLinksTheDeviceToTheUser) {
  FaultProxy proxy(testing::ToServer(&server_), NoFault);
  ClientOptions options = Options(proxy.url());
  options.catalog.bundled = testing::TestCatalog(R"({"project": "shop",
    "experiments": {"one_tap": {"status": "running", "unit": "user", "fallback_unit": "device",
      "sticky": {"version": 1}, "control": "off",
      "variants": {"off": {"weight": 0}, "on": {"weight": 1}}}}})")
                                .compiled.bytes;
  auto client = *Client::Create(options);
  Subject visitor("device", "d-1");
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(client->Decide("one_tap", visitor).unit_type(), "device");
  }
  visitor.SetUnit("user", "u-1");
  for (int i = 0; i < 3; ++i) {
    const Decision decision = client->Decide("one_tap", visitor);
    EXPECT_EQ(decision.unit_type(), "device") << "the device stays the unit of analysis";
    EXPECT_EQ(decision.reason, Reason::kSticky);
  }
  client->Flush(seconds(20));
  EXPECT_THAT(server_.Lines(), ::testing::ElementsAre("exposure device=d-1 one_tap on",
                                                      "exposure device=d-1,user=u-1 one_tap on"));
}

TEST_F(ClientWithCatalog, AnIdListBesideTheCatalogIsFetchedOnceAndKeptOnDisk) {
  const auto catalog_with = [](int first) {
    std::string ids;
    for (int i = 0; i < 10'001; ++i) {
      ids += (i == 0 ? "\"u-" : ", \"u-") + std::to_string(first + i) + "\"";
    }
    return std::make_unique<testing::TestCatalog>(R"({"project": "shop",
      "segments": {"invited": {"unit": "user", "ids": [)" +
                                                  ids + R"(]}},
      "experiments": {"one_tap": {"status": "running", "unit": "user", "control": "off",
        "when": {"segment": "invited"},
        "variants": {"off": {"weight": 0}, "on": {"weight": 1}}}}})");
  };
  const auto catalog = catalog_with(1);
  ASSERT_EQ(catalog->compiled.blobs.size(), 1u);
  int lists_sent = 0;
  bool damaged = true;
  ClientOptions options = Options("http://test");
  options.catalog.bundled.clear();
  options.catalog.poll_interval = std::chrono::hours(24);
  options.transport = std::make_shared<testing::ScriptedTransport>(
      [&](const testing::ScriptedTransport::Sent& sent) -> absl::StatusOr<HttpResponse> {
        char path[64];
        std::snprintf(path, sizeof path, "http://test/v1/catalog/blobs/%016llx",
                      static_cast<unsigned long long>(catalog->compiled.blobs[0].name));
        if (sent.url == path) {
          ++lists_sent;
          std::string bytes = *catalog->compiled.blobs[0].bytes;
          if (damaged) bytes.back() = static_cast<char>(bytes.back() ^ 1);
          return HttpResponse{200, {}, bytes};
        }
        if (sent.method != "GET") return absl::UnavailableError("no");
        if (sent.Header("If-None-Match") == "1") return HttpResponse{304, {}, ""};
        return HttpResponse{200, {{"ETag", "1"}}, catalog->compiled.bytes};
      });
  const auto polled = [&](Client* client) {
    while (!client->Stats().catalog_age) usleep(1000);
  };
  {
    auto client = *Client::Create(options);
    polled(client.get());
    EXPECT_EQ(client->Peek("one_tap", user_).reason, Reason::kUnsupported) << "without its list";
    EXPECT_EQ(lists_sent, 1);
    damaged = false;
    client->NetworkBack();  // Polls again; the catalog is the same, the list still missing.
    while (client->Peek("one_tap", user_).reason == Reason::kUnsupported) usleep(1000);
    EXPECT_EQ(client->Peek("one_tap", user_).variant(), "on");
    EXPECT_EQ(client->Peek("one_tap", Subject("user", "u-20000")).reason, Reason::kTargeting);
  }
  auto client = *Client::Create(options);
  EXPECT_EQ(client->Peek("one_tap", user_).variant(), "on") << "from disk, inside Create";
  polled(client.get());
  EXPECT_EQ(lists_sent, 2) << "never again";
}

}  // namespace
}  // namespace upswing
