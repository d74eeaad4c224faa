#include <boost/asio/dispatch.hpp>
#include <boost/beast/ssl.hpp>

#include "server/http/session.hpp"

namespace upswing::http {
namespace {

class TlsConnection final : public Session<TlsConnection> {
 public:
  TlsConnection(boost::asio::ip::tcp::socket socket, std::shared_ptr<boost::asio::ssl::context> tls,
                const ConnectionContext& context)
      : Session(context), tls_(std::move(tls)), stream_(std::move(socket), *tls_) {}

  void Start() override {
    boost::asio::dispatch(stream_.get_executor(), [self = Self(), this] {
      Expire(options().header_timeout);
      stream_.async_handshake(boost::asio::ssl::stream_base::server,
                              [self, this](error_code error) { error ? Close() : Serve(); });
    });
  }

  boost::beast::ssl_stream<boost::beast::tcp_stream>& stream() { return stream_; }

  // Its bytes go through buffers of their own, which only the asynchronous way waits for.
  template <class Serializer>
  void TryWrite(Serializer*, error_code*) {}

  // Without a closing handshake, for which a hostile peer would let us wait; the lengths in HTTP
  // say where an answer ends.
  void Close() {
    auto& lowest = boost::beast::get_lowest_layer(stream_);
    error_code ignored;
    lowest.socket().shutdown(boost::asio::ip::tcp::socket::shutdown_send, ignored);
    lowest.close();
  }

 private:
  const std::shared_ptr<boost::asio::ssl::context> tls_;
  boost::beast::ssl_stream<boost::beast::tcp_stream> stream_;
};

}  // namespace

std::shared_ptr<Connection> MakeTlsConnection(boost::asio::ip::tcp::socket socket,
                                              std::shared_ptr<boost::asio::ssl::context> tls,
                                              const ConnectionContext& context) {
  return std::make_shared<TlsConnection>(std::move(socket), std::move(tls), context);
}

}  // namespace upswing::http
