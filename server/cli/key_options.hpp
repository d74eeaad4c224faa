#pragma once

#include <string>

namespace CLI {
class App;
}

namespace upswing::cli {

/// Adds `--api-key KEY` (also from the environment variable UPSWING_API_KEY) and `--api-key-file
/// FILE` to a command that talks to a server. `scope` is what the key must be allowed to do. The
/// key goes to `*api_key`, which the command keeps as long as `CLI::App` parses.
void AddKeyOptions(CLI::App* command, const std::string& scope, std::string* api_key);

}  // namespace upswing::cli
