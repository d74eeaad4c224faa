#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string_view>

namespace upswing::base {

/// SHA-512 of the parts one after the other. Source: FIPS 180-4, sections 5.1.2, 5.3.5 and 6.4.
std::array<std::uint8_t, 64> Sha512(std::initializer_list<std::string_view> parts);

}  // namespace upswing::base
