#include "sdk/catalog/version.hpp"

#include <cstddef>

namespace upswing::catalog {
namespace {

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Digits at the front of `text`, or nothing if there are none or they have a leading zero.
std::string_view TakeNumber(std::string_view& text) {
  std::size_t size = 0;
  while (size < text.size() && IsDigit(text[size])) ++size;
  if (size > 1 && text[0] == '0') return {};
  const std::string_view number = text.substr(0, size);
  text.remove_prefix(size);
  return number;
}

bool TakeDot(std::string_view& text) {
  if (text.empty() || text[0] != '.') return false;
  text.remove_prefix(1);
  return true;
}

bool AllDigits(std::string_view text) {
  for (const char c : text) {
    if (!IsDigit(c)) return false;
  }
  return true;
}

// Dot-separated, non-empty, [0-9A-Za-z-]; numbers without leading zeros if `numbers_are_canonical`.
bool ValidIdentifiers(std::string_view text, bool numbers_are_canonical) {
  while (true) {
    const std::size_t dot = text.find('.');
    const std::string_view part = text.substr(0, dot);
    if (part.empty()) return false;
    for (const char c : part) {
      if (!IsDigit(c) && c != '-' && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z')) {
        return false;
      }
    }
    if (numbers_are_canonical && part.size() > 1 && part[0] == '0' && AllDigits(part)) return false;
    if (dot == std::string_view::npos) return true;
    text.remove_prefix(dot + 1);
  }
}

// Of digit strings without leading zeros, the longer is the larger.
int CompareNumbers(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  return a.compare(b);
}

std::string_view TakeIdentifier(std::string_view& text) {
  const std::size_t dot = text.find('.');
  const std::string_view part = text.substr(0, dot);
  text.remove_prefix(dot == std::string_view::npos ? text.size() : dot + 1);
  return part;
}

int ComparePreReleases(std::string_view a, std::string_view b) {
  if (a.empty() || b.empty()) return static_cast<int>(a.empty()) - static_cast<int>(b.empty());
  while (!a.empty() && !b.empty()) {
    const std::string_view x = TakeIdentifier(a);
    const std::string_view y = TakeIdentifier(b);
    const bool x_number = AllDigits(x);
    const bool y_number = AllDigits(y);
    if (x_number != y_number) return x_number ? -1 : 1;
    const int order = x_number ? CompareNumbers(x, y) : x.compare(y);
    if (order != 0) return order;
  }
  return static_cast<int>(b.empty()) - static_cast<int>(a.empty());
}

}  // namespace

Version ParseVersion(std::string_view text) {
  Version version;
  version.major = TakeNumber(text);
  if (version.major.empty() || !TakeDot(text)) return version;
  version.minor = TakeNumber(text);
  if (version.minor.empty()) return version;
  version.patch = "0";
  if (TakeDot(text)) {
    version.patch = TakeNumber(text);
    if (version.patch.empty()) return version;
  }
  if (text.empty()) {
    version.valid = true;
    return version;
  }
  const std::size_t plus = text.find('+');
  if (plus != std::string_view::npos) {
    if (!ValidIdentifiers(text.substr(plus + 1), false)) return version;
    text = text.substr(0, plus);
  }
  if (!text.empty()) {
    if (text[0] != '-') return version;
    text.remove_prefix(1);
    if (!ValidIdentifiers(text, true)) return version;
    version.pre_release = text;
  }
  version.valid = true;
  return version;
}

std::uint64_t PackVersion(std::string_view text) {
  std::uint64_t packed = 1;  // so that 0.0.0 is not 0
  std::uint64_t number = 0;
  int dots = 0;
  std::size_t digits = 0;
  const char* const end = text.data() + text.size();
  for (const char* at = text.data(); at != end; ++at) {
    const auto digit = static_cast<std::uint64_t>(static_cast<unsigned char>(*at) - '0');
    if (digit <= 9) {
      // Six digits are below 2^21; a second digit behind a 0 is no version.
      if (++digits > 6 || (digits == 2 && number == 0)) return 0;
      number = number * 10 + digit;
    } else {
      if (*at != '.' || digits == 0 || ++dots > 2) return 0;
      packed = packed << 21 | number;
      number = 0;
      digits = 0;
    }
  }
  if (digits == 0 || dots == 0) return 0;
  packed = packed << 21 | number;
  return dots == 1 ? packed << 21 : packed;
}

int CompareVersions(const Version& a, const Version& b) {
  if (const int order = CompareNumbers(a.major, b.major); order != 0) return order;
  if (const int order = CompareNumbers(a.minor, b.minor); order != 0) return order;
  if (const int order = CompareNumbers(a.patch, b.patch); order != 0) return order;
  return ComparePreReleases(a.pre_release, b.pre_release);
}

}  // namespace upswing::catalog
