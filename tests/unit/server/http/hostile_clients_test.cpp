// Clients that mean harm, each against the bound that stops it. Every test ends with another client
// that is served.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "server/http/http_server.hpp"
#include "tests/support/process.hpp"
#include "tests/support/raw_connection.hpp"
#include "tests/support/tls_front.hpp"

namespace upswing::http {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;
using upswing::testing::RawConnection;

// The limit of those who are cut off holds for the one that must be served, too.
constexpr milliseconds kPatience{2000};

class HostileClients : public ::testing::Test {
 protected:
  void Serve(
      ServerOptions options, Handler handler = [](Request request, Respond respond) {
        respond({.content_type = "text/plain", .body = "served " + request.path});
      }) {
    options.port = 0;
    auto server = HttpServer::Start(options, std::move(handler));
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  std::string Answer(const std::string& request) {
    RawConnection connection(server_->Port());
    connection.Send(request);
    return connection.ReadToEnd();
  }

  void TearDown() override {
    EXPECT_THAT(Answer("GET /other HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
                HasSubstr("served /other"));
  }

  std::unique_ptr<HttpServer> server_;
};

TEST_F(HostileClients, AHeaderThatNeverEndsIsCutOff) {
  Serve({.header_timeout = kPatience});
  RawConnection slow(server_->Port());
  slow.Send("GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ");
  EXPECT_EQ(slow.ReadToEnd(), "");
}

TEST_F(HostileClients, DrippingBytesDoesNotProlongTheTime) {
  Serve({.header_timeout = kPatience});
  RawConnection slow(server_->Port());
  slow.Send("GET / HTTP/1.1\r\nHost: x\r\n");
  // Every byte comes long before the limit, all of them together after it.
  int sent = 0;
  while (sent < 1'000'000 && slow.Send("X")) {
    ++sent;
    usleep(1000);
  }
  EXPECT_LT(sent, 1'000'000);
}

TEST_F(HostileClients, ABodyThatNeverComesIsCutOff) {
  Serve({.request_timeout = kPatience});
  RawConnection slow(server_->Port());
  slow.Send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n0123");
  EXPECT_EQ(slow.ReadToEnd(), "");
}

TEST_F(HostileClients, ManySlowClientsKeepNobodyFromBeingServed) {
  Serve({.header_timeout = std::chrono::seconds(60), .request_timeout = std::chrono::seconds(60)});
  std::vector<std::unique_ptr<RawConnection>> slow;
  for (int i = 0; i < 300; ++i) {
    slow.push_back(std::make_unique<RawConnection>(server_->Port()));
    slow.back()->Send(i % 2 == 0 ? "GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "
                                 : "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n0123");
  }
  EXPECT_THAT(Answer("GET /other HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
              HasSubstr("served /other"));
  EXPECT_GE(server_->Connections(), 300u);
}

TEST_F(HostileClients, AnAnswerThatIsNotTakenIsGivenUp) {
  // Far more than the buffers of a connection hold.
  const std::string large(std::size_t{64} << 20, 'x');
  Serve({.request_timeout = kPatience}, [&](Request request, Respond respond) {
    respond({.content_type = "text/plain",
             .body = request.path == "/large" ? large : "served " + request.path});
  });
  RawConnection greedy(server_->Port());
  greedy.Send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(Answer("GET /other HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
              HasSubstr("served /other"));
  while (server_->Connections() > 0) usleep(1000);
  EXPECT_LT(greedy.ReadToEnd().size(), large.size());
}

TEST_F(HostileClients, ConnectionsThatSayNothingAreClosed) {
  Serve({.header_timeout = kPatience});
  RawConnection silent(server_->Port());
  EXPECT_EQ(silent.ReadToEnd(), "");
}

TEST_F(HostileClients, WhoHoldsManyConnectionsKeepsNobodyOut) {
  Serve({.connections = 8, .header_timeout = std::chrono::seconds(60)});
  std::vector<std::unique_ptr<RawConnection>> open;
  for (int i = 0; i < 100; ++i) {
    open.push_back(std::make_unique<RawConnection>(server_->Port()));
    if (i % 2 == 0) open.back()->Send("GET / HTTP/1.1\r\nX-Slow: ");
    if (i % 10 != 9) continue;
    EXPECT_THAT(Answer("GET /other HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
                HasSubstr("served /other"));
  }
  // Those that gave way are closed; no more than the limit are open for long.
  while (server_->Connections() > 8) usleep(1000);
  EXPECT_EQ(open[0]->ReadToEnd(), "");
}

TEST_F(HostileClients, WhoSendsBodiesSlowlyKeepsNobodyOut) {
  Serve({.connections = 8, .request_timeout = std::chrono::seconds(60)});
  std::vector<std::unique_ptr<RawConnection>> slow;
  for (int i = 0; i < 32; ++i) {
    slow.push_back(std::make_unique<RawConnection>(server_->Port()));
    slow.back()->Send(
        "POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 10\r\n\r\n0123");
    // The server has the head and waits for the body.
    EXPECT_THAT(slow.back()->ReadSome(), HasSubstr("HTTP/1.1 100"));
    EXPECT_THAT(Answer("GET /other HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
                HasSubstr("served /other"));
  }
  EXPECT_EQ(slow[0]->ReadToEnd(), "");
  // The last of them still may send theirs.
  slow.back()->Send("456789");
  EXPECT_THAT(slow.back()->ReadSome(), HasSubstr("served /"));
}

TEST_F(HostileClients, WhoTakesAnswersSlowlyKeepsNobodyOut) {
  const std::string large(std::size_t{64} << 20, 'x');
  std::atomic<int> begun = 0;
  Serve({.connections = 4, .request_timeout = std::chrono::seconds(60)}, [&](Request request,
                                                                             Respond respond) {
    const bool greedy = request.path == "/large";
    respond({.content_type = "text/plain", .body = greedy ? large : "served " + request.path});
    if (greedy) ++begun;
  });
  std::vector<std::unique_ptr<RawConnection>> slow;
  for (int i = 0; i < 6; ++i) {
    slow.push_back(std::make_unique<RawConnection>(server_->Port()));
    slow.back()->Send("GET /large HTTP/1.1\r\nHost: x\r\n\r\n");
    while (begun <= i) usleep(100);
    EXPECT_THAT(Answer("GET /other HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
                HasSubstr("served /other"));
  }
  EXPECT_LT(slow[0]->ReadToEnd().size(), large.size());
}

TEST_F(HostileClients, HeadersWithoutEndAreRefused) {
  Serve({.header_bytes = 1000});
  EXPECT_THAT(Answer("GET / HTTP/1.1\r\nHost: x\r\nX: " + std::string(2000, 'a')),
              HasSubstr("HTTP/1.1 431"));
  std::string many = "GET / HTTP/1.1\r\nHost: x\r\n";
  for (int i = 0; i < 500; ++i) many += "A: b\r\n";
  EXPECT_THAT(Answer(many + "\r\n"), HasSubstr("HTTP/1.1 431"));
  EXPECT_THAT(Answer("GET /" + std::string(2000, 'a') + " HTTP/1.1\r\n"),
              HasSubstr("HTTP/1.1 431"));
}

TEST_F(HostileClients, ABodyInChunksMayNotExceedTheLimitEither) {
  Serve({.body_bytes = 100});
  std::string chunks = "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n";
  for (int i = 0; i < 20; ++i) chunks += "a\r\n0123456789\r\n";
  EXPECT_THAT(Answer(chunks), HasSubstr("HTTP/1.1 413"));
}

TEST_F(HostileClients, WhatTwoServersCouldReadDifferentlyIsRefused) {
  Serve({});
  for (const std::string headers :
       {"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 4\r\n",
        "Content-Length: 4\r\nContent-Length: 5\r\n", "Content-Length: 4, 4\r\n",
        "Content-Length: +4\r\n", "Content-Length: -1\r\n", "Content-Length: 0x4\r\n",
        "Content-Length: 18446744073709551620\r\n", "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: xchunked\r\n", "Content-Length : 4\r\n", "Host: y\r\n"}) {
    // If the body were taken for empty, what follows would be answered as a request of its own.
    const std::string answer = Answer("POST /first HTTP/1.1\r\nHost: x\r\n" + headers +
                                      "\r\nGET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_THAT(answer, HasSubstr("HTTP/1.1 400")) << headers;
    EXPECT_EQ(answer.find("served"), std::string::npos) << headers << answer;
  }
  EXPECT_THAT(Answer("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"),
              HasSubstr("HTTP/1.1 400"));
}

TEST_F(HostileClients, ACompressedBodyIsRefusedBeforeItCouldGrow) {
  Serve({});
  EXPECT_THAT(Answer("POST / HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\nContent-Length: "
                     "5\r\nConnection: close\r\n\r\n01234"),
              HasSubstr("HTTP/1.1 415"));
}

TEST_F(HostileClients, BrokenTargetsAreRefused) {
  Serve({});
  for (const std::string target : {"/%", "/%4", "/%zz", "/%00", "*", "http://x/", "x"}) {
    EXPECT_THAT(Answer("GET " + target + " HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
                HasSubstr("HTTP/1.1 400"))
        << target;
  }
}

TEST_F(HostileClients, ClientsThatGoAwayInTheMiddleLeaveNothingBehind) {
  Serve({});
  for (int i = 0; i < 200; ++i) {
    RawConnection brief(server_->Port());
    brief.Send(std::string("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\n1234")
                   .substr(0, static_cast<std::size_t>(i) % 57));
  }
  while (server_->Connections() > 0) usleep(1000);
}

// That others are served meanwhile: tests/integration/tls_test.cpp.
TEST(HostileTlsClients, AHandshakeThatNeverEndsIsCutOff) {
  const upswing::testing::TemporaryFolder folder;
  const upswing::testing::Certificate own(folder.path().string(), "localhost");
  auto server = HttpServer::Start({.port = 0,
                                   .header_timeout = milliseconds(100),
                                   .tls = {own.certificate_path, own.key_path, ""}},
                                  [](Request, Respond respond) { respond({.body = "served"}); });
  ASSERT_TRUE(server.ok()) << server.status();
  RawConnection silent((*server)->Port()), half((*server)->Port()), plain((*server)->Port());
  half.Send(std::string("\x16\x03\x01\x02\x00\x01", 6));  // As a ClientHello of 512 bytes begins.
  plain.Send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(silent.ReadToEnd(), "");
  EXPECT_EQ(half.ReadToEnd(), "");
  EXPECT_EQ(plain.ReadToEnd().find("served"), std::string::npos);
  while ((*server)->Connections() > 0) usleep(1000);
}

}  // namespace
}  // namespace upswing::http
