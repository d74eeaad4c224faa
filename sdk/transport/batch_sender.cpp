#include "sdk/transport/batch_sender.hpp"

#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace upswing {

std::string_view HttpResponse::Header(std::string_view name) const {
  for (const auto& [key, value] : headers) {
    if (absl::EqualsIgnoreCase(key, absl::string_view(name.data(), name.size()))) return value;
  }
  return {};
}

}  // namespace upswing

namespace upswing::transport {

SendResult Judge(const wire::BatchId& id, const HttpResponse& response) {
  SendResult result;
  result.error = absl::UnavailableError(absl::StrCat("server answered ", response.status));
  result.retry_after_s = wire::ParseSeconds(response.Header(wire::kRetryAfterHeader));
  if (wire::ParseBatchId(response.Header(wire::kBatchHeader)) != id) {
    result.error = absl::UnavailableError(
        absl::StrCat("an answer ", response.status, " that is not from an Upswing server"));
    return result;
  }
  result.pause_s = wire::ParseSeconds(response.Header(wire::kPauseHeader));
  result.flush_interval_s = wire::ParseSeconds(response.Header(wire::kFlushIntervalHeader));
  switch (response.status) {
    case 200:
      if (std::optional<wire::Answer> answer = wire::ParseAnswer(response.body)) {
        result.verdict = Verdict::kDelivered;
        result.answer = *std::move(answer);
        result.error = absl::OkStatus();
      } else {
        result.error =
            absl::UnavailableError("server answered 200 with a body that is not an answer");
      }
      break;
    case 400:
      result.verdict = Verdict::kRefused;
      result.error =
          absl::InvalidArgumentError(absl::StrCat("server refused a batch: ", response.body));
      break;
    case 401:
    case 403:
      result.verdict = Verdict::kUnauthorized;
      result.error = absl::PermissionDeniedError(
          absl::StrCat("server answered ", response.status, ": check api_key"));
      break;
    case 413:
      result.verdict = Verdict::kSplit;
      break;
    default:
      break;
  }
  return result;
}

SendResult BatchSender::Send(const Endpoint& endpoint, const wire::BatchId& id,
                             std::string_view bytes) {
  HttpRequest request;
  request.method = "POST";
  request.url = absl::StrCat(endpoint.server_url, std::string(wire::kBatchesPath));
  request.timeout = endpoint.timeout;
  request.max_response_bytes = std::size_t{1} << 20;
  request.body = bytes;
  if (!endpoint.api_key.empty()) {
    request.headers.emplace_back("Authorization", absl::StrCat("Bearer ", endpoint.api_key));
  }
  request.headers.emplace_back("Content-Type", wire::kBatchContentType);
  request.headers.emplace_back(wire::kBatchHeader, wire::FormatBatchId(id));
  request.headers.emplace_back(
      wire::kSentAtHeader,
      wire::FormatSentAt({clock_->WallMillis(), clock_->BootMillis(), clock_->BootId()}));
  absl::StatusOr<HttpResponse> response = transport_->Send(request);
  if (response.ok()) return Judge(id, *response);
  SendResult result;
  result.error = response.status();
  return result;
}

}  // namespace upswing::transport
