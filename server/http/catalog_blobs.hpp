#pragma once

#include <string_view>

#include "server/http/message.hpp"

namespace upswing::project {
struct Catalog;
class Project;
}  // namespace upswing::project

namespace upswing::http {

/// PUT /v1/catalog/blobs/{name}?offset=N: the part of an id list that begins at byte N, for a
/// catalog that is published afterwards and names the list in `ids_blob`.
Response PutCatalogBlob(project::Project* project, std::string_view name, const Request& request);

/// GET /v1/catalog/blobs/{name}: an id list that is too large to be in the catalog, named by the
/// hash of its bytes, so it never changes and may be cached for ever. `catalog` is the one in force
/// or null; lists of earlier ones are not kept: 404 tells the client to fetch the catalog again.
Response GetCatalogBlob(const project::Catalog* catalog, std::string_view name);

}  // namespace upswing::http
