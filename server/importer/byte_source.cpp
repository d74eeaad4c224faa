#include "server/importer/byte_source.hpp"

#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"

namespace upswing::importer {
namespace {

constexpr std::size_t kInputBytes = 128 * 1024;

class FileBytes final : public ByteSource {
 public:
  explicit FileBytes(std::FILE* file) : file_(file) {}
  ~FileBytes() override { std::fclose(file_); }

  absl::StatusOr<std::size_t> Read(absl::Span<char> buffer) override {
    const std::size_t size = std::fread(buffer.data(), 1, buffer.size(), file_);
    if (size == 0 && std::ferror(file_) != 0) {
      return absl::UnavailableError(absl::StrCat("cannot be read: ", std::strerror(errno)));
    }
    return size;
  }

 private:
  std::FILE* file_;
};

class MemoryBytes final : public ByteSource {
 public:
  explicit MemoryBytes(std::string bytes) : bytes_(std::move(bytes)) {}

  absl::StatusOr<std::size_t> Read(absl::Span<char> buffer) override {
    const std::size_t size = std::min(buffer.size(), bytes_.size() - offset_);
    std::memcpy(buffer.data(), bytes_.data() + offset_, size);
    offset_ += size;
    return size;
  }

 private:
  const std::string bytes_;
  std::size_t offset_ = 0;
};

// The compressed input of a decompressor: a window over `source` that is refilled when it is used
// up.
class Input {
 public:
  Input(std::unique_ptr<ByteSource> source, std::string first)
      : source_(std::move(source)), bytes_(std::move(first)) {}

  absl::Status Refill() {
    if (begin < bytes_.size()) return absl::OkStatus();
    bytes_.resize(kInputBytes);
    const absl::StatusOr<std::size_t> size =
        source_->Read(absl::MakeSpan(bytes_.data(), bytes_.size()));
    if (!size.ok()) return size.status();
    bytes_.resize(*size);
    begin = 0;
    return absl::OkStatus();
  }

  const char* data() const { return bytes_.data() + begin; }
  std::size_t size() const { return bytes_.size() - begin; }

  std::size_t begin = 0;

 private:
  std::unique_ptr<ByteSource> source_;
  std::string bytes_;
};

class PlainBytes final : public ByteSource {
 public:
  explicit PlainBytes(Input input) : input_(std::move(input)) {}

  absl::StatusOr<std::size_t> Read(absl::Span<char> buffer) override {
    if (absl::Status status = input_.Refill(); !status.ok()) return status;
    const std::size_t size = std::min(buffer.size(), input_.size());
    std::memcpy(buffer.data(), input_.data(), size);
    input_.begin += size;
    return size;
  }

 private:
  Input input_;
};

class GzipBytes final : public ByteSource {
 public:
  explicit GzipBytes(Input input) : input_(std::move(input)) {
    inflateInit2(&stream_, 15 + 16);  // 15: largest window; +16: gzip only.
  }
  ~GzipBytes() override { inflateEnd(&stream_); }

  absl::StatusOr<std::size_t> Read(absl::Span<char> buffer) override {
    stream_.next_out = reinterpret_cast<Bytef*>(buffer.data());
    stream_.avail_out = static_cast<uInt>(buffer.size());
    while (stream_.avail_out == buffer.size()) {
      if (absl::Status status = input_.Refill(); !status.ok()) return status;
      if (input_.size() == 0) {
        if (member_ended_) return std::size_t{0};
        return absl::DataLossError("the gzip data ends early");
      }
      if (std::exchange(member_ended_, false)) inflateReset(&stream_);
      stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input_.data()));
      stream_.avail_in = static_cast<uInt>(input_.size());
      const int result = inflate(&stream_, Z_NO_FLUSH);
      input_.begin += input_.size() - stream_.avail_in;
      if (result == Z_STREAM_END) {
        member_ended_ = true;  // Another member may follow.
      } else if (result != Z_OK && result != Z_BUF_ERROR) {
        return absl::DataLossError(absl::StrCat(
            "the gzip data is damaged: ", stream_.msg != nullptr ? stream_.msg : "unknown error"));
      }
    }
    return buffer.size() - stream_.avail_out;
  }

 private:
  Input input_;
  z_stream stream_{};
  bool member_ended_ = false;
};

class ZstdBytes final : public ByteSource {
 public:
  explicit ZstdBytes(Input input) : input_(std::move(input)), context_(ZSTD_createDCtx()) {}
  ~ZstdBytes() override { ZSTD_freeDCtx(context_); }

  absl::StatusOr<std::size_t> Read(absl::Span<char> buffer) override {
    ZSTD_outBuffer out{buffer.data(), buffer.size(), 0};
    while (out.pos == 0) {
      if (absl::Status status = input_.Refill(); !status.ok()) return status;
      if (input_.size() == 0) {
        if (frame_ended_) return std::size_t{0};
        return absl::DataLossError("the zstd data ends early");
      }
      ZSTD_inBuffer in{input_.data(), input_.size(), 0};
      const std::size_t result = ZSTD_decompressStream(context_, &out, &in);
      input_.begin += in.pos;
      if (ZSTD_isError(result) != 0) {
        return absl::DataLossError(
            absl::StrCat("the zstd data is damaged: ", ZSTD_getErrorName(result)));
      }
      frame_ended_ = result == 0;
    }
    return out.pos;
  }

 private:
  Input input_;
  ZSTD_DCtx* context_;
  bool frame_ended_ = false;
};

absl::StatusOr<std::unique_ptr<ByteSource>> Decompressed(std::unique_ptr<ByteSource> source) {
  std::string first(kInputBytes, '\0');
  const absl::StatusOr<std::size_t> size = source->Read(absl::MakeSpan(first.data(), first.size()));
  if (!size.ok()) return size.status();
  first.resize(*size);
  const bool gzip = first.starts_with("\x1f\x8b");
  const bool zstd = first.starts_with("\x28\xb5\x2f\xfd");
  Input input(std::move(source), std::move(first));
  if (gzip) return std::make_unique<GzipBytes>(std::move(input));
  if (zstd) return std::make_unique<ZstdBytes>(std::move(input));
  return std::make_unique<PlainBytes>(std::move(input));
}

}  // namespace

absl::StatusOr<std::unique_ptr<ByteSource>> OpenFile(const std::string& path) {
  std::FILE* file = std::fopen(path.c_str(), "rbe");
  if (file == nullptr) return absl::NotFoundError(absl::StrCat(path, ": ", std::strerror(errno)));
  auto source = Decompressed(std::make_unique<FileBytes>(file));
  if (!source.ok()) {
    return absl::Status(source.status().code(),
                        absl::StrCat(path, ": ", source.status().message()));
  }
  return source;
}

std::unique_ptr<ByteSource> FromMemory(std::string bytes) {
  // Reading memory cannot fail, so neither can looking at its first bytes.
  return *Decompressed(std::make_unique<MemoryBytes>(std::move(bytes)));
}

}  // namespace upswing::importer
