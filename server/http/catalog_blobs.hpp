#pragma once

#include <string_view>

#include "server/http/message.hpp"

namespace upswing::project {
struct Catalog;
}

namespace upswing::http {

/// GET /v1/catalog/blobs/{name}: an id list that is too large to be in the catalog, named by the
/// hash of its bytes, so it never changes and may be cached for ever. `catalog` is the one in force
/// or null; lists of earlier ones are not kept: 404 tells the client to fetch the catalog again.
Response GetCatalogBlob(const project::Catalog* catalog, std::string_view name);

}  // namespace upswing::http
