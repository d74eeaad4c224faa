#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"

struct ZSTD_CCtx_s;
struct ZSTD_DCtx_s;

namespace upswing::wire {

/// Writes one zstd frame with content size and dictionary id. Keeps its memory between calls.
class Compressor {
 public:
  Compressor();
  ~Compressor();
  Compressor(const Compressor&) = delete;
  Compressor& operator=(const Compressor&) = delete;

  /// `cut` is the offset where the strings end and the numbers begin. In large inputs a zstd block
  /// ends there, so that text and numbers have an entropy table each.
  std::string Compress(absl::Span<const std::uint8_t> bytes, std::size_t cut, int level);

 private:
  ZSTD_CCtx_s* context_;
};

/// Reads one zstd frame. Keeps its memory between calls.
class Decompressor {
 public:
  Decompressor();
  ~Decompressor();
  Decompressor(const Decompressor&) = delete;
  Decompressor& operator=(const Decompressor&) = delete;

  /// kInvalidArgument when `bytes` is not exactly one sound frame with its content size;
  /// kResourceExhausted when it would exceed `max_bytes`, before any memory is taken;
  /// kUnimplemented for a dictionary that this library has not.
  absl::Status Decompress(std::string_view bytes, std::size_t max_bytes,
                          std::vector<std::uint8_t>* out);

 private:
  ZSTD_DCtx_s* context_;
};

}  // namespace upswing::wire
