#include "server/cli/config_file.hpp"

#include <map>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "server/cli/catalog_file.hpp"

namespace upswing::cli {

absl::Status ReadConfigFile(const std::string& file, CLI::App* command) {
  const absl::StatusOr<std::string> text = ReadFile(file);
  if (!text.ok()) return text.status();
  std::map<CLI::Option*, bool> from_file;  // whether the option is the file's to set
  int number = 0;
  for (absl::string_view line : absl::StrSplit(*text, '\n')) {
    ++number;
    line = absl::StripAsciiWhitespace(line.substr(0, line.find('#')));
    if (line.empty()) continue;
    const auto wrong = [&](std::string_view what) {
      return absl::InvalidArgumentError(absl::StrCat(file, ":", number, ": ", std::string(what)));
    };
    const std::pair<absl::string_view, absl::string_view> parts =
        absl::StrSplit(line, absl::MaxSplits('=', 1));
    const std::string name(absl::StripAsciiWhitespace(parts.first));
    const std::string value(absl::StripAsciiWhitespace(parts.second));
    if (line.find('=') == absl::string_view::npos) return wrong("must be `name = value`");
    CLI::Option* const option =
        name == "config" || name == "help" ? nullptr : command->get_option_no_throw("--" + name);
    if (option == nullptr) return wrong(absl::StrCat(name, " is no setting"));
    const bool mine = from_file.try_emplace(option, option->count() == 0).first->second;
    if (!mine) continue;  // The command line says it.
    const bool is_flag = option->get_expected_min() == 0;
    if (is_flag && value != "true" && value != "false")
      return wrong(absl::StrCat(name, " must be true or false"));
    if (is_flag && value == "false") continue;
    try {
      option->add_result(value);
      option->run_callback();
    } catch (const CLI::Error& error) {
      return wrong(absl::StrCat(name, ": ", error.what()));
    }
  }
  return absl::OkStatus();
}

}  // namespace upswing::cli
