#pragma once

#include <absl/status/statusor.h>

#include <string>
#include <string_view>

namespace upswing::catalog {

/// Catalog bytes are an envelope around the FlatBuffer of sdk/schema/catalog.fbs, so that a flipped
/// bit anywhere is found before anything is believed:
///
///     offset 0   8 bytes  "UPSWCAT" and the envelope's version, 1
///     offset 8   8 bytes  XXH3_64bits of all that follows, little-endian
///     offset 16           the FlatBuffer
inline constexpr std::size_t kEnvelopeSize = 16;

std::string Seal(std::string_view flatbuffer);

/// The FlatBuffer inside, also of signed bytes (sdk/catalog/signature.hpp; whoever trusts no
/// transport verifies these first). kInvalidArgument if the bytes are truncated, changed or no
/// catalog.
absl::StatusOr<std::string_view> Open(std::string_view bytes);

}  // namespace upswing::catalog
