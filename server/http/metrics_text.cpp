#include "server/http/metrics_text.hpp"

#include <fstream>

#include "absl/strings/str_cat.h"
#include "server/http/service.hpp"

namespace upswing::http {
namespace {

class Writer {
 public:
  void Counter(std::string_view name, std::int64_t value) { Line(name, "counter", value); }
  void Gauge(std::string_view name, std::int64_t value) { Line(name, "gauge", value); }
  std::string text;

 private:
  void Line(std::string_view name, std::string_view type, std::int64_t value) {
    const std::string full = absl::StrCat("upswing_", std::string(name));
    absl::StrAppend(&text, "# TYPE ", full, " ", std::string(type), "\n", full, " ", value, "\n");
  }
};

// Resident memory. Unit: bytes. Source: proc(5), statm, in pages of 4 KiB as on every system that
// the server supports.
std::int64_t ResidentBytes() {
  std::ifstream file("/proc/self/statm");
  std::int64_t total = 0, resident = 0;
  file >> total >> resident;
  return resident * 4096;
}

}  // namespace

std::string MetricsText(Service* service) {
  Writer out;
  const ingest::IngestStats ingest = service->project->ingest().Stats();
  out.Counter("ingest_batches_total", ingest.batches);
  out.Counter("ingest_duplicate_batches_total", ingest.duplicates);
  out.Counter("ingest_conflicting_batches_total", ingest.conflicts);
  out.Counter("ingest_records_total", ingest.records);
  out.Counter("ingest_rejected_records_total", ingest.rejected_records);
  out.Counter("ingest_refused_requests_total", ingest.refused_requests);
  out.Counter("ingest_commits_total", ingest.commits);
  out.Counter("ingest_body_bytes_total", ingest.body_bytes);
  out.Counter("ingest_reevaluated_exposures_total", ingest.reevaluated);
  out.Counter("ingest_disagreeing_exposures_total", ingest.disagreements);
  out.Gauge("store_backlog_bytes", service->project->store().BacklogBytes());
  if (const auto store = service->project->store().Stats(); store.ok()) {
    out.Gauge("store_records", store->records);
    out.Gauge("store_units", store->units);
    out.Gauge("store_landed_batches", store->landed_batches);
    out.Gauge("store_chunks", store->chunks);
    out.Gauge("store_chunk_bytes", store->chunk_bytes);
    out.Gauge("store_known_batches", store->known_batches);
    out.Gauge("store_conflicts", store->conflicts);
    out.Gauge("store_quarantined", store->quarantined);
    out.Gauge("store_file_bytes", store->file_bytes);
  }
  const project::AnalysisStats analysis = service->project->analysis_stats();
  out.Counter("analysis_reports_total", analysis.reports);
  out.Counter("analysis_failed_reports_total", analysis.failed);
  out.Counter("analysis_milliseconds_total", analysis.milliseconds);
  out.Gauge("background_waiting", static_cast<std::int64_t>(service->background.waiting()));
  const auto catalog = service->project->catalog();
  out.Gauge("catalog_version",
            catalog == nullptr ? 0 : static_cast<std::int64_t>(catalog->version));
  out.Gauge("catalog_waiting_requests", static_cast<std::int64_t>(service->waiters.waiting()));
  out.Gauge("resident_bytes", ResidentBytes());
  return out.text + service->requests.Text();
}

}  // namespace upswing::http
