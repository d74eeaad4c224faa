#include "tests/support/fault_proxy.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <memory>

namespace upswing::testing {
namespace {

std::string Lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

bool WriteAll(int socket, const std::string& data) {
  for (std::size_t done = 0; done < data.size();) {
    const ssize_t sent = send(socket, data.data() + done, data.size() - done, MSG_NOSIGNAL);
    if (sent <= 0) return false;
    done += static_cast<std::size_t>(sent);
  }
  return true;
}

/// To 127.0.0.1; -1 if nobody listens.
int Connect(int port) {
  const int connection = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  if (connect(connection, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    close(connection);
    return -1;
  }
  const int on = 1;
  setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return connection;
}

/// Closes so that the other side sees a reset, not an end.
void Reset(int socket) {
  const linger immediately{1, 0};
  setsockopt(socket, SOL_SOCKET, SO_LINGER, &immediately, sizeof immediately);
}

std::string HeaderOf(const std::string& head, const std::string& name) {
  const std::string lower = Lower(head);
  const std::size_t start = lower.find("\r\n" + name + ":");
  if (start == std::string::npos) return {};
  std::size_t value = start + name.size() + 3;
  while (value < head.size() && head[value] == ' ') ++value;
  return head.substr(value, head.find("\r\n", value) - value);
}

/// Reads one message (head and Content-Length body); false at the end of the stream.
bool ReadMessage(int socket, std::string* buffer, std::string* head, std::string* body) {
  char chunk[16 * 1024];
  std::size_t end = std::string::npos;
  const auto more = [&] {
    const ssize_t got = recv(socket, chunk, sizeof chunk, 0);
    if (got <= 0) return false;
    buffer->append(chunk, static_cast<std::size_t>(got));
    return true;
  };
  while ((end = buffer->find("\r\n\r\n")) == std::string::npos) {
    if (!more()) return false;
  }
  *head = buffer->substr(0, end + 4);
  const std::string length = HeaderOf(*head, "content-length");
  const std::size_t size = length.empty() ? 0 : static_cast<std::size_t>(std::atol(length.c_str()));
  while (buffer->size() < head->size() + size) {
    if (!more()) return false;
  }
  *body = buffer->substr(head->size(), size);
  buffer->erase(0, head->size() + size);
  return true;
}

std::string Respond(const std::string& status, const std::string& headers,
                    const std::string& body) {
  return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" +
         headers + "\r\n" + body;
}

}  // namespace

const char* FaultName(Fault fault) {
  switch (fault) {
    case Fault::kNone:
      return "None";
    case Fault::kResetOnConnect:
      return "ResetOnConnect";
    case Fault::kResetInRequest:
      return "ResetInRequest";
    case Fault::kResetInResponse:
      return "ResetInResponse";
    case Fault::kSilentClose:
      return "CommitsAndDies";
    case Fault::kSlowDrip:
      return "SlowDrip";
    case Fault::kTruncatedBody:
      return "TruncatedBody";
    case Fault::kDuplicateRequest:
      return "DuplicateRequest";
    case Fault::kCommitThen413:
      return "CommitsThen413";
    case Fault::kCommitThen500:
      return "CommitsThen500";
    case Fault::kToo413:
      return "TooLarge413";
    case Fault::k500:
      return "Status500";
    case Fault::k500RetryAfter:
      return "Status500RetryAfter";
    case Fault::k401:
      return "Status401";
    case Fault::k403:
      return "Status403";
    case Fault::k503:
      return "Status503";
    case Fault::k503RetryAfter:
      return "Status503RetryAfter";
    case Fault::k429:
      return "Status429";
    case Fault::kForeign400:
      return "Foreign400";
    case Fault::kForeign401:
      return "Foreign401";
    case Fault::kForeign403:
      return "Foreign403";
    case Fault::kCaptivePortal200:
      return "CaptivePortal200";
    case Fault::kCaptivePortal302:
      return "CaptivePortal302";
    case Fault::kLate:
      return "LateCopy";
  }
  return "Unknown";
}

std::string FaultProxy::Request::Header(const std::string& name) const {
  return HeaderOf(head, name);
}

FaultProxy::FaultProxy(Upstream upstream, Choose choose)
    : upstream_(std::move(upstream)), choose_(std::move(choose)) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  if (bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 ||
      listen(listener_, 64) != 0 ||
      getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) != 0) {
    std::abort();
  }
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { Accept(); });
}

FaultProxy::~FaultProxy() {
  stop_ = true;
  shutdown(listener_, SHUT_RDWR);
  acceptor_.join();
  close(listener_);
  std::vector<std::thread> connections;
  {
    const std::lock_guard lock(mutex_);
    for (const int connection : open_) shutdown(connection, SHUT_RDWR);
    connections.swap(connections_);
  }
  for (std::thread& connection : connections) connection.join();
}

void FaultProxy::Accept() {
  while (!stop_) {
    const int connection = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) continue;
    ++accepted_;
    const int on = 1;
    setsockopt(connection, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    const std::lock_guard lock(mutex_);
    open_.push_back(connection);
    connections_.emplace_back([this, connection] {
      Serve(connection);
      const std::lock_guard guard(mutex_);
      std::erase(open_, connection);
      close(connection);
    });
  }
}

void FaultProxy::Serve(int connection) {
  std::string buffer;
  Request request;
  while (!stop_ && ReadMessage(connection, &buffer, &request.head, &request.body)) {
    const Fault fault = choose_(request);
    {
      const std::lock_guard lock(mutex_);
      ++injected_[fault];
      captured_ += request.head + request.body;
    }
    if (!Handle(connection, request, fault)) return;
  }
}

bool FaultProxy::Handle(int connection, const Request& request, Fault fault) {
  const std::string named = "Upswing-Batch: " + request.Header("upswing-batch") + "\r\n";
  const std::string answer_413 = Respond("413 Payload Too Large", named, "{}");
  switch (fault) {
    case Fault::kResetInRequest: {
      Request part = request;
      part.cut_off = true;
      upstream_(part);
      [[fallthrough]];
    }
    case Fault::kResetOnConnect:
      Reset(connection);
      return false;
    case Fault::kResetInResponse: {
      const std::string answer = upstream_(request);
      WriteAll(connection, answer.substr(0, answer.size() / 2));
      Reset(connection);
      return false;
    }
    case Fault::kSilentClose:
      upstream_(request);
      return false;
    case Fault::kTruncatedBody: {
      const std::string answer = upstream_(request);
      if (!answer.empty()) WriteAll(connection, answer.substr(0, answer.size() - 1));
      return false;
    }
    case Fault::kSlowDrip:
      for (const char c : upstream_(request)) {
        if (!WriteAll(connection, std::string(1, c))) return false;
      }
      return true;
    case Fault::kDuplicateRequest:
      upstream_(request);
      [[fallthrough]];
    case Fault::kNone: {
      const std::string answer = upstream_(request);
      return !answer.empty() && WriteAll(connection, answer);
    }
    case Fault::kCommitThen413:
      upstream_(request);
      return WriteAll(connection, answer_413);
    case Fault::kCommitThen500:
      upstream_(request);
      return WriteAll(connection, Respond("500 Internal Server Error", "", ""));
    case Fault::kToo413:
      return WriteAll(connection, answer_413);
    case Fault::k500:
      return WriteAll(connection, Respond("500 Internal Server Error", named, ""));
    case Fault::k500RetryAfter:
      return WriteAll(connection,
                      Respond("500 Internal Server Error", named + "Retry-After: 3\r\n", ""));
    case Fault::k401:
      return WriteAll(connection, Respond("401 Unauthorized", named, ""));
    case Fault::k403:
      return WriteAll(connection, Respond("403 Forbidden", named, ""));
    case Fault::k503:
      return WriteAll(connection, Respond("503 Service Unavailable", "", ""));
    case Fault::k503RetryAfter:
      return WriteAll(connection, Respond("503 Service Unavailable", "Retry-After: 7\r\n", ""));
    case Fault::k429:
      return WriteAll(connection, Respond("429 Too Many Requests", named, ""));
    case Fault::kForeign400:
      return WriteAll(connection, Respond("400 Bad Request", "", "<h1>Bad Request</h1>"));
    case Fault::kForeign401:
      return WriteAll(connection, Respond("401 Unauthorized", "", ""));
    case Fault::kForeign403:
      return WriteAll(connection, Respond("403 Forbidden", "", "blocked by policy"));
    case Fault::kCaptivePortal200:
      return WriteAll(connection, Respond("200 OK", "", "<html>Please log in</html>"));
    case Fault::kCaptivePortal302:
      return WriteAll(connection, Respond("302 Found", "Location: http://127.0.0.1:1/\r\n", ""));
    case Fault::kLate: {
      const std::lock_guard lock(mutex_);
      late_.push_back(request);
      return WriteAll(connection, Respond("500 Internal Server Error", "", ""));
    }
  }
  return false;
}

void FaultProxy::DeliverLate() {
  std::vector<Request> late;
  {
    const std::lock_guard lock(mutex_);
    late.swap(late_);
  }
  for (const Request& request : late) upstream_(request);
}

std::map<Fault, int> FaultProxy::injected() const {
  const std::lock_guard lock(mutex_);
  return injected_;
}

std::string FaultProxy::captured() const {
  const std::lock_guard lock(mutex_);
  return captured_;
}

FaultProxy::Upstream RelayTo(int port) {
  struct Connection {
    std::mutex mutex;
    int socket = -1;
    ~Connection() { close(socket); }
  };
  auto shared = std::make_shared<Connection>();
  return [port, shared](const FaultProxy::Request& request) -> std::string {
    const std::lock_guard lock(shared->mutex);
    if (request.cut_off) {
      const int cut = Connect(port);
      WriteAll(cut, request.head + request.body.substr(0, request.body.size() / 2));
      Reset(cut);
      close(cut);
      return {};
    }
    // Twice, because a kept-alive connection may have been closed by the server meanwhile; the
    // server takes both for one.
    for (int attempt = 0; attempt < 2; ++attempt) {
      if (shared->socket < 0) {
        shared->socket = Connect(port);
        if (shared->socket < 0) return {};
      }
      std::string buffer, head, body;
      if (WriteAll(shared->socket, request.head + request.body) &&
          ReadMessage(shared->socket, &buffer, &head, &body)) {
        return head + body;
      }
      close(std::exchange(shared->socket, -1));
    }
    return {};
  };
}

}  // namespace upswing::testing
