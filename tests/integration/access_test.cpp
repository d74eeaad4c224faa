#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include <nlohmann/json.hpp>

#include "sdk/transport/curl_transport.hpp"
#include "tests/support/paths.hpp"
#include "tests/support/process.hpp"

// Who may call a real `upswing serve`.
namespace upswing {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

class Access : public ::testing::Test {
 protected:
  std::string data() const { return folder_ / "data"; }

  std::string Make(const std::string& name, const std::string& scopes,
                   std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {testing::Upswing(), "keys", "create", name,
                                          "--scope",          scopes, "--data", data()};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const testing::Finished made = testing::RunProgram(arguments);
    EXPECT_EQ(made.status, 0) << made.err;
    return made.out.substr(0, made.out.find('\n'));
  }

  HttpResponse Call(const testing::Server& server, const std::string& method,
                    const std::string& path, const std::string& key, std::string_view body = "") {
    HttpRequest request{.method = method, .url = server.url() + path, .body = body};
    if (!key.empty()) request.headers.emplace_back("Authorization", "Bearer " + key);
    const auto response = transport_->Send(request);
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() ? *response : HttpResponse();
  }

  testing::TemporaryFolder folder_;
  std::unique_ptr<Transport> transport_ = transport::MakeCurlTransport({});
};

TEST_F(Access, AServerWithoutKeysRefusesToStart) {
  const testing::Finished serve = testing::RunProgram(
      {testing::Upswing(), "serve", "--data", data(), "--listen", "127.0.0.1:0"});
  EXPECT_EQ(serve.status, 1);
  EXPECT_THAT(serve.err, HasSubstr("upswing keys create"));
}

TEST_F(Access, WithoutAuthenticationOnlyLoopbackIsServed) {
  const testing::Finished serve =
      testing::RunProgram({testing::Upswing(), "serve", "--data", data(), "--listen", "0.0.0.0:0",
                           "--insecure-no-auth"});
  EXPECT_EQ(serve.status, 2);
  EXPECT_THAT(serve.err, HasSubstr("--listen"));
}

TEST_F(Access, EachScopeOpensItsRoutesAndNoOthers) {
  const std::string client = Make("app", "client");
  const std::string read = Make("analyst", "read");
  const std::string evaluate = Make("web", "evaluate");
  const std::string admin = Make("boss", "admin");
  testing::Server server(data(), {}, testing::Server::Auth::kKeys);
  const struct {
    const char* method;
    const char* path;
    bool client, read, evaluate;
  } kRoutes[] = {{"GET", "/v1/whoami", true, true, true},
                 {"GET", "/v1/catalog", true, true, true},
                 {"POST", "/v1/batches", true, false, false},
                 {"GET", "/v1/experiments", false, true, false},
                 {"PUT", "/v1/catalog", false, false, false},
                 {"GET", "/v1/audit", false, false, false},
                 {"POST", "/v1/units/erase", false, false, false}};
  for (const auto& route : kRoutes) {
    const auto allowed = [&](const std::string& key) {
      const int status = Call(server, route.method, route.path, key, "x").status;
      EXPECT_NE(status, 401) << route.path;
      return status != 403;
    };
    EXPECT_EQ(allowed(client), route.client) << route.path;
    EXPECT_EQ(allowed(read), route.read) << route.path;
    EXPECT_EQ(allowed(evaluate), route.evaluate) << route.path;
    EXPECT_TRUE(allowed(admin)) << route.path;
    EXPECT_EQ(Call(server, route.method, route.path, "", "x").status, 401) << route.path;
  }
  EXPECT_EQ(Call(server, "GET", "/healthz", "").status, 200);
}

TEST_F(Access, RevokedAndForeignKeysAreRefusedWithTheReason) {
  const std::string admin = Make("boss", "admin");
  const std::string app = Make("app", "client");
  const std::string foreign = [] {
    const testing::TemporaryFolder other;
    return testing::RunProgram({testing::Upswing(), "keys", "create", "boss", "--scope", "admin",
                                "--data", other / "data"})
        .out;
  }();
  testing::Server server(data(), {}, testing::Server::Auth::kKeys);
  EXPECT_EQ(Call(server, "GET", "/v1/whoami", foreign.substr(0, foreign.size() - 1)).status, 401);
  EXPECT_EQ(Call(server, "GET", "/v1/whoami", app).status, 200);
  ASSERT_EQ(
      testing::RunProgram({testing::Upswing(), "keys", "revoke", "app", "--data", data()}).status,
      0);
  // The server follows, and says in the audit log who did it.
  const auto soon = [&](auto happened) {
    for (int i = 0; i < 3000 && !happened(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    return happened();
  };
  EXPECT_TRUE(soon([&] { return Call(server, "GET", "/v1/whoami", app).status == 401; }));
  EXPECT_THAT(Call(server, "GET", "/v1/whoami", app).body, HasSubstr("revoked"));
  EXPECT_TRUE(soon([&] {
    return Call(server, "GET", "/v1/audit", admin).body.find("key.revoke") != std::string::npos;
  }));
}

// Without a second try: whoever makes a key and uses it at once must not be told that it is wrong.
TEST_F(Access, AKeyMadeBesideTheRunningServerWorksAtOnce) {
  Make("boss", "admin");
  testing::Server server(data(), {}, testing::Server::Auth::kKeys);
  const std::string never = "upsk_0000000000000000_" + std::string(64, '0');
  for (int i = 0; i < 5; ++i) {
    const std::string key = Make("app" + std::to_string(i), "client");
    EXPECT_EQ(Call(server, "GET", "/v1/whoami", key).status, 200) << i;
    EXPECT_EQ(Call(server, "GET", "/v1/whoami", never).status, 401);
  }
  // A secret that replaces another, too; the former ends when it should.
  const testing::Finished rotated =
      testing::RunProgram({testing::Upswing(), "keys", "rotate", "app0", "--data", data()});
  ASSERT_EQ(rotated.status, 0) << rotated.err;
  EXPECT_EQ(Call(server, "GET", "/v1/whoami", rotated.out.substr(0, rotated.out.find('\n'))).status,
            200);
}

// The server of a service runs as a user of its own, and keys are made by whoever administers.
TEST_F(Access, KeysThatRootMakesBelongToTheOwnerOfTheFolder) {
  if (geteuid() != 0) GTEST_SKIP() << "needs to be root";
  constexpr uid_t kNobody = 65534;
  fs::create_directory(data());
  ASSERT_EQ(chown(data().c_str(), kNobody, kNobody), 0);
  const std::string out = folder_ / "boss.key";
  Make("boss", "admin", {"--out", out});
  for (const auto& [file, owner] :
       {std::pair<std::string, uid_t>{data() + "/keys.json", kNobody}, {out, 0}}) {
    struct stat info {};
    ASSERT_EQ(stat(file.c_str(), &info), 0) << file;
    EXPECT_EQ(info.st_uid, owner) << file;
    EXPECT_EQ(info.st_mode & 0777, 0600u) << file;
  }
}

TEST_F(Access, AnExpiredKeyIsRefusedWithTheReason) {
  Make("boss", "admin");
  const std::string app = Make("app", "client", {"--expires-days", "30"});
  // A month goes by.
  const std::string path = folder_ / "data/keys.json";
  auto keys = nlohmann::json::parse(std::ifstream(path));
  for (auto& key : keys["keys"]) {
    if (key["name"] == "app") key["expires_ms"] = 1;
  }
  std::ofstream(path) << keys;
  testing::Server server(data(), {}, testing::Server::Auth::kKeys);
  const HttpResponse refused = Call(server, "GET", "/v1/whoami", app);
  EXPECT_EQ(refused.status, 401);
  EXPECT_THAT(refused.body, HasSubstr("app has expired"));
}

TEST_F(Access, AKeyThatHasSpentItsDayIsToldWhenToComeAgain) {
  Make("boss", "admin");
  const std::string app = Make("app", "client", {"--requests-per-day", "2"});
  for (const int left : {2, 0}) {
    // The count goes on after a restart.
    testing::Server server(data(), {}, testing::Server::Auth::kKeys);
    for (int i = 0; i < left; ++i) EXPECT_EQ(Call(server, "GET", "/v1/whoami", app).status, 200);
    const HttpResponse refused = Call(server, "GET", "/v1/whoami", app);
    EXPECT_EQ(refused.status, 429);
    EXPECT_THAT(refused.body, HasSubstr("2 requests a day"));
    const int wait = std::stoi("0" + std::string(refused.Header("Retry-After")));
    EXPECT_GT(wait, 0);
    EXPECT_LE(wait, 24 * 60 * 60);
    server.process().Signal(SIGTERM);
    EXPECT_EQ(server.process().Wait(), 0);
  }
}

TEST_F(Access, ARefusedBatchNamesTheBatchSoThatTheSdkBelievesIt) {
  Make("boss", "admin");
  testing::Server server(data(), {}, testing::Server::Auth::kKeys);
  HttpRequest request{.method = "POST", .url = server.url() + "/v1/batches", .body = "x"};
  request.headers.emplace_back("Upswing-Batch", "00000000000000000000000000000001-1");
  const auto response = transport_->Send(request);
  ASSERT_TRUE(response.ok());
  EXPECT_EQ(response->status, 401);
  EXPECT_EQ(response->Header("Upswing-Batch"), "00000000000000000000000000000001-1");
  EXPECT_EQ(response->Header("Content-Type"), "application/problem+json");
  EXPECT_NE(response->Header("X-Request-Id"), "");
}

TEST_F(Access, AWebPageReachesNoServerWithoutKeys) {
  testing::Server server(data());
  const auto with = [&](const char* name, const char* value) {
    HttpRequest request{.method = "GET", .url = server.url() + "/v1/project"};
    request.headers.emplace_back(name, value);
    const auto response = transport_->Send(request);
    EXPECT_TRUE(response.ok());
    return response.ok() ? response->status : 0;
  };
  EXPECT_EQ(with("Host", "attacker.example:80"), 403);
  EXPECT_EQ(with("Origin", "http://attacker.example"), 403);
  EXPECT_EQ(with("Host", "localhost:80"), 200);
}

}  // namespace
}  // namespace upswing
