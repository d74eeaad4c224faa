#include "server/cli/remote.hpp"

#include <cstdlib>
#include <utility>

#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"
#include "sdk/transport/curl_transport.hpp"

namespace upswing::cli {
namespace {

// What an answer that is not a success says: the detail of problem JSON, or its status.
std::string Words(const HttpResponse& response) {
  const auto json = nlohmann::json::parse(response.body, nullptr, false);
  if (json.is_object() && json.contains("detail") && json["detail"].is_string())
    return json["detail"].get<std::string>();
  return absl::StrCat("HTTP status ", response.status);
}

absl::Status ToStatus(const HttpResponse& response) {
  switch (response.status) {
    case 404:
      return absl::NotFoundError(Words(response));
    case 412:
      return absl::AbortedError(Words(response));
    case 400:
      return absl::InvalidArgumentError(Words(response));
    default:
      return absl::UnavailableError(Words(response));
  }
}

}  // namespace

Remote::Remote(std::string url, std::string api_key, std::unique_ptr<Transport> transport)
    : url_(std::move(url)), api_key_(std::move(api_key)), transport_(std::move(transport)) {}

absl::StatusOr<Remote> Remote::Open(std::string url, std::string api_key) {
  absl::string_view rest = url;
  if (!absl::ConsumePrefix(&rest, "http://") && !absl::ConsumePrefix(&rest, "https://")) {
    return absl::InvalidArgumentError(
        absl::StrCat("--server: ", url, " must begin with http:// or https://"));
  }
  while (!url.empty() && url.back() == '/') url.pop_back();
  auto transport = transport::MakeCurlTransport(
      {.ca_bundle_path = TrustedAuthorities(), .user_agent = "upswing-cli"});
  return Remote(std::move(url), std::move(api_key), std::move(transport));
}

std::string TrustedAuthorities() {
  const char* const file = std::getenv("SSL_CERT_FILE");
  return file == nullptr ? "" : file;
}

absl::StatusOr<HttpResponse> Remote::Send(HttpRequest request) {
  request.url = url_ + request.url;
  if (!api_key_.empty()) request.headers.emplace_back("Authorization", "Bearer " + api_key_);
  request.timeout = std::chrono::minutes(5);
  request.max_response_bytes = std::size_t{1} << 30;
  absl::StatusOr<HttpResponse> response = transport_->Send(request);
  if (!response.ok())
    return absl::UnavailableError(absl::StrCat(url_, ": ", response.status().message()));
  return response;
}

absl::StatusOr<Remote::Catalog> Remote::GetCatalog() {
  const absl::StatusOr<HttpResponse> response =
      Send({.method = "GET", .url = "/v1/catalog/source"});
  if (!response.ok()) return response.status();
  if (response->status == 404) return Catalog{};
  if (response->status != 200) return ToStatus(*response);
  return Catalog{response->body, std::string(response->Header("etag"))};
}

absl::StatusOr<std::string> Remote::GetProject() {
  const absl::StatusOr<std::string> body = Get("/v1/project");
  if (!body.ok()) return body.status();
  const auto json = nlohmann::json::parse(*body, nullptr, false);
  if (!json.is_object() || !json.value("project", nlohmann::json()).is_string()) {
    return absl::UnavailableError(absl::StrCat(url_, ": this is no Upswing server"));
  }
  return json["project"].get<std::string>();
}

absl::Status Remote::PutCatalog(std::string_view source, const std::string& if_match) {
  HttpRequest request{.method = "PUT", .url = "/v1/catalog", .body = source};
  request.headers.emplace_back("Content-Type", "application/json");
  if (!if_match.empty()) request.headers.emplace_back("If-Match", if_match);
  const absl::StatusOr<HttpResponse> response = Send(std::move(request));
  if (!response.ok()) return response.status();
  return response->status == 200 ? absl::OkStatus() : ToStatus(*response);
}

absl::Status Remote::PutList(const catalog::Blob& list) {
  constexpr std::size_t kPart = std::size_t{4} << 20;  // A server takes bodies of 8 MiB by default.
  const std::string_view bytes = *list.bytes;
  for (std::size_t offset = 0; offset < bytes.size(); offset += kPart) {
    HttpRequest request{.method = "PUT",
                        .url = absl::StrCat(catalog::BlobPath(list.name), "?offset=", offset),
                        .body = bytes.substr(offset, kPart)};
    request.headers.emplace_back("Content-Type", "application/octet-stream");
    const absl::StatusOr<HttpResponse> response = Send(std::move(request));
    if (!response.ok()) return response.status();
    if (response->status != 200) return ToStatus(*response);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> Remote::Get(const std::string& path) {
  absl::StatusOr<HttpResponse> response = Send({.method = "GET", .url = path});
  if (!response.ok()) return response.status();
  if (response->status != 200) return ToStatus(*response);
  return std::move(response->body);
}

absl::StatusOr<std::string> Remote::Post(const std::string& path, std::string_view body) {
  HttpRequest request{.method = "POST", .url = path, .body = body};
  request.headers.emplace_back("Content-Type", "application/json");
  absl::StatusOr<HttpResponse> response = Send(std::move(request));
  if (!response.ok()) return response.status();
  if (response->status != 200) return ToStatus(*response);
  return std::move(response->body);
}

std::string PercentEncode(std::string_view text) {
  std::string encoded;
  for (const char c : text) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c)) ||
        std::string_view("-._~").find(c) != std::string_view::npos) {
      encoded += c;
    } else {
      absl::StrAppendFormat(&encoded, "%%%02X", static_cast<unsigned char>(c));
    }
  }
  return encoded;
}

}  // namespace upswing::cli
