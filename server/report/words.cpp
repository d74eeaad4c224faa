#include "server/report/words.hpp"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace upswing::report {
namespace {

constexpr std::uint32_t kReplacement = 0xfffd;

// The next code point of `text`, which it shortens; kReplacement for bytes that are not UTF-8.
std::uint32_t NextCodePoint(std::string_view* text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>((*text)[i]); };
  const unsigned first = byte(0);
  std::size_t length = first < 0x80                    ? 1
                       : first >= 0xc2 && first < 0xe0 ? 2
                       : first >= 0xe0 && first < 0xf0 ? 3
                       : first >= 0xf0 && first < 0xf5 ? 4
                                                       : 0;
  std::uint32_t point = length < 2 ? first : first & (0x7fu >> length);
  if (length > text->size()) length = 0;
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) {
      length = 0;
      break;
    }
    point = point << 6 | (byte(i) & 0x3f);
  }
  const bool overlong = (length == 3 && point < 0x800) || (length == 4 && point < 0x10000);
  const bool outside = point > 0x10ffff || (point >= 0xd800 && point < 0xe000);
  if (length == 0 || overlong || outside) {
    text->remove_prefix(1);
    return kReplacement;
  }
  text->remove_prefix(length);
  return point;
}

void Append(std::uint32_t point, std::string* text) {
  const auto add = [text](std::uint32_t byte) { *text += static_cast<char>(byte); };
  if (point < 0x80) {
    add(point);
  } else if (point < 0x800) {
    add(0xc0 | point >> 6);
    add(0x80 | (point & 0x3f));
  } else if (point < 0x10000) {
    add(0xe0 | point >> 12);
    add(0x80 | (point >> 6 & 0x3f));
    add(0x80 | (point & 0x3f));
  } else {
    add(0xf0 | point >> 18);
    add(0x80 | (point >> 12 & 0x3f));
    add(0x80 | (point >> 6 & 0x3f));
    add(0x80 | (point & 0x3f));
  }
}

// Control characters, and the marks that turn the direction of text: U+202A..E, U+2066..9,
// U+200E/F.
bool IsControl(std::uint32_t point) {
  return point < 0x20 || (point >= 0x7f && point < 0xa0) || (point >= 0x202a && point <= 0x202e) ||
         (point >= 0x2066 && point <= 0x2069) || point == 0x200e || point == 0x200f ||
         point == 0x2028 || point == 0x2029;
}

// The blocks of Unicode's EastAsianWidth.txt that are wide throughout, and the emoji blocks.
bool IsWide(std::uint32_t point) {
  static constexpr std::pair<std::uint32_t, std::uint32_t> kWide[] = {
      {0x1100, 0x115f},   {0x2e80, 0x303e},   {0x3041, 0x33ff},  {0x3400, 0x4dbf},
      {0x4e00, 0x9fff},   {0xa000, 0xa4cf},   {0xac00, 0xd7a3},  {0xf900, 0xfaff},
      {0xfe30, 0xfe6f},   {0xff00, 0xff60},   {0xffe0, 0xffe6},  {0x1f300, 0x1f64f},
      {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd}};
  return std::any_of(std::begin(kWide), std::end(kWide), [point](const auto& range) {
    return point >= range.first && point <= range.second;
  });
}

std::string Grouped(std::string digits) {
  for (std::size_t i = digits.size(); i > 3 + (digits[0] == '-' ? 1u : 0u);) {
    i -= 3;
    digits.insert(i, ",");
  }
  return digits;
}

}  // namespace

std::string Count(std::int64_t value) { return Grouped(absl::StrCat(value)); }

std::string Number(double value) {
  const double size = std::fabs(value);
  if (size == 0) return "0";
  if (size >= 1e15 || size < 1e-4) return absl::StrFormat("%.3g", value);
  if (size >= 1000) return Grouped(absl::StrFormat("%.0f", value));
  const int decimals = std::max(0, 3 - static_cast<int>(std::floor(std::log10(size))));
  return absl::StrFormat("%.*f", std::min(decimals, 6), value);
}

std::string ExactNumber(const std::optional<double>& value) {
  if (!value) return "";
  for (int digits = 15; digits < 17; ++digits) {
    const std::string text = absl::StrFormat("%.*g", digits, *value);
    if (std::strtod(text.c_str(), nullptr) == *value) return text;
  }
  return absl::StrFormat("%.17g", *value);
}

std::string Percent(double value) {
  const double percent = value * 100;
  const double size = std::fabs(percent);
  if (size >= 10'000) return absl::StrFormat("%.2e %%", percent);
  return absl::StrFormat("%.*f %%", size < 1 ? 2 : 1, percent);
}

std::string SignedPercent(double value) {
  return absl::StrCat(value < 0 ? "" : "+", Percent(value));
}

std::string EffectText(double value, bool is_lift) {
  return is_lift ? SignedPercent(value) : Number(value);
}

std::string PValue(double value) {
  if (value < 1e-15) return "< 1e-15";
  if (value < 1e-4) return absl::StrFormat("%.0e", value);
  return absl::StrFormat("%.*f", value < 0.001 ? 4 : 3, value);
}

std::string PercentRange(const Interval& interval, Language language) {
  if (!interval.low && !interval.high) return "";
  const bool zh = language == Language::kChinese;
  const auto end = [&](const std::optional<double>& value) {
    return value ? SignedPercent(*value) : std::string(zh ? "无界" : "no end");
  };
  return absl::StrCat(end(interval.low), zh ? " 至 " : " to ", end(interval.high));
}

std::string Printable(std::string_view text) {
  std::string clean;
  while (!text.empty()) {
    const std::uint32_t point = NextCodePoint(&text);
    Append(IsControl(point) ? kReplacement : point, &clean);
  }
  return clean;
}

std::size_t Width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) width += IsWide(NextCodePoint(&text)) ? 2 : 1;
  return width;
}

std::string Fit(std::string_view text, std::size_t width, bool right) {
  std::string fitted(text);
  std::size_t taken = Width(text);
  if (taken > width) {
    fitted.clear();
    taken = 1;
    while (!text.empty()) {
      const std::uint32_t point = NextCodePoint(&text);
      const std::size_t step = IsWide(point) ? 2 : 1;
      if (taken + step > width) break;
      Append(point, &fitted);
      taken += step;
    }
    fitted += "…";
  }
  const std::string space(width - taken, ' ');
  return right ? space + fitted : fitted + space;
}

}  // namespace upswing::report
