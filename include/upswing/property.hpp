#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <string_view>

namespace upswing {

/// A named, typed value of a metric event, as in `{{"category", "beauty"}, {"quantity", 2}}`.
/// Refers to the caller's strings, which must outlive the call it is passed to.
class Property {
 public:
  enum class Type : std::uint8_t { kString, kInt64, kDouble, kBool };

  Property(std::string_view name, std::string_view value)
      : name_(name), text_(value), type_(Type::kString) {}
  Property(std::string_view name, const char* value) : Property(name, std::string_view(value)) {}
  Property(std::string_view name, const std::string& value)
      : Property(name, std::string_view(value)) {}
  Property(std::string_view name, double value)
      : name_(name), double_(value), type_(Type::kDouble) {}
  Property(std::string_view name, bool value)
      : name_(name), int_(value ? 1 : 0), type_(Type::kBool) {}
  template <std::integral T>
  requires(!std::same_as<T, bool>) Property(std::string_view name, T value)
      : name_(name), int_(static_cast<std::int64_t>(value)), type_(Type::kInt64) {}

  std::string_view name() const { return name_; }
  Type type() const { return type_; }
  std::string_view text() const { return text_; }  ///< Of kString.
  std::int64_t int_value() const { return int_; }  ///< Of kInt64; 0 or 1 of kBool.
  double double_value() const { return double_; }  ///< Of kDouble.

 private:
  std::string_view name_;
  std::string_view text_;
  union {
    std::int64_t int_ = 0;
    double double_;
  };
  Type type_;
};

}  // namespace upswing
