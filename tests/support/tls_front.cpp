#include "tests/support/tls_front.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/sha.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

#include <openssl/x509v3.h>

namespace upswing::testing {
namespace {

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  return address;
}

std::string PinOf(X509* certificate) {
  unsigned char* key = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &key);
  unsigned char digest[SHA256_DIGEST_LENGTH];
  SHA256(key, static_cast<std::size_t>(size), digest);
  OPENSSL_free(key);
  unsigned char text[64];
  EVP_EncodeBlock(text, digest, sizeof digest);
  return std::string("sha256//") + reinterpret_cast<const char*>(text);
}

}  // namespace

Certificate::Certificate(const std::string& folder, const std::string& host)
    : certificate_path(folder + "/certificate.pem"), key_path(folder + "/key.pem") {
  EVP_PKEY* const key = EVP_EC_gen("P-256");
  X509* const certificate = X509_new();
  X509_set_version(certificate, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), static_cast<long>(getpid()));
  X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate), 24 * 3600);
  X509_set_pubkey(certificate, key);
  X509_NAME* const name = X509_get_subject_name(certificate);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(host.c_str()), -1, -1, 0);
  X509_set_issuer_name(certificate, name);
  X509V3_CTX context;
  X509V3_set_ctx(&context, certificate, certificate, nullptr, nullptr, 0);
  for (const auto& [kind, value] : {std::pair(NID_subject_alt_name, "DNS:" + host),
                                    std::pair(NID_basic_constraints, std::string("CA:TRUE"))}) {
    X509_EXTENSION* const extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
    X509_add_ext(certificate, extension, -1);
    X509_EXTENSION_free(extension);
  }
  X509_sign(certificate, key, EVP_sha256());
  pin = PinOf(certificate);
  std::FILE* file = std::fopen(certificate_path.c_str(), "w");
  PEM_write_X509(file, certificate);
  std::fclose(file);
  file = std::fopen(key_path.c_str(), "w");
  PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr);
  std::fclose(file);
  X509_free(certificate);
  EVP_PKEY_free(key);
}

TlsFront::TlsFront(const Certificate& certificate, int plain_port) : plain_port_(plain_port) {
  signal(SIGPIPE, SIG_IGN);
  context_ = SSL_CTX_new(TLS_server_method());
  if (SSL_CTX_use_certificate_file(context_, certificate.certificate_path.c_str(),
                                   SSL_FILETYPE_PEM) != 1 ||
      SSL_CTX_use_PrivateKey_file(context_, certificate.key_path.c_str(), SSL_FILETYPE_PEM) != 1) {
    std::abort();
  }
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = Loopback(0);
  socklen_t size = sizeof address;
  if (bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      listen(listener_, 64) != 0 ||
      getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    std::abort();
  }
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { Accept(); });
}

TlsFront::~TlsFront() {
  stop_ = true;
  shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  close(listener_);
  for (std::thread& connection : connections_) connection.join();
  SSL_CTX_free(context_);
}

void TlsFront::Accept() {
  while (!stop_) {
    const int connection = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) continue;
    const std::lock_guard lock(mutex_);
    connections_.emplace_back([this, connection] {
      Serve(connection);
      close(connection);
    });
  }
}

void TlsFront::Serve(int connection) {
  // A peer that is killed in the handshake must not hold the thread.
  const timeval patience{10, 0};
  setsockopt(connection, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  SSL* const tls = SSL_new(context_);
  SSL_set_fd(tls, connection);
  const int plain = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = Loopback(plain_port_);
  if (SSL_accept(tls) == 1 &&
      connect(plain, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) {
    ++handshakes_;
    char buffer[16 * 1024];
    while (!stop_) {
      pollfd ends[2] = {{connection, POLLIN, 0}, {plain, POLLIN, 0}};
      if (SSL_pending(tls) == 0 && poll(ends, 2, 100) <= 0) continue;
      if (SSL_pending(tls) > 0 || ends[0].revents != 0) {
        const int got = SSL_read(tls, buffer, sizeof buffer);
        if (got <= 0) break;
        if (send(plain, buffer, static_cast<std::size_t>(got), MSG_NOSIGNAL) != got) break;
      }
      if (ends[1].revents != 0) {
        const ssize_t got = recv(plain, buffer, sizeof buffer, 0);
        if (got <= 0 || SSL_write(tls, buffer, static_cast<int>(got)) != got) break;
      }
    }
  }
  close(plain);
  SSL_free(tls);
}

}  // namespace upswing::testing
