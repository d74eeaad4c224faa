#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace upswing::store {

/// Appends `value` as LEB128: 7 bits per byte, least significant first, at most 10 bytes.
inline void PutVarint(std::uint64_t value, std::string* out) {
  while (value >= 0x80) {
    out->push_back(static_cast<char>(value | 0x80));
    value >>= 7;
  }
  out->push_back(static_cast<char>(value));
}

/// Appends `value` in little-endian order.
template <typename T>
void PutFixed(T value, std::string* out) {
  static_assert(std::endian::native == std::endian::little,
                "the store runs on little-endian hosts");
  char bytes[sizeof(T)];
  std::memcpy(bytes, &value, sizeof(T));
  out->append(bytes, sizeof(T));
}

/// Appends how many bytes they are as `PutVarint` does, then the bytes.
inline void PutSized(std::string_view bytes, std::string* out) {
  PutVarint(bytes.size(), out);
  out->append(bytes);
}

/// Reads what the functions above wrote. After the first failure `ok()` is false, every read gives
/// 0 or an empty string, and nothing outside the input was touched.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : next_(bytes.data()), end_(next_ + bytes.size()) {}

  std::uint64_t Varint() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (next_ == end_) break;
      const auto byte = static_cast<std::uint8_t>(*next_++);
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    Fail();
    return 0;
  }

  template <typename T>
  T Fixed() {
    T value{};
    const std::string_view bytes = Bytes(sizeof(T));
    if (bytes.size() == sizeof(T)) std::memcpy(&value, bytes.data(), sizeof(T));
    return value;
  }

  std::string_view Bytes(std::uint64_t size) {
    if (size > static_cast<std::uint64_t>(end_ - next_)) {
      Fail();
      return {};
    }
    const std::string_view bytes(next_, static_cast<std::size_t>(size));
    next_ += size;
    return bytes;
  }

  std::string_view Sized() { return Bytes(Varint()); }

  std::string_view Rest() { return Bytes(static_cast<std::uint64_t>(end_ - next_)); }
  bool AtEnd() const { return next_ == end_; }
  bool ok() const { return ok_; }

 private:
  void Fail() {
    ok_ = false;
    next_ = end_;
  }

  const char* next_;
  const char* end_;
  bool ok_ = true;
};

}  // namespace upswing::store
