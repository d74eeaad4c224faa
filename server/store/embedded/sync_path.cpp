#include "server/store/embedded/sync_path.hpp"

#include <fcntl.h>
#include <unistd.h>

namespace upswing::store {

void SyncPath(const std::string& path) {
  const int descriptor = open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor < 0) return;
  fsync(descriptor);
  close(descriptor);
}

}  // namespace upswing::store
