#include "upswing/subject.hpp"

#include <algorithm>
#include <cstring>

#include "sdk/base/hash.hpp"
#include "sdk/catalog/version.hpp"

namespace upswing {

std::uint32_t Subject::ReadSize(std::size_t offset) const {
  std::uint32_t size;
  std::memcpy(&size, bytes_.data() + offset, sizeof(size));
  return size;
}

// Makes room where the old text was if it fits there, else behind all other text.
void Subject::StoreRoom(std::size_t new_size, std::uint32_t& offset, std::uint32_t& size) {
  if (new_size <= size) {
    unused_bytes_ += size - new_size;
  } else {
    unused_bytes_ += size;
    offset = static_cast<std::uint32_t>(bytes_.size());
    bytes_.append(new_size, '\0');
  }
  size = static_cast<std::uint32_t>(new_size);
}

void Subject::Store(std::string_view text, std::uint32_t& offset, std::uint32_t& size) {
  StoreRoom(text.size(), offset, size);
  if (size != 0) std::memcpy(bytes_.data() + offset, text.data(), size);
}

// Replaced values leave holes; once most of the buffer is holes, it is written anew.
void Subject::Reclaim(std::size_t size) {
  if (unused_bytes_ < 1024 || unused_bytes_ < (bytes_.size() + size) / 2) return;
  std::string old;
  old.swap(bytes_);
  bytes_.reserve(old.size() - unused_bytes_ + size);
  unused_bytes_ = 0;
  const auto move = [&](std::uint32_t& offset, std::uint32_t bytes) {
    const std::size_t to = bytes_.size();
    bytes_.append(old, offset, bytes);
    offset = static_cast<std::uint32_t>(to);
  };
  for (Unit& unit : MutableUnits()) {
    move(unit.type_offset, unit.type_size);
    move(unit.id_offset, unit.id_size);
  }
  for (Attribute& attribute : attributes_) {
    move(attribute.name_offset, attribute.name_size);
    move(attribute.offset, attribute.size);
  }
}

std::span<Subject::Unit> Subject::MutableUnits() {
  if (more_units_.empty()) return {few_units_, unit_count_};
  return more_units_;
}

Subject& Subject::SetUnit(std::string_view unit_type, std::string_view id) {
  Reclaim(id.size());
  const std::uint64_t type_hash = base::Hash64(unit_type);
  std::span<Unit> units = MutableUnits();
  auto unit = std::find_if(units.begin(), units.end(),
                           [&](const Unit& u) { return u.type_hash == type_hash; });
  if (unit == units.end()) {
    const std::size_t count = units.size();
    if (more_units_.empty() && count < std::size(few_units_)) {
      few_units_[unit_count_++] = {};
    } else {
      if (more_units_.empty()) more_units_.assign(units.begin(), units.end());
      more_units_.push_back({});
    }
    units = MutableUnits();
    unit = units.begin() + static_cast<std::ptrdiff_t>(count);
    unit->type_hash = type_hash;
    Store(unit_type, unit->type_offset, unit->type_size);
  }
  unit->id_hash = base::Hash64(id);
  Store(id, unit->id_offset, unit->id_size);
  return *this;
}

Subject::Attribute& Subject::Slot(std::string_view name, AttributeKind kind) {
  const std::uint64_t name_hash = base::Hash64(name);
  auto attribute = std::find_if(attributes_.begin(), attributes_.end(),
                                [&](const Attribute& a) { return a.name_hash == name_hash; });
  if (attribute == attributes_.end()) {
    attributes_.push_back({});
    attribute = attributes_.end() - 1;
    attribute->name_hash = name_hash;
    Store(name, attribute->name_offset, attribute->name_size);
  }
  attribute->kind = kind;
  return *attribute;
}

Subject& Subject::Set(std::string_view name, std::string_view value) {
  Reclaim(value.size());
  Attribute& attribute = Slot(name, AttributeKind::kString);
  attribute.packed_version = catalog::PackVersion(value);
  Store(value, attribute.offset, attribute.size);
  return *this;
}

Subject& Subject::Set(std::string_view name, bool value) {
  Slot(name, AttributeKind::kBool).bool_value = value;
  return *this;
}

Subject& Subject::Set(std::string_view name, double value) {
  Slot(name, AttributeKind::kDouble).double_value = value;
  return *this;
}

Subject& Subject::SetInt(std::string_view name, std::int64_t value) {
  Slot(name, AttributeKind::kInt).int_value = value;
  return *this;
}

Subject& Subject::Set(std::string_view name, Time value) {
  Slot(name, AttributeKind::kTime).int_value =
      std::chrono::floor<std::chrono::milliseconds>(value.time_since_epoch()).count();
  return *this;
}

namespace {

template <class Text>
std::size_t EncodedSize(std::span<const Text> values) {
  std::size_t size = 0;
  for (const std::string_view value : values) size += sizeof(std::uint32_t) + value.size();
  return size;
}

template <class Text>
void Encode(std::span<const Text> values, char* out) {
  for (const std::string_view value : values) {
    const auto size = static_cast<std::uint32_t>(value.size());
    std::memcpy(out, &size, sizeof(size));
    out += sizeof(size);
    if (size != 0) std::memcpy(out, value.data(), size);
    out += size;
  }
}

}  // namespace

Subject& Subject::Set(std::string_view name, std::span<const std::string_view> values) {
  const std::size_t size = EncodedSize(values);
  Reclaim(size);
  Attribute& attribute = Slot(name, AttributeKind::kStrings);
  StoreRoom(size, attribute.offset, attribute.size);
  Encode(values, bytes_.data() + attribute.offset);
  attribute.count = static_cast<std::uint32_t>(values.size());
  return *this;
}

Subject& Subject::Set(std::string_view name, std::span<const std::string> values) {
  const std::size_t size = EncodedSize(values);
  Reclaim(size);
  Attribute& attribute = Slot(name, AttributeKind::kStrings);
  StoreRoom(size, attribute.offset, attribute.size);
  Encode(values, bytes_.data() + attribute.offset);
  attribute.count = static_cast<std::uint32_t>(values.size());
  return *this;
}

Subject& Subject::Remove(std::string_view name) {
  const std::uint64_t name_hash = base::Hash64(name);
  std::erase_if(attributes_, [&](const Attribute& a) {
    if (a.name_hash != name_hash) return false;
    unused_bytes_ += a.name_size + a.size;
    return true;
  });
  return *this;
}

void Subject::Clear() {
  bytes_.clear();
  unused_bytes_ = 0;
  unit_count_ = 0;
  more_units_.clear();
  attributes_.clear();
}

}  // namespace upswing
