#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace upswing::wire {

/// Maps signed to unsigned so that small magnitudes stay small: 0, -1, 1, -2 ... -> 0, 1, 2, 3 ...
constexpr std::uint64_t ZigZag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
constexpr std::int64_t UnZigZag(std::uint64_t value) {
  return static_cast<std::int64_t>((value >> 1) ^ (~(value & 1) + 1));
}

/// Appends `value` as LEB128: 7 bits per byte, least significant first.
inline void WriteVarint(std::uint64_t value, std::vector<std::uint8_t>* out) {
  while (value >= 0x80) {
    out->push_back(static_cast<std::uint8_t>(value | 0x80));
    value >>= 7;
  }
  out->push_back(static_cast<std::uint8_t>(value));
}

inline void WriteFixed64(std::uint64_t value, std::vector<std::uint8_t>* out) {
  for (int shift = 0; shift < 64; shift += 8) {
    out->push_back(static_cast<std::uint8_t>(value >> shift));
  }
}

/// Reads what the functions above wrote. After the first read past the end, or of a varint over 64
/// bits, `ok()` is false and every read yields 0: callers check once at the end of a section.
class Reader {
 public:
  Reader(const std::uint8_t* data, std::size_t size) : position_(data), end_(data + size) {}

  bool ok() const { return ok_; }
  std::size_t remaining() const { return static_cast<std::size_t>(end_ - position_); }

  std::uint64_t Varint() {
    if (position_ < end_ && *position_ < 0x80) return *position_++;
    return LongVarint();
  }

  std::uint64_t Fixed64() {
    const std::uint8_t* bytes = Bytes(8);
    std::uint64_t value = 0;
    for (int i = 0; bytes != nullptr && i < 8; ++i) value |= std::uint64_t{bytes[i]} << (8 * i);
    return value;
  }

  /// The next `size` bytes, or null when there are fewer.
  const std::uint8_t* Bytes(std::size_t size) {
    if (remaining() < size) {
      Fail();
      return nullptr;
    }
    const std::uint8_t* bytes = position_;
    position_ += size;
    return bytes;
  }

  void Fail() {
    ok_ = false;
    position_ = end_;
  }

 private:
  std::uint64_t LongVarint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (position_ == end_) break;
      const std::uint8_t byte = *position_++;
      if (shift == 63 && byte > 1) break;
      value |= std::uint64_t{byte & 0x7Fu} << shift;
      if (byte < 0x80) return value;
    }
    Fail();
    return 0;
  }

  const std::uint8_t* position_;
  const std::uint8_t* end_;
  bool ok_ = true;
};

}  // namespace upswing::wire
