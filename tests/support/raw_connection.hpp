#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <string>
#include <string_view>

namespace upswing::testing {

/// A raw socket to a port of this machine, so that broken requests can be sent and the exact answer
/// read.
class RawConnection {
 public:
  explicit RawConnection(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int one = 1;
    setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    connected_ = connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
  }
  ~RawConnection() { close(socket_); }
  RawConnection(const RawConnection&) = delete;
  RawConnection& operator=(const RawConnection&) = delete;

  bool connected() const { return connected_; }
  int socket() const { return socket_; }

  /// False once the peer has closed.
  bool Send(std::string_view text) {
    while (!text.empty()) {
      const ssize_t sent = send(socket_, text.data(), text.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      text.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }

  /// All bytes up to the end of the connection.
  std::string ReadToEnd() {
    std::string all;
    char buffer[4096];
    for (ssize_t n; (n = recv(socket_, buffer, sizeof buffer, 0)) > 0;)
      all.append(buffer, static_cast<std::size_t>(n));
    return all;
  }

  /// What comes next; empty at the end of the connection.
  std::string ReadSome() {
    char buffer[4096];
    const ssize_t n = recv(socket_, buffer, sizeof buffer, 0);
    return {buffer, n > 0 ? static_cast<std::size_t>(n) : 0};
  }

  /// One whole answer with a Content-Length; empty if the connection ends before.
  std::string ReadAnswer() {
    std::string answer;
    char buffer[4096];
    for (;;) {
      const std::size_t end = answer.find("\r\n\r\n");
      if (end != std::string::npos) {
        const std::size_t length = answer.find("Content-Length: ");
        if (length > end) return "";
        if (answer.size() >= end + 4 + std::stoul(answer.substr(length + 16))) return answer;
      }
      const ssize_t n = recv(socket_, buffer, sizeof buffer, 0);
      if (n <= 0) return "";
      answer.append(buffer, static_cast<std::size_t>(n));
    }
  }

 private:
  int socket_;
  bool connected_;
};

}  // namespace upswing::testing
