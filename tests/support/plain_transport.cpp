#include "tests/support/plain_transport.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <utility>

namespace upswing::testing {

PlainTransport::~PlainTransport() { Disconnect(); }

void PlainTransport::Disconnect() {
  if (socket_ >= 0) close(std::exchange(socket_, -1));
}

void PlainTransport::Cancel() {}

void PlainTransport::AbandonAfterFork() { Disconnect(); }

absl::StatusOr<HttpResponse> PlainTransport::Send(const HttpRequest& request) {
  absl::StatusOr<HttpResponse> response = Exchange(request);
  // Nothing is known about the connection after an error.
  if (!response.ok() || response->Header("Connection") == "close") Disconnect();
  return response;
}

absl::StatusOr<HttpResponse> PlainTransport::Exchange(const HttpRequest& request) {
  const absl::Status failed = absl::UnavailableError("the connection broke");
  const std::size_t host = request.url.find("://") + 3;
  const std::size_t path = request.url.find('/', host);
  const std::size_t colon = request.url.find(':', host);
  if (socket_ < 0) {
    socket_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto ms = request.timeout.count();
    const timeval patience{static_cast<time_t>(ms / 1000),
                           static_cast<suseconds_t>(ms % 1000 * 1000)};
    setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port =
        htons(static_cast<std::uint16_t>(std::atoi(request.url.c_str() + colon + 1)));
    if (connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return failed;
  }
  std::string bytes = request.method + " " + request.url.substr(path) +
                      " HTTP/1.1\r\nHost: " + request.url.substr(host, path - host) +
                      "\r\nContent-Length: " + std::to_string(request.body.size()) + "\r\n";
  for (const auto& [name, value] : request.headers) bytes += name + ": " + value + "\r\n";
  bytes += "\r\n";
  bytes += request.body;
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t sent = send(socket_, bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
    if (sent <= 0) return failed;
    done += static_cast<std::size_t>(sent);
  }
  std::string answer;
  std::size_t end = std::string::npos;
  std::size_t size = 0;
  HttpResponse response;
  while (end == std::string::npos || answer.size() < end + 4 + size) {
    char chunk[4096];
    const ssize_t got = recv(socket_, chunk, sizeof chunk, 0);
    if (got <= 0) return failed;
    answer.append(chunk, static_cast<std::size_t>(got));
    if (end != std::string::npos || (end = answer.find("\r\n\r\n")) == std::string::npos) continue;
    response.status = std::atoi(answer.c_str() + answer.find(' ') + 1);
    for (std::size_t line = answer.find("\r\n") + 2; line < end;) {
      const std::size_t next = answer.find("\r\n", line);
      const std::size_t mark = answer.find(':', line);
      const std::size_t value = answer.find_first_not_of(' ', mark + 1);
      response.headers.emplace_back(answer.substr(line, mark - line),
                                    answer.substr(value, next - value));
      line = next + 2;
    }
    size =
        static_cast<std::size_t>(std::atol(std::string(response.Header("Content-Length")).c_str()));
    if (size > request.max_response_bytes) return absl::ResourceExhaustedError("too large");
  }
  response.body = answer.substr(end + 4, size);
  return response;
}

}  // namespace upswing::testing
