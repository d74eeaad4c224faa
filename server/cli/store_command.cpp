#include <sys/stat.h>

#include <cstdio>
#include <memory>
#include <string>

#include <CLI/CLI.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "server/cli/command.hpp"
#include "server/cli/store_copy.hpp"
#include "server/cli/store_options.hpp"
#include "server/store/clickhouse/clickhouse_store.hpp"
#include "server/store/embedded/embedded_store.hpp"
#include "server/store/embedded/restore.hpp"
#include "server/store/embedded/rotation.hpp"
#include "server/store/export.hpp"

namespace upswing::cli {
namespace {

struct Flags {
  std::string data;
  std::string file;
  std::string format = "csv";
  int days = 0;
  std::vector<std::string> keep;
  std::string store;
  std::string unit_key;
  std::string project;
  std::string from;
};

absl::StatusOr<std::unique_ptr<store::EmbeddedStore>> Open(const Flags& flags, bool read_only) {
  store::EmbeddedOptions options;
  options.directory = flags.data;
  options.read_only = read_only;
  options.background = false;
  return store::EmbeddedStore::Open(options);
}

absl::Status Verify(const Flags& flags) {
  const auto store = Open(flags, true);
  if (!store.ok()) return store.status();
  const auto report = (*store)->Verify();
  if (!report.ok()) return report.status();
  for (const std::string& damaged : report->damaged) std::printf("%s\n", damaged.c_str());
  std::printf("%lld blobs, %zu damaged\n", static_cast<long long>(report->blobs),
              report->damaged.size());
  if (report->damaged.empty()) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat(flags.data, ": ", report->damaged.size(),
                                          " damaged blobs, first: ", report->damaged.front()));
}

absl::Status Stats(const Flags& flags) {
  const auto store = Open(flags, true);
  if (!store.ok()) return store.status();
  const auto stats = (*store)->Stats();
  if (!stats.ok()) return stats.status();
  const std::pair<const char*, std::int64_t> rows[] = {
      {"records stored", stats->records},
      {"units", stats->units},
      {"batches known", stats->known_batches},
      {"batches landed, not compacted", stats->landed_batches},
      {"records in them", stats->landed_records},
      {"bytes in them", stats->landed_bytes},
      {"chunks", stats->chunks},
      {"rows in chunks", stats->chunk_rows},
      {"bytes in chunks", stats->chunk_bytes},
      {"batches in conflict", stats->conflicts},
      {"blobs set aside", stats->quarantined},
      {"bytes on disk", stats->file_bytes},
  };
  for (const auto& [name, value] : rows)
    std::printf("%-32s %15lld\n", name, static_cast<long long>(value));
  return absl::OkStatus();
}

// Makes the secret too, unless it is there: from another node, or of a folder that is to be moved.
absl::Status Init(const Flags& flags) {
  auto address = store::ParseClickHouseAddress(flags.store);
  if (!address.ok()) return address.status();
  const auto chain = store::ReadOrMakeKeyChain(flags.unit_key);
  if (!chain.ok()) return chain.status();
  const absl::Status status = store::ClickHouseStore::Init(
      {.address = *address, .key_file = flags.unit_key, .project = flags.project});
  if (status.ok()) std::printf("the store at %s is ready\n", address->ToString().c_str());
  return status;
}

absl::Status Compact(const Flags& flags) {
  const auto store = Open(flags, false);
  return store.ok() ? (*store)->Compact(true) : store.status();
}

absl::Status Backup(const Flags& flags) {
  const auto store = Open(flags, true);
  return store.ok() ? (*store)->Backup(flags.file) : store.status();
}

absl::Status Export(const Flags& flags) {
  const auto store = Open(flags, true);
  if (!store.ok()) return store.status();
  const auto source = (*store)->Snapshot();
  if (!source.ok()) return source.status();
  std::FILE* out = flags.file.empty() ? stdout : std::fopen(flags.file.c_str(), "wb");
  if (out == nullptr)
    return absl::UnavailableError(absl::StrCat("--out: ", flags.file, " cannot be written"));
  bool written = true;
  absl::Status status = store::Export(
      **source, flags.format == "csv" ? store::ExportFormat::kCsv : store::ExportFormat::kJsonLines,
      [&](std::string_view lines) {
        written &= std::fwrite(lines.data(), 1, lines.size(), out) == lines.size();
      });
  written &= (out == stdout ? std::fflush(out) : std::fclose(out)) == 0;
  if (status.ok() && !written)
    status = absl::UnavailableError(
        absl::StrCat(flags.file.empty() ? "stdout" : "--out", ": cannot be written"));
  return status;
}

absl::Status Expire(const Flags& flags) {
  const auto store = Open(flags, false);
  if (!store.ok()) return store.status();
  const std::int64_t now = absl::ToUnixMillis(absl::Now());
  const auto expired =
      (*store)->Expire(now - flags.days * std::int64_t{24} * 3600 * 1000, flags.keep);
  if (!expired.ok()) return expired.status();
  std::printf("%lld records expired, %lld chunks rewritten\n",
              static_cast<long long>(expired->records),
              static_cast<long long>(expired->chunks_rewritten));
  absl::Status status = (*store)->Audit(
      {now, "expire",
       absl::StrCat("older than ", flags.days, " days: ", expired->records, " records")});
  if (status.ok() && !expired->unreadable.empty())
    status = absl::DataLossError(
        absl::StrCat("not expired: ", absl::StrJoin(expired->unreadable, "; ")));
  return status;
}

absl::Status RotateKey(const Flags& flags) {
  const auto moved = store::RotateUnitKey(flags.data, absl::ToUnixMillis(absl::Now()));
  if (!moved.ok()) return moved.status();
  std::printf(
      "%lld records are under a new key. Copy unit.key to where you keep it, take a new backup, "
      "and "
      "destroy the old ones: they are under the old key.\n",
      static_cast<long long>(*moved));
  return absl::OkStatus();
}

}  // namespace

void AddStoreCommand(CLI::App& app, Action& action) {
  CLI::App* store = app.add_subcommand("store", "Check, compact, copy and export a data folder");
  store->require_subcommand(1);
  auto flags = std::make_shared<Flags>();
  const auto add = [&](const char* name, const char* what, absl::Status (*run)(const Flags&)) {
    CLI::App* command = store->add_subcommand(name, what);
    command->add_option("--data", flags->data, "Data folder")->required();
    command->callback([&action, flags, run] {
      action = [flags, run] {
        umask(S_IRWXG | S_IRWXO);  // Copies of records are their owner's alone.
        return run(*flags);
      };
    });
    return command;
  };
  add("verify", "Read every blob and compare its checksum; also beside a running server", Verify);
  add("stats", "What is in it; also beside a running server", Stats);
  add("compact", "Compact what is landed and merge all runs; the server must be stopped", Compact);
  add("backup",
      "Copy the database while the server runs (copy unit.key yourself, and keep it secret)",
      Backup)
      ->add_option("FILE", flags->file, "The copy")
      ->required();
  add("restore", "Put a backup in place; erasures made since stay erased",
      [](const Flags& given) { return store::RestoreStore(given.file, given.data); })
      ->add_option("FILE", flags->file, "The backup")
      ->required();
  add("rotate-key",
      "Put all unit keys under a new secret; the server must be stopped, needs as much disk again",
      RotateKey);
  CLI::App* exported = add("export", "Write every record; also beside a running server", Export);
  exported->add_option("--format", flags->format, "csv or jsonl")
      ->check(CLI::IsMember({"csv", "jsonl"}))
      ->capture_default_str();
  exported->add_option("--out", flags->file, "File instead of stdout");
  CLI::App* expire = add(
      "expire", "Remove records older than a number of days; the server must be stopped", Expire);
  expire->add_option("--days", flags->days, "Age from which records go")
      ->required()
      ->check(CLI::Range(1, 36500));
  CLI::App* init = store->add_subcommand(
      "init", "Make the tables of a store in a ClickHouse cluster; again it changes nothing");
  init->add_option("--store", flags->store, "clickhouse://...")->required();
  init->add_option("--unit-key", flags->unit_key,
                   "file with the secret behind unit keys, which every node needs; made if absent")
      ->required();
  init->add_option("--project", flags->project, "name of the project (default \"default\")");
  init->callback([&action, flags] {
    CheckStore(flags->store);
    action = [flags] { return Init(*flags); };
  });
  CLI::App* copy = store->add_subcommand(
      "copy",
      "Move a data folder, whose server is stopped, into a cluster, and compare the reports; done "
      "again it goes on");
  copy->add_option("--from", flags->from, "embedded:DIR")->required();
  copy->add_option("--to", flags->store, "clickhouse://...")->required();
  copy->add_option("--unit-key", flags->unit_key,
                   "copy of the folder's unit.key (default: that file itself)");
  copy->callback([&action, flags] {
    CheckStore(flags->store);
    const std::string scheme = "embedded:";
    if (!flags->from.starts_with(scheme) || flags->from.size() == scheme.size())
      throw CLI::ValidationError("--from", "must be embedded:DIR");
    action = [flags, scheme] {
      return CopyStore(flags->from.substr(scheme.size()), flags->store, flags->unit_key);
    };
  });
  expire->add_option("--keep", flags->keep, "Experiment whose exposures stay; may be repeated");
}

}  // namespace upswing::cli
