// What arrives on a connection: the input goes through the real HTTP layer into the real routes. No
// input may crash them, keep a connection open after its end, or be answered with 500.
#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <utility>  // Boost 1.74's Asio needs it first.

#include <boost/asio/io_context.hpp>

#include "server/http/connection.hpp"
#include "tests/fuzz/routes_under_test.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace upswing;
  static testing::RoutesUnderTest server;
  static const http::ServerOptions options{.header_bytes = 2048, .body_bytes = 4096};
  static const http::Handler handler = [](http::Request request, http::Respond respond) {
    server.routes().Handle(std::move(request), std::move(respond));
  };
  static boost::asio::io_context context(1);
  static const http::ConnectionContext shared{&options, &handler,
                                              std::make_shared<http::Connections>(1)};

  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends) != 0) std::abort();
  boost::asio::ip::tcp::socket socket(context);
  // Reading, writing and closing are the same for every stream socket.
  socket.assign(boost::asio::ip::tcp::v4(), ends[0]);
  {
    const auto connection = http::MakePlainConnection(std::move(socket), shared);
    if (!shared.open->Enter(connection.get())) std::abort();
    connection->Start();
  }
  std::string_view left(reinterpret_cast<const char*>(data), size);
  std::string answer;
  context.restart();
  for (bool open = true; open;) {
    if (!left.empty()) {
      const ssize_t written = send(ends[1], left.data(), left.size(), MSG_NOSIGNAL);
      if (written > 0) left.remove_prefix(static_cast<std::size_t>(written));
      if (written < 0 && errno != EAGAIN) left = {};
    }
    if (left.empty()) shutdown(ends[1], SHUT_WR);
    context.run_one_for(std::chrono::milliseconds(20));
    context.restart();
    context.poll();
    context.restart();
    char buffer[65'536];
    for (ssize_t n; (n = read(ends[1], buffer, sizeof buffer)) > 0;)
      answer.append(buffer, static_cast<std::size_t>(n));
    open = shared.open->size() > 0;
  }
  close(ends[1]);
  if (!answer.empty() && !answer.starts_with("HTTP/1.")) std::abort();
  if (answer.size() > 12 && std::string_view(answer).substr(8, 4) == " 500") std::abort();
  server.Answered();
  return 0;
}
