#include "sdk/wire/string_form.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <iterator>

#include "sdk/wire/letter_code.hpp"

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
constexpr std::uint64_t kUuidBytes = 16;
// Below this, packing saves less than it costs the compressor in regularity.
constexpr std::size_t kMinHexSize = 16;

constexpr bool IsDash(std::size_t position) {
  return position == 8 || position == 13 || position == 18 || position == 23;
}

bool IsHex(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return HexDigit(c) >= 0; });
}

constexpr std::string_view kFiveBitLetters = "abcdefghijklmnopqrstuvwxyz_.-: /";
static_assert(kFiveBitLetters.size() == 32);

// Longer texts are sentences, which the compressor does better than a code for letters.
constexpr std::size_t kMaxNameSize = 40;

// In the codes of known strings, those of numbers.
constexpr std::uint64_t kFirstNumber = 512;
static_assert(std::size(kKnown) <= kFirstNumber);

constexpr std::uint64_t kMaxNumberBytes = 7;
constexpr std::size_t kMaxNumberDigits = 17;  // of 2^56 - 1

std::uint64_t Decimal(std::string_view digits) {
  std::uint64_t number = 0;
  for (const char c : digits) number = number * 10 + static_cast<std::uint64_t>(c - '0');
  return number;
}

std::size_t WriteDecimal(std::uint64_t number, char* out) {
  char reversed[kMaxNumberDigits];
  std::size_t digits = 0;
  do {
    reversed[digits++] = static_cast<char>('0' + number % 10);
    number /= 10;
  } while (number != 0);
  std::reverse_copy(reversed, reversed + digits, out);
  return digits;
}

/// The form of a text that ends in a number; n = 0 if it does not, or in one that is too large.
StringForm NumberForm(std::string_view text) {
  StringForm form{StringKind::kNumber, 0};
  std::size_t first = text.size();
  while (first > 0 && text[first - 1] >= '0' && text[first - 1] <= '9') --first;
  while (first < text.size() && text[first] == '0') ++first;
  const std::size_t digits = text.size() - first;
  if (digits == 0 || digits > kMaxNumberDigits) return form;
  const auto bytes =
      static_cast<std::uint64_t>(std::bit_width(Decimal(text.substr(first))) + 7) / 8;
  if (bytes <= kMaxNumberBytes) form.n = first * 8 + bytes;
  return form;
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

std::uint64_t StringForm::stored_bytes() const {
  switch (kind) {
    case StringKind::kKnown:
      return 0;
    case StringKind::kHex:
      return is_uuid() ? kUuidBytes : n;
    case StringKind::kFiveBits:
      return n / 8 * 5 + (n % 8 * 5 + 7) / 8;
    case StringKind::kNumber:
      return n / 8 + n % 8;
    case StringKind::kText:
    case StringKind::kLetters:
      break;
  }
  return n;
}

std::uint64_t StringForm::max_text_bytes() const {
  switch (kind) {
    case StringKind::kText:
    case StringKind::kKnown:
      return 0;
    case StringKind::kHex:
      return is_uuid() ? kUuidSize : 2 * n;
    case StringKind::kLetters:
      return MaxLetters(n);
    case StringKind::kNumber:
      return n / 8 + kMaxNumberDigits;
    case StringKind::kFiveBits:
      break;
  }
  return n;
}

StringForm FormOf(std::string_view text) {
  for (std::size_t slot = SlotOf(text); kSlotTable[slot] != 0; slot = (slot + 1) % kSlots) {
    const std::size_t index = kSlotTable[slot] - std::size_t{1};
    if (kKnown[index] == text) return {StringKind::kKnown, index};
  }
  if (IsUuid(text)) return {StringKind::kHex, 0};
  if (text.size() >= kMinHexSize && text.size() % 2 == 0 && IsHex(text))
    return {StringKind::kHex, text.size() / 2};
  StringForm best{StringKind::kText, text.size()};
  if (text.size() > kMaxNameSize) return best;
  if (const std::size_t bytes = LetterCodeBytes(text); bytes != 0 && bytes < text.size())
    best = {StringKind::kLetters, bytes};
  // Its code takes a byte more.
  if (const StringForm number = NumberForm(text);
      number.n != 0 && number.stored_bytes() + 1 < best.stored_bytes())
    best = number;
  return best;
}

std::uint64_t CodeOf(StringForm form) {
  switch (form.kind) {
    case StringKind::kText:
      break;
    case StringKind::kKnown:
      return form.n << 2 | 1;
    case StringKind::kNumber:
      return (form.n + kFirstNumber) << 2 | 1;
    case StringKind::kHex:
      return form.n << 2 | 2;
    case StringKind::kFiveBits:
    case StringKind::kLetters:
      return form.n << 2 | 3;
  }
  return form.n << 2;
}

StringForm FormOfCode(std::uint64_t code, std::uint16_t format_version) {
  const std::uint64_t n = code >> 2;
  switch (code & 3) {
    case 1:
      if (n < kFirstNumber || format_version < 2) return {StringKind::kKnown, n};
      return {StringKind::kNumber, n - kFirstNumber};
    case 2:
      return {StringKind::kHex, n};
    case 3:
      return {format_version < 2 ? StringKind::kFiveBits : StringKind::kLetters, n};
    default:
      return {StringKind::kText, n};
  }
}

void WriteForm(std::string_view text, StringForm form, std::vector<std::uint8_t>* out) {
  switch (form.kind) {
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
    case StringKind::kLetters:
      WriteLetterCode(text, out);
      return;
    case StringKind::kNumber: {
      const auto before = static_cast<std::size_t>(form.n / 8);
      const std::uint64_t number = Decimal(text.substr(before));
      out->insert(out->end(), text.begin(), text.begin() + before);
      for (std::uint64_t i = 0; i < form.n % 8; ++i)
        out->push_back(static_cast<std::uint8_t>(number >> 8 * i));
      return;
    }
    case StringKind::kFiveBits:
      return;  // Never the form of a new string.
  }
}

std::size_t ExpandForm(StringForm form, const std::uint8_t* stored, char* out) {
  if (form.kind == StringKind::kLetters)
    return ReadLetterCode(stored, static_cast<std::size_t>(form.n), out);
  if (form.kind == StringKind::kNumber) {
    const auto text = static_cast<std::size_t>(form.n / 8);
    std::uint64_t number = 0;
    for (auto i = static_cast<std::size_t>(form.n % 8); i-- > 0;)
      number = number << 8 | stored[text + i];
    std::copy_n(stored, text, out);
    return text + WriteDecimal(number, out + text);
  }
  if (form.kind == StringKind::kFiveBits) {
    for (std::uint64_t i = 0; i < form.n; ++i) {
      const std::uint64_t bit = 5 * i;
      unsigned window = static_cast<unsigned>(stored[bit / 8]) << 8;
      if (bit % 8 > 3) window |= stored[bit / 8 + 1];
      out[i] = kFiveBitLetters[window >> (11 - bit % 8) & 31];
    }
    return static_cast<std::size_t>(form.n);
  }
  std::size_t position = 0;
  for (std::uint64_t i = 0; i < form.stored_bytes(); ++i) {
    if (form.is_uuid() && IsDash(position)) out[position++] = '-';
    out[position++] = kDigits[stored[i] >> 4];
    out[position++] = kDigits[stored[i] & 15];
  }
  return position;
}

}  // namespace upswing::wire
