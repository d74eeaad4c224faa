#pragma once

#include <poll.h>

#include <optional>
#include <string>
#include <utility>  // Boost 1.74's Asio needs it first.

#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "server/http/connection.hpp"

namespace upswing::http {

/// A connection over any stream: read a request, hand it to the handler, write the answer, repeat.
/// `Derived` opens and closes the stream. Everything but `CloseSoon`, `GiveWay` and
/// `CloseIfLate` runs on the connection's strand.
template <class Derived>
class Session : public Connection {
 public:
  explicit Session(const ConnectionContext& context)
      : options_(*context.options), handler_(*context.handler), open_(context.open) {}

  ~Session() override { open_->Leave(this); }

  void CloseSoon() override {
    boost::asio::post(derived().stream().get_executor(), [self = this->Self()] {
      self->closing_ = true;
      if (!self->busy_) self->derived().Close();
    });
  }

  void GiveWay() override {
    boost::asio::post(derived().stream().get_executor(), [self = this->Self()] {
      self->closing_ = true;
      if (!self->handling_) self->derived().Close();
    });
  }

  void CloseIfLate() override {
    boost::asio::post(derived().stream().get_executor(), [self = this->Self()] {
      if (!self->late(Now())) return;
      self->ExpireNever();
      self->derived().Close();
    });
  }

 protected:
  using error_code = boost::system::error_code;

  std::shared_ptr<Session> Self() {
    return std::static_pointer_cast<Session>(this->shared_from_this());
  }

  /// The stream is open: serves requests until it closes.
  void Serve() { Read(); }

  const ServerOptions& options() const { return options_; }

 private:
  Derived& derived() { return static_cast<Derived&>(*this); }

  // A connection may be idle for long, but once a request has begun it must come.
  void Read() {
    parser_.emplace();
    parser_->header_limit(static_cast<std::uint32_t>(options_.header_bytes));
    parser_->body_limit(options_.body_bytes);
    if (buffer_.size() > 0) return ReadHeader();
    Expire(first_ ? options_.header_timeout : options_.idle_timeout);
    derived().stream().async_read_some(buffer_.prepare(4096),
                                       [self = Self()](error_code error, std::size_t bytes) {
                                         if (error) return self->derived().Close();
                                         self->buffer_.commit(bytes);
                                         self->ReadHeader();
                                       });
  }

  // Parses what has arrived, so that only what is missing is waited for: each wait is a trip
  // through the queue of the threads, and wakes another one.
  error_code Parse() {
    error_code error;
    while (buffer_.size() > 0 && !error) {
      const std::size_t used = parser_->put(buffer_.data(), error);
      buffer_.consume(used);
      if (used == 0 || parser_->is_done() || (parser_->is_header_done() && !parser_->eager()))
        break;
    }
    return error == boost::beast::http::error::need_more ? error_code() : error;
  }

  void ReadHeader() {
    const error_code error = Parse();
    if (error || parser_->is_header_done()) return OnHeader(error);
    Expire(options_.header_timeout);
    boost::beast::http::async_read_header(
        derived().stream(), buffer_, *parser_,
        [self = Self()](error_code failed, std::size_t) { self->OnHeader(failed); });
  }

  void OnHeader(error_code error) {
    first_ = false;
    if (error) return Fail(error);
    busy_ = true;
    if (auto refusal = CheckHeader()) return Refuse(*std::move(refusal));
    Expire(options_.request_timeout);
    if (boost::beast::iequals(parser_->get()[boost::beast::http::field::expect], "100-continue")) {
      continue_.emplace(boost::beast::http::status::continue_, 11);
      boost::beast::http::async_write(derived().stream(), *continue_,
                                      [self = Self()](error_code failed, std::size_t) {
                                        failed ? self->Fail(failed) : self->ReadBody();
                                      });
    } else {
      ReadBody();
    }
  }

  static std::string_view ViewOf(boost::beast::string_view text) {
    return {text.data(), text.size()};
  }

  // What two servers in a row may read differently is refused: it is how requests are smuggled.
  std::optional<Response> CheckHeader() {
    namespace http = boost::beast::http;
    const auto& head = parser_->get();
    const auto bad = [](std::string_view what) { return Problem(400, "bad request", what); };
    if (head.count(http::field::host) != 1 && head.version() >= 11)
      return bad("exactly one Host header is needed");
    if (head.count(http::field::content_length) > 1) return bad("more than one Content-Length");
    const std::string_view length = ViewOf(head[http::field::content_length]);
    if (length.find_first_not_of("0123456789") != std::string_view::npos)
      return bad("Content-Length must be one number");
    const auto encodings = head.count(http::field::transfer_encoding);
    if (encodings > 0) {
      if (head.count(http::field::content_length) > 0)
        return bad("both Content-Length and Transfer-Encoding");
      if (encodings > 1 || !boost::beast::iequals(head[http::field::transfer_encoding], "chunked"))
        return bad("Transfer-Encoding must be chunked");
      if (head.version() < 11) return bad("Transfer-Encoding in an HTTP/1.0 request");
    }
    if (head.count(http::field::content_encoding) > 0)
      return Problem(415, "unsupported media type",
                     "bodies are taken without Content-Encoding only; batches are compressed as "
                     "such");
    return std::nullopt;
  }

  void ReadBody() {
    parser_->eager(true);
    const error_code failed = parser_->is_done() ? error_code() : Parse();
    if (failed || parser_->is_done()) return OnRequest(failed);
    open_->Wait(this);
    boost::beast::http::async_read(
        derived().stream(), buffer_, *parser_,
        [self = Self()](error_code error, std::size_t) { self->OnRequest(error); });
  }

  void OnRequest(error_code error) {
    if (error) return Fail(error);
    auto message = parser_->release();
    keep_alive_ = message.keep_alive();
    version_ = message.version();
    head_ = message.method() == boost::beast::http::verb::head;
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
    // Whoever asks has the answer still to give, which keeps this.
    request.peer_left = [this] { return PeerLeft(); };
    ExpireNever();  // The handler has its own limits.
    handling_ = true;
    open_->Busy(this);
    handler_(std::move(request), [self = Self()](Response response) {
      // At once, where the handler answers before it returns.
      boost::asio::dispatch(
          self->derived().stream().get_executor(),
          [self, response = std::move(response)]() mutable { self->Write(std::move(response)); });
    });
  }

  // Called while the strand waits for the answer. What the peer may have sent after its request
  // stays where it is.
  bool PeerLeft() {
    pollfd watched{boost::beast::get_lowest_layer(derived().stream()).socket().native_handle(),
                   POLLRDHUP, 0};
    return poll(&watched, 1, 0) > 0;
  }

  void Fail(error_code error) {
    namespace http = boost::beast::http;
    if (error == http::error::body_limit) {
      return Refuse(
          Problem(413, "body too large",
                  absl::StrCat("a body may have at most ", options_.body_bytes, " bytes")));
    }
    if (error == http::error::header_limit || error == http::error::buffer_overflow) {
      return Refuse(Problem(431, "headers too large",
                            absl::StrCat("request line and headers may have at most ",
                                         options_.header_bytes, " bytes")));
    }
    if (error.category() == make_error_code(http::error::bad_method).category() &&
        error != http::error::end_of_stream && error != http::error::partial_message) {
      return Refuse(Problem(400, "bad request", error.message()));
    }
    derived().Close();
  }

  // Answers a request that was not read to its end; what follows on the connection cannot be
  // trusted.
  void Refuse(Response response) {
    keep_alive_ = false;
    Write(std::move(response));
  }

  void Write(Response response) {
    handling_ = false;
    open_->Wait(this);
    serializer_.reset();
    answer_.emplace(static_cast<boost::beast::http::status>(response.status), version_);
    for (const auto& [name, value] : response.headers) answer_->set(name, value);
    if (!response.content_type.empty()) {
      answer_->set(boost::beast::http::field::content_type, response.content_type);
    }
    answer_->keep_alive(keep_alive_ && !closing_);
    answer_->body() = std::move(response.body);
    answer_->prepare_payload();
    if (head_) answer_->body().clear();
    Expire(options_.request_timeout);
    serializer_.emplace(*answer_);
    // Mostly all of it is taken at once. Where the next request is here already, its answer must
    // not be written from within this one.
    error_code error;
    if (buffer_.size() == 0) derived().TryWrite(&*serializer_, &error);
    if (error || serializer_->is_done()) return OnWritten(error);
    boost::beast::http::async_write(
        derived().stream(), *serializer_,
        [self = Self()](error_code failed, std::size_t) { self->OnWritten(failed); });
  }

  void OnWritten(error_code error) {
    busy_ = false;
    if (error || !answer_->keep_alive() || closing_) return derived().Close();
    Read();
  }

  const ServerOptions& options_;
  const Handler& handler_;
  const std::shared_ptr<Connections> open_;
  boost::beast::flat_buffer buffer_;
  std::optional<boost::beast::http::request_parser<boost::beast::http::string_body>> parser_;
  std::optional<boost::beast::http::response<boost::beast::http::empty_body>> continue_;
  std::optional<boost::beast::http::response<boost::beast::http::string_body>> answer_;
  std::optional<boost::beast::http::response_serializer<boost::beast::http::string_body>>
      serializer_;  // of answer_
  unsigned version_ = 11;
  bool first_ = true;
  bool keep_alive_ = false;
  bool head_ = false;
  bool busy_ = false;      // from the head of a request to the end of its answer
  bool handling_ = false;  // the handler has the request
  bool closing_ = false;
};

}  // namespace upswing::http
