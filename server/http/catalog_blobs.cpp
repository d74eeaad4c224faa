#include "server/http/catalog_blobs.hpp"

#include <algorithm>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "sdk/base/text.hpp"
#include "sdk/catalog/blob.hpp"
#include "server/http/answer.hpp"
#include "server/project/project.hpp"

namespace upswing::http {
namespace {

Response BadName() {
  return Problem(400, "bad request", "the name of an id list is 16 lower-case hexadecimal digits");
}

}  // namespace

Response PutCatalogBlob(project::Project* project, std::string_view name, const Request& request) {
  const auto list = catalog::ParseBlobName(name);
  if (!list.has_value()) return BadName();
  std::uint64_t offset = 0;
  const std::string_view text = request.Query("offset");
  if (!text.empty() && !absl::SimpleAtoi(base::ToAbsl(text), &offset))
    return Problem(400, "bad request", "offset: must be a number of bytes");
  const auto next = project->AddListPart(*list, offset, request.body);
  if (absl::IsAborted(next.status()))
    return Problem(409, "conflict", base::FromAbsl(next.status().message()));
  if (absl::IsOutOfRange(next.status()))
    return Problem(413, "list too large", base::FromAbsl(next.status().message()));
  if (!next.ok()) return FromStatus(next.status());
  return {.body = absl::StrCat("{\"next_offset\": ", *next, "}\n")};
}

Response GetCatalogBlob(const project::Catalog* catalog, std::string_view name) {
  const auto wanted = catalog::ParseBlobName(name);
  if (!wanted.has_value()) return BadName();
  if (catalog != nullptr) {
    const auto found = std::find_if(catalog->blobs.begin(), catalog->blobs.end(),
                                    [&](const auto& blob) { return blob.name == *wanted; });
    if (found != catalog->blobs.end()) {
      const std::string etag = "\"" + std::string(name) + "\"";
      return {
          .content_type = "application/octet-stream",
          .body = catalog->signing.sign ? catalog->signing.sign(*found->bytes) : *found->bytes,
          .headers = {{"ETag", etag}, {"Cache-Control", "private, max-age=31536000, immutable"}}};
    }
  }
  return Problem(404, "not found",
                 "the catalog in force has no such id list; get /v1/catalog again");
}

}  // namespace upswing::http
