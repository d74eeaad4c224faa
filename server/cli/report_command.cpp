#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>

#include "absl/strings/str_cat.h"
#include "platform/posix/posix_clock.hpp"
#include "server/cli/command.hpp"
#include "server/cli/key_options.hpp"
#include "server/cli/remote.hpp"
#include "server/cli/store_options.hpp"
#include "server/project/project.hpp"
#include "server/report/format.hpp"

namespace upswing::cli {
namespace {

struct Flags {
  std::string experiment;
  std::string server;
  std::string api_key;
  std::string data;
  std::string store;
  std::string as_of;
  std::string format = "text";
  std::string language = "en";
  std::string out;
};

absl::StatusOr<std::string> FromServer(const Flags& flags) {
  absl::StatusOr<Remote> remote = Remote::Open(flags.server, flags.api_key);
  if (!remote.ok()) return remote.status();
  std::string path = absl::StrCat("/v1/experiments/", PercentEncode(flags.experiment),
                                  "/report?format=", flags.format, "&lang=", flags.language);
  if (!flags.as_of.empty()) absl::StrAppend(&path, "&as_of=", PercentEncode(flags.as_of));
  return remote->Get(path);
}

volatile std::sig_atomic_t interrupted = 0;

absl::StatusOr<std::string> FromData(const Flags& flags, bool colour) {
  const posix::PosixClock clock;
  project::Options options;
  options.directory = flags.data;
  options.store = flags.store;
  options.read_only = true;
  options.clock = &clock;
  if (isatty(STDERR_FILENO) != 0)
    options.progress = [](std::uint64_t rows) {
      std::fprintf(stderr, "\r%llu rows read ", static_cast<unsigned long long>(rows));
    };
  auto project = project::Project::Open(options);
  if (!project.ok()) return project.status();
  if (!flags.store.empty()) {
    // The queries of a report would run on in the cluster.
    for (const int number : {SIGINT, SIGTERM}) std::signal(number, [](int) { interrupted = 1; });
  }
  const absl::StatusOr<report::Report> report = (*project)->Report(
      flags.experiment, report::ParseAsOf(flags.as_of), [] { return interrupted != 0; });
  if (!flags.store.empty() && options.progress) std::fprintf(stderr, "\r%40s\r", "");
  if (!report.ok()) return report.status();
  return report::Render(*report, report::ParseFormat(flags.format).value_or(report::Format::kText),
                        {.colour = colour,
                         .language = flags.language == "zh" ? report::Language::kChinese
                                                            : report::Language::kEnglish});
}

absl::Status Run(const Flags& flags) {
  const bool terminal = flags.out.empty() && isatty(STDOUT_FILENO) != 0;
  const bool colour = terminal && std::getenv("NO_COLOR") == nullptr;
  const absl::StatusOr<std::string> text =
      flags.server.empty() ? FromData(flags, colour) : FromServer(flags);
  if (!text.ok()) return text.status();
  if (flags.out.empty()) {
    std::fwrite(text->data(), 1, text->size(), stdout);
    return std::fflush(stdout) == 0 ? absl::OkStatus()
                                    : absl::UnavailableError("stdout: cannot be written");
  }
  std::ofstream file(flags.out, std::ios::binary);
  file << *text;
  file.close();
  return file ? absl::OkStatus()
              : absl::UnavailableError(absl::StrCat("--out: ", flags.out, " cannot be written"));
}

}  // namespace

void AddReportCommand(CLI::App& app, Action& action) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command =
      app.add_subcommand("report", "Says what an experiment did, and how sure that is");
  command->add_option("EXPERIMENT", flags->experiment, "key of an experiment, or holdout:<key>")
      ->required();
  auto* server = command->add_option("--server", flags->server, "URL of a running server");
  auto* data =
      command->add_option("--data", flags->data, "data folder; a server may be running on it");
  server->excludes(data);
  command
      ->add_option("--store", flags->store, "clickhouse://...: the cluster that holds the records")
      ->excludes(server)
      ->excludes(data);
  AddKeyOptions(command, "read", &flags->api_key);
  command
      ->add_option("--as-of", flags->as_of,
                   "look at the records up to this time, RFC 3339; default now")
      ->check([](const std::string& text) {
        return report::ParseAsOf(text)
                   ? std::string()
                   : text + " is not an RFC 3339 time such as 2026-11-22T00:00:00Z";
      });
  command->add_option("--format", flags->format, "text (default), json, markdown, csv or html")
      ->check(CLI::IsMember({"text", "json", "markdown", "csv", "html"}));
  command->add_option("--lang", flags->language, "language of html: en (default) or zh")
      ->check(CLI::IsMember({"en", "zh"}));
  command->add_option("--out", flags->out, "file to write instead of stdout");
  command->callback([flags, &action] {
    if (flags->server.empty() && flags->data.empty() && flags->store.empty())
      throw CLI::ValidationError("--server, --data or --store", "say where the records are");
    if (!flags->store.empty()) CheckStore(flags->store);
    action = [flags] { return Run(*flags); };
  });
}

}  // namespace upswing::cli
