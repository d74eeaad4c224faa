#include "server/http/http_server.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>

#include "tests/support/raw_connection.hpp"

namespace upswing::http {
namespace {

using Connection = upswing::testing::RawConnection;

std::unique_ptr<HttpServer> Echo(ServerOptions options = {}) {
  options.port = 0;
  auto server = HttpServer::Start(options, [](Request request, Respond respond) {
    respond({.content_type = "text/plain",
             .body = request.method + " " + request.path + " " + std::string(request.Query("q")) +
                     " " + std::string(request.Header("x-name")) + " " + request.body});
  });
  EXPECT_TRUE(server.ok()) << server.status();
  return std::move(*server);
}

TEST(HttpServer, HandsTheDecodedRequestToTheHandlerAndKeepsTheConnection) {
  const auto server = Echo();
  Connection connection(server->Port());
  connection.Send(
      "POST /a%20b?q=1%2B1 HTTP/1.1\r\nHost: x\r\nX-Name: v\r\nContent-Length: 4\r\n\r\nbody"
      "GET /second HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  const std::string answer = connection.ReadToEnd();
  EXPECT_NE(answer.find("POST /a b 1+1 v body"), std::string::npos) << answer;
  EXPECT_NE(answer.find("GET /second"), std::string::npos) << answer;
}

// A server whose handler hands its requests over and answers when it is told to.
class Waiting {
 public:
  Waiting() {
    auto server = HttpServer::Start({.port = 0}, [this](Request request, Respond respond) {
      const std::lock_guard lock(mutex_);
      request_ = std::move(request);
      respond_ = std::move(respond);
      came_.notify_all();
    });
    EXPECT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }
  ~Waiting() {
    if (respond_) respond_({});
    // They hold the connection, which must not outlive the server.
    respond_ = nullptr;
    request_ = {};
  }
  std::uint16_t port() const { return server_->Port(); }
  const Request& Next() {
    std::unique_lock lock(mutex_);
    came_.wait(lock, [this] { return respond_ != nullptr; });
    return request_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable came_;
  Request request_;
  Respond respond_;
  std::unique_ptr<HttpServer> server_;
};

TEST(HttpServer, TellsAHandlerThatThePeerHasLeft) {
  // What else has been sent does not hide it.
  for (const char* more : {"", "GET /next HTTP/1.1\r\nHost: x\r\n\r\n"}) {
    Waiting server;
    auto connection = std::make_unique<Connection>(server.port());
    connection->Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    const Request& request = server.Next();
    connection->Send(more);
    EXPECT_FALSE(request.peer_left());
    connection.reset();
    while (!request.peer_left()) std::this_thread::yield();
  }
}

TEST(HttpServer, RefusesABodyOverTheLimitWith413AndTakesOneAtTheLimit) {
  const auto server = Echo({.body_bytes = 10});
  Connection at(server->Port());
  at.Send(
      "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 10\r\n\r\n0123456789");
  EXPECT_NE(at.ReadToEnd().find("HTTP/1.1 200"), std::string::npos);
  Connection over(server->Port());
  over.Send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n");
  const std::string answer = over.ReadToEnd();
  EXPECT_NE(answer.find("HTTP/1.1 413"), std::string::npos) << answer;
  EXPECT_NE(answer.find("at most 10 bytes"), std::string::npos) << answer;
}

TEST(HttpServer, RefusesHeadersOverTheLimitWith431) {
  const auto server = Echo({.header_bytes = 200});
  Connection connection(server->Port());
  connection.Send("GET / HTTP/1.1\r\nX-Long: " + std::string(300, 'a') + "\r\n\r\n");
  EXPECT_NE(connection.ReadToEnd().find("HTTP/1.1 431"), std::string::npos);
}

TEST(HttpServer, AnswersNonsenseWith400AndCloses) {
  const auto server = Echo();
  for (const char* nonsense :
       {"nonsense\r\n\r\n", "GET relative HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "GET /%zz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n"}) {
    Connection connection(server->Port());
    connection.Send(nonsense);
    EXPECT_NE(connection.ReadToEnd().find("HTTP/1.1 400"), std::string::npos) << nonsense;
  }
}

TEST(HttpServer, ClosesTheConnectionAfterTheLimitIsReachedIfTheOthersAreBusy) {
  std::atomic<bool> inside = false;
  Respond held;
  auto server = HttpServer::Start({.port = 0, .connections = 1}, [&](Request, Respond respond) {
    held = std::move(respond);
    inside = true;
  });
  ASSERT_TRUE(server.ok());
  Connection first((*server)->Port());
  first.Send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
  while (!inside) std::this_thread::yield();
  Connection second((*server)->Port());
  EXPECT_EQ(second.ReadToEnd(), "");
  std::exchange(held, nullptr)({.body = "served"});
  EXPECT_NE(first.ReadToEnd().find("served"), std::string::npos);
}

TEST(HttpServer, ClosesTheConnectionThatIsIdleLongestForOneMore) {
  const auto server = Echo({.connections = 2});
  const std::string request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  Connection first(server->Port()), second(server->Port());
  EXPECT_TRUE(first.Send(request));
  EXPECT_NE(first.ReadAnswer(), "");
  EXPECT_TRUE(second.Send(request));
  EXPECT_NE(second.ReadAnswer(), "");
  EXPECT_TRUE(first.Send(request));
  EXPECT_NE(first.ReadAnswer(), "");
  Connection third(server->Port());
  EXPECT_TRUE(third.Send(request));
  EXPECT_NE(third.ReadAnswer(), "");
  EXPECT_EQ(second.ReadToEnd(), "");
  EXPECT_TRUE(first.Send(request));
  EXPECT_NE(first.ReadAnswer(), "");
}

TEST(HttpServer, AnswersARequestUnderWayBeforeItStops) {
  std::atomic<bool> inside = false;
  Respond held;
  auto server = HttpServer::Start({.port = 0}, [&](Request, Respond respond) {
    held = std::move(respond);
    inside = true;
  });
  ASSERT_TRUE(server.ok());
  Connection connection((*server)->Port());
  connection.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  while (!inside) std::this_thread::yield();
  std::thread stopper([&] { (*server)->Stop(std::chrono::minutes(1)); });
  std::exchange(held, nullptr)({.body = "late"});
  EXPECT_NE(connection.ReadToEnd().find("late"), std::string::npos);
  stopper.join();
}

TEST(HttpServer, NamesTheAddressItCannotBind) {
  const auto server = Echo();
  const auto second = HttpServer::Start({.port = server->Port()}, [](Request, Respond) {});
  ASSERT_EQ(second.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_NE(second.status().message().find("127.0.0.1:"), absl::string_view::npos);
}

}  // namespace
}  // namespace upswing::http
