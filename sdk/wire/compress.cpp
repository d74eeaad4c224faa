#include "sdk/wire/compress.hpp"

#include <zstd.h>

#include "absl/strings/str_cat.h"
#include "sdk/wire/dictionary.hpp"

namespace upswing::wire {
namespace {

/// A block of its own costs an entropy table; it pays from about this size of either side on.
constexpr std::size_t kMinCutBytes = 1024;

/// In small batches every byte counts and effort costs little; see
/// tests/benchmark/delivery_benchmark.cpp.
constexpr std::size_t kSmallBytes = 4096;
constexpr int kSmallLevel = 12;

/// Digested dictionaries are only read once made, so any number of threads may share them.
template <std::uint32_t id>
const ZSTD_DDict* Digested() {
  static const ZSTD_DDict* const dictionary =
      ZSTD_createDDict(Dictionary(id).data(), Dictionary(id).size());
  return dictionary;
}

const ZSTD_CDict* SmallDictionary() {
  static const ZSTD_CDict* const dictionary = ZSTD_createCDict(
      Dictionary(kNewestDictionary).data(), Dictionary(kNewestDictionary).size(), kSmallLevel);
  return dictionary;
}

}  // namespace

Compressor::Compressor() : context_(ZSTD_createCCtx()) {}
Compressor::~Compressor() { ZSTD_freeCCtx(context_); }

std::string Compressor::Compress(absl::Span<const std::uint8_t> bytes, std::size_t cut, int level) {
  ZSTD_CCtx_reset(context_, ZSTD_reset_session_and_parameters);
  ZSTD_CCtx_setParameter(context_, ZSTD_c_compressionLevel, level);
  if (level < 0) {
    // Speed is all that counts; to take a dictionary up costs more than it saves.
  } else if (bytes.size() < kSmallBytes) {
    ZSTD_CCtx_refCDict(context_, SmallDictionary());
  } else {
    const std::string_view dictionary = Dictionary(kNewestDictionary);
    ZSTD_CCtx_loadDictionary(context_, dictionary.data(), dictionary.size());
  }
  ZSTD_CCtx_setPledgedSrcSize(context_, bytes.size());
  // A cut adds one block header; the bound does not know of it.
  std::string out(ZSTD_compressBound(bytes.size()) + 64, '\0');
  ZSTD_outBuffer target{out.data(), out.size(), 0};
  ZSTD_inBuffer source{bytes.data(), bytes.size(), 0};
  std::size_t left = 0;
  if (cut >= kMinCutBytes && bytes.size() - cut >= kMinCutBytes) {
    source.size = cut;
    do {
      left = ZSTD_compressStream2(context_, &target, &source, ZSTD_e_flush);
    } while (left != 0 && ZSTD_isError(left) == 0);
    source.size = bytes.size();
  }
  do {
    left = ZSTD_compressStream2(context_, &target, &source, ZSTD_e_end);
  } while (left != 0 && ZSTD_isError(left) == 0);
  // Fails only without memory; then there is no batch, and the caller counts its records as lost.
  out.resize(ZSTD_isError(left) != 0 ? 0 : target.pos);
  return out;
}

Decompressor::Decompressor() : context_(ZSTD_createDCtx()) {}
Decompressor::~Decompressor() { ZSTD_freeDCtx(context_); }

absl::Status Decompressor::Decompress(std::string_view bytes, std::size_t max_bytes,
                                      std::vector<std::uint8_t>* out) {
  const unsigned long long size = ZSTD_getFrameContentSize(bytes.data(), bytes.size());
  if (size == ZSTD_CONTENTSIZE_ERROR || size == ZSTD_CONTENTSIZE_UNKNOWN) {
    return absl::InvalidArgumentError("batch: not a zstd frame with a content size");
  }
  if (size > max_bytes) {
    return absl::ResourceExhaustedError(
        absl::StrCat("batch: decompressed_bytes ", size, " exceeds the limit of ", max_bytes));
  }
  if (ZSTD_findFrameCompressedSize(bytes.data(), bytes.size()) != bytes.size()) {
    return absl::InvalidArgumentError("batch: truncated, or bytes after the zstd frame");
  }
  const unsigned id = ZSTD_getDictID_fromFrame(bytes.data(), bytes.size());
  if (id != 0 && Dictionary(id).empty()) {
    return absl::UnimplementedError(absl::StrCat("batch: unknown dictionary ", id));
  }
  out->resize(static_cast<std::size_t>(size));
  const std::size_t written =
      id == 0 ? ZSTD_decompressDCtx(context_, out->data(), out->size(), bytes.data(), bytes.size())
              : ZSTD_decompress_usingDDict(context_, out->data(), out->size(), bytes.data(),
                                           bytes.size(), id == 1 ? Digested<1>() : Digested<2>());
  if (ZSTD_isError(written) != 0 || written != size) {
    return absl::InvalidArgumentError("batch: damaged zstd frame");
  }
  return absl::OkStatus();
}

}  // namespace upswing::wire
