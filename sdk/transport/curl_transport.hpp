#pragma once

#include <memory>
#include <string>

#include "upswing/transport.hpp"

namespace upswing::transport {

struct CurlOptions {
  std::string proxy;           ///< URL; empty means none. The environment is never asked.
  std::string ca_bundle_path;  ///< PEM file; empty means the system's.
  std::string
      pinned_key;  ///< "sha256//<base64>[;sha256//...]" of the server's key; empty means any.
  std::string user_agent;
};

/// `Transport` over libcurl: keep-alive, HTTP/2 over TLS where libcurl has it, no signals, no
/// environment, no cookies, no redirects. libcurl is initialised by the first `Send`, since that
/// takes many milliseconds; an option that it refuses shows there as kInvalidArgument, which names
/// it.
std::unique_ptr<Transport> MakeCurlTransport(const CurlOptions& options);

}  // namespace upswing::transport
