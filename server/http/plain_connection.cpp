#include <boost/asio/dispatch.hpp>

#include "server/http/session.hpp"

namespace upswing::http {
namespace {

class PlainConnection final : public Session<PlainConnection> {
 public:
  PlainConnection(boost::asio::ip::tcp::socket socket, const ConnectionContext& context)
      : Session(context), stream_(std::move(socket)) {
    error_code ignored;  // It would fail with the first write.
    stream_.socket().non_blocking(true, ignored);
  }

  void Start() override {
    boost::asio::dispatch(stream_.get_executor(), [self = Self(), this] { Serve(); });
  }

  boost::beast::tcp_stream& stream() { return stream_; }

  // Writes what the connection takes at once.
  template <class Serializer>
  void TryWrite(Serializer* serializer, error_code* error) {
    boost::beast::http::write_some(stream_.socket(), *serializer, *error);
    if (*error == boost::asio::error::would_block) *error = {};
  }

  void Close() {
    error_code ignored;
    stream_.socket().shutdown(boost::asio::ip::tcp::socket::shutdown_send, ignored);
    stream_.close();
  }

 private:
  boost::beast::tcp_stream stream_;
};

}  // namespace

std::shared_ptr<Connection> MakePlainConnection(boost::asio::ip::tcp::socket socket,
                                                const ConnectionContext& context) {
  return std::make_shared<PlainConnection>(std::move(socket), context);
}

}  // namespace upswing::http
