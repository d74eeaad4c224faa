#pragma once

#include <absl/status/statusor.h>

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace upswing::json {

/// Where something stands in a text. Lines and columns count from 1; a column is one UTF-8
/// character. `offset` is in bytes from the start.
struct Position {
  std::size_t offset = 0;
  std::uint32_t line = 1;
  std::uint32_t column = 1;
};

enum class Kind : std::uint8_t { kNull, kBool, kNumber, kString, kArray, kObject };

struct Member;

/// One value of a JSON document with the place it came from. Immutable after `Parse`.
class Node {
 public:
  Kind kind() const { return kind_; }
  bool is_null() const { return kind_ == Kind::kNull; }
  bool is_bool() const { return kind_ == Kind::kBool; }
  bool is_number() const { return kind_ == Kind::kNumber; }
  bool is_string() const { return kind_ == Kind::kString; }
  bool is_array() const { return kind_ == Kind::kArray; }
  bool is_object() const { return kind_ == Kind::kObject; }

  /// First byte of the value, and the offset behind its last.
  const Position& position() const { return position_; }
  std::size_t end_offset() const { return end_offset_; }

  /// Precondition: the kind. (Checked where the document is read: see `server/authoring`.)
  bool as_bool() const { return bool_; }
  const std::string& as_string() const { return text_; }
  const std::vector<Node>& items() const { return items_; }
  /// Members in the order of the text; keys are unique.
  const std::vector<Member>& members() const { return members_; }

  /// The number as a double, rounded to nearest; as an integer if it is written without fraction
  /// and exponent and fits.
  double as_double() const { return double_; }
  std::optional<std::int64_t> as_int() const { return int_; }

  /// Member of an object, or null (also if this is no object).
  const Node* Find(std::string_view key) const;

  /// Canonical text: no spaces, members in the order of the text, numbers as written.
  std::string Text() const;

 private:
  friend class Parser;
  Kind kind_ = Kind::kNull;
  bool bool_ = false;
  Position position_;
  std::size_t end_offset_ = 0;
  double double_ = 0;
  std::optional<std::int64_t> int_;
  std::string text_;  // a string's value, or a number as written
  std::vector<Node> items_;
  std::vector<Member> members_;
};

struct Member {
  std::string key;
  Position position;  ///< of the key's opening quote
  Node value;
};

/// Something wrong with a document, for the person who writes it.
struct Problem {
  enum class Severity : std::uint8_t { kError, kWarning };
  Severity severity = Severity::kError;
  /// JSONPath of the value, e.g. `$.experiments.one_tap.variants["a b"].weight`; `$` is the root.
  std::string path;
  Position position;
  /// What is wrong, then what to do about it (`fix` may be empty).
  std::string message;
  std::string fix;
  /// Which kind of problem it is, for tools that can repair some; numbered by who reports it, 0 for
  /// all others.
  int code = 0;

  /// "line 3, column 7: $.flags.x.type: unknown type \"boolean\"; did you mean \"bool\"?"
  std::string ToString() const;
};

struct ParseOptions {
  std::size_t max_bytes = std::size_t{256} << 20;
  std::uint32_t max_depth = 64;
};

struct Parsed {
  Node root;
  /// Duplicate keys (the first stays). A document with problems can still be read.
  std::vector<Problem> problems;
};

/// Reads RFC 8259 JSON: UTF-8 checked, no comments, no trailing commas, at most `max_depth` nested
/// arrays and objects. Syntax errors are kInvalidArgument with "line L, column C: ..."; the problem
/// itself is put into `*syntax_error` if that is given.
absl::StatusOr<Parsed> Parse(std::string_view text, const ParseOptions& options = {},
                             Problem* syntax_error = nullptr);

/// Appends `.key` to a JSONPath, or `["key"]` where the key is no identifier.
std::string PathOf(std::string_view parent, std::string_view key);
std::string PathOf(std::string_view parent, std::size_t index);

/// `text` as a JSON string literal with quotes.
std::string Quote(std::string_view text);

}  // namespace upswing::json
