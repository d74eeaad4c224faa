#include <absl/container/flat_hash_set.h>
#include <absl/status/status.h>
#include <absl/strings/charconv.h>
#include <absl/strings/numbers.h>

#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "sdk/base/text.hpp"
#include "server/json/document.hpp"

namespace upswing::json {

// A recursive descent over the text. `at_` never passes the end; the first error stops it.
class Parser {
 public:
  Parser(std::string_view text, const ParseOptions& options) : text_(text), options_(options) {}

  bool Run(Parsed& out) {
    SkipSpace();
    if (!ParseValue(out.root, {}, 0)) return false;
    SkipSpace();
    if (at_ != text_.size()) return Fail("unexpected text after the document");
    out.problems = std::move(duplicates_);
    return true;
  }

  const Problem& error() const { return error_; }
  bool Fail(std::string message) { return FailAt(Here(), std::move(message)); }

 private:
  // How a value is reached. Its text is made only where a problem is to be named.
  struct Path {
    const Path* parent = nullptr;  // null: the root
    const std::string* key = nullptr;
    std::size_t index = 0;  // without a key

    std::string Text() const {
      if (parent == nullptr) return "$";
      return key != nullptr ? PathOf(parent->Text(), *key) : PathOf(parent->Text(), index);
    }
  };

  bool FailAt(const Position& position, std::string message) {
    error_.path = "$";
    error_.position = position;
    error_.message = std::move(message);
    return false;
  }

  // Line starts are counted as the text is consumed, so that a position costs no second pass.
  Position Here() {
    for (; counted_ < at_; ++counted_) {
      const auto c = static_cast<unsigned char>(text_[counted_]);
      if (c == '\n') {
        ++line_;
        column_ = 1;
      } else if ((c & 0xc0) != 0x80) {
        ++column_;
      }
    }
    return {at_, line_, column_};
  }

  bool AtEnd() const { return at_ == text_.size(); }
  char Peek() const { return AtEnd() ? '\0' : text_[at_]; }

  void SkipSpace() {
    while (!AtEnd() &&
           (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n' || text_[at_] == '\r')) {
      ++at_;
    }
  }

  bool Literal(std::string_view word) {
    if (text_.substr(at_, word.size()) != word) return Fail("expected a JSON value");
    at_ += word.size();
    return true;
  }

  bool ParseValue(Node& node, const Path& path, std::uint32_t depth) {
    node.position_ = Here();
    if (AtEnd()) return Fail("unexpected end of the text");
    bool ok = false;
    switch (Peek()) {
      case '{':
        ok = ParseObject(node, path, depth);
        break;
      case '[':
        ok = ParseArray(node, path, depth);
        break;
      case '"':
        node.kind_ = Kind::kString;
        ok = ParseString(node.text_);
        break;
      case 't':
        node.kind_ = Kind::kBool;
        node.bool_ = true;
        ok = Literal("true");
        break;
      case 'f':
        node.kind_ = Kind::kBool;
        ok = Literal("false");
        break;
      case 'n':
        ok = Literal("null");
        break;
      default:
        ok = ParseNumber(node);
    }
    node.end_offset_ = at_;
    return ok;
  }

  bool ParseObject(Node& node, const Path& path, std::uint32_t depth) {
    if (depth == options_.max_depth) return Fail("nested too deeply");
    node.kind_ = Kind::kObject;
    ++at_;
    SkipSpace();
    if (Peek() == '}') {
      ++at_;
      return true;
    }
    absl::flat_hash_set<std::string> keys;  // where there are many
    while (true) {
      Member member;
      member.position = Here();
      if (Peek() != '"') return Fail("expected a key in double quotes");
      if (!ParseString(member.key)) return false;
      const Path member_path{&path, &member.key};
      SkipSpace();
      if (Peek() != ':') return Fail("expected ':' after the key");
      ++at_;
      SkipSpace();
      if (!ParseValue(member.value, member_path, depth + 1)) return false;
      if (IsNew(node, member.key, &keys)) {
        node.members_.push_back(std::move(member));
      } else {
        duplicates_.push_back({Problem::Severity::kError, member_path.Text(), member.position,
                               base::Concat({"the key ", Quote(member.key), " is given twice"}),
                               "remove or rename one of them"});
      }
      SkipSpace();
      if (Peek() == '}') {
        ++at_;
        return true;
      }
      if (Peek() != ',') return Fail("expected ',' or '}'");
      ++at_;
      SkipSpace();
    }
  }

  static bool IsNew(const Node& object, const std::string& key,
                    absl::flat_hash_set<std::string>* keys) {
    constexpr std::size_t kFew = 16;
    if (object.members_.size() < kFew) return object.Find(key) == nullptr;
    if (keys->empty())
      for (const Member& member : object.members_) keys->insert(member.key);
    return keys->insert(key).second;
  }

  bool ParseArray(Node& node, const Path& path, std::uint32_t depth) {
    if (depth == options_.max_depth) return Fail("nested too deeply");
    node.kind_ = Kind::kArray;
    ++at_;
    SkipSpace();
    if (Peek() == ']') {
      ++at_;
      return true;
    }
    while (true) {
      const Path item_path{&path, nullptr, node.items_.size()};
      if (!ParseValue(node.items_.emplace_back(), item_path, depth + 1)) return false;
      SkipSpace();
      if (Peek() == ']') {
        ++at_;
        return true;
      }
      if (Peek() != ',') return Fail("expected ',' or ']'");
      ++at_;
      SkipSpace();
    }
  }

  bool ParseNumber(Node& node) {
    const Position start = Here();
    const std::size_t begin = at_;
    const auto digits = [&] {
      const std::size_t first = at_;
      while (Peek() >= '0' && Peek() <= '9') ++at_;
      return at_ != first;
    };
    bool integral = true;
    if (Peek() == '-') ++at_;
    if (Peek() == '0') {
      ++at_;
    } else if (!digits()) {
      return FailAt(start, "expected a JSON value");
    }
    if (Peek() == '.') {
      integral = false;
      ++at_;
      if (!digits()) return Fail("expected a digit after '.'");
    }
    if (Peek() == 'e' || Peek() == 'E') {
      integral = false;
      ++at_;
      if (Peek() == '+' || Peek() == '-') ++at_;
      if (!digits()) return Fail("expected a digit in the exponent");
    }
    node.kind_ = Kind::kNumber;
    node.text_ = std::string(text_.substr(begin, at_ - begin));
    const auto read =
        absl::from_chars(node.text_.data(), node.text_.data() + node.text_.size(), node.double_);
    // An underflow to 0 or a subnormal is the nearest double; only an overflow has none.
    if (read.ec != std::errc() && std::abs(node.double_) > 1) {
      return FailAt(start, "the number is out of range");
    }
    std::int64_t value = 0;
    if (integral && absl::SimpleAtoi(node.text_, &value)) node.int_ = value;
    return true;
  }

  // Stands for itself in a string, and is one byte.
  static bool IsPlain(unsigned char c) { return c >= 0x20 && c < 0x80 && c != '"' && c != '\\'; }

  bool ParseString(std::string& out) {
    ++at_;
    while (true) {
      if (AtEnd()) return Fail("unexpected end of the text inside a string");
      const auto c = static_cast<unsigned char>(text_[at_]);
      if (c == '"') {
        ++at_;
        return true;
      }
      if (c == '\\') {
        if (!ParseEscape(out)) return false;
      } else if (c < 0x20) {
        return Fail("control character inside a string: write it as \\u00XX");
      } else if (c < 0x80) {
        const std::size_t begin = at_;
        while (!AtEnd() && IsPlain(static_cast<unsigned char>(text_[at_]))) ++at_;
        out += text_.substr(begin, at_ - begin);
      } else if (!ParseUtf8(c, out)) {
        return false;
      }
    }
  }

  // Well-formed sequences of Unicode 15, table 3-7.
  bool ParseUtf8(unsigned char lead, std::string& out) {
    std::size_t size = 0;
    unsigned char low = 0x80;
    unsigned char high = 0xbf;
    if (lead >= 0xc2 && lead <= 0xdf) {
      size = 2;
    } else if (lead >= 0xe0 && lead <= 0xef) {
      size = 3;
      if (lead == 0xe0) low = 0xa0;
      if (lead == 0xed) high = 0x9f;
    } else if (lead >= 0xf0 && lead <= 0xf4) {
      size = 4;
      if (lead == 0xf0) low = 0x90;
      if (lead == 0xf4) high = 0x8f;
    }
    bool ok = size != 0 && text_.size() - at_ >= size;
    for (std::size_t i = 1; ok && i < size; ++i) {
      const auto c = static_cast<unsigned char>(text_[at_ + i]);
      ok = c >= low && c <= high;
      low = 0x80;
      high = 0xbf;
    }
    if (!ok) return Fail("invalid UTF-8 inside a string");
    out += text_.substr(at_, size);
    at_ += size;
    return true;
  }

  bool ParseHex(std::uint32_t& code) {
    if (text_.size() - at_ < 4) return Fail("expected four hexadecimal digits");
    code = 0;
    for (int i = 0; i < 4; ++i) {
      const char c = text_[at_];
      std::uint32_t digit = 0;
      if (c >= '0' && c <= '9') {
        digit = static_cast<std::uint32_t>(c - '0');
      } else if (c >= 'a' && c <= 'f') {
        digit = static_cast<std::uint32_t>(c - 'a' + 10);
      } else if (c >= 'A' && c <= 'F') {
        digit = static_cast<std::uint32_t>(c - 'A' + 10);
      } else {
        return Fail("expected four hexadecimal digits");
      }
      code = code * 16 + digit;
      ++at_;
    }
    return true;
  }

  bool ParseEscape(std::string& out) {
    ++at_;
    const char c = Peek();
    if (AtEnd()) return Fail("unexpected end of the text inside a string");
    ++at_;
    switch (c) {
      case '"':
      case '\\':
      case '/':
        out += c;
        return true;
      case 'b':
        out += '\b';
        return true;
      case 'f':
        out += '\f';
        return true;
      case 'n':
        out += '\n';
        return true;
      case 'r':
        out += '\r';
        return true;
      case 't':
        out += '\t';
        return true;
      case 'u':
        break;
      default:
        --at_;
        return Fail("unknown escape in a string");
    }
    std::uint32_t code = 0;
    if (!ParseHex(code)) return false;
    if (code >= 0xd800 && code <= 0xdfff) {
      std::uint32_t low = 0;
      if (code >= 0xdc00 || text_.substr(at_, 2) != "\\u")
        return Fail("lone surrogate in a string");
      at_ += 2;
      if (!ParseHex(low)) return false;
      if (low < 0xdc00 || low > 0xdfff) return Fail("lone surrogate in a string");
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    const auto put = [&out](std::uint32_t byte) { out += static_cast<char>(byte); };
    if (code < 0x80) {
      put(code);
    } else if (code < 0x800) {
      put(0xc0 | (code >> 6));
      put(0x80 | (code & 0x3f));
    } else if (code < 0x10000) {
      put(0xe0 | (code >> 12));
      put(0x80 | ((code >> 6) & 0x3f));
      put(0x80 | (code & 0x3f));
    } else {
      put(0xf0 | (code >> 18));
      put(0x80 | ((code >> 12) & 0x3f));
      put(0x80 | ((code >> 6) & 0x3f));
      put(0x80 | (code & 0x3f));
    }
    return true;
  }

  const std::string_view text_;
  const ParseOptions& options_;
  std::size_t at_ = 0;
  std::size_t counted_ = 0;
  std::uint32_t line_ = 1;
  std::uint32_t column_ = 1;
  Problem error_;
  std::vector<Problem> duplicates_;
};

absl::StatusOr<Parsed> Parse(std::string_view text, const ParseOptions& options,
                             Problem* syntax_error) {
  Parser parser(text, options);
  Parsed parsed;
  const bool ok = text.size() > options.max_bytes
                      ? parser.Fail("longer than " + std::to_string(options.max_bytes) + " bytes")
                      : parser.Run(parsed);
  if (ok) return parsed;
  if (syntax_error != nullptr) *syntax_error = parser.error();
  return absl::InvalidArgumentError(parser.error().ToString());
}

}  // namespace upswing::json
