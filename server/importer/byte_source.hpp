#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/types/span.h"

namespace upswing::importer {

/// Bytes of a file in order, decompressed on the way. Not thread-safe.
class ByteSource {
 public:
  virtual ~ByteSource() = default;

  /// Fills the front of `buffer`; 0 at the end of the data. kDataLoss if compressed data is damaged
  /// or ends early; the message does not name the file, the caller knows more.
  virtual absl::StatusOr<std::size_t> Read(absl::Span<char> buffer) = 0;
};

/// Opens a plain, gzip or zstd file; which one is told by its first bytes, not its name. kNotFound
/// or kUnavailable, naming the file, if it cannot be opened.
absl::StatusOr<std::unique_ptr<ByteSource>> OpenFile(const std::string& path);

/// A source over bytes in memory, decompressed likewise. For tests and for data already read.
std::unique_ptr<ByteSource> FromMemory(std::string bytes);

}  // namespace upswing::importer
