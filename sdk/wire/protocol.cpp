#include "sdk/wire/protocol.hpp"

#include <algorithm>
#include <limits>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

namespace upswing::wire {
namespace {

absl::string_view Absl(std::string_view text) { return {text.data(), text.size()}; }

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

void AppendJsonString(std::string_view text, std::string* out) {
  out->push_back('"');
  for (const char c : text) {
    if (c == '"' || c == '\\') out->push_back('\\');
    if (static_cast<unsigned char>(c) < 0x20)
      continue;  // Reasons are names; a control character has no meaning.
    out->push_back(c);
  }
  out->push_back('"');
}

/// A reader of just enough JSON for an answer: objects, arrays, strings, numbers, literals, in
/// order of appearance.
class JsonReader {
 public:
  explicit JsonReader(std::string_view text) : text_(text) {}

  bool ok() const { return ok_; }
  bool AtEnd() {
    SkipSpace();
    return position_ == text_.size();
  }

  bool Consume(char c) {
    SkipSpace();
    if (position_ >= text_.size() || text_[position_] != c) return false;
    ++position_;
    return true;
  }
  void Expect(char c) {
    if (!Consume(c)) ok_ = false;
  }

  /// Calls `member(key)` for each member of the object that follows; `member` must read the value.
  template <typename Member>
  void Object(Member member) {
    Expect('{');
    if (Consume('}')) return;
    while (ok_) {
      const std::string key = String();
      Expect(':');
      if (!ok_) return;
      member(key);
      if (Consume('}')) return;
      Expect(',');
    }
  }

  template <typename Element>
  void Array(Element element) {
    Expect('[');
    if (Consume(']')) return;
    while (ok_) {
      element();
      if (Consume(']')) return;
      Expect(',');
    }
  }

  /// Escapes other than \" \\ \/ keep their letter: only names are read, and they have none.
  std::string String() {
    std::string value;
    Expect('"');
    while (ok_ && position_ < text_.size() && text_[position_] != '"') {
      if (text_[position_] == '\\' && ++position_ == text_.size()) break;
      value += text_[position_++];
    }
    Expect('"');
    return value;
  }

  std::uint32_t Uint32() {
    SkipSpace();
    std::uint64_t value = 0;
    const std::size_t start = position_;
    while (position_ < text_.size() && IsDigit(text_[position_])) {
      value =
          std::min<std::uint64_t>(value * 10 + static_cast<std::uint64_t>(text_[position_++] - '0'),
                                  std::uint64_t{1} << 40);
    }
    if (position_ == start || value > std::numeric_limits<std::uint32_t>::max()) ok_ = false;
    return static_cast<std::uint32_t>(value);
  }

  bool Bool() {
    if (Literal("true")) return true;
    if (!Literal("false")) ok_ = false;
    return false;
  }

  void Skip(int depth) {
    SkipSpace();
    if (depth > 16 || position_ == text_.size()) {
      ok_ = false;
    } else if (text_[position_] == '{') {
      Object([&](const std::string&) { Skip(depth + 1); });
    } else if (text_[position_] == '[') {
      Array([&] { Skip(depth + 1); });
    } else if (text_[position_] == '"') {
      String();
    } else if (!Literal("true") && !Literal("false") && !Literal("null")) {
      const std::size_t start = position_;
      while (position_ < text_.size() &&
             (IsDigit(text_[position_]) ||
              std::string_view("+-.eE").find(text_[position_]) != std::string_view::npos)) {
        ++position_;
      }
      if (position_ == start) ok_ = false;
    }
  }

 private:
  bool Literal(std::string_view word) {
    SkipSpace();
    if (text_.substr(position_, word.size()) != word) return false;
    position_ += word.size();
    return true;
  }
  void SkipSpace() {
    while (position_ < text_.size() &&
           std::string_view(" \t\r\n").find(text_[position_]) != std::string_view::npos) {
      ++position_;
    }
  }

  std::string_view text_;
  std::size_t position_ = 0;
  bool ok_ = true;
};

}  // namespace

std::string FormatSentAt(const SentAt& sent_at) {
  return absl::StrCat(sent_at.wall_ms, " ", sent_at.boot_ms, " ", absl::Hex(sent_at.boot_id));
}

std::optional<SentAt> ParseSentAt(std::string_view text) {
  const std::size_t first = text.find(' ');
  if (first == std::string_view::npos) return std::nullopt;
  const std::size_t second = text.find(' ', first + 1);
  if (second == std::string_view::npos) return std::nullopt;
  SentAt sent_at;
  if (!absl::SimpleAtoi(Absl(text.substr(0, first)), &sent_at.wall_ms) ||
      !absl::SimpleAtoi(Absl(text.substr(first + 1, second - first - 1)), &sent_at.boot_ms) ||
      !absl::SimpleHexAtoi(Absl(text.substr(second + 1)), &sent_at.boot_id)) {
    return std::nullopt;
  }
  return sent_at;
}

std::optional<std::int64_t> ParseSeconds(std::string_view text) {
  if (text.empty()) return std::nullopt;
  std::int64_t seconds = 0;
  for (const char c : text) {
    if (!IsDigit(c)) return std::nullopt;
    seconds = std::min(seconds * 10 + (c - '0'), kLongestPauseSeconds);
  }
  return seconds;
}

std::string FormatAnswer(const Answer& answer) {
  std::string json = absl::StrCat(
      "{\"accepted\":", answer.accepted, ",\"duplicate\":", answer.duplicate ? "true" : "false",
      ",\"conflict\":", answer.conflict ? "true" : "false", ",\"rejected\":[");
  for (const RejectedRange& range : answer.rejected) {
    if (json.back() == '}') json += ',';
    absl::StrAppend(&json, "{\"first\":", range.first, ",\"count\":", range.count, ",\"reason\":");
    AppendJsonString(range.reason, &json);
    json += '}';
  }
  json += "]}";
  return json;
}

std::optional<Answer> ParseAnswer(std::string_view json) {
  if (json.size() > (std::size_t{1} << 20)) return std::nullopt;
  JsonReader reader(json);
  Answer answer;
  bool has_accepted = false;
  reader.Object([&](const std::string& key) {
    if (key == "accepted") {
      answer.accepted = reader.Uint32();
      has_accepted = true;
    } else if (key == "duplicate") {
      answer.duplicate = reader.Bool();
    } else if (key == "conflict") {
      answer.conflict = reader.Bool();
    } else if (key == "rejected") {
      reader.Array([&] {
        RejectedRange range;
        reader.Object([&](const std::string& field) {
          if (field == "first") {
            range.first = reader.Uint32();
          } else if (field == "count") {
            range.count = reader.Uint32();
          } else if (field == "reason") {
            range.reason = reader.String();
          } else {
            reader.Skip(0);
          }
        });
        answer.rejected.push_back(std::move(range));
      });
    } else {
      reader.Skip(0);
    }
  });
  if (!reader.ok() || !reader.AtEnd() || !has_accepted) return std::nullopt;
  return answer;
}

}  // namespace upswing::wire
