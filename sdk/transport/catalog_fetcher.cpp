#include "sdk/transport/catalog_fetcher.hpp"

#include <utility>

#include "absl/strings/str_cat.h"
#include "sdk/wire/protocol.hpp"

namespace upswing::transport {

absl::StatusOr<std::optional<FetchedCatalog>> FetchCatalog(Transport* transport,
                                                           const Endpoint& endpoint,
                                                           const std::string& etag,
                                                           std::chrono::seconds wait) {
  HttpRequest request;
  request.method = "GET";
  request.url = absl::StrCat(endpoint.server_url, std::string(wire::kCatalogPath));
  if (wait.count() > 0) absl::StrAppend(&request.url, "?wait=", wait.count());
  request.timeout = endpoint.timeout + wait;
  request.max_response_bytes = std::size_t{64} << 20;
  if (!endpoint.api_key.empty()) {
    request.headers.emplace_back("Authorization", absl::StrCat("Bearer ", endpoint.api_key));
  }
  if (!etag.empty()) request.headers.emplace_back("If-None-Match", etag);
  absl::StatusOr<HttpResponse> response = transport->Send(request);
  if (!response.ok()) return response.status();
  if (response->status == 304) return std::optional<FetchedCatalog>();
  if (response->status != 200) {
    return absl::UnavailableError(absl::StrCat("catalog: server answered ", response->status));
  }
  FetchedCatalog catalog;
  catalog.etag = std::string(response->Header("ETag"));
  catalog.bytes = std::move(response->body);
  return std::optional<FetchedCatalog>(std::move(catalog));
}

}  // namespace upswing::transport
