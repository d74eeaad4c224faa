#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "platform/posix/posix_clock.hpp"
#include "platform/posix/posix_entropy.hpp"
#include "platform/posix/posix_file_system.hpp"
#include "server/access/key_file.hpp"
#include "server/authoring/parse.hpp"
#include "server/cli/catalog_file.hpp"
#include "server/cli/command.hpp"
#include "server/http/http_server.hpp"
#include "server/http/routes.hpp"
#include "server/project/project.hpp"

namespace upswing::cli {
namespace {

constexpr auto kStopGrace = std::chrono::seconds(10);

struct Flags {
  std::string data;
  std::string listen = "127.0.0.1:8080";
  std::vector<std::string> catalogs;
  std::string project;
  std::vector<std::string> origins;
  bool insecure_no_auth = false;
};

// "127.0.0.1:8080" or "[::1]:8080".
std::pair<std::string, std::string> SplitAddress(const std::string& address) {
  const std::size_t colon = address.rfind(':');
  if (colon == std::string::npos) return {address, ""};
  std::string host = address.substr(0, colon);
  if (host.size() >= 2 && host.front() == '[' && host.back() == ']')
    host = host.substr(1, host.size() - 2);
  return {host, address.substr(colon + 1)};
}

bool IsLoopback(const std::string& host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

// The `project` of the first catalog file; "default" where there is none or it cannot be read,
// which publishing it then explains.
std::string ProjectName(const Flags& flags) {
  if (!flags.project.empty() || flags.catalogs.empty()) return flags.project;
  const absl::StatusOr<std::string> text = ReadFile(flags.catalogs.front());
  const authoring::ParseResult parsed = authoring::Parse(text.ok() ? *text : "");
  return parsed.model ? parsed.model->project : "";
}

absl::Status PublishFile(project::Project* project, const std::string& path) {
  const absl::StatusOr<std::string> text = ReadFile(path);
  if (!text.ok()) return text.status();
  const auto current = project->catalog();
  if (current != nullptr && current->source == *text) return absl::OkStatus();
  const auto published = project->Publish(*text, "");
  if (!published.ok())
    return absl::Status(published.status().code(),
                        absl::StrCat(path, ": ", published.status().message()));
  return absl::OkStatus();
}

absl::Status Run(const Flags& flags) {
  // Blocked before any thread starts, so that `sigwait` below is the only one to see them.
  sigset_t stop_signals;
  sigemptyset(&stop_signals);
  sigaddset(&stop_signals, SIGTERM);
  sigaddset(&stop_signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &stop_signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  const posix::PosixClock clock;
  posix::PosixFileSystem files;
  posix::PosixEntropy entropy;
  std::unique_ptr<access::KeyFile> keys;
  if (!flags.insecure_no_auth) {
    auto opened = access::KeyFile::Open(flags.data, &files, &clock);
    if (!opened.ok()) return opened.status();
    keys = *std::move(opened);
    if (keys->usable() == 0) {
      return absl::FailedPreconditionError(absl::StrCat(
          "--data: ", flags.data,
          " has no API key, so nobody could call this server; make one with"
          " `upswing keys create NAME --scope admin --data ",
          flags.data, "`, or pass --insecure-no-auth to serve this machine without keys"));
    }
  }
  auto project = project::Project::Open(
      {.directory = flags.data, .name = ProjectName(flags), .clock = &clock});
  if (!project.ok()) return project.status();
  for (const std::string& catalog : flags.catalogs) {
    if (absl::Status status = PublishFile(project->get(), catalog); !status.ok()) return status;
  }

  const auto [host, port_text] = SplitAddress(flags.listen);
  unsigned port = 0;
  if (!absl::SimpleAtoi(port_text, &port) || port > 65535)
    return absl::InvalidArgumentError(
        absl::StrCat("--listen: ", flags.listen, " has no port in [0, 65535]"));
  http::Routes routes({.project = project->get(),
                       .keys = keys.get(),
                       .clock = &clock,
                       .entropy = &entropy,
                       .origins = flags.origins});
  auto server = http::HttpServer::Start({.host = host, .port = static_cast<std::uint16_t>(port)},
                                        [&routes](http::Request request, http::Respond respond) {
                                          routes.Handle(std::move(request), std::move(respond));
                                        });
  if (!server.ok()) return server.status();
  std::printf("upswing serves %s on http://%s:%u\n", flags.data.c_str(), host.c_str(),
              (*server)->Port());
  std::fflush(stdout);

  int signal = 0;
  sigwait(&stop_signals, &signal);
  // A second signal ends the process at once.
  pthread_sigmask(SIG_UNBLOCK, &stop_signals, nullptr);
  routes.Drain();
  (*server)->Stop(kStopGrace);
  (*project)->Stop();
  return absl::OkStatus();
}

}  // namespace

void AddServeCommand(CLI::App& app, Action& action) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command =
      app.add_subcommand("serve", "Takes batches in, serves the catalog and the reports");
  command->add_option("--data", flags->data, "data folder; made if it is absent")->required();
  command->add_option("--listen", flags->listen,
                      "address and port; port 0: a free one (default 127.0.0.1:8080)");
  command->add_option("--catalog", flags->catalogs,
                      "catalog file to publish at start; may be repeated");
  command->add_option("--project", flags->project,
                      "name of the project of a new data folder; default: that of the first "
                      "catalog file, else \"default\"");
  command->add_option("--allow-origin", flags->origins,
                      "web pages that may call from a browser, as https://shop.example.com; may be "
                      "repeated");
  command->add_flag("--insecure-no-auth", flags->insecure_no_auth,
                    "serve everybody on this machine without API keys");
  command->callback([flags, &action] {
    if (flags->insecure_no_auth && !IsLoopback(SplitAddress(flags->listen).first))
      throw CLI::ValidationError(
          "--listen", "without API keys only a loopback address is served, such as 127.0.0.1:8080");
    action = [flags] { return Run(*flags); };
  });
}

}  // namespace upswing::cli
