#pragma once

#include <absl/status/statusor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace upswing::catalog {

/// A large id list that travels beside the catalog. `bytes`: sorted unsigned 64-bit little-endian
/// integers. `name` is XXH3_64bits of them.
///
/// How a client completes a catalog: load it; for each of `View::missing_blobs()`, get `BlobPath`
/// from the server and pass the body to `MakeBlob`; then load the same bytes again with these and
/// with `View::loaded_blobs()` of the view that was in force, so that no list is fetched twice.
/// Until then the experiments that need a missing list are `unsupported`.
struct Blob {
  std::uint64_t name = 0;
  std::shared_ptr<const std::string> bytes;
};

/// Where a server has the list: "/v1/catalog/blobs/" and the name as 16 hexadecimal digits.
std::string BlobPath(std::uint64_t name);

/// The inverse of the last part of `BlobPath`; nothing for anything but 16 lower-case digits.
std::optional<std::uint64_t> ParseBlobName(std::string_view digits);

/// Takes what was fetched for `name`, signed (sdk/catalog/signature.hpp) or not. kDataLoss: it is
/// not that list (cut off or changed).
absl::StatusOr<Blob> MakeBlob(std::uint64_t name, std::string bytes);

}  // namespace upswing::catalog
