#pragma once

#include <string>
#include <string_view>

#include "absl/types/span.h"

namespace upswing::dashboard {

/// One file of the built page.
struct Asset {
  std::string_view path;          ///< As requested: "/" or "/assets/index-1a2b3c4d.js".
  std::string_view content_type;  ///< e.g. "text/css; charset=utf-8"
  std::string_view etag;          ///< Strong, quoted; of the uncompressed bytes.
  std::string_view gzip;          ///< The bytes, compressed with gzip.
  bool immutable = false;         ///< The name carries a hash of the content: cache for ever.
};

/// The files of the page, which the build writes into the binary. Empty in a binary that was built
/// without npm.
absl::Span<const Asset> Assets();

/// The file at a path, or null.
const Asset* FindAsset(std::string_view path);

/// The file's own bytes, for a client that does not take gzip.
std::string Uncompressed(const Asset& asset);

/// What stands at "/" in a binary without the page: plain HTML that says how to get it.
std::string_view MissingPage();

}  // namespace upswing::dashboard
