#pragma once

#include <bit>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <istream>
#include <ostream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "upswing/decision.hpp"
#include "upswing/subject.hpp"

/// The lines of decision vectors (README.md), for drivers in C++.
namespace upswing::vectors {

inline std::string ToHex(std::string_view bytes) {
  static const char kDigits[] = "0123456789abcdef";
  if (bytes.empty()) return ".";
  std::string hex;
  for (const char c : bytes) {
    hex += kDigits[static_cast<unsigned char>(c) >> 4];
    hex += kDigits[static_cast<unsigned char>(c) & 15];
  }
  return hex;
}

inline std::string FromHex(const std::string& hex) {
  std::string bytes;
  if (hex == ".") return bytes;
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes += static_cast<char>(digit(hex[i]) * 16 + digit(hex[i + 1]));
  }
  return bytes;
}

inline std::string ToBits(double value) {
  char bits[17];
  std::snprintf(bits, sizeof(bits), "%016llx",
                static_cast<unsigned long long>(std::bit_cast<std::uint64_t>(value)));
  return bits;
}
inline double FromBits(const std::string& bits) {
  return std::bit_cast<double>(std::uint64_t{std::strtoull(bits.c_str(), nullptr, 16)});
}

inline std::string ToText(const Value& value) {
  if (value.as_bool()) return *value.as_bool() ? "bool:1" : "bool:0";
  if (value.as_int()) return "int:" + std::to_string(*value.as_int());
  if (value.as_double()) return "double:" + ToBits(*value.as_double());
  if (value.as_text()) {
    return (value.type() == ValueType::kJson ? "json:" : "string:") + ToHex(*value.as_text());
  }
  return "none";
}

inline std::string ToText(char letter, const Decision& d) {
  std::ostringstream line;
  line << letter << ' ' << ToHex(d.key()) << ' ' << ReasonName(d.reason) << ' '
       << ToHex(d.experiment()) << ' ' << ToHex(d.variant()) << ' '
       << (d.bucket == Decision::kNoBucket ? "-" : std::to_string(d.bucket)) << ' ' << d.rule_index
       << ' ' << d.iteration << ' ' << d.phase << ' ' << d.catalog_version << ' '
       << ToHex(d.unit_type()) << ' ' << ToText(d.value);
  return line.str();
}

/// Carries out the script `input` with `decider` and prints the answers. A decider has
///
///     void Start(std::string catalog)     void Supply(std::string catalog)
///     Decision Experiment(key, subject)   Decision Flag(key, subject)        (these expose)
///     Decision Peek(key, subject)         Decision PeekFlag(key, subject)
template <class Decider>
void Run(std::istream& input, std::ostream& output, Decider& decider) {
  Subject subject;
  std::string line;
  while (std::getline(input, line)) {
    std::istringstream words(line.substr(1));
    const char letter = line[0];
    std::string first;
    std::string second;
    words >> first >> second;
    const std::string name = FromHex(first);
    switch (letter) {
      case 'C':
        decider.Start(name);
        break;
      case 'S':
        decider.Supply(name);
        break;
      case 'U':
        subject.Clear();
        break;
      case 'u':
        subject.SetUnit(name, FromHex(second));
        break;
      case 's':
        subject.Set(name, FromHex(second));
        break;
      case 'i':
        subject.Set(name, std::int64_t{std::strtoll(second.c_str(), nullptr, 10)});
        break;
      case 'd':
        subject.Set(name, FromBits(second));
        break;
      case 'b':
        subject.Set(name, second == "1");
        break;
      case 't':
        subject.Set(
            name,
            Subject::Time(std::chrono::milliseconds(std::strtoll(second.c_str(), nullptr, 10))));
        break;
      case 'l': {
        std::vector<std::string> texts;
        if (!second.empty()) texts.push_back(FromHex(second));
        for (std::string more; words >> more;) texts.push_back(FromHex(more));
        subject.Set(name, std::span<const std::string>(texts));
        break;
      }
      case 'E':
        output << ToText(letter, decider.Experiment(name, subject)) << '\n';
        break;
      case 'F':
        output << ToText(letter, decider.Flag(name, subject)) << '\n';
        break;
      case 'P':
        output << ToText(letter, decider.Peek(name, subject)) << '\n';
        break;
      case 'p':
        output << ToText(letter, decider.PeekFlag(name, subject)) << '\n';
        break;
      default: {  // B, I, D, T, J: the value, if it is of the type that is asked for
        const Value value = decider.Flag(name, subject).value;
        output << letter << ' ' << first << ' ';
        if (letter == 'B' && value.as_bool()) {
          output << (*value.as_bool() ? "1" : "0");
        } else if (letter == 'I' && value.as_int()) {
          output << *value.as_int();
        } else if (letter == 'D' && value.as_double()) {
          output << ToBits(*value.as_double());
        } else if ((letter == 'T' && value.type() == ValueType::kString) ||
                   (letter == 'J' && value.type() == ValueType::kJson)) {
          output << ToHex(*value.as_text());
        } else {
          output << second;
        }
        output << '\n';
      }
    }
  }
}

}  // namespace upswing::vectors
