#include "server/http/http_server.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>  // Boost 1.74's Asio needs it first.
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>

#include "absl/strings/str_cat.h"
#include "server/http/connection.hpp"
#include "server/http/tls_context.hpp"

namespace upswing::http {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using boost::system::error_code;

// Without a descriptor to spare, accepting fails at once, again and again.
constexpr auto kAcceptPause = std::chrono::milliseconds(100);

constexpr std::chrono::milliseconds kShortestSweep(5);
constexpr std::chrono::milliseconds kLongestSweep(1000);

// `struct sched_attr` of Linux, whose header does not go together with the C library's.
struct SchedulingAttributes {
  std::uint32_t size = sizeof(SchedulingAttributes);
  std::uint32_t policy = 0;
  std::uint64_t flags = 0;
  std::int32_t nice = 0;
  std::uint32_t priority = 0;
  std::uint64_t runtime = 0;  // of an ordinary thread: its slice. Unit: nanoseconds
  std::uint64_t deadline = 0;
  std::uint64_t period = 0;
};
constexpr std::uint64_t kSlice = 300'000;  // longer than most requests take

// Asks that this thread, which works for a tenth of a millisecond at a time, need not wait until
// another one's slice of a millisecond and more is over. A slice that a request does not fit into
// would lose it the processor in turn. Linux before 6.12 knows no such wish, and
// a refusal costs nothing but time.
void AskForShortSlices() {
  SchedulingAttributes attributes;
  if (syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0) != 0) return;
  attributes.runtime = kSlice;
  syscall(SYS_sched_setattr, 0, &attributes, 0);
}

class AsioServer final : public HttpServer {
 public:
  AsioServer(ServerOptions options, Handler handler, std::unique_ptr<TlsContext> tls)
      : options_(std::move(options)),
        handler_(std::move(handler)),
        tls_(std::move(tls)),
        context_(options_.threads),
        work_(context_.get_executor()),
        acceptor_(asio::make_strand(context_)),
        pause_(acceptor_.get_executor()),
        sweep_(acceptor_.get_executor()),
        shared_{&options_, &handler_, std::make_shared<http::Connections>(options_.connections)} {}

  ~AsioServer() override { Stop(std::chrono::milliseconds(0)); }

  absl::Status Listen() {
    const std::string shown = absl::StrCat(options_.host, ":", options_.port);
    error_code error;
    const auto address =
        asio::ip::make_address(options_.host == "localhost" ? "127.0.0.1" : options_.host, error);
    if (error) {
      return absl::InvalidArgumentError(
          absl::StrCat("listen: ", options_.host, " is not an IP address"));
    }
    const tcp::endpoint endpoint(address, options_.port);
    acceptor_.open(endpoint.protocol(), error);
    if (!error) acceptor_.set_option(asio::socket_base::reuse_address(true), error);
    if (!error) acceptor_.bind(endpoint, error);
    if (!error) acceptor_.listen(1024, error);
    if (error)
      return absl::UnavailableError(
          absl::StrCat("listen: cannot bind ", shown, ": ", error.message()));
    port_ = acceptor_.local_endpoint().port();
    asio::post(acceptor_.get_executor(), [this] {
      Accept();
      Sweep();
    });
    for (int i = 0; i < options_.threads; ++i) {
      threads_.emplace_back([this] {
        AskForShortSlices();
        context_.run();
      });
    }
    return absl::OkStatus();
  }

  std::uint16_t Port() const override { return port_; }

  std::size_t Connections() const override { return shared_.open->size(); }

  absl::Status ReloadTls() override { return tls_ == nullptr ? absl::OkStatus() : tls_->Reload(); }

  void Stop(std::chrono::milliseconds grace) override {
    if (stopped_) return;
    stopped_ = true;
    asio::post(acceptor_.get_executor(), [this] {
      error_code ignored;
      acceptor_.close(ignored);
      pause_.cancel();
    });
    // Owners are let go before the wait, and outside the registry's lock: the last one destroys.
    for (const auto& connection : shared_.open->Open()) connection->CloseSoon();
    shared_.open->WaitUntilEmpty(grace);
    context_.stop();
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  // Closes what is late, up to a second after its time.
  void Sweep() {
    const auto shortest =
        std::min({options_.header_timeout, options_.request_timeout, options_.idle_timeout});
    sweep_.expires_after(std::clamp(shortest / 8, kShortestSweep, kLongestSweep));
    sweep_.async_wait([this](error_code error) {
      if (error) return;
      for (const auto& connection : shared_.open->Late()) connection->CloseIfLate();
      Sweep();
    });
  }

  void Accept() {
    acceptor_.async_accept(
        asio::make_strand(context_), [this](error_code error, tcp::socket socket) {
          if (error == asio::error::operation_aborted || !acceptor_.is_open()) return;
          if (error) {
            pause_.expires_after(kAcceptPause);
            return pause_.async_wait([this](error_code) {
              if (acceptor_.is_open()) Accept();
            });
          }
          error_code ignored;
          socket.set_option(tcp::no_delay(true), ignored);
          const auto connection = tls_ == nullptr
                                      ? MakePlainConnection(std::move(socket), shared_)
                                      : MakeTlsConnection(std::move(socket), tls_->Get(), shared_);
          if (shared_.open->Enter(connection.get())) connection->Start();
          Accept();
        });
  }

  const ServerOptions options_;
  const Handler handler_;
  const std::unique_ptr<TlsContext> tls_;  // null without TLS
  asio::io_context context_;
  // While a handler holds the only request and the acceptor is closed, the context has no work of
  // its own; the threads must wait for the answer all the same.
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  tcp::acceptor acceptor_;
  asio::steady_timer pause_;
  asio::steady_timer sweep_;
  const ConnectionContext shared_;
  std::vector<std::thread> threads_;
  std::uint16_t port_ = 0;
  bool stopped_ = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(ServerOptions options,
                                                              Handler handler) {
  if (options.threads < 1 || options.threads > 256) {
    return absl::InvalidArgumentError("threads: must be in [1, 256]");
  }
  std::unique_ptr<TlsContext> tls;
  if (!options.tls.certificate_file.empty()) {
    auto loaded = TlsContext::Load(options.tls);
    if (!loaded.ok()) return loaded.status();
    tls = *std::move(loaded);
  }
  auto server =
      std::make_unique<AsioServer>(std::move(options), std::move(handler), std::move(tls));
  if (absl::Status status = server->Listen(); !status.ok()) return status;
  return server;
}

}  // namespace upswing::http
