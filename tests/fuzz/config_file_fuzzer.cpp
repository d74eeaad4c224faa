// The file that `upswing serve --config` names: any text is taken or refused with a word.
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <CLI/CLI.hpp>

#include "server/cli/command.hpp"
#include "server/cli/config_file.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace upswing;
  static const std::string file =
      std::string(std::filesystem::exists("/dev/shm") ? "/dev/shm" : "/tmp") +
      "/upswing-fuzz-config-" + std::to_string(getpid());
  std::ofstream(file, std::ios::binary)
      .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  CLI::App app;
  cli::Action action;
  cli::AddServeCommand(app, action);
  const absl::Status read = cli::ReadConfigFile(file, app.get_subcommand("serve"));
  if (!read.ok() && read.message().empty()) std::abort();
  return 0;
}
