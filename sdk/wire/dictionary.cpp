#include "sdk/wire/dictionary.hpp"

namespace upswing::wire {
namespace {

constexpr unsigned char kDictionary[] = {
#include "sdk/wire/dictionary_data.inc"
};

}  // namespace

std::string_view Dictionary() {
  return {reinterpret_cast<const char*>(kDictionary), sizeof kDictionary - 1};
}

// Bytes 4 to 7 of a zstd dictionary (RFC 8878, section 5).
std::uint32_t DictionaryId() {
  return Dictionary().empty()
             ? 0
             : std::uint32_t{kDictionary[4]} | std::uint32_t{kDictionary[5]} << 8 |
                   std::uint32_t{kDictionary[6]} << 16 | std::uint32_t{kDictionary[7]} << 24;
}

}  // namespace upswing::wire
