#include "server/http/tls_context.hpp"

#include <openssl/ssl.h>

#include "absl/strings/str_cat.h"

namespace upswing::http {
namespace {

using boost::asio::ssl::context;
using boost::system::error_code;

absl::StatusOr<std::shared_ptr<context>> Make(const TlsOptions& options) {
  auto tls = std::make_shared<context>(context::tls_server);
  error_code error;
  const auto failed = [&](std::string_view option, const std::string& file) {
    return absl::InvalidArgumentError(
        absl::StrCat(std::string(option), ": ", file, ": ", error.message()));
  };
  tls->set_options(context::default_workarounds | context::no_sslv2 | context::no_sslv3 |
                       context::no_tlsv1 | context::no_tlsv1_1 | context::no_compression,
                   error);
  SSL_CTX_set_options(tls->native_handle(), SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_cipher_list(tls->native_handle(), "ECDHE+AESGCM:ECDHE+CHACHA20");
  tls->use_certificate_chain_file(options.certificate_file, error);
  if (error) return failed("tls-certificate", options.certificate_file);
  tls->use_private_key_file(options.key_file, context::pem, error);
  if (error) return failed("tls-key", options.key_file);
  if (SSL_CTX_check_private_key(tls->native_handle()) != 1)
    return absl::InvalidArgumentError(absl::StrCat(
        "tls-key: ", options.key_file, " is not the key of ", options.certificate_file));
  if (!options.client_ca_file.empty()) {
    tls->load_verify_file(options.client_ca_file, error);
    if (error) return failed("tls-client-ca", options.client_ca_file);
    tls->set_verify_mode(
        boost::asio::ssl::verify_peer | boost::asio::ssl::verify_fail_if_no_peer_cert, error);
    // A resumed session must belong to this server, or OpenSSL refuses it when clients are
    // verified.
    SSL_CTX_set_session_id_context(tls->native_handle(),
                                   reinterpret_cast<const unsigned char*>("upswing"), 7);
  }
  return tls;
}

}  // namespace

absl::StatusOr<std::unique_ptr<TlsContext>> TlsContext::Load(const TlsOptions& options) {
  std::unique_ptr<TlsContext> tls(new TlsContext(options));
  if (absl::Status status = tls->Reload(); !status.ok()) return status;
  return tls;
}

std::shared_ptr<context> TlsContext::Get() const {
  const std::lock_guard lock(mutex_);
  return context_;
}

absl::Status TlsContext::Reload() {
  auto made = Make(options_);
  if (!made.ok()) return made.status();
  const std::lock_guard lock(mutex_);
  context_ = *std::move(made);
  return absl::OkStatus();
}

}  // namespace upswing::http
