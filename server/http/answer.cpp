#include "server/http/answer.hpp"

#include <string>

namespace upswing::http {

Response FromStatus(const absl::Status& status) {
  const std::string message(status.message());
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
      return Problem(400, "bad request", message);
    case absl::StatusCode::kNotFound:
      return Problem(404, "not found", message);
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kFailedPrecondition:
      return Problem(409, "conflict", message);
    case absl::StatusCode::kCancelled:  // Shows in the log and the metrics only: nobody is there.
      return Problem(499, "client closed request", message);
    case absl::StatusCode::kAborted:
      return Problem(412, "precondition failed", message);
    case absl::StatusCode::kResourceExhausted:
    case absl::StatusCode::kUnavailable: {
      Response response = Problem(503, "unavailable", message);
      response.headers.emplace_back("Retry-After", "5");
      return response;
    }
    default:
      return Problem(500, "internal error", message);
  }
}

}  // namespace upswing::http
