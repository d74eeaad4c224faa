#include "server/evaluation/subject_reader.hpp"

#include <charconv>
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "sdk/schema/catalog_generated.h"
#include "server/authoring/reader.hpp"

namespace upswing::evaluation {
namespace {

std::optional<schema::AttributeType> TypeOf(const catalog::View& view, std::string_view name) {
  if (view.table().attributes() == nullptr) return std::nullopt;
  for (const schema::Attribute* const attribute : *view.table().attributes()) {
    if (std::string_view(attribute->name()->c_str(), attribute->name()->size()) == name)
      return static_cast<schema::AttributeType>(attribute->type());
  }
  return std::nullopt;
}

template <class T>
bool ReadNumber(std::string_view text, T* value) {
  const auto result = std::from_chars(text.data(), text.data() + text.size(), *value);
  return result.ec == std::errc() && result.ptr == text.data() + text.size();
}

absl::Status Wrong(std::string_view name, std::string_view text, std::string_view wanted) {
  return absl::InvalidArgumentError(
      absl::StrCat(std::string(name), ": ", json::Quote(text), " is not ", std::string(wanted)));
}

std::string_view MainType(const catalog::View& view) {
  for (const catalog::UnitType& type : view.unit_types()) {
    if (type.name.view() == "user") return "user";
  }
  return view.unit_types().size() == 1 ? view.unit_types()[0].name.view() : "user";
}

void SetFromJson(const catalog::View& view, std::string_view name, const json::Node& value,
                 Subject* subject) {
  switch (value.kind()) {
    case json::Kind::kBool:
      subject->Set(name, value.as_bool());
      break;
    case json::Kind::kNumber:
      if (const auto integer = value.as_int()) {
        subject->Set(name, *integer);
      } else {
        subject->Set(name, value.as_double());
      }
      break;
    case json::Kind::kString: {
      const auto time = TypeOf(view, name) == schema::AttributeType::time
                            ? authoring::ParseTime(value.as_string())
                            : std::nullopt;
      if (time) {
        subject->Set(name, Subject::Time(std::chrono::milliseconds(*time)));
      } else {
        subject->Set(name, value.as_string());
      }
      break;
    }
    case json::Kind::kArray: {
      std::vector<std::string> texts;
      for (const json::Node& item : value.items()) {
        if (!item.is_string()) return;
        texts.push_back(item.as_string());
      }
      subject->Set(name, std::span<const std::string>(texts));
      break;
    }
    case json::Kind::kNull:
    case json::Kind::kObject:
      break;
  }
}

}  // namespace

absl::Status SetAttribute(const catalog::View& view, std::string_view name, std::string_view text,
                          Subject* subject) {
  const auto type = TypeOf(view, name);
  if (type == schema::AttributeType::integer || type == schema::AttributeType::real) {
    std::int64_t integer = 0;
    double real = 0;
    if (ReadNumber(text, &integer)) {
      subject->Set(name, integer);
    } else if (ReadNumber(text, &real)) {
      subject->Set(name, real);
    } else {
      return Wrong(name, text, "a number");
    }
  } else if (type == schema::AttributeType::boolean) {
    if (text != "true" && text != "false") return Wrong(name, text, "true or false");
    subject->Set(name, text == "true");
  } else if (type == schema::AttributeType::time) {
    const auto time = authoring::ParseTime(text);
    if (!time) return Wrong(name, text, "a time in RFC 3339");
    subject->Set(name, Subject::Time(std::chrono::milliseconds(*time)));
  } else if (type == schema::AttributeType::strings) {
    std::vector<std::string> values;
    for (std::size_t at = 0; !text.empty() && at <= text.size();) {
      const std::size_t comma = std::min(text.find(',', at), text.size());
      values.emplace_back(text.substr(at, comma - at));
      at = comma + 1;
    }
    subject->Set(name, std::span<const std::string>(values));
  } else {
    subject->Set(name, text);
  }
  return absl::OkStatus();
}

absl::Status ReadContext(const catalog::View& view, const json::Node& context, Subject* subject,
                         bool* has_key) {
  *has_key = false;
  if (!context.is_object()) return absl::InvalidArgumentError("context: must be a JSON object");
  for (const json::Member& member : context.members()) {
    if (member.key == "targetingKey") {
      if (!member.value.is_string())
        return absl::InvalidArgumentError("context.targetingKey: must be a string");
      *has_key = !member.value.as_string().empty();
      subject->SetUnit(MainType(view), member.value.as_string());
    } else if (member.key == "units") {
      if (!member.value.is_object())
        return absl::InvalidArgumentError("context.units: must be an object of ids by unit type");
      for (const json::Member& unit : member.value.members()) {
        if (!unit.value.is_string())
          return absl::InvalidArgumentError(
              absl::StrCat("context.units.", unit.key, ": must be a string"));
        subject->SetUnit(unit.key, unit.value.as_string());
      }
    } else {
      SetFromJson(view, member.key, member.value, subject);
    }
  }
  return absl::OkStatus();
}

}  // namespace upswing::evaluation
