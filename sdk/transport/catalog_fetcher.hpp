#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "sdk/transport/batch_sender.hpp"
#include "upswing/transport.hpp"

namespace upswing::transport {

/// A catalog as the server sent it.
struct FetchedCatalog {
  std::string bytes;
  std::string etag;
};

/// Asks the server for the catalog. Nullopt when it is still the one that `etag` names (304). Any
/// other answer than 200 or 304 is an error. Whether the bytes are a catalog is for the caller to
/// verify: a captive portal answers 200 too.
///
/// With `wait`, the server answers 304 only after so many seconds, and another catalog as soon as
/// it is published. Range: [0, 60 s].
absl::StatusOr<std::optional<FetchedCatalog>> FetchCatalog(
    Transport* transport, const Endpoint& endpoint, const std::string& etag,
    std::chrono::seconds wait = std::chrono::seconds(0));

/// Asks the server for the id list at this path (`catalog::BlobPath`). Whether the bytes are that
/// list is for the caller to verify.
absl::StatusOr<std::string> FetchIdList(Transport* transport, const Endpoint& endpoint,
                                        std::string_view path);

}  // namespace upswing::transport
