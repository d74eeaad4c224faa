#include "tests/support/http_server_process.hpp"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

namespace upswing::testing {
namespace {

[[noreturn]] void Fail(const std::string& why) {
  std::fprintf(stderr, "%s\n", why.c_str());
  std::exit(1);
}

}  // namespace

ServerProcess StartServer(const std::string& program, const std::string& folder,
                          std::size_t address_space) {
  const std::string log = folder + "/log";
  const std::string data = folder + "/data";
  std::filesystem::remove(log);
  std::vector<const char*> arguments = {program.c_str(),     "serve",    "--data",
                                        data.c_str(),        "--listen", "127.0.0.1:0",
                                        "--insecure-no-auth"};
  // By default there is a thread per processor, and each takes addresses for its stack and its
  // heap.
  if (address_space > 0) arguments.insert(arguments.end(), {"--threads", "2"});
  arguments.push_back(nullptr);
  ServerProcess server;
  server.process = fork();
  if (server.process == 0) {
    const int out = open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    dup2(out, 1);
    dup2(out, 2);
    if (address_space > 0) {
      const rlimit limit{address_space, address_space};
      setrlimit(RLIMIT_AS, &limit);
    }
    execv(program.c_str(), const_cast<char* const*>(arguments.data()));
    _exit(127);
  }
  for (int tries = 0; tries < 12'000; ++tries) {
    std::ifstream file(log);
    const std::string text(std::istreambuf_iterator<char>(file), {});
    const std::size_t at = text.find("http://127.0.0.1:");
    if (at != std::string::npos && text.find('\n', at) != std::string::npos) {
      server.port = std::atoi(text.c_str() + at + 17);
      return server;
    }
    int status = 0;
    if (waitpid(server.process, &status, WNOHANG) == server.process)
      Fail("the server does not start: " + text);
    usleep(10'000);
  }
  Fail("the server does not listen");
}

int ConnectTo(int port) {
  const int descriptor = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<std::uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const int on = 1;
  setsockopt(descriptor, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  if (connect(descriptor, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0)
    return descriptor;
  close(descriptor);
  return -1;
}

std::string PostBatch(int socket, const std::string& id, const std::string& body) {
  const std::string request = "POST /v1/batches HTTP/1.1\r\nHost: localhost\r\nContent-Length: " +
                              std::to_string(body.size()) + "\r\nUpswing-Batch: " + id +
                              "\r\n\r\n" + body;
  for (std::size_t sent = 0; sent < request.size();) {
    const ssize_t n = send(socket, request.data() + sent, request.size() - sent, MSG_NOSIGNAL);
    if (n <= 0) return "";
    sent += static_cast<std::size_t>(n);
  }
  std::string answer;
  char buffer[4096];
  for (;;) {
    const ssize_t n = read(socket, buffer, sizeof(buffer));
    if (n <= 0) return "";
    answer.append(buffer, static_cast<std::size_t>(n));
    const std::size_t head = answer.find("\r\n\r\n");
    const std::size_t length = answer.find("Content-Length: ");
    if (head != std::string::npos && length < head &&
        answer.size() >= head + 4 + std::strtoull(answer.c_str() + length + 16, nullptr, 10))
      return answer;
  }
}

}  // namespace upswing::testing
