#include "platform/posix/posix_entropy.hpp"

#include <unistd.h>

#include <cstdlib>

namespace upswing::posix {

std::uint64_t PosixEntropy::Next64() {
  std::uint64_t bits = 0;
  // Fails only for requests over 256 bytes or on a kernel without the call, which we do not
  // support.
  if (getentropy(&bits, sizeof bits) != 0) std::abort();
  return bits;
}

}  // namespace upswing::posix
