#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <CLI/CLI.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/time.h"
#include "platform/posix/posix_clock.hpp"
#include "platform/posix/posix_file_system.hpp"
#include "sdk/catalog/signature.hpp"
#include "server/access/key_file.hpp"
#include "server/access/signing_key.hpp"
#include "server/access/store_files.hpp"
#include "server/cli/command.hpp"
#include "server/cli/store_options.hpp"
#include "server/store/clickhouse/clickhouse_store.hpp"

namespace upswing::cli {
namespace {

constexpr std::int64_t kDayMs = std::int64_t{24} * 60 * 60 * 1000;
// Who works on the data folder itself has no key.
constexpr char kActor[] = "local";

struct Flags {
  std::string data;
  std::string store;
  std::string name;
  std::vector<std::string> scopes;
  std::string out;
  double expires_days = 0;
  double overlap_hours = 24;
  double requests_per_second = 0;
  std::int64_t requests_per_day = 0;
};

// What root made in a folder of another user is given to that user: the server, which runs as it,
// must be able to read the keys.
void GiveToOwner(const std::string& folder) {
  struct stat info {};
  if (folder.empty() || geteuid() != 0 || stat(folder.c_str(), &info) != 0) return;
  for (const char* const name : {"/keys.json.lock", "/keys.json"}) {
    if (lchown((folder + name).c_str(), info.st_uid, info.st_gid) != 0) return;
  }
}

class Keys {
 public:
  static absl::StatusOr<std::unique_ptr<Keys>> Open(const Flags& flags) {
    auto keys = std::make_unique<Keys>();
    if (!flags.store.empty()) {
      auto address = store::ParseClickHouseAddress(flags.store);
      if (!address.ok()) return address.status();
      auto opened = store::ClickHouseStore::Open({.address = *std::move(address)});
      if (!opened.ok()) return opened.status();
      keys->store_ = *std::move(opened);
      keys->shared_.emplace(keys->store_.get());
      auto file = access::KeyFile::Open(kSharedKeys, &*keys->shared_, &keys->clock_);
      if (!file.ok()) return file.status();
      keys->file_ = *std::move(file);
      return keys;
    }
    // Keys may be made before the server first starts.
    if (absl::Status status = keys->files_.MakeDirectories(flags.data); !status.ok()) return status;
    auto file = access::KeyFile::Open(flags.data, &keys->files_, &keys->clock_);
    if (!file.ok()) return file.status();
    keys->file_ = *std::move(file);
    return keys;
  }
  access::KeyFile* operator->() { return file_.get(); }
  std::int64_t now_ms() const { return clock_.WallMillis(); }

 private:
  posix::PosixFileSystem files_;
  posix::PosixClock clock_;
  std::unique_ptr<store::EventStore> store_;
  std::optional<access::StoreFiles> shared_;
  std::unique_ptr<access::KeyFile> file_;
};

// To stdout, or to a new file that only its owner may read.
absl::Status Hand(const std::string& key, const std::string& out) {
  if (out.empty()) {
    std::printf("%s\n", key.c_str());
    return absl::OkStatus();
  }
  const int file = open(out.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR | S_IWUSR);
  const std::string line = key + "\n";
  const bool written =
      file >= 0 && write(file, line.data(), line.size()) == static_cast<ssize_t>(line.size());
  if (file >= 0) close(file);
  if (written) return absl::OkStatus();
  return absl::UnavailableError(
      absl::StrCat("--out: ", out, " cannot be made; the key is lost: rotate it"));
}

absl::Status Create(const Flags& flags) {
  access::NewKey key;
  key.name = flags.name;
  for (const std::string& scope : flags.scopes) {
    const auto parsed = access::ParseScope(scope);
    if (parsed) key.scopes.Add(*parsed);
  }
  auto keys = Keys::Open(flags);
  if (!keys.ok()) return keys.status();
  if (flags.expires_days > 0) {
    key.expires_ms = (*keys)->now_ms() +
                     static_cast<std::int64_t>(flags.expires_days * static_cast<double>(kDayMs));
  }
  if (flags.requests_per_second > 0) key.requests_per_second = flags.requests_per_second;
  if (flags.requests_per_day > 0) key.requests_per_day = flags.requests_per_day;
  const auto made = (**keys)->Create(key, kActor);
  GiveToOwner(flags.data);
  return made.ok() ? Hand(*made, flags.out) : made.status();
}

absl::Status Rotate(const Flags& flags) {
  auto keys = Keys::Open(flags);
  if (!keys.ok()) return keys.status();
  const auto made = (**keys)->Rotate(
      flags.name, static_cast<std::int64_t>(flags.overlap_hours * 3'600'000), kActor);
  GiveToOwner(flags.data);
  return made.ok() ? Hand(*made, flags.out) : made.status();
}

absl::Status Revoke(const Flags& flags) {
  auto keys = Keys::Open(flags);
  if (!keys.ok()) return keys.status();
  const absl::Status revoked = (**keys)->Revoke(flags.name, kActor);
  GiveToOwner(flags.data);
  return revoked;
}

// A key for catalogs is a file of its own: what signs must not lie beside what may be copied.
absl::Status Signing(const std::string& file) {
  auto key = access::SigningKey::Create(file);
  if (absl::IsAlreadyExists(key.status())) key = access::SigningKey::Read(file);
  if (!key.ok()) return key.status();
  std::printf("%s\n", catalog::FormatPublicKey(key->public_key()).c_str());
  return absl::OkStatus();
}

std::string Time(const std::optional<std::int64_t>& ms) {
  if (!ms) return "-";
  return absl::FormatTime("%Y-%m-%dT%H:%MZ", absl::FromUnixMillis(*ms), absl::UTCTimeZone());
}

absl::Status List(const Flags& flags) {
  auto keys = Keys::Open(flags);
  if (!keys.ok()) return keys.status();
  std::printf("%-24s %-28s %-18s %-18s %-18s %s\n", "NAME", "SCOPES", "CREATED", "EXPIRES",
              "LAST USED", "STATE");
  const std::int64_t now = (*keys)->now_ms();
  for (const access::ApiKey& key : (**keys)->List()) {
    const std::string scopes =
        absl::StrJoin(key.scopes.Names(), ",",
                      [](std::string* text, std::string_view scope) { text->append(scope); });
    const bool expired = key.expires_ms && *key.expires_ms <= now;
    const std::string state = key.revoked_ms ? "revoked " + Time(key.revoked_ms)
                              : expired      ? "expired"
                                             : "active";
    std::printf("%-24s %-28s %-18s %-18s %-18s %s\n", key.name.c_str(), scopes.c_str(),
                Time(key.created_ms).c_str(), Time(key.expires_ms).c_str(),
                Time(key.last_used_ms).c_str(), state.c_str());
  }
  return absl::OkStatus();
}

}  // namespace

void AddKeysCommand(CLI::App& app, Action& action) {
  CLI::App* const keys = app.add_subcommand(
      "keys", "Make, list, rotate and revoke API keys; also while the server runs");
  keys->require_subcommand(1);
  auto flags = std::make_shared<Flags>();
  const auto add = [&](const char* name, const char* what, absl::Status (*run)(const Flags&)) {
    CLI::App* const command = keys->add_subcommand(name, what);
    CLI::Option* const data =
        command->add_option("--data", flags->data, "data folder of the server");
    command
        ->add_option("--store", flags->store, "clickhouse://...: the cluster that the nodes share")
        ->excludes(data);
    command->callback([&action, flags, run] {
      if (flags->data.empty() && flags->store.empty()) throw CLI::RequiredError("--data");
      if (!flags->store.empty()) CheckStore(flags->store);
      action = [flags, run] { return run(*flags); };
    });
    return command;
  };
  const auto add_out = [&](CLI::App* command) {
    command->add_option("--out", flags->out,
                        "new file for the key, readable for its owner only; default: stdout");
  };
  const auto add_name = [&](CLI::App* command) {
    command->add_option("NAME", flags->name, "name of the key, which the audit log shows")
        ->required();
  };

  CLI::App* const create = add("create", "Make a key and print it, once", Create);
  add_name(create);
  create
      ->add_option("--scope", flags->scopes,
                   "client: post batches and get the catalog; evaluate: ask for decisions; read: "
                   "reports and catalog source; admin: everything. May be repeated")
      ->required()
      ->delimiter(',')
      ->allow_extra_args(false)
      ->check(CLI::IsMember({"client", "evaluate", "read", "admin"}));
  create->add_option("--expires-days", flags->expires_days, "days until it ends; default: never")
      ->check(CLI::Range(0.001, 36500.0));
  create
      ->add_option("--requests-per-second", flags->requests_per_second,
                   "past it the server answers 429; default: no limit")
      ->check(CLI::Range(0.001, 1e6));
  create
      ->add_option("--requests-per-day", flags->requests_per_day,
                   "from midnight to midnight (UTC); past it the server answers 429; default: no "
                   "limit")
      ->check(CLI::Range(std::int64_t{1}, std::int64_t{1'000'000'000'000}));
  add_out(create);

  CLI::App* const rotate = add("rotate", "Give a key another secret and print it, once", Rotate);
  add_name(rotate);
  rotate
      ->add_option("--overlap-hours", flags->overlap_hours,
                   "how long the former secret goes on working")
      ->check(CLI::Range(0.0, 24.0 * 365))
      ->capture_default_str();
  add_out(rotate);

  add_name(add("revoke", "End a key for good; a running server follows within a second", Revoke));
  CLI::App* const signing = keys->add_subcommand(
      "signing",
      "Make a key that signs catalogs (`upswing serve --catalog-signing-key`), unless FILE is one "
      "already, and print its public half for the SDKs' `trusted_keys`");
  signing->add_option("FILE", flags->out, "PEM file, readable for its owner only")->required();
  signing->callback([&action, flags] { action = [flags] { return Signing(flags->out); }; });
  add("list", "Show the keys, never their secrets", List);
}

}  // namespace upswing::cli
