#include "server/http/http_server.hpp"

#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>
#include <unordered_set>
#include <utility>  // Boost 1.74's Asio needs it first.
#include <vector>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/strand.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

namespace upswing::http {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;
using boost::system::error_code;

class Session;

// The sessions that are open. A session enters when it is accepted and leaves when it is destroyed.
class Sessions {
 public:
  explicit Sessions(std::size_t limit) : limit_(limit) {}

  bool Enter(Session* session) {
    const std::lock_guard lock(mutex_);
    return open_.size() < limit_ && open_.insert(session).second;
  }

  void Leave(Session* session) {
    const std::lock_guard lock(mutex_);
    open_.erase(session);
    if (open_.empty()) empty_.notify_all();
  }

  // The open sessions. One that is being destroyed, and waits in `Leave`, is not among them.
  std::vector<std::shared_ptr<Session>> Open();

  void WaitUntilEmpty(std::chrono::milliseconds limit) {
    std::unique_lock lock(mutex_);
    empty_.wait_for(lock, limit, [this] { return open_.empty(); });
  }

 private:
  const std::size_t limit_;
  std::mutex mutex_;
  std::condition_variable empty_;      // with mutex_
  std::unordered_set<Session*> open_;  // with mutex_
};

// One connection: read a request, hand it to the handler, write the answer, repeat. Everything but
// `Answer` runs on the connection's strand.
class Session : public std::enable_shared_from_this<Session> {
 public:
  Session(tcp::socket socket, const ServerOptions& options, const Handler& handler,
          std::shared_ptr<Sessions> sessions)
      : stream_(std::move(socket)),
        options_(options),
        handler_(handler),
        sessions_(std::move(sessions)) {}

  ~Session() { sessions_->Leave(this); }

  auto Executor() { return stream_.get_executor(); }

  void Read() {
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(options_.header_bytes));
    parser_->body_limit(options_.body_bytes);
    stream_.expires_after(options_.idle_timeout);
    beast::http::async_read_header(
        stream_, buffer_, *parser_,
        beast::bind_front_handler(&Session::OnHeader, shared_from_this()));
  }

  // From any thread: an idle connection closes now, a busy one after its answer.
  void CloseSoon() {
    asio::post(stream_.get_executor(), [self = shared_from_this()] {
      self->closing_ = true;
      if (!self->busy_) self->Close();
    });
  }

 private:
  void OnHeader(error_code error, std::size_t /*bytes*/) {
    if (error) return Fail(error);
    busy_ = true;
    stream_.expires_after(options_.request_timeout);
    if (beast::iequals(parser_->get()[beast::http::field::expect], "100-continue")) {
      continue_.emplace(beast::http::status::continue_, 11);
      beast::http::async_write(stream_, *continue_,
                               [self = shared_from_this()](error_code failed, std::size_t) {
                                 failed ? self->Fail(failed) : self->ReadBody();
                               });
    } else {
      ReadBody();
    }
  }

  void ReadBody() {
    beast::http::async_read(stream_, buffer_, *parser_,
                            beast::bind_front_handler(&Session::OnRequest, shared_from_this()));
  }

  void OnRequest(error_code error, std::size_t /*bytes*/) {
    if (error) return Fail(error);
    auto message = parser_->release();
    keep_alive_ = message.keep_alive();
    version_ = message.version();
    head_ = message.method() == beast::http::verb::head;
    Request request;
    request.method = head_ ? "GET" : std::string(message.method_string());
    for (const auto& field : message) {
      request.headers.emplace_back(
          absl::AsciiStrToLower({field.name_string().data(), field.name_string().size()}),
          std::string(field.value()));
    }
    const std::string_view target(message.target().data(), message.target().size());
    if (target.empty() || target[0] != '/' || !ParseTarget(target, &request)) {
      return Write(Problem(400, "bad target",
                           "the request target must be an absolute path with valid escapes"));
    }
    request.body = std::move(message.body());
    stream_.expires_never();  // The handler has its own limits.
    handler_(std::move(request), [self = shared_from_this()](Response response) {
      asio::post(self->stream_.get_executor(), [self, response = std::move(response)]() mutable {
        self->Write(std::move(response));
      });
    });
  }

  void Fail(error_code error) {
    if (error == beast::http::error::body_limit) {
      return Refuse(
          Problem(413, "body too large",
                  absl::StrCat("a body may have at most ", options_.body_bytes, " bytes")));
    }
    if (error == beast::http::error::header_limit) {
      return Refuse(Problem(431, "headers too large",
                            absl::StrCat("request line and headers may have at most ",
                                         options_.header_bytes, " bytes")));
    }
    if (error.category() == make_error_code(beast::http::error::bad_method).category() &&
        error != beast::http::error::end_of_stream &&
        error != beast::http::error::partial_message) {
      return Refuse(Problem(400, "bad request", error.message()));
    }
    Close();
  }

  // Answers a request that was not read to its end; what follows on the connection cannot be
  // trusted.
  void Refuse(Response response) {
    keep_alive_ = false;
    Write(std::move(response));
  }

  void Write(Response response) {
    answer_.emplace(static_cast<beast::http::status>(response.status), version_);
    for (const auto& [name, value] : response.headers) answer_->set(name, value);
    if (!response.content_type.empty()) {
      answer_->set(beast::http::field::content_type, response.content_type);
    }
    answer_->keep_alive(keep_alive_ && !closing_);
    answer_->body() = std::move(response.body);
    answer_->prepare_payload();
    if (head_) answer_->body().clear();
    stream_.expires_after(options_.request_timeout);
    beast::http::async_write(stream_, *answer_,
                             beast::bind_front_handler(&Session::OnWritten, shared_from_this()));
  }

  void OnWritten(error_code error, std::size_t /*bytes*/) {
    busy_ = false;
    if (error || !answer_->keep_alive() || closing_) return Close();
    Read();
  }

  void Close() {
    error_code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_send, ignored);
    stream_.close();
  }

  beast::tcp_stream stream_;
  const ServerOptions& options_;
  const Handler& handler_;
  std::shared_ptr<Sessions> sessions_;
  beast::flat_buffer buffer_;
  std::optional<beast::http::request_parser<beast::http::string_body>> parser_;
  std::optional<beast::http::response<beast::http::empty_body>> continue_;
  std::optional<beast::http::response<beast::http::string_body>> answer_;
  unsigned version_ = 11;
  bool keep_alive_ = false;
  bool head_ = false;
  bool busy_ = false;
  bool closing_ = false;
};

std::vector<std::shared_ptr<Session>> Sessions::Open() {
  std::vector<std::shared_ptr<Session>> sessions;
  const std::lock_guard lock(mutex_);
  for (Session* session : open_) {
    if (auto alive = session->weak_from_this().lock()) sessions.push_back(std::move(alive));
  }
  return sessions;
}

class AsioServer final : public HttpServer {
 public:
  AsioServer(ServerOptions options, Handler handler)
      : options_(std::move(options)),
        handler_(std::move(handler)),
        context_(options_.threads),
        work_(context_.get_executor()),
        acceptor_(asio::make_strand(context_)),
        sessions_(std::make_shared<Sessions>(options_.connections)) {}

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
    asio::post(acceptor_.get_executor(), [this] { Accept(); });
    for (int i = 0; i < options_.threads; ++i) threads_.emplace_back([this] { context_.run(); });
    return absl::OkStatus();
  }

  std::uint16_t Port() const override { return port_; }

  void Stop(std::chrono::milliseconds grace) override {
    if (stopped_) return;
    stopped_ = true;
    asio::post(acceptor_.get_executor(), [this] {
      error_code ignored;
      acceptor_.close(ignored);
    });
    // Owners are let go before the wait, and outside the registry's lock: the last one destroys.
    for (const auto& session : sessions_->Open()) session->CloseSoon();
    sessions_->WaitUntilEmpty(grace);
    context_.stop();
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  void Accept() {
    acceptor_.async_accept(asio::make_strand(context_), [this](error_code error,
                                                               tcp::socket socket) {
      if (error == asio::error::operation_aborted || !acceptor_.is_open()) return;
      if (!error) {
        error_code ignored;
        socket.set_option(tcp::no_delay(true), ignored);
        auto session = std::make_shared<Session>(std::move(socket), options_, handler_, sessions_);
        if (sessions_->Enter(session.get())) {
          asio::dispatch(session->Executor(), [session] { session->Read(); });
        }
      }
      Accept();
    });
  }

  const ServerOptions options_;
  const Handler handler_;
  asio::io_context context_;
  // While a handler holds the only request and the acceptor is closed, the context has no work of
  // its own; the threads must wait for the answer all the same.
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  tcp::acceptor acceptor_;
  std::shared_ptr<Sessions> sessions_;
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
  auto server = std::make_unique<AsioServer>(std::move(options), std::move(handler));
  if (absl::Status status = server->Listen(); !status.ok()) return status;
  return server;
}

}  // namespace upswing::http
