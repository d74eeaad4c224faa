#include "server/cli/store_copy.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "platform/posix/posix_clock.hpp"
#include "server/cli/store_options.hpp"
#include "server/project/project.hpp"
#include "server/report/format.hpp"
#include "server/store/clickhouse/clickhouse_store.hpp"
#include "server/store/clickhouse/move.hpp"
#include "server/store/embedded/embedded_store.hpp"

namespace upswing::cli {
namespace {

absl::Status CopyAll(const std::string& folder, store::EmbeddedStore* from,
                     store::ClickHouseStore* to) {
  // One run of chunks, which are then the same each time this is done.
  if (absl::Status status = from->Compact(true); !status.ok()) return status;
  const auto source = from->Snapshot();
  if (!source.ok()) return source.status();
  store::Move move(to);
  // What is known before what it is known of: from here on the cluster could take batches.
  store::StateVisitor state;
  state.known = [&](auto&&... row) { return move.Known(row...); };
  state.boot = [&](auto&&... row) { return move.Boot(row...); };
  state.tally = [&](auto&&... row) { return move.Tally(row...); };
  state.erased = [&](auto&&... row) { return move.Erased(row...); };
  state.tombstone = [&](auto&&... row) { return move.Tombstone(row...); };
  absl::Status status = from->VisitState(state);
  if (status.ok()) {
    const auto log = from->AuditLog();
    status = log.ok() ? move.AuditLog(*log) : log.status();
  }
  if (status.ok()) status = move.Finish();
  if (!status.ok()) return status;
  const bool terminal = isatty(STDERR_FILENO) != 0;
  const auto rows = move.Records(**source, [&](std::int64_t so_far) {
    if (terminal) std::fprintf(stderr, "\r%lld rows", static_cast<long long>(so_far));
  });
  if (terminal) std::fprintf(stderr, "\r");
  if (!rows.ok()) return rows.status();
  std::printf("%lld rows copied, %lld were there\n", static_cast<long long>(rows->moved),
              static_cast<long long>(rows->there));
  if (status = move.Verify(**source); !status.ok()) return status;

  const auto values = from->ListMeta("");
  if (!values.ok()) return values.status();
  for (const auto& [key, value] : *values) {
    // The others are the folder's own.
    if (key.find('/') == std::string::npos) continue;
    const auto there = to->GetMeta(key);
    if (!there.ok()) return there.status();
    if (*there == value) continue;
    if (status = to->PutMeta(key, value); !status.ok()) return status;
  }
  std::ifstream keys(folder + "/keys.json", std::ios::binary);
  if (keys) {
    const std::string text(std::istreambuf_iterator<char>(keys), {});
    return to->PutMeta(absl::StrCat("file/", kSharedKeys, "/keys.json"), text);
  }
  return absl::OkStatus();
}

// A folder goes on counting the events of erased units among those without a unit; a cluster counts
// what is there.
std::string WithoutErasable(const std::string& report) {
  const std::size_t begin = report.find("\"events_without_unit\"");
  if (begin == std::string::npos) return report;
  return report.substr(0, begin) + report.substr(std::min(report.find('\n', begin), report.size()));
}

// The reports of all experiments from both, which must read the same.
absl::Status CompareReports(const std::string& folder, const std::string& store) {
  const posix::PosixClock clock;
  const auto here =
      project::Project::Open({.directory = folder, .read_only = true, .clock = &clock});
  // All records are read here, so that the reports are the same to the last digit.
  const std::string exact =
      absl::StrCat(store, store.find('?') == store.npos ? "?" : "&", "sums=node");
  const auto there = project::Project::Open({.store = exact, .read_only = true, .clock = &clock});
  if (!here.ok()) return here.status();
  if (!there.ok()) return there.status();
  if ((*here)->catalog() == nullptr) return absl::OkStatus();
  const std::int64_t now = absl::ToUnixMillis(absl::Now());
  int compared = 0;
  for (const auto& experiment : (*here)->catalog()->model.experiments) {
    std::string texts[2];
    for (int i = 0; i < 2; ++i) {
      const auto report = (i == 0 ? *here : *there)->Report(experiment.key, now);
      if (!report.ok()) return report.status();
      texts[i] = WithoutErasable(report::Render(*report, report::Format::kJson, {}));
    }
    if (texts[0] != texts[1]) {
      std::size_t at = 0;
      while (at < texts[0].size() && at < texts[1].size() && texts[0][at] == texts[1][at]) ++at;
      at = at < 40 ? 0 : at - 40;
      return absl::DataLossError(absl::StrCat(
          "--to: the report of ", experiment.key, " is another one than that of ", folder, ": ...",
          texts[1].substr(at, 80), "... instead of ...", texts[0].substr(at, 80), "..."));
    }
    ++compared;
  }
  std::printf("%d reports are equal\n", compared);
  return absl::OkStatus();
}

}  // namespace

absl::Status CopyStore(const std::string& folder, const std::string& store,
                       const std::string& unit_key) {
  const auto address = store::ParseClickHouseAddress(store);
  if (!address.ok()) return address.status();
  store::EmbeddedOptions options;
  options.directory = folder;
  options.background = false;
  {
    auto from = store::EmbeddedStore::Open(options);
    if (!from.ok()) return from.status();
    const auto name = (*from)->GetMeta("project/name");
    if (!name.ok()) return name.status();
    store::ClickHouseOptions into;
    into.address = *address;
    into.key_file = unit_key.empty() ? folder + "/unit.key" : unit_key;
    into.project = name->value_or("default");
    if (absl::Status status = store::ClickHouseStore::Init(into); !status.ok()) return status;
    auto to = store::ClickHouseStore::Open(into);
    if (!to.ok()) return to.status();
    if ((*from)->hasher().Fingerprint() != (*to)->hasher().Fingerprint())
      return absl::FailedPreconditionError(
          "--unit-key: is not the secret of the data folder, whose keys are copied");
    if (absl::Status status = CopyAll(folder, from->get(), to->get()); !status.ok()) return status;
  }
  return CompareReports(folder, store);
}

}  // namespace upswing::cli
