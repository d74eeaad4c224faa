#pragma once

#include <filesystem>

namespace upswing::testing {

/// Root of the source tree under test.
std::filesystem::path SourceDir();

/// Folder of the built programs (`upswing` among them).
std::filesystem::path BinDir();

/// The folder `shared` beside the checkout, which holds reference numbers and real data sets. It
/// may be absent on a user's machine: tests that need it call `GTEST_SKIP() << "no ../shared"`
/// then.
std::filesystem::path SharedDir();

}  // namespace upswing::testing
