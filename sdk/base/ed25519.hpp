#pragma once

#include <cstddef>
#include <string_view>

namespace upswing::base {

inline constexpr std::size_t kEd25519KeySize = 32;
inline constexpr std::size_t kEd25519SignatureSize = 64;

/// Whether these bytes are a public key that a signature can be verified with: the canonical
/// encoding of a point of the curve that is not of small order.
bool IsEd25519PublicKey(std::string_view public_key);

/// Whether `signature` is the Ed25519 signature of `message` by the holder of `public_key`.
///
/// Of the verifications that RFC 8032, section 5.1.7, allows this is the strict one: key and R must
/// be encoded canonically and not be of small order, S must be below the order of the base point,
/// and [S]B = R + [k]A holds without the cofactor. So nobody can change a signature into another
/// valid one, and no key verifies everything. Not constant in time: all inputs are public.
///
/// About a millisecond. Pure.
bool VerifyEd25519(std::string_view public_key, std::string_view message,
                   std::string_view signature);

}  // namespace upswing::base
