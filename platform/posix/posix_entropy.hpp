#pragma once

#include "platform/port/entropy.hpp"

namespace upswing::posix {

/// `Entropy` from the operating system (getentropy).
class PosixEntropy final : public port::Entropy {
 public:
  std::uint64_t Next64() override;
};

}  // namespace upswing::posix
