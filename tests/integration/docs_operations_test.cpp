// A new operator who follows docs/operations.md: its commands are run as they stand, in order.
#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "tests/support/paths.hpp"
#include "tests/support/process.hpp"

namespace upswing {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
namespace fs = std::filesystem;

// All ```sh blocks of the page.
std::string Commands() {
  std::ifstream page(testing::SourceDir() / "docs/operations.md");
  std::string commands;
  bool inside = false;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("```")) {
      inside = line == "```sh";
    } else if (inside) {
      commands += line + "\n";
    }
  }
  return commands;
}

void Replace(std::string* text, const std::string& from, const std::string& to) {
  for (std::size_t at = text->find(from); at != std::string::npos;
       at = text->find(from, at + to.size()))
    text->replace(at, from.size(), to);
}

std::string FreePort() {
  const int probe = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  bind(probe, reinterpret_cast<sockaddr*>(&address), size);
  getsockname(probe, reinterpret_cast<sockaddr*>(&address), &size);
  close(probe);
  return std::to_string(ntohs(address.sin_port));
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

TEST(OperationsPage, LeadsFromNothingToAReportAndARestoredBackup) {
  const testing::TemporaryFolder folder;
  fs::create_directory_symlink(testing::SourceDir() / "samples", folder / "samples");
  const std::string port = FreePort();
  std::string commands = Commands();
  ASSERT_THAT(commands, HasSubstr("upswing serve"));
  ASSERT_THAT(commands, HasSubstr("upswing store restore"));
  // Folders, port and host are this test's; all else is the page's.
  Replace(&commands, "/var/lib/upswing", folder / "var");
  Replace(&commands, "/etc/upswing", folder / "etc");
  Replace(&commands, "/etc/hosts", folder / "hosts");
  Replace(&commands, "/backup", folder / "backup");
  Replace(&commands, "0.0.0.0:443", "127.0.0.1:" + port);
  Replace(&commands, "https://ab.example.com", "https://localhost:" + port);
  Replace(&commands, "ab.example.com", "localhost");
  // The server has a terminal of its own.
  const std::string terminal = R"sh(upswing() {
  if [ "$1" != serve ]; then command upswing "$@"; return; fi
  command upswing "$@" > serve.log 2>&1 &
  echo $! > serve.pid
  until grep -q 'upswing serves' serve.log; do
    kill -0 "$(cat serve.pid)" || return 1
    sleep 0.05
  done
}
)sh";
  const testing::Finished finished = testing::RunProgram(
      {"/bin/sh", "-c",
       "set -eu; cd '" + folder.path().string() + "'; PATH='" + testing::BinDir().string() +
           "':$PATH\n" + terminal + commands + "kill $(cat serve.pid)\nwait\n"});
  EXPECT_EQ(finished.status, 0) << finished.err << finished.out << ReadFile(folder / "serve.log");
  if (finished.status != 0) {
    const std::string pid = ReadFile(folder / "serve.pid");
    if (!pid.empty()) kill(std::stoi(pid), SIGKILL);
  }
  EXPECT_THAT(finished.out, HasSubstr("ed25519//"));
  EXPECT_THAT(finished.out, HasSubstr("records acknowledged"));
  // The report of the server, and the one of the backup: the same units and records.
  const std::size_t first = finished.out.find("one_tap");
  ASSERT_NE(first, std::string::npos);
  const auto report = [&](std::vector<std::string> where) {
    std::vector<std::string> arguments = {
        testing::Upswing(),    "report", "one_tap", "--format", "csv", "--as-of",
        "2099-01-01T00:00:00Z"};
    arguments.insert(arguments.end(), where.begin(), where.end());
    const testing::Finished ended = testing::RunProgram(arguments);
    EXPECT_EQ(ended.status, 0) << ended.err;
    return ended.out;
  };
  // The unit that the page erases is one of those that were made up.
  EXPECT_THAT(finished.out, Not(HasSubstr(R"({"records":0})")));
  for (const char* const file : {"var/upswing.db", "var/unit.key", "backup/upswing.db"}) {
    EXPECT_EQ(fs::status(folder / file).permissions() & fs::perms::mask,
              fs::perms::owner_read | fs::perms::owner_write)
        << file;
  }
  const std::string original = report({"--data", folder / "var"});
  EXPECT_THAT(original, HasSubstr("on"));
  EXPECT_EQ(report({"--data", folder / "new"}), original);
}

// Name and default (empty: none) of each setting, as `upswing serve --help` has them.
std::map<std::string, std::string> SettingsOfTheProgram() {
  std::map<std::string, std::string> settings;
  std::istringstream help(testing::RunProgram({testing::Upswing(), "serve", "--help"}).out);
  for (std::string line; std::getline(help, line);) {
    if (!line.starts_with("  --")) continue;
    const std::string name = line.substr(4, line.find_first_of(" ,", 4) - 4);
    // "--retention-days INT:INT in [0 - 36500]=0    remove records older than this, ..."
    const std::string head = line.substr(0, line.find("  ", 4));
    const std::size_t equals = head.rfind('=');
    settings[name] = equals == std::string::npos ? "" : head.substr(equals + 1);
  }
  settings["insecure-no-auth"] = "false";  // Flags show none.
  settings.erase("config");                // Names the file that the others may stand in.
  return settings;
}

// The same as section 2 of the page has them.
std::map<std::string, std::string> SettingsOfThePage() {
  std::map<std::string, std::string> settings;
  std::istringstream page(ReadFile((testing::SourceDir() / "docs/operations.md").string()));
  bool inside = false;
  for (std::string line; std::getline(page, line);) {
    if (line.starts_with("## ")) inside = line == "## 2. Settings";
    if (!inside || !line.starts_with("| `")) continue;
    const std::size_t end = line.find(" | ");
    std::string value = line.substr(end + 3);
    value = value.starts_with('`') ? value.substr(1, value.find('`', 1) - 1) : "";
    for (std::size_t at = line.find('`'); at < end; at = line.find('`', at + 1)) {
      const std::size_t close = line.find('`', at + 1);
      settings[line.substr(at + 1, close - at - 1)] = value;
      at = close;
    }
  }
  return settings;
}

TEST(OperationsPage, NamesEachSettingWithItsDefault) {
  const auto settings = SettingsOfTheProgram();
  EXPECT_GE(settings.size(), 15u);
  EXPECT_EQ(settings.at("retention-days"), "0");
  EXPECT_EQ(SettingsOfThePage(), settings);
}

}  // namespace
}  // namespace upswing
