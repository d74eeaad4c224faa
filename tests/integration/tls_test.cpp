#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "sdk/transport/curl_transport.hpp"
#include "tests/support/process.hpp"
#include "tests/support/raw_connection.hpp"
#include "tests/support/tls_front.hpp"

// A real `upswing serve` that speaks TLS.
namespace upswing {
namespace {

using ::testing::HasSubstr;
namespace fs = std::filesystem;

class Tls : public ::testing::Test {
 protected:
  testing::Certificate Make(const std::string& name, const std::string& host) {
    fs::create_directory(folder_.path() / name);
    return testing::Certificate(folder_ / name, host);
  }

  // The certificate is made for "localhost", so the address must be named so.
  static std::string Named(const testing::Server& server) {
    const std::string& url = server.url();
    return "https://localhost" + url.substr(url.rfind(':'));
  }

  static absl::StatusOr<int> Get(const testing::Server& server, const std::string& authority) {
    const auto transport = transport::MakeCurlTransport({.ca_bundle_path = authority});
    const auto response = transport->Send({.method = "GET", .url = Named(server) + "/healthz"});
    if (!response.ok()) return response.status();
    return response->status;
  }

  // The answer to GET /healthz, showing a certificate if there is one.
  static std::string GetWith(const testing::Server& server,
                             const testing::Certificate* certificate) {
    std::signal(SIGPIPE, SIG_IGN);  // A server that refuses us closes while we write.
    SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
    if (certificate != nullptr) {
      SSL_CTX_use_certificate_chain_file(context, certificate->certificate_path.c_str());
      SSL_CTX_use_PrivateKey_file(context, certificate->key_path.c_str(), SSL_FILETYPE_PEM);
    }
    const int connection = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(
        static_cast<std::uint16_t>(std::stoi(server.url().substr(server.url().rfind(':') + 1))));
    EXPECT_EQ(connect(connection, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    SSL* const ssl = SSL_new(context);
    SSL_set_fd(ssl, connection);
    std::string answer;
    const std::string request =
        "GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    if (SSL_connect(ssl) == 1 &&
        SSL_write(ssl, request.data(), static_cast<int>(request.size())) > 0) {
      char buffer[1000];
      for (int n; (n = SSL_read(ssl, buffer, sizeof buffer)) > 0;)
        answer.append(buffer, static_cast<std::size_t>(n));
    }
    SSL_free(ssl);
    close(connection);
    SSL_CTX_free(context);
    return answer;
  }

  testing::TemporaryFolder folder_;
};

TEST_F(Tls, IsTrustedByItsAuthorityAndForItsNameOnly) {
  const testing::Certificate own = Make("own", "localhost");
  const testing::Certificate other = Make("other", "localhost");
  testing::Server server(folder_ / "data",
                         {"--tls-certificate", own.certificate_path, "--tls-key", own.key_path});
  EXPECT_THAT(server.url(), HasSubstr("https://"));
  EXPECT_EQ(Get(server, own.certificate_path).value_or(0), 200);
  EXPECT_FALSE(Get(server, other.certificate_path).ok());

  const testing::Certificate stranger = Make("stranger", "stranger.example");
  testing::Server wrong_name(folder_ / "data2", {"--tls-certificate", stranger.certificate_path,
                                                 "--tls-key", stranger.key_path});
  EXPECT_FALSE(Get(wrong_name, stranger.certificate_path).ok());
}

TEST_F(Tls, TakesANewCertificateWithoutARestart) {
  const testing::Certificate served = Make("served", "localhost");
  const testing::Certificate next = Make("next", "localhost");
  testing::Server server(folder_ / "data", {"--tls-certificate", served.certificate_path,
                                            "--tls-key", served.key_path});
  ASSERT_EQ(Get(server, served.certificate_path).value_or(0), 200);
  const std::string former = folder_ / "former.pem";
  fs::copy_file(served.certificate_path, former);
  fs::copy_file(next.certificate_path, served.certificate_path,
                fs::copy_options::overwrite_existing);
  fs::copy_file(next.key_path, served.key_path, fs::copy_options::overwrite_existing);
  server.process().Signal(SIGHUP);
  while (!Get(server, next.certificate_path).ok()) usleep(10'000);
  EXPECT_FALSE(Get(server, former).ok());

  // One that cannot be read changes nothing.
  fs::resize_file(served.key_path, 10);
  server.process().Signal(SIGHUP);
  while (server.process().Log().find("certificate not reloaded") == std::string::npos)
    usleep(10'000);
  EXPECT_EQ(Get(server, next.certificate_path).value_or(0), 200);
}

TEST_F(Tls, ServesOnlyClientsWithACertificateOfTheAuthorityIfOneIsNamed) {
  const testing::Certificate own = Make("own", "localhost");
  const testing::Certificate client = Make("client", "client");
  const testing::Certificate stranger = Make("stranger", "stranger");
  testing::Server server(folder_ / "data",
                         {"--tls-certificate", own.certificate_path, "--tls-key", own.key_path,
                          "--tls-client-ca", client.certificate_path});
  EXPECT_THAT(GetWith(server, &client), HasSubstr("200 OK"));
  EXPECT_EQ(GetWith(server, &stranger), "");
  EXPECT_EQ(GetWith(server, nullptr), "");
}

TEST_F(Tls, HandshakesThatDoNotEndKeepNobodyFromBeingServed) {
  const testing::Certificate own = Make("own", "localhost");
  testing::Server server(folder_ / "data", {"--tls-certificate", own.certificate_path, "--tls-key",
                                            own.key_path, "--connections", "20"});
  const auto port =
      static_cast<std::uint16_t>(std::stoi(server.url().substr(server.url().rfind(':') + 1)));
  std::vector<std::unique_ptr<testing::RawConnection>> slow;
  for (int i = 0; i < 60; ++i) {
    slow.push_back(std::make_unique<testing::RawConnection>(port));
    if (i % 2 == 0) slow.back()->Send(std::string("\x16\x03\x01\x02\x00\x01", 6));
  }
  EXPECT_EQ(Get(server, own.certificate_path).value_or(0), 200);
}

TEST_F(Tls, AConfigurationFileSaysWhatTheCommandLineLeavesOut) {
  const testing::Certificate own = Make("own", "localhost");
  const std::string config = folder_ / "upswing.conf";
  const auto write = [&](const std::string& text) {
    FILE* const file = std::fopen(config.c_str(), "w");
    std::fwrite(text.data(), 1, text.size(), file);
    std::fclose(file);
  };
  write("# TLS\ntls-certificate = " + own.certificate_path + "\ntls-key = " + own.key_path +
        "\nlisten = 127.0.0.1:1\nretention-days = 400\n");
  {
    testing::Server server(folder_ / "data", {"--config", config});
    EXPECT_EQ(Get(server, own.certificate_path).value_or(0), 200);
  }
  for (const auto& [text, message] : {std::pair{"unknown = 1\n", ":1: unknown is no setting"},
                                      {"\nretention-days = many\n", ":2: retention-days"},
                                      {"threads\n", ":1: must be `name = value`"}}) {
    write(text);
    const testing::Finished refused =
        testing::RunProgram({testing::Upswing(), "serve", "--data", folder_ / "data", "--listen",
                             "127.0.0.1:0", "--insecure-no-auth", "--config", config});
    EXPECT_EQ(refused.status, 2);
    EXPECT_THAT(refused.err, HasSubstr(message));
  }
}

}  // namespace
}  // namespace upswing
