#include <sys/stat.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <CLI/CLI.hpp>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "platform/posix/posix_clock.hpp"
#include "platform/posix/posix_entropy.hpp"
#include "platform/posix/posix_file_system.hpp"
#include "sdk/base/hash.hpp"
#include "sdk/base/text.hpp"
#include "sdk/catalog/signature.hpp"
#include "server/access/key_file.hpp"
#include "server/access/signing_key.hpp"
#include "server/access/store_files.hpp"
#include "server/authoring/parse.hpp"
#include "server/cli/catalog_file.hpp"
#include "server/cli/command.hpp"
#include "server/cli/config_file.hpp"
#include "server/cli/store_options.hpp"
#include "server/http/http_server.hpp"
#include "server/http/routes.hpp"
#include "server/project/project.hpp"

namespace upswing::cli {
namespace {

constexpr auto kStopGrace = std::chrono::seconds(10);

// One for each processor that this process may use; two at least, so that not everybody waits while
// one large request is read.
int DefaultThreads() {
  return static_cast<int>(std::clamp(std::thread::hardware_concurrency(), 2u, 16u));
}

struct Flags {
  std::string data;
  std::string store = "embedded";
  std::string unit_key;
  std::string listen = "127.0.0.1:8080";
  std::vector<std::string> catalogs;
  std::string project;
  std::vector<std::string> origins;
  std::string config;
  http::TlsOptions tls;
  std::vector<std::string> signing_keys;
  int threads = DefaultThreads();
  std::size_t connections = 10'000;
  std::string log = "errors";
  int retention_days = 0;
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

absl::StatusOr<project::Signing> SigningOf(const std::vector<std::string>& files) {
  if (files.empty()) return project::Signing();
  std::vector<access::SigningKey> keys;
  std::string names;
  for (const std::string& file : files) {
    auto key = access::SigningKey::Read(file);
    if (!key.ok())
      return absl::Status(key.status().code(),
                          absl::StrCat("--catalog-signing-key: ", key.status().message()));
    absl::StrAppend(&names, absl::Hex(base::Hash64(key->public_key()), absl::kZeroPad16));
    keys.push_back(*std::move(key));
  }
  return project::Signing{
      [keys = std::move(keys)](std::string_view bytes) { return access::Sign(keys, bytes); },
      std::move(names)};
}

// One line of JSON on stderr, whole even when threads write at once.
void WriteLog(const std::string& line) {
  const std::string whole = line + "\n";
  std::fwrite(whole.data(), 1, whole.size(), stderr);
}

absl::Status Run(const Flags& flags) {
  // Blocked before any thread starts, so that `sigwait` below is the only one to see them.
  sigset_t stop_signals;
  sigemptyset(&stop_signals);
  sigaddset(&stop_signals, SIGTERM);
  sigaddset(&stop_signals, SIGINT);
  sigaddset(&stop_signals, SIGHUP);
  pthread_sigmask(SIG_BLOCK, &stop_signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);

  umask(S_IRWXG | S_IRWXO);  // What is made in the data folder is its owner's alone.

  const posix::PosixClock clock;
  posix::PosixFileSystem files;
  posix::PosixEntropy entropy;
  const bool shared = flags.store != "embedded";
  std::unique_ptr<access::KeyFile> keys;
  const auto open_keys = [&](const std::string& folder, port::FileSystem* where) -> absl::Status {
    if (flags.insecure_no_auth) return absl::OkStatus();
    auto opened = access::KeyFile::Open(folder, where, &clock);
    if (!opened.ok()) return opened.status();
    keys = *std::move(opened);
    if (keys->usable() > 0) return absl::OkStatus();
    const std::string place = shared ? "--store" : "--data";
    const std::string named = shared ? "..." : flags.data;
    return absl::FailedPreconditionError(absl::StrCat(
        place, ": ", shared ? "the store" : flags.data,
        " has no API key, so nobody could call this server; make one with"
        " `upswing keys create NAME --scope admin ",
        place, " ", named, "`, or pass --insecure-no-auth to serve this machine without keys"));
  };
  if (!shared)
    if (absl::Status status = open_keys(flags.data, &files); !status.ok()) return status;
  absl::StatusOr<project::Signing> signing = SigningOf(flags.signing_keys);
  if (!signing.ok()) return signing.status();
  auto project = project::Project::Open({.directory = flags.data,
                                         .store = shared ? flags.store : "",
                                         .unit_key = flags.unit_key,
                                         .name = ProjectName(flags),
                                         .clock = &clock,
                                         .signing = *std::move(signing)});
  if (!project.ok()) return project.status();
  access::StoreFiles shared_files(&(*project)->store());
  if (shared)
    if (absl::Status status = open_keys(kSharedKeys, &shared_files); !status.ok()) return status;
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
                       .origins = flags.origins,
                       .log = flags.log == "none" ? nullptr : WriteLog,
                       .log_requests = flags.log == "requests",
                       .retention_days = flags.retention_days});
  auto server = http::HttpServer::Start({.host = host,
                                         .port = static_cast<std::uint16_t>(port),
                                         .threads = flags.threads,
                                         .connections = flags.connections,
                                         .tls = flags.tls},
                                        [&routes](http::Request request, http::Respond respond) {
                                          routes.Handle(std::move(request), std::move(respond));
                                        });
  if (!server.ok()) return server.status();
  std::printf("upswing serves %s on %s://%s:%u\n", shared ? "a cluster" : flags.data.c_str(),
              flags.tls.certificate_file.empty() ? "http" : "https", host.c_str(),
              (*server)->Port());
  std::fflush(stdout);

  int signal = SIGHUP;
  while (signal == SIGHUP) {
    sigwait(&stop_signals, &signal);
    if (signal != SIGHUP) break;
    const absl::Status reloaded = (*server)->ReloadTls();
    WriteLog(reloaded.ok()
                 ? R"({"level":"info","event":"certificate reloaded"})"
                 : absl::StrCat(R"({"level":"error","event":"certificate not reloaded","detail":)",
                                json::Quote(base::FromAbsl(reloaded.message())), "}"));
  }
  // A second signal ends the process at once.
  pthread_sigmask(SIG_UNBLOCK, &stop_signals, nullptr);
  routes.Drain();
  (*server)->Stop(kStopGrace);
  routes.Finish();
  (*project)->Stop();
  return absl::OkStatus();
}

}  // namespace

void AddServeCommand(CLI::App& app, Action& action) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command =
      app.add_subcommand("serve", "Takes batches in, serves the catalog and the reports");
  command->add_option("--data", flags->data, "data folder; made if it is absent");
  command
      ->add_option("--store", flags->store,
                   "embedded: in the data folder; clickhouse://... a cluster, made ready by "
                   "`upswing store init`; docs/operations/scale-out.md")
      ->capture_default_str();
  command->add_option("--unit-key", flags->unit_key,
                      "file with the secret behind unit keys of a cluster, the same on every node");
  command->add_option("--listen", flags->listen, "address and port; port 0: a free one")
      ->capture_default_str();
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
  command->add_option(
      "--config", flags->config,
      "file with settings, one `name = value` a line; the command line goes before");
  command->add_option(
      "--tls-certificate", flags->tls.certificate_file,
      "PEM file with the certificate and its chain; serve HTTPS. SIGHUP reads it again");
  command->add_option("--tls-key", flags->tls.key_file, "PEM file with the certificate's key");
  command->add_option(
      "--tls-client-ca", flags->tls.client_ca_file,
      "PEM file of authorities; only clients with a certificate of theirs are served");
  command->add_option(
      "--catalog-signing-key", flags->signing_keys,
      "PEM file of a key made by `upswing keys signing`; what SDKs get is signed with it. May be "
      "repeated, while one key replaces another");
  command
      ->add_option("--threads", flags->threads,
                   "threads that serve; default: as many as processors, 2 to 16")
      ->check(CLI::Range(1, 256));
  command
      ->add_option("--connections", flags->connections,
                   "connections open at once; for one more, the one waited for longest is closed")
      ->check(CLI::Range(std::size_t{1}, std::size_t{1'000'000}))
      ->capture_default_str();
  command->add_option("--log", flags->log, "JSON lines on stderr: none, errors, requests")
      ->check(CLI::IsMember({"none", "errors", "requests"}))
      ->capture_default_str();
  command
      ->add_option("--retention-days", flags->retention_days,
                   "remove records older than this, except exposures to experiments that are not "
                   "archived; 0: never")
      ->check(CLI::Range(0, 36500))
      ->capture_default_str();
  command->callback([flags, command, &action] {
    if (!flags->config.empty()) {
      const absl::Status read = ReadConfigFile(flags->config, command);
      if (!read.ok()) throw CLI::ValidationError("--config", std::string(read.message()));
    }
    if (flags->store == "embedded") {
      if (flags->data.empty()) throw CLI::RequiredError("--data");
      if (!flags->unit_key.empty())
        throw CLI::ValidationError("--unit-key", "goes with --store clickhouse://...");
    } else {
      CheckStore(flags->store);
      if (!flags->data.empty())
        throw CLI::ValidationError("--data", "a node of a cluster keeps nothing in a folder");
      if (flags->unit_key.empty()) throw CLI::RequiredError("--unit-key");
    }
    if (flags->signing_keys.size() > catalog::kMostSignatures)
      throw CLI::ValidationError("--catalog-signing-key", "may be given at most 8 times");
    if (flags->tls.certificate_file.empty() != flags->tls.key_file.empty())
      throw CLI::ValidationError("--tls-key",
                                 "goes with --tls-certificate, and the other way round");
    if (flags->tls.certificate_file.empty() && !flags->tls.client_ca_file.empty())
      throw CLI::ValidationError("--tls-client-ca", "needs --tls-certificate");
    if (flags->insecure_no_auth && !IsLoopback(SplitAddress(flags->listen).first))
      throw CLI::ValidationError(
          "--listen", "without API keys only a loopback address is served, such as 127.0.0.1:8080");
    action = [flags] { return Run(*flags); };
  });
}

}  // namespace upswing::cli
