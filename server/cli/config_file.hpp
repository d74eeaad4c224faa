#pragma once

#include <string>

#include "absl/status/status.h"

namespace CLI {
class App;
}

namespace upswing::cli {

/// Gives the options of `command` that the command line left out the values of a file: one
/// `name = value` a line, names as the flags without "--", `#` begins a comment, an option that may
/// be repeated stands on several lines, a flag takes `true` or `false`. kInvalidArgument, with file
/// and line, for a name that is no option and for a value that does not fit.
absl::Status ReadConfigFile(const std::string& file, CLI::App* command);

}  // namespace upswing::cli
