#include "server/http/gate.hpp"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace upswing::http {
namespace {

constexpr std::int64_t kReadPauseMs = 10;

Response Unauthorized(std::string_view detail) {
  Response response = Problem(401, "unauthorized", detail);
  response.headers.emplace_back("WWW-Authenticate", "Bearer");
  return response;
}

// "Bearer" in any case, one or more spaces, the key.
std::string_view Token(const Request& request) {
  constexpr std::string_view kScheme = "bearer ";
  std::string_view value = request.Header("authorization");
  if (value.empty()) return request.Header("x-api-key");
  if (!absl::StartsWithIgnoreCase({value.data(), value.size()}, {kScheme.data(), kScheme.size()}))
    return {};
  value.remove_prefix(kScheme.size());
  while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
  return value;
}

// The host of "host:port", "[::1]:port" or "host".
std::string_view HostOf(std::string_view authority) {
  if (authority.starts_with('[')) {
    const std::size_t end = authority.find(']');
    return end == std::string_view::npos ? authority : authority.substr(1, end - 1);
  }
  return authority.substr(0, authority.rfind(':'));
}

bool IsLoopback(std::string_view host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

}  // namespace

bool Gate::AllowsOrigin(std::string_view origin) const {
  return std::any_of(origins_.begin(), origins_.end(),
                     [origin](const std::string& each) { return each == "*" || each == origin; });
}

access::CheckedKey Gate::Check(std::string_view token) {
  access::CheckedKey checked = keys_->Check(token);
  if (checked.verdict != access::KeyVerdict::kUnknown || !read_unknown_) return checked;
  // Guessing keys must not become reading files.
  std::int64_t last = read_ms_;
  const std::int64_t now = clock_->BootMillis();
  if (now - last < kReadPauseMs || !read_ms_.compare_exchange_strong(last, now)) return checked;
  if (!keys_->Refresh().ok()) return checked;
  return keys_->Check(token);
}

std::optional<Response> Gate::Admit(const Request& request, access::Scopes needed, Caller* caller) {
  if (needed.empty()) return std::nullopt;
  if (open()) {
    const std::string_view host = request.Header("host");
    if (!IsLoopback(HostOf(host)))
      return Problem(403, "forbidden",
                     "a server without API keys answers only to localhost and 127.0.0.1");
    const std::string_view origin = request.Header("origin");
    if (!origin.empty() && origin != absl::StrCat("http://", std::string(host)) &&
        !AllowsOrigin(origin))
      return Problem(403, "forbidden",
                     "a server without API keys takes no requests from other web pages");
    *caller = {"local", access::Scopes::All()};
    return std::nullopt;
  }
  const std::string_view token = Token(request);
  if (token.empty()) return Unauthorized("send an API key as `Authorization: Bearer <key>`");
  const access::CheckedKey checked = Check(token);
  switch (checked.verdict) {
    case access::KeyVerdict::kUnknown:
      return Unauthorized("the API key is not one of this server");
    case access::KeyVerdict::kRevoked:
      return Unauthorized(absl::StrCat("the API key ", checked.name, " is revoked"));
    case access::KeyVerdict::kExpired:
      return Unauthorized(absl::StrCat("the API key ", checked.name, " has expired"));
    case access::KeyVerdict::kValid:
      break;
  }
  *caller = {checked.name, checked.scopes};
  if (checked.requests_per_second) {
    const std::int64_t wait =
        rates_.Take(checked.name, *checked.requests_per_second, clock_->BootMillis());
    if (wait > 0) {
      Response response = Problem(429, "too many requests",
                                  absl::StrCat("the API key ", checked.name, " may send ",
                                               *checked.requests_per_second, " requests a second"));
      response.headers.emplace_back("Retry-After", absl::StrCat((wait + 999) / 1000));
      return response;
    }
  }
  if (const std::int64_t wait = keys_->Spend(checked); wait > 0) {
    Response response = Problem(429, "too many requests",
                                absl::StrCat("the API key ", checked.name, " may send ",
                                             *checked.requests_per_day, " requests a day"));
    response.headers.emplace_back("Retry-After", absl::StrCat((wait + 999) / 1000));
    return response;
  }
  if (!checked.scopes.Allow(needed))
    return Problem(403, "forbidden",
                   absl::StrCat("the API key ", checked.name, " lacks the scope ",
                                std::string(needed.Names().front())));
  return std::nullopt;
}

}  // namespace upswing::http
