#include "upswing/client.hpp"

#include <filesystem>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/fake_platform.hpp"
#include "tests/support/fake_server.hpp"

namespace upswing {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::Contains;
using ::testing::HasSubstr;

class ClientTest : public ::testing::Test {
 protected:
  void SetUp() override {
    directory_ = ::testing::TempDir() + "/upswing_client_" +
                 ::testing::UnitTest::GetInstance()->current_test_info()->name();
    std::filesystem::remove_all(directory_);
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::shared_ptr<Transport> ToServer() {
    return std::make_shared<testing::ScriptedTransport>(
        [this](const testing::ScriptedTransport::Sent& sent) -> absl::StatusOr<HttpResponse> {
          if (down_) return absl::UnavailableError("no network");
          if (sent.method == "GET") return HttpResponse{404, {}, ""};
          return server_.Post(sent.Header("Upswing-Batch"), sent.body);
        });
  }

  ClientOptions Options() {
    ClientOptions options;
    options.server_url = "http://test";
    options.storage_directory = directory_;
    options.transport = ToServer();
    return options;
  }

  std::string directory_;
  testing::FakeServer server_;
  std::atomic<bool> down_{false};
};

TEST_F(ClientTest, DeliversWhatWasTracked) {
  auto client = Client::Create(Options());
  ASSERT_TRUE(client.ok()) << client.status();
  const Subject user("user", "u-42");
  for (int i = 0; i < 1234; ++i) (*client)->Track(user, "purchase", i, {{"category", "beauty"}});
  const FlushResult result = (*client)->Flush(seconds(60));
  EXPECT_EQ(result.kept, 0u);
  EXPECT_EQ(result.dropped, 0u);
  EXPECT_EQ(server_.records(), 1234u);
  EXPECT_THAT(server_.Lines(), Contains("event user=u-42 purchase 129.000000"));
  EXPECT_EQ((*client)->Stats().acknowledged, 1234u);
}

TEST_F(ClientTest, KeepsOnDiskWhatItCouldNotSendAndTheNextProcessSendsIt) {
  down_ = true;
  {
    auto client = Client::Create(Options());
    ASSERT_TRUE(client.ok());
    (*client)->Track(Subject("user", "u-1"), "purchase", 5);
    const FlushResult result = (*client)->Close(milliseconds(0));
    EXPECT_EQ(result.kept, 1u);
  }
  EXPECT_EQ(server_.records(), 0u);
  down_ = false;
  auto client = Client::Create(Options());
  ASSERT_TRUE(client.ok());
  EXPECT_EQ((*client)->Flush(seconds(60)).kept, 0u);
  EXPECT_EQ(server_.records(), 1u);
}

TEST_F(ClientTest, HalvesABatchThatTheServerFindsTooLarge) {
  server_.SetLargestBatch(7);
  auto client = Client::Create(Options());
  ASSERT_TRUE(client.ok());
  for (int i = 0; i < 100; ++i) (*client)->Track(Subject("user", "u-1"), "purchase", i);
  EXPECT_EQ((*client)->Flush(seconds(60)).kept, 0u);
  EXPECT_EQ(server_.records(), 100u);
}

TEST_F(ClientTest, NamesTheOptionThatIsWrong) {
  ClientOptions options = Options();
  options.delivery.batch_records = 0;
  EXPECT_THAT(std::string(Client::Create(options).status().message()),
              HasSubstr("delivery.batch_records must be in [1, 10000] records, is 0"));
}

TEST_F(ClientTest, GivesTheCallersDefaultWithoutACatalog) {
  auto client = Client::Create(Options());
  ASSERT_TRUE(client.ok());
  const Subject user("user", "u-42");
  EXPECT_TRUE((*client)->Bool("checkout.one_tap", user, true));
  EXPECT_EQ((*client)->String("title", user, "fallback"), "fallback");
  EXPECT_EQ((*client)->Decide("one_tap", user).reason, Reason::kNoCatalog);
}

}  // namespace
}  // namespace upswing
