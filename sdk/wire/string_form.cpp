#include "sdk/wire/string_form.hpp"

#include <algorithm>
#include <array>
#include <iterator>

namespace upswing::wire {
namespace {

// Append only; the position of an entry is its number in batches for ever. Frequent ones come
// first, because numbers below 32 take one byte.
constexpr std::string_view kKnown[] = {
    "user", "device", "session", "control", "treatment", "on", "off", "country", "impression",
    "play", "dwell", "product_click", "category", "surface", "purchase", "add_to_cart", "checkout",
    "complete", "feed", "product_id", "quantity", "coupon", "like", "share", "comment", "follow",
    "live_enter", "live_stay", "session_start", "page_view", "refund", "coupon_use",
    // 32 and above.
    "room", "CN", "HK", "US", "search", "live", "profile", "held", "open", "member_tier",
    "app_version", "platform", "ios", "android", "web", "new", "returning", "a", "b", "A", "B",
    "variant_a", "variant_b", "true", "false", "price", "currency", "CNY", "USD", "video_id",
    "item_id", "order_id", "author_id", "live_room_id", "position", "source", "channel", "click",
    "view", "exposure", "swipe", "pause", "resume", "seek", "rate", "search_query",
    "remove_from_cart", "add_payment", "add_address", "order_paid", "order_cancelled",
    "refund_request", "after_sales_response", "service_open", "service_reply", "sign_up", "login",
    "logout", "app_open", "app_close", "push_open", "coupon_claim", "coupon_cost", "watch_time",
    "completion", "duration", "step", "path_step", "product_view", "product_impression",
    "live_leave", "live_click", "favorite", "unfollow", "dislike", "report", "brand", "sku",
    "shop_id", "discount", "amount", "count", "level", "language", "city", "age", "gender",
    "beauty", "fashion", "food", "home", "digital", "sports", "toys", "books", "baby", "default",
    "none", "other", "wifi", "4g", "5g"};

constexpr int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return -1;
}

constexpr char kDigits[] = "0123456789abcdef";
constexpr std::size_t kUuidSize = 36;
// Below this, packing saves less than it costs the compressor in regularity.
constexpr std::size_t kMinHexSize = 16;

constexpr bool IsDash(std::size_t position) {
  return position == 8 || position == 13 || position == 18 || position == 23;
}

bool IsHex(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return HexDigit(c) >= 0; });
}

constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyz_.-: /";
static_assert(kLetters.size() == 32);

int Letter(char c) {
  if (c >= 'a' && c <= 'z') return c - 'a';
  const std::size_t index = kLetters.find(c, 26);
  return index == std::string_view::npos ? -1 : static_cast<int>(index);
}

// Longer texts are sentences, which the compressor does better than 5 bits a letter.
constexpr std::size_t kMaxNameSize = 40;

bool IsName(std::string_view text) {
  return text.size() <= kMaxNameSize &&
         std::all_of(text.begin(), text.end(), [](char c) { return Letter(c) >= 0; });
}

bool IsUuid(std::string_view text) {
  if (text.size() != kUuidSize) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (IsDash(i) ? text[i] != '-' : HexDigit(text[i]) < 0) return false;
  }
  return true;
}

/// Open addressing over a hash that is computed at compile time: no static constructor, no
/// allocation.
constexpr std::size_t kSlots = 512;

constexpr std::size_t SlotOf(std::string_view text) {
  std::uint32_t hash = 2166136261u;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
  return (hash ^ hash >> 15) % kSlots;
}

constexpr std::array<std::uint16_t, kSlots> MakeSlots() {
  std::array<std::uint16_t, kSlots> slots{};
  for (std::size_t i = 0; i < std::size(kKnown); ++i) {
    std::size_t slot = SlotOf(kKnown[i]);
    while (slots[slot] != 0) slot = (slot + 1) % kSlots;
    slots[slot] = static_cast<std::uint16_t>(i + 1);
  }
  return slots;
}

constexpr std::array<std::uint16_t, kSlots> kSlotTable = MakeSlots();

}  // namespace

std::string_view KnownString(std::uint64_t index) { return kKnown[index]; }
std::uint64_t KnownStringCount() { return std::size(kKnown); }

StringForm FormOf(std::string_view text) {
  const auto code = [](std::uint64_t n, StringKind kind) {
    return StringForm{n << 2 | static_cast<std::uint64_t>(kind)};
  };
  for (std::size_t slot = SlotOf(text); kSlotTable[slot] != 0; slot = (slot + 1) % kSlots) {
    const std::size_t index = kSlotTable[slot] - std::size_t{1};
    if (kKnown[index] == text) return code(index, StringKind::kKnown);
  }
  if (IsUuid(text)) return code(0, StringKind::kHex);
  if (text.size() >= kMinHexSize && text.size() % 2 == 0 && IsHex(text)) {
    return code(text.size() / 2, StringKind::kHex);
  }
  if (IsName(text)) return code(text.size(), StringKind::kName);
  return code(text.size(), StringKind::kText);
}

void WriteForm(std::string_view text, StringForm form, std::vector<std::uint8_t>* out) {
  switch (form.kind()) {
    case StringKind::kText:
      out->insert(out->end(), text.begin(), text.end());
      return;
    case StringKind::kKnown:
      return;
    case StringKind::kHex: {
      int high = -1;
      for (const char c : text) {
        if (c == '-') continue;
        const int digit = HexDigit(c);
        if (high < 0) {
          high = digit;
        } else {
          out->push_back(static_cast<std::uint8_t>(high << 4 | digit));
          high = -1;
        }
      }
      return;
    }
    case StringKind::kName: {
      std::uint32_t bits = 0;
      int count = 0;
      for (const char c : text) {
        bits = bits << 5 | static_cast<std::uint32_t>(Letter(c));
        count += 5;
        if (count >= 8) out->push_back(static_cast<std::uint8_t>(bits >> (count -= 8)));
      }
      if (count > 0) out->push_back(static_cast<std::uint8_t>(bits << (8 - count)));
      return;
    }
  }
}

void ExpandForm(StringForm form, const std::uint8_t* stored, char* out) {
  if (form.kind() == StringKind::kName) {
    for (std::uint64_t i = 0; i < form.n(); ++i) {
      const std::uint64_t bit = 5 * i;
      unsigned window = static_cast<unsigned>(stored[bit / 8]) << 8;
      if (bit % 8 > 3) window |= stored[bit / 8 + 1];
      out[i] = kLetters[window >> (11 - bit % 8) & 31];
    }
    return;
  }
  std::size_t position = 0;
  for (std::uint64_t i = 0; i < form.stored_bytes(); ++i) {
    if (form.is_uuid() && IsDash(position)) out[position++] = '-';
    out[position++] = kDigits[stored[i] >> 4];
    out[position++] = kDigits[stored[i] & 15];
  }
}

}  // namespace upswing::wire
