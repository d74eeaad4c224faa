#include "server/json/document.hpp"

#include <utility>

#include "sdk/base/text.hpp"

namespace upswing::json {
namespace {

void AppendText(const Node& node, std::string& out);

void AppendQuoted(std::string_view text, std::string& out) {
  static constexpr char kHex[] = "0123456789abcdef";
  out += '"';
  for (const char c : text) {
    switch (c) {
      case '"':
        out += "\\\"";
        break;
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20) {
          out += "\\u00";
          out += kHex[(c >> 4) & 15];
          out += kHex[c & 15];
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

void AppendText(const Node& node, std::string& out) {
  switch (node.kind()) {
    case Kind::kNull:
      out += "null";
      break;
    case Kind::kBool:
      out += node.as_bool() ? "true" : "false";
      break;
    case Kind::kNumber:
      out += node.as_string();
      break;
    case Kind::kString:
      AppendQuoted(node.as_string(), out);
      break;
    case Kind::kArray: {
      out += '[';
      const char* separator = "";
      for (const Node& item : node.items()) {
        out += std::exchange(separator, ",");
        AppendText(item, out);
      }
      out += ']';
      break;
    }
    case Kind::kObject: {
      out += '{';
      const char* separator = "";
      for (const Member& member : node.members()) {
        out += std::exchange(separator, ",");
        AppendQuoted(member.key, out);
        out += ':';
        AppendText(member.value, out);
      }
      out += '}';
      break;
    }
  }
}

bool IsIdentifier(std::string_view key) {
  if (key.empty() || (key[0] >= '0' && key[0] <= '9')) return false;
  for (const char c : key) {
    if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_')) {
      return false;
    }
  }
  return true;
}

}  // namespace

const Node* Node::Find(std::string_view key) const {
  for (const Member& member : members_) {
    if (member.key == key) return &member.value;
  }
  return nullptr;
}

std::string Node::Text() const {
  std::string out;
  AppendText(*this, out);
  return out;
}

std::string Problem::ToString() const {
  std::string out = base::Concat(
      {"line ", std::to_string(position.line), ", column ", std::to_string(position.column), ": ",
       severity == Severity::kWarning ? "warning: " : "", path, ": ", message});
  if (!fix.empty()) out += "; " + fix;
  return out;
}

std::string PathOf(std::string_view parent, std::string_view key) {
  if (IsIdentifier(key)) return base::Concat({parent, ".", key});
  return base::Concat({parent, "[", Quote(key), "]"});
}

std::string PathOf(std::string_view parent, std::size_t index) {
  return base::Concat({parent, "[", std::to_string(index), "]"});
}

std::string Quote(std::string_view text) {
  std::string out;
  AppendQuoted(text, out);
  return out;
}

}  // namespace upswing::json
