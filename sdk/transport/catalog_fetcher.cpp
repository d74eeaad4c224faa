#include "sdk/transport/catalog_fetcher.hpp"

#include <utility>

#include "absl/strings/str_cat.h"
#include "sdk/wire/protocol.hpp"

namespace upswing::transport {

namespace {

HttpRequest Get(const Endpoint& endpoint, std::string_view path) {
  HttpRequest request;
  request.method = "GET";
  request.url = absl::StrCat(endpoint.server_url, std::string(path));
  request.timeout = endpoint.timeout;
  request.max_response_bytes = std::size_t{64} << 20;
  if (!endpoint.api_key.empty()) {
    request.headers.emplace_back("Authorization", absl::StrCat("Bearer ", endpoint.api_key));
  }
  return request;
}

}  // namespace

absl::StatusOr<std::optional<FetchedCatalog>> FetchCatalog(Transport* transport,
                                                           const Endpoint& endpoint,
                                                           const std::string& etag,
                                                           std::chrono::seconds wait) {
  HttpRequest request = Get(endpoint, wire::kCatalogPath);
  if (wait.count() > 0) absl::StrAppend(&request.url, "?wait=", wait.count());
  request.timeout += wait;
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

absl::StatusOr<std::string> FetchIdList(Transport* transport, const Endpoint& endpoint,
                                        std::string_view path) {
  absl::StatusOr<HttpResponse> response = transport->Send(Get(endpoint, path));
  if (!response.ok()) return response.status();
  if (response->status != 200) {
    return absl::UnavailableError(
        absl::StrCat(std::string(path), ": server answered ", response->status));
  }
  return std::move(response->body);
}

}  // namespace upswing::transport
