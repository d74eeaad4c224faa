#include "sdk/capi/transport.hpp"

#include <cstddef>
#include <cstring>
#include <limits>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "sdk/capi/handles.hpp"

struct upswing_http_response {
  upswing::HttpResponse response;
  std::size_t max_body = 0;
  bool too_large = false;
};

namespace upswing::capi {
namespace {

constexpr std::size_t kFirstSize = sizeof(upswing_transport);  // of ABI version 1

absl::Status NoResponse(upswing_status code) {
  switch (code) {
    case UPSWING_TIMEOUT:
      return absl::DeadlineExceededError("transport: no response in time");
    case UPSWING_CANCELLED:
      return absl::CancelledError("transport: cancelled");
    case UPSWING_TOO_LARGE:
      return absl::ResourceExhaustedError("transport: the response is too large");
    default:
      return absl::UnavailableError("transport: no response");
  }
}

}  // namespace

std::shared_ptr<CTransport> CTransport::Make(const upswing_transport& transport) {
  if (transport.size < kFirstSize || transport.send == nullptr) return nullptr;
  upswing_transport known;
  std::memcpy(&known, &transport, sizeof(known));
  return std::shared_ptr<CTransport>(new CTransport(known));
}

CTransport::~CTransport() {
  if (own_ && app_.release != nullptr) app_.release(app_.user);
}

absl::StatusOr<HttpResponse> CTransport::Send(const HttpRequest& request) {
  std::vector<upswing_header> headers;
  headers.reserve(request.headers.size());
  for (const auto& [name, value] : request.headers) headers.push_back({Str(name), Str(value)});
  upswing_http_request ask = {};
  ask.size = sizeof(ask);
  ask.method = Str(request.method);
  ask.url = Str(request.url);
  ask.headers = headers.data();
  ask.header_count = headers.size();
  ask.body = Str(request.body);
  ask.timeout_ms = request.timeout.count();
  ask.max_response_bytes = request.max_response_bytes;
  upswing_http_response answer;
  answer.max_body = request.max_response_bytes;
  const upswing_status status = app_.send(app_.user, &ask, &answer);
  if (answer.too_large) return NoResponse(UPSWING_TOO_LARGE);
  if (status != UPSWING_OK) return NoResponse(status);
  if (answer.response.status == 0) return NoResponse(UPSWING_UNAVAILABLE);
  return std::move(answer.response);
}

void CTransport::Cancel() {
  if (app_.cancel != nullptr) app_.cancel(app_.user);
}

void CTransport::AbandonAfterFork() {
  if (app_.abandon_after_fork != nullptr) app_.abandon_after_fork(app_.user);
}

}  // namespace upswing::capi

using upswing::capi::Guard;
using upswing::capi::IsText;
using upswing::capi::View;

extern "C" {

upswing_status upswing_http_response_set_status(upswing_http_response* response, int32_t status) {
  if (response == nullptr || status < 100 || status > 999) return UPSWING_INVALID_ARGUMENT;
  response->response.status = status;
  return UPSWING_OK;
}

upswing_status upswing_http_response_add_header(upswing_http_response* response, upswing_str name,
                                                upswing_str value) {
  if (response == nullptr || !IsText(name) || name.len == 0 || !IsText(value)) {
    return UPSWING_INVALID_ARGUMENT;
  }
  return Guard([&] {
    response->response.headers.emplace_back(View(name), View(value));
    return UPSWING_OK;
  });
}

upswing_status upswing_http_response_add_body(upswing_http_response* response, upswing_str bytes) {
  if (response == nullptr || !IsText(bytes)) return UPSWING_INVALID_ARGUMENT;
  std::string& body = response->response.body;
  if (response->too_large || bytes.len > response->max_body - body.size()) {
    response->too_large = true;
    return UPSWING_TOO_LARGE;
  }
  return Guard([&] {
    body.append(View(bytes));
    return UPSWING_OK;
  });
}

}  // extern "C"
