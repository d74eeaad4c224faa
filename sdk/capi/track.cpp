#include <cstddef>
#include <memory>
#include <new>
#include <span>
#include <type_traits>
#include <vector>

#include "sdk/capi/handles.hpp"

namespace upswing::capi {
namespace {

constexpr std::size_t kFirstSize = sizeof(upswing_track_options);  // of ABI version 1

bool IsProperty(const upswing_property& in) {
  return IsText(in.name) && in.value.type >= UPSWING_TYPE_BOOL &&
         in.value.type <= UPSWING_TYPE_STRING && IsText(in.value.text);
}

Property ToProperty(const upswing_property& in) {
  switch (in.value.type) {
    case UPSWING_TYPE_BOOL:
      return Property(View(in.name), in.value.boolean != 0);
    case UPSWING_TYPE_INT:
      return Property(View(in.name), in.value.integer);
    case UPSWING_TYPE_DOUBLE:
      return Property(View(in.name), in.value.real);
    default:
      return Property(View(in.name), View(in.value.text));
  }
}

/// Properties as the C++ interface wants them; up to 16 without allocating.
class Properties {
 public:
  explicit Properties(std::span<const upswing_property> in) {
    static_assert(std::is_trivially_destructible_v<Property>);
    if (in.size() > kFew) {
      for (const upswing_property& property : in) many_.push_back(ToProperty(property));
      return;
    }
    for (const upswing_property& property : in) {
      new (few_ + size_ * sizeof(Property)) Property(ToProperty(property));
      ++size_;
    }
  }
  std::span<const Property> span() const {
    if (!many_.empty()) return many_;
    return {std::launder(reinterpret_cast<const Property*>(few_)), size_};
  }

 private:
  static constexpr std::size_t kFew = 16;
  alignas(Property) std::byte few_[kFew * sizeof(Property)];
  std::size_t size_ = 0;
  std::vector<Property> many_;
};

}  // namespace
}  // namespace upswing::capi

extern "C" upswing_status upswing_client_track(upswing_client* client,
                                               const upswing_subject* subject, upswing_str name,
                                               double value, const upswing_track_options* options) {
  using namespace upswing::capi;
  if (subject == nullptr || !IsText(name)) return UPSWING_INVALID_ARGUMENT;
  if (subject->broken) return UPSWING_OUT_OF_MEMORY;
  return Guard(client, [&]() -> upswing_status {
    upswing::TrackOptions more;
    std::span<const upswing_property> properties;
    if (options != nullptr) {
      if (options->size < kFirstSize ||
          (options->properties == nullptr && options->property_count != 0) ||
          !IsText(options->event_id) || !IsText(options->ref_id)) {
        return UPSWING_INVALID_ARGUMENT;
      }
      properties = {options->properties, options->property_count};
      for (const upswing_property& property : properties) {
        if (!IsProperty(property)) return UPSWING_INVALID_ARGUMENT;
      }
      if (options->time_ms != UPSWING_NOW) {
        if (!IsTime(options->time_ms)) return UPSWING_INVALID_ARGUMENT;
        more.time = Time(options->time_ms);
      }
      more.event_id = View(options->event_id);
      more.ref_id = View(options->ref_id);
    }
    const Properties converted(properties);
    client->client->Track(subject->subject, View(name), value, converted.span(), more);
    return UPSWING_OK;
  });
}
