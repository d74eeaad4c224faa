#include "server/http/catalog_blobs.hpp"

#include <algorithm>
#include <string>

#include "sdk/catalog/blob.hpp"
#include "server/project/project.hpp"

namespace upswing::http {

Response GetCatalogBlob(const project::Catalog* catalog, std::string_view name) {
  const auto wanted = catalog::ParseBlobName(name);
  if (!wanted.has_value()) {
    return Problem(400, "bad request",
                   "the name of an id list is 16 lower-case hexadecimal digits");
  }
  if (catalog != nullptr) {
    const auto found = std::find_if(catalog->blobs.begin(), catalog->blobs.end(),
                                    [&](const auto& blob) { return blob.name == *wanted; });
    if (found != catalog->blobs.end()) {
      const std::string etag = "\"" + std::string(name) + "\"";
      return {
          .content_type = "application/octet-stream",
          .body = catalog->signing.sign ? catalog->signing.sign(found->bytes) : found->bytes,
          .headers = {{"ETag", etag}, {"Cache-Control", "private, max-age=31536000, immutable"}}};
    }
  }
  return Problem(404, "not found",
                 "the catalog in force has no such id list; get /v1/catalog again");
}

}  // namespace upswing::http
