// Over real sockets and real TLS.
#include "sdk/transport/curl_transport.hpp"

#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <string>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/support/fault_proxy.hpp"
#include "tests/support/process.hpp"
#include "tests/support/tls_front.hpp"

namespace upswing::transport {
namespace {

using testing::Fault;
using testing::FaultProxy;
using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string Answer(const FaultProxy::Request& request) {
  const std::string body = "got " + std::to_string(request.body.size());
  return "HTTP/1.1 200 OK\r\nX-Mark: one \r\nContent-Length: " + std::to_string(body.size()) +
         "\r\n\r\n" + body;
}
Fault NoFault(const FaultProxy::Request&) { return Fault::kNone; }

HttpRequest Get(const std::string& url) {
  HttpRequest request;
  request.method = "GET";
  request.url = url;
  request.timeout = std::chrono::seconds(10);
  return request;
}

TEST(CurlTransport, SendsAndReceivesAndKeepsTheConnection) {
  FaultProxy server(Answer, NoFault);
  const auto transport = MakeCurlTransport({.user_agent = "upswing-test"});
  HttpRequest post = Get(server.url() + "/v1/batches");
  post.method = "POST";
  post.body = "12345";
  post.headers = {{"Upswing-Batch", "x"}};
  for (int i = 0; i < 3; ++i) {
    const auto response = transport->Send(post);
    ASSERT_TRUE(response.ok()) << response.status();
    EXPECT_EQ(response->status, 200);
    EXPECT_EQ(response->body, "got 5");
    EXPECT_EQ(response->Header("x-mark"), "one") << "any case, trimmed";
  }
  EXPECT_EQ(transport->Send(Get(server.url() + "/"))->body, "got 0") << "no body left over";
  EXPECT_EQ(server.connections(), 1);
  EXPECT_THAT(server.captured(), HasSubstr("User-Agent: upswing-test"));
}

TEST(CurlTransport, FollowsNoRedirect) {
  FaultProxy server(Answer, [](const FaultProxy::Request&) { return Fault::kCaptivePortal302; });
  EXPECT_EQ(MakeCurlTransport({})->Send(Get(server.url()))->status, 302);
}

TEST(CurlTransport, ARefusedConnectionIsUnavailableAndALateAnswerIsDeadlineExceeded) {
  const auto transport = MakeCurlTransport({});
  EXPECT_EQ(transport->Send(Get("http://127.0.0.1:1/")).status().code(),
            absl::StatusCode::kUnavailable);
  std::atomic<bool> done{false};
  FaultProxy silent(
      [&](const FaultProxy::Request&) {
        while (!done) usleep(1000);
        return std::string();
      },
      NoFault);
  HttpRequest request = Get(silent.url());
  request.timeout = std::chrono::milliseconds(100);
  EXPECT_EQ(transport->Send(request).status().code(), absl::StatusCode::kDeadlineExceeded);
  done = true;
}

TEST(CurlTransport, CancelEndsARunningRequest) {
  std::atomic<bool> reached{false};
  std::atomic<bool> done{false};
  FaultProxy silent(
      [&](const FaultProxy::Request&) {
        reached = true;
        while (!done) usleep(1000);
        return std::string();
      },
      NoFault);
  const auto transport = MakeCurlTransport({});
  std::thread other([&] {
    while (!reached) usleep(1000);
    transport->Cancel();
  });
  HttpRequest request = Get(silent.url());
  request.timeout = std::chrono::minutes(5);
  EXPECT_EQ(transport->Send(request).status().code(), absl::StatusCode::kCancelled);
  done = true;
  other.join();
}

TEST(CurlTransport, RefusesAResponseThatIsTooLarge) {
  FaultProxy server(Answer, NoFault);
  HttpRequest request = Get(server.url());
  request.max_response_bytes = 4;  // "got 0" has five.
  EXPECT_EQ(MakeCurlTransport({})->Send(request).status().code(),
            absl::StatusCode::kResourceExhausted);
}

TEST(CurlTransport, SpeaksToTheProxyThatIsSetAndNeverToOneOfTheEnvironment) {
  FaultProxy proxy(Answer, NoFault);
  const auto through = MakeCurlTransport({.proxy = proxy.url()});
  const auto response = through->Send(Get("http://shop.invalid/v1/catalog"));
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_THAT(proxy.captured(), StartsWith("GET http://shop.invalid/v1/catalog HTTP/1.1"));

  for (const char* name : {"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"}) {
    setenv(name, "http://127.0.0.1:1", 1);
  }
  FaultProxy server(Answer, NoFault);
  EXPECT_TRUE(MakeCurlTransport({})->Send(Get(server.url())).ok());
  for (const char* name : {"http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"}) unsetenv(name);
}

class CurlTransportTls : public ::testing::Test {
 protected:
  CurlTransportTls()
      : certificate_(folder_.path().string(), "localhost"),
        server_(Answer, NoFault),
        front_(certificate_, server_.port()) {}

  int Requests() const { return server_.injected()[Fault::kNone]; }

  testing::TemporaryFolder folder_;
  testing::Certificate certificate_;
  FaultProxy server_;
  testing::TlsFront front_;
};

TEST_F(CurlTransportTls, TrustsWhatTheBundleNamesAndNobodyElse) {
  const auto trusting = MakeCurlTransport({.ca_bundle_path = certificate_.certificate_path});
  const auto response = trusting->Send(Get(front_.url()));
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->status, 200);
  EXPECT_EQ(MakeCurlTransport({})->Send(Get(front_.url())).status().code(),
            absl::StatusCode::kUnavailable);
  EXPECT_EQ(Requests(), 1) << "nothing was said to a server that was not trusted";
}

TEST_F(CurlTransportTls, RefusesACertificateOfAnotherHost) {
  const auto trusting = MakeCurlTransport({.ca_bundle_path = certificate_.certificate_path});
  EXPECT_FALSE(
      trusting->Send(Get("https://127.0.0.1:" + std::to_string(front_.port()) + "/")).ok());
}

TEST_F(CurlTransportTls, APinAcceptsItsKeyOnly) {
  testing::TemporaryFolder other_folder;
  const testing::Certificate other(other_folder.path().string(), "localhost");
  const auto with_pin = [&](const std::string& pin) {
    return MakeCurlTransport({.ca_bundle_path = certificate_.certificate_path, .pinned_key = pin})
        ->Send(Get(front_.url()));
  };
  EXPECT_TRUE(with_pin(certificate_.pin).ok());
  EXPECT_TRUE(with_pin(other.pin + ";" + certificate_.pin).ok()) << "one of several";
  EXPECT_FALSE(with_pin(other.pin).ok());
  EXPECT_EQ(Requests(), 2) << "nothing was said to a server without the pinned key";
}

TEST_F(CurlTransportTls, AChildOfAForkLeavesTheParentsConnectionAlone) {
  const auto transport = MakeCurlTransport({.ca_bundle_path = certificate_.certificate_path});
  ASSERT_TRUE(transport->Send(Get(front_.url())).ok());
  const pid_t child = fork();
  if (child == 0) {
    transport->AbandonAfterFork();
    _exit(transport->Send(Get(front_.url())).ok() ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  ASSERT_TRUE(transport->Send(Get(front_.url())).ok());
  EXPECT_EQ(front_.handshakes(), 2) << "one for each process";
}

}  // namespace
}  // namespace upswing::transport
