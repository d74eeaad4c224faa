#include "sdk/wire/dictionary.hpp"

namespace upswing::wire {
namespace {

constexpr unsigned char kFirst[] = {
#include "sdk/wire/dictionary_1.inc"
};
constexpr unsigned char kSecond[] = {
#include "sdk/wire/dictionary_2.inc"
};

// The last byte of a list is not part of the dictionary.
template <std::size_t size>
std::string_view Text(const unsigned char (&bytes)[size]) {
  return {reinterpret_cast<const char*>(bytes), size - 1};
}

}  // namespace

std::string_view Dictionary(std::uint32_t id) {
  if (id == 1) return Text(kFirst);
  return id == 2 ? Text(kSecond) : std::string_view();
}

}  // namespace upswing::wire
