#include "sdk/wire/utf8.hpp"

#include <cstdint>
#include <cstring>

namespace upswing::wire {

bool IsValidUtf8(std::string_view text) {
  const auto* p = reinterpret_cast<const unsigned char*>(text.data());
  const auto* const end = p + text.size();
  const auto tail = [end](const unsigned char* at, unsigned char low, unsigned char high) {
    return at < end && *at >= low && *at <= high;
  };
  while (p < end) {
    std::uint64_t word;
    while (end - p >= 8) {
      std::memcpy(&word, p, sizeof word);
      if ((word & 0x8080808080808080ULL) != 0) break;
      p += 8;
    }
    if (p == end) return true;
    const unsigned char lead = *p;
    if (lead < 0x80) {
      p += 1;
    } else if (lead >= 0xC2 && lead <= 0xDF) {
      if (!tail(p + 1, 0x80, 0xBF)) return false;
      p += 2;
    } else if (lead >= 0xE0 && lead <= 0xEF) {
      const unsigned char low = lead == 0xE0 ? 0xA0 : 0x80;
      const unsigned char high = lead == 0xED ? 0x9F : 0xBF;
      if (!tail(p + 1, low, high) || !tail(p + 2, 0x80, 0xBF)) return false;
      p += 3;
    } else if (lead >= 0xF0 && lead <= 0xF4) {
      const unsigned char low = lead == 0xF0 ? 0x90 : 0x80;
      const unsigned char high = lead == 0xF4 ? 0x8F : 0xBF;
      if (!tail(p + 1, low, high) || !tail(p + 2, 0x80, 0xBF) || !tail(p + 3, 0x80, 0xBF)) {
        return false;
      }
      p += 4;
    } else {
      return false;
    }
  }
  return true;
}

}  // namespace upswing::wire
