#include <unistd.h>

#include <cstdio>
#include <memory>
#include <string>
#include <thread>

#include <CLI/CLI.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "platform/posix/posix_clock.hpp"
#include "server/cli/batch_sink.hpp"
#include "server/cli/catalog_file.hpp"
#include "server/cli/command.hpp"
#include "server/cli/key_options.hpp"
#include "server/cli/patience.hpp"
#include "server/cli/remote.hpp"
#include "server/importer/batches.hpp"
#include "server/project/project.hpp"
#include "server/report/words.hpp"

namespace upswing::cli {
namespace {

struct Flags {
  std::string file;
  std::string mapping;
  std::string server;
  std::string api_key;
  std::string data;
  importer::OnBadRow on_bad_row = importer::OnBadRow::kFail;
};

absl::StatusOr<importer::Mapping> ReadMapping(const std::string& path) {
  const absl::StatusOr<std::string> text = ReadFile(path);
  if (!text.ok()) return text.status();
  return importer::ParseMapping(path, *text);
}

absl::Status PublishOnce(Remote* remote, const importer::Mapping& mapping,
                         const importer::Survey& survey) {
  const absl::StatusOr<std::string> project = remote->GetProject();
  if (!project.ok()) return project.status();
  const absl::StatusOr<Remote::Catalog> catalog = remote->GetCatalog();
  if (!catalog.ok()) return catalog.status();
  const absl::StatusOr<std::string> next =
      importer::AddToCatalog(catalog->source, *project, mapping, survey);
  if (!next.ok()) return next.status();
  return next->empty() ? absl::OkStatus() : remote->PutCatalog(*next, catalog->etag);
}

// Again where another import published at the same time, and where the server was away: adding an
// experiment twice is adding it once.
absl::Status PublishTo(Remote* remote, const importer::Mapping& mapping,
                       const importer::Survey& survey) {
  Patience patience;
  for (;;) {
    const absl::Status status = PublishOnce(remote, mapping, survey);
    const bool again = absl::IsAborted(status) || absl::IsUnavailable(status);
    if (!again) return status;
    const auto pause = patience.NextPause();
    if (!pause) return status;
    std::this_thread::sleep_for(*pause);
  }
}

absl::Status PublishTo(project::Project* project, const importer::Mapping& mapping,
                       const importer::Survey& survey) {
  const auto catalog = project->catalog();
  const absl::StatusOr<std::string> next = importer::AddToCatalog(
      catalog == nullptr ? "" : catalog->source, project->name(), mapping, survey);
  if (!next.ok()) return next.status();
  if (next->empty()) return absl::OkStatus();
  return project->Publish(*next, catalog == nullptr ? "" : catalog->ETag()).status();
}

absl::Status Feed(const Flags& flags, const importer::Mapping& mapping,
                  const importer::Survey& survey, BatchSink* sink) {
  const bool visible = isatty(STDERR_FILENO) != 0;
  std::int64_t records = 0;
  absl::Status status = importer::MakeBatches(
      flags.file, mapping, survey, flags.on_bad_row, [&](importer::Batch batch) {
        records += batch.records;
        if (visible) std::fprintf(stderr, "\r%s records", report::Count(records).c_str());
        return sink->Put(std::move(batch));
      });
  if (visible) std::fputc('\n', stderr);
  return status;
}

void PrintTotals(const importer::Survey& survey, const SinkTotals& totals) {
  std::string line = absl::StrCat(report::Count(survey.rows),
                                  " rows: ", report::Count(totals.records), " records stored in ",
                                  report::Count(totals.batches - totals.duplicates), " batches");
  if (totals.duplicates > 0)
    absl::StrAppend(&line, ", ", report::Count(totals.duplicates), " batches were there already");
  if (totals.records > 0)
    absl::StrAppendFormat(&line, ", %.1f bytes per record",
                          static_cast<double>(totals.bytes) / static_cast<double>(totals.records));
  std::printf("%s\n", line.c_str());
  if (survey.skipped > 0)
    std::printf("%s rows skipped; the first: %s\n", report::Count(survey.skipped).c_str(),
                survey.first_skipped.c_str());
}

absl::Status Run(const Flags& flags) {
  const absl::StatusOr<importer::Mapping> mapping = ReadMapping(flags.mapping);
  if (!mapping.ok()) return mapping.status();
  const absl::StatusOr<importer::Survey> survey =
      importer::SurveyFile(flags.file, *mapping, flags.on_bad_row);
  if (!survey.ok()) return survey.status();

  const posix::PosixClock clock;
  std::unique_ptr<project::Project> project;
  std::unique_ptr<BatchSink> sink;
  absl::Status status;
  if (!flags.server.empty()) {
    absl::StatusOr<Remote> remote = Remote::Open(flags.server, flags.api_key);
    if (!remote.ok()) return remote.status();
    status = PublishTo(&*remote, *mapping, *survey);
    if (!status.ok()) return status;
    sink = SendTo(remote->url(), remote->api_key());
  } else {
    auto opened = project::Project::Open({.directory = flags.data, .clock = &clock});
    if (!opened.ok()) return opened.status();
    project = *std::move(opened);
    status = PublishTo(project.get(), *mapping, *survey);
    if (!status.ok()) return status;
    sink = StoreWith(&project->ingest());
  }
  status = Feed(flags, *mapping, *survey, sink.get());
  const absl::StatusOr<SinkTotals> totals = sink->Finish();
  if (!status.ok()) return status;
  if (!totals.ok()) return totals.status();
  PrintTotals(*survey, *totals);
  if (totals->rejected > 0)
    return absl::InvalidArgumentError(
        absl::StrCat("the server refused ", totals->rejected,
                     " records; the first because: ", totals->first_rejection));
  return absl::OkStatus();
}

}  // namespace

void AddImportCommand(CLI::App& app, Action& action) {
  auto flags = std::make_shared<Flags>();
  CLI::App* command =
      app.add_subcommand("import", "Brings the rows of a finished experiment in as records");
  command->add_option("DATA", flags->file, "CSV file, also .gz or .zst")->required();
  command->add_option("--mapping", flags->mapping, "JSON file that says what the columns mean")
      ->required();
  auto* server = command->add_option("--server", flags->server, "URL of a running server");
  auto* data =
      command->add_option("--data", flags->data, "data folder that no server is running on");
  server->excludes(data);
  AddKeyOptions(command, "admin", &flags->api_key);
  command
      ->add_option("--on-bad-row", flags->on_bad_row,
                   "fail (default): import nothing; skip: pass over and count")
      ->transform(CLI::CheckedTransformer(std::map<std::string, importer::OnBadRow>{
          {"fail", importer::OnBadRow::kFail}, {"skip", importer::OnBadRow::kSkip}}))
      ->option_text("skip|fail");
  command->callback([flags, &action] {
    if (flags->server.empty() == flags->data.empty())
      throw CLI::ValidationError("--server or --data", "say where the records go");
    action = [flags] { return Run(*flags); };
  });
}

}  // namespace upswing::cli
