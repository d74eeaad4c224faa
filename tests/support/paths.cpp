#include "tests/support/paths.hpp"

namespace upswing::testing {

std::filesystem::path SourceDir() { return UPSWING_SOURCE_DIR; }
std::filesystem::path BinDir() { return std::filesystem::path(UPSWING_BUILD_DIR) / "bin"; }
std::filesystem::path SharedDir() { return SourceDir().parent_path() / "shared"; }

}  // namespace upswing::testing
