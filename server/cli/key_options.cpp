#include "server/cli/key_options.hpp"

#include <CLI/CLI.hpp>

#include "absl/strings/ascii.h"
#include "server/cli/catalog_file.hpp"

namespace upswing::cli {

void AddKeyOptions(CLI::App* command, const std::string& scope, std::string* api_key) {
  CLI::Option* const key = command->add_option("--api-key", *api_key, "API key with scope " + scope)
                               ->envname("UPSWING_API_KEY");
  command
      ->add_option_function<std::string>(
          "--api-key-file",
          [api_key](const std::string& file) {
            const absl::StatusOr<std::string> text = ReadFile(file);
            if (!text.ok())
              throw CLI::ValidationError("--api-key-file", std::string(text.status().message()));
            *api_key = std::string(absl::StripAsciiWhitespace(*text));
          },
          "file with such a key, which other users of the machine cannot see")
      ->excludes(key);
}

}  // namespace upswing::cli
