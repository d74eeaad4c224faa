#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <zstd.h>

#include <fstream>
#include <string>

#include "sdk/transport/curl_transport.hpp"
#include "tests/support/process.hpp"
#include "tests/support/raw_connection.hpp"

// Bodies that mean harm, sent to a real `upswing serve`. After each the server answers others.
namespace upswing {
namespace {

using ::testing::HasSubstr;

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr int kPeakMiB = 1200;  // They keep what was freed for a while.
#else
constexpr int kPeakMiB = 300;
#endif

class HostileBodies : public ::testing::Test {
 protected:
  void TearDown() override { EXPECT_EQ(Send("GET", "/healthz", ""), 200); }

  int Send(const std::string& method, const std::string& path, const std::string& body) {
    const auto response =
        transport_->Send({.method = method, .url = server_.url() + path, .body = body});
    EXPECT_TRUE(response.ok()) << response.status();
    return response.ok() ? response->status : 0;
  }

  // The most memory that the server has had. Unit: MiB.
  long PeakMemory() {
    std::ifstream status("/proc/" + std::to_string(server_.process().pid()) + "/status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("VmHWM:")) return std::stol(line.substr(6)) / 1024;
    }
    return -1;
  }

  testing::TemporaryFolder folder_;
  testing::Server server_{folder_ / "data", {"--project", "shop"}};
  std::unique_ptr<Transport> transport_ = transport::MakeCurlTransport({});
};

TEST_F(HostileBodies, ADecompressionBombIsRefused) {
  // 1 GiB of zeros in about 100 KiB.
  const std::string zeros(std::size_t{64} << 20, '\0');
  std::string frame(ZSTD_compressBound(zeros.size()), '\0');
  frame.resize(ZSTD_compress(frame.data(), frame.size(), zeros.data(), zeros.size(), 19));
  std::string bomb;
  for (int i = 0; i < 16; ++i) bomb += frame;
  EXPECT_LT(bomb.size(), std::size_t{1} << 20);
  for (const std::string& body : {frame, bomb}) {
    const int status = Send("POST", "/v1/batches", body);
    EXPECT_TRUE(status == 400 || status == 413) << status;
  }
  EXPECT_LT(PeakMemory(), kPeakMiB);
}

TEST_F(HostileBodies, DeepJsonIsRefusedWhereverJsonIsTaken) {
  const std::string deep(1'000'000, '[');
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  for (const auto& [method, path] : {std::pair{"PUT", "/v1/catalog"},
                                     {"POST", "/v1/catalog/rollback"},
                                     {"POST", "/v1/experiments/x/stop"},
                                     {"POST", "/v1/units/erase"},
                                     {"POST", "/v1/plan"}}) {
    EXPECT_EQ(Send(method, path, deep), 400) << path;
    EXPECT_EQ(Send(method, path, objects), 400) << path;
  }
  EXPECT_EQ(Send("POST", "/v1/catalog/diff", deep), 200);  // It lists the problem.
  ASSERT_EQ(Send("PUT", "/v1/catalog",
                 R"({"project": "shop", "flags": {"tap": {"type": "bool", "default": false}}})"),
            200);
  for (const char* const path : {"/ofrep/v1/evaluate/flags", "/ofrep/v1/evaluate/flags/tap",
                                 "/v1/evaluate", "/v1/exposures"}) {
    EXPECT_EQ(Send("POST", path, deep), 400) << path;
    EXPECT_EQ(Send("POST", path, objects), 400) << path;
    EXPECT_EQ(Send("POST", path, R"({"context": {"targetingKey": "u", "x": )" + deep), 400) << path;
  }
  EXPECT_LT(PeakMemory(), kPeakMiB);
}

TEST_F(HostileBodies, PathTricksLeadNowhere) {
  const auto port =
      static_cast<std::uint16_t>(std::stoi(server_.url().substr(server_.url().rfind(':') + 1)));
  for (const std::string path :
       {"/../../etc/passwd", "/assets/../../etc/passwd", "/assets/..%2f..%2fetc%2fpasswd",
        "/assets/%2e%2e/%2e%2e/etc/passwd", "//v1/catalog", "/v1//catalog", "/v1/catalog/",
        "/v1/./catalog", "/v1/experiments/..%2f..%2fx/../report"}) {
    testing::RawConnection connection(port);
    connection.Send("GET " + path + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    EXPECT_THAT(connection.ReadToEnd(), HasSubstr("HTTP/1.1 404")) << path;
  }
}

}  // namespace
}  // namespace upswing
