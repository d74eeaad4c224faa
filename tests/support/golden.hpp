#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include "tests/support/paths.hpp"

namespace upswing::testing {

/// Whether `actual` equals tests/golden/<name>. Where it does not, the actual text is written to
/// golden/<name> in the build folder, to be reviewed and copied.
inline ::testing::AssertionResult MatchesGolden(const std::string& name,
                                                const std::string& actual) {
  std::ifstream file(SourceDir() / "tests/golden" / name, std::ios::binary);
  std::stringstream expected;
  expected << file.rdbuf();
  if (file && expected.str() == actual) return ::testing::AssertionSuccess();
  const std::filesystem::path written = BinDir().parent_path() / "golden" / name;
  std::filesystem::create_directories(written.parent_path());
  std::ofstream(written, std::ios::binary) << actual;
  return ::testing::AssertionFailure()
         << "tests/golden/" << name << " differs; review and copy " << written;
}

}  // namespace upswing::testing
