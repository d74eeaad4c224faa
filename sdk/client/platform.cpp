#include "sdk/client/platform.hpp"

#include "platform/posix/posix_clock.hpp"
#include "platform/posix/posix_entropy.hpp"
#include "platform/posix/posix_file_system.hpp"

namespace upswing::client {

const Platform& SystemPlatform() {
  static const Platform* const platform =
      new Platform{new posix::PosixClock, new posix::PosixEntropy, new posix::PosixFileSystem};
  return *platform;
}

}  // namespace upswing::client
