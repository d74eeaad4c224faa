#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "sdk/capi/handles.hpp"

namespace upswing::capi {
namespace {

// So many are converted without allocating.
constexpr std::size_t kFewStrings = 32;

template <class Set>
upswing_status SetNamed(upswing_subject* subject, upswing_str name, Set set) {
  return Guard(subject, [&]() -> upswing_status {
    if (!IsText(name) || name.len == 0) return UPSWING_INVALID_ARGUMENT;
    set(subject->subject, View(name));
    return UPSWING_OK;
  });
}

}  // namespace
}  // namespace upswing::capi

using upswing::Subject;
using upswing::capi::Guard;
using upswing::capi::IsText;
using upswing::capi::IsTime;
using upswing::capi::SetNamed;
using upswing::capi::View;

extern "C" {

upswing_status upswing_subject_create(upswing_subject** out) {
  if (out == nullptr) return UPSWING_INVALID_ARGUMENT;
  *out = nullptr;
  return Guard([&] {
    *out = new upswing_subject;
    return UPSWING_OK;
  });
}

void upswing_subject_destroy(upswing_subject* subject) { delete subject; }

upswing_status upswing_subject_clear(upswing_subject* subject) {
  return Guard(subject, [&] {
    subject->subject.Clear();
    return UPSWING_OK;
  });
}

upswing_status upswing_subject_set_unit(upswing_subject* subject, upswing_str type,
                                        upswing_str id) {
  if (!IsText(id)) return UPSWING_INVALID_ARGUMENT;
  return SetNamed(subject, type,
                  [&](Subject& s, std::string_view name) { s.SetUnit(name, View(id)); });
}

upswing_status upswing_subject_set_string(upswing_subject* subject, upswing_str name,
                                          upswing_str value) {
  if (!IsText(value)) return UPSWING_INVALID_ARGUMENT;
  return SetNamed(subject, name, [&](Subject& s, std::string_view n) { s.Set(n, View(value)); });
}

upswing_status upswing_subject_set_int(upswing_subject* subject, upswing_str name, int64_t value) {
  return SetNamed(subject, name, [&](Subject& s, std::string_view n) { s.Set(n, value); });
}

upswing_status upswing_subject_set_double(upswing_subject* subject, upswing_str name,
                                          double value) {
  return SetNamed(subject, name, [&](Subject& s, std::string_view n) { s.Set(n, value); });
}

upswing_status upswing_subject_set_bool(upswing_subject* subject, upswing_str name, int32_t value) {
  return SetNamed(subject, name, [&](Subject& s, std::string_view n) { s.Set(n, value != 0); });
}

upswing_status upswing_subject_set_time_ms(upswing_subject* subject, upswing_str name,
                                           int64_t value) {
  if (!IsTime(value)) return UPSWING_INVALID_ARGUMENT;
  return SetNamed(subject, name,
                  [&](Subject& s, std::string_view n) { s.Set(n, upswing::capi::Time(value)); });
}

upswing_status upswing_subject_set_strings(upswing_subject* subject, upswing_str name,
                                           const upswing_str* values, size_t count) {
  if (values == nullptr && count != 0) return UPSWING_INVALID_ARGUMENT;
  for (size_t i = 0; i < count; ++i) {
    if (!IsText(values[i])) return UPSWING_INVALID_ARGUMENT;
  }
  return SetNamed(subject, name, [&](Subject& s, std::string_view n) {
    std::string_view few[upswing::capi::kFewStrings];
    std::vector<std::string_view> many;
    std::span<std::string_view> views(few);
    if (count > views.size()) {
      many.resize(count);
      views = many;
    }
    for (size_t i = 0; i < count; ++i) views[i] = View(values[i]);
    s.Set(n, std::span<const std::string_view>(views.data(), count));
  });
}

upswing_status upswing_subject_remove(upswing_subject* subject, upswing_str name) {
  return SetNamed(subject, name, [&](Subject& s, std::string_view n) { s.Remove(n); });
}

}  // extern "C"
