#pragma once

#include <cstdint>

namespace upswing::port {

/// Random bits that no two devices share. Any thread may call.
class Entropy {
 public:
  virtual ~Entropy() = default;
  virtual std::uint64_t Next64() = 0;
};

}  // namespace upswing::port
