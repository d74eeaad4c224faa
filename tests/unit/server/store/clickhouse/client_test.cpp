#include "server/store/clickhouse/client.hpp"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"

namespace upswing::store {
namespace {

using ::testing::HasSubstr;

constexpr char kOk[] = "HTTP/1.1 200 OK\r\nConnection: close\r\n";

// Gives prepared answers to one request each and keeps the requests' heads and bodies.
class Scripted {
 public:
  explicit Scripted(std::vector<std::string> answers) : answers_(std::move(answers)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof at;
    bind(listener_, reinterpret_cast<sockaddr*>(&at), size);
    listen(listener_, 8);
    getsockname(listener_, reinterpret_cast<sockaddr*>(&at), &size);
    port_ = ntohs(at.sin_port);
    thread_ = std::thread([this] { Run(); });
  }
  ~Scripted() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }
  ClickHouseAddress address() const {
    return *ParseClickHouseAddress(absl::StrCat("clickhouse://127.0.0.1:", port_));
  }
  std::vector<std::string> requests() {
    const std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void Run() {
    for (const std::string& answer : answers_) {
      const int peer = accept(listener_, nullptr, nullptr);
      if (peer < 0) return;
      std::string request;
      char buffer[4096];
      for (ssize_t n; !IsWhole(request) && (n = recv(peer, buffer, sizeof buffer, 0)) > 0;)
        request.append(buffer, static_cast<std::size_t>(n));
      {
        const std::lock_guard lock(mutex_);
        requests_.push_back(request);
      }
      // An answer of nothing: the connection stays open until the client leaves.
      if (answer.empty()) {
        while (recv(peer, buffer, sizeof buffer, 0) > 0) {
        }
      } else {
        send(peer, answer.data(), answer.size(), MSG_NOSIGNAL);
      }
      close(peer);
    }
  }
  static bool IsWhole(const std::string& request) {
    const std::size_t end = request.find("\r\n\r\n");
    const std::size_t length = request.find("Content-Length: ");
    return end != request.npos && length != request.npos &&
           request.size() >= end + 4 + std::stoul(request.substr(length + 16));
  }

  const std::vector<std::string> answers_;
  const int listener_ = socket(AF_INET, SOCK_STREAM, 0);
  int port_ = 0;
  std::mutex mutex_;
  std::vector<std::string> requests_;  // guarded by mutex_
  std::thread thread_;
};

std::string Answer(const std::string& body) {
  return absl::StrCat(kOk, "Content-Length: ", body.size(), "\r\n\r\n", body);
}

TEST(ClickHouseClient, TellsTheProgressThatTheServerTells) {
  Scripted server(
      {Answer("24.3.1.1\n"),
       absl::StrCat(kOk,
                    "X-ClickHouse-Progress: {\"read_rows\":\"10\",\"read_bytes\":\"80\","
                    "\"total_rows_to_read\":\"30\"}\r\n"
                    "x-clickhouse-progress: {\"read_rows\":\"30\", \"read_bytes\": "
                    "\"240\"}\r\nContent-Length: 3\r\n\r\n42\n")});
  const auto client = ClickHouseClient::Connect(server.address());
  ASSERT_TRUE(client.ok()) << client.status();
  EXPECT_EQ((*client)->version(), 24003);
  std::vector<std::pair<std::uint64_t, std::uint64_t>> seen;
  (*client)->OnProgress(
      [&](const QueryProgress& so_far) { seen.emplace_back(so_far.rows, so_far.bytes); });
  EXPECT_EQ(*(*client)->Read("SELECT 42"), "42\n");
  EXPECT_THAT(seen, ::testing::ElementsAre(std::pair(10, 80), std::pair(30, 240)));
  EXPECT_THAT(server.requests().back(), HasSubstr("send_progress_in_http_headers=1"));
}

TEST(ClickHouseClient, ACancelledQueryEndsOnTheServerToo) {
  Scripted server({Answer("18.16.1\n"), "", Answer("")});
  const auto client = ClickHouseClient::Connect(server.address());
  ASSERT_TRUE(client.ok()) << client.status();
  // Once the query is there.
  const auto cancelled = [&] { return server.requests().size() >= 2; };
  EXPECT_EQ((*client)->Read("SELECT 1", {}, cancelled).status().code(),
            absl::StatusCode::kCancelled);
  const std::vector<std::string> requests = server.requests();
  ASSERT_EQ(requests.size(), 3u);
  const std::size_t at = requests[1].find("query_id=");
  ASSERT_NE(at, std::string::npos);
  const std::string id = requests[1].substr(at + 9, requests[1].find_first_of("& ", at) - at - 9);
  EXPECT_THAT(requests[2], HasSubstr(absl::StrCat("KILL QUERY WHERE query_id = '", id, "'")));
}

TEST(ClickHouseClient, NamesTheServersOfAShardThatIsAway) {
  const std::string words =
      "Code: 279, e.displayText() = DB::NetException: All connection tries failed. Log: \n\nCode: "
      "210, e.displayText() = DB::NetException: Connection refused (ch4:9000)\nCode: 210, "
      "Connection refused (ch3:9000), (NETWORK_ERROR)\nConnection refused (ch4:9000)\n";
  const std::string error = absl::StrCat(
      "HTTP/1.1 500 Internal Server Error\r\nConnection: close\r\nContent-Length: ", words.size(),
      "\r\n\r\n", words);
  Scripted server({Answer("18.16.1\n"), error});
  const auto client = ClickHouseClient::Connect(server.address());
  ASSERT_TRUE(client.ok()) << client.status();
  const absl::Status status = (*client)->Execute("INSERT");
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()),
              HasSubstr("no replica of a shard answers: ch3:9000, ch4:9000"));
}

}  // namespace
}  // namespace upswing::store
