#include "server/project/project.hpp"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <map>
#include <mutex>
#include <utility>

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "server/analysis/analyze.hpp"
#include "server/analysis/cache.hpp"
#include "server/analysis/sql/sql_reducer.hpp"
#include "server/analysis/unit_sample.hpp"
#include "server/authoring/metrics.hpp"
#include "server/authoring/parse.hpp"
#include "server/authoring/reported.hpp"
#include "server/project/frozen_caps.hpp"
#include "server/project/segment_cut.hpp"
#include "server/project/unit_check_runner.hpp"
#include "server/project/variant_check.hpp"
#include "server/report/build.hpp"
#include "server/report/unit_checks.hpp"
#include "server/store/clickhouse/clickhouse_store.hpp"
#include "server/store/embedded/embedded_store.hpp"

namespace upswing::project {
namespace {

// Keys of the store's small values.
constexpr char kNameKey[] = "project/name";
constexpr char kHeadKey[] = "catalog/head";
constexpr char kHoldoutPrefix[] = "holdout:";
constexpr std::size_t kProblemsShown = 20;
// A running server may replace chunks while another process reads them; a new snapshot then has the
// new ones.
constexpr int kSnapshots = 10;
// Share of re-evaluated exposures that may name another variant: assignment is deterministic, so
// more than stray clients means that two sides decide differently.
constexpr double kMostDisagreeing = 0.001;

// Units that are looked at one by one: as a part of the report, in a moment, and beside it.
constexpr std::int64_t kUnitsAtOnce = 100'000;
// From so many records on a cluster's shards sum up for themselves: below, the sums that one node
// makes from all records are quick, and exact.
constexpr std::int64_t kRowsForShards = 2'000'000;
constexpr std::int64_t kMostUnits = 1'000'000;
constexpr std::int64_t kUnitChecksEveryMs = 600'000;
// Experiments whose interaction with one is looked at.
constexpr std::size_t kMostOthers = 20;

constexpr char kVersionPrefix[] = "catalog/version/";

std::string VersionKey(std::uint64_t version) { return absl::StrCat(kVersionPrefix, version); }

std::string ListPrefix(std::uint64_t name) {
  return absl::StrCat("catalog/list/", absl::Hex(name, absl::kZeroPad16), "/");
}
// Padded, so that the parts are listed in their order.
std::string ListKey(std::uint64_t name, std::size_t offset) {
  return absl::StrCat(ListPrefix(name), absl::Dec(offset, absl::kZeroPad10));
}

// What is written for a version; the compiled bytes follow from it.
std::string Encode(const Catalog& catalog, const Note& note) {
  return nlohmann::json{{"version", catalog.version}, {"published_ms", catalog.published_ms},
                        {"phases", catalog.phases},   {"source", catalog.source},
                        {"actor", note.actor},        {"action", note.action},
                        {"reason", note.reason}}
      .dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// Fills in the bytes; the version and the phases are known by now.
absl::Status Compile(Catalog* catalog) {
  absl::StatusOr<authoring::Compiled> compiled =
      authoring::Compile(catalog->model, {.version = catalog->version, .phases = catalog->phases});
  if (!compiled.ok()) return compiled.status();
  catalog->bytes =
      catalog->signing.sign ? catalog->signing.sign(compiled->bytes) : std::move(compiled->bytes);
  catalog->blobs = std::move(compiled->blobs);
  return absl::OkStatus();
}

std::vector<metrics::MetricDefinition> MetricsOf(const Catalog& catalog,
                                                 const authoring::Experiment& experiment) {
  std::vector<json::Problem> problems;  // None: the catalog was checked when it was published.
  std::vector<metrics::MetricDefinition> all =
      authoring::MetricsOf(catalog.model, &experiment, problems);
  if (!experiment.plan) return all;
  // The plan names what is looked at, in its order; terms of linear metrics are needed too.
  std::vector<std::string> wanted;
  const auto want = [&](const std::string& key) {
    if (!key.empty() && std::find(wanted.begin(), wanted.end(), key) == wanted.end())
      wanted.push_back(key);
  };
  want(experiment.plan->primary);
  for (const auto& guardrail : experiment.plan->guardrails) want(guardrail.metric);
  for (const std::string& key : experiment.plan->secondary) want(key);
  if (wanted.empty()) return all;
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    for (const metrics::MetricDefinition& metric : all) {
      if (metric.key != wanted[i]) continue;
      for (const metrics::LinearTerm& term : metric.terms) want(term.metric);
    }
  }
  std::vector<metrics::MetricDefinition> chosen;
  for (const std::string& key : wanted) {
    for (const metrics::MetricDefinition& metric : all) {
      if (metric.key == key) chosen.push_back(metric);
    }
  }
  return chosen;
}

statistics::Spending SpendingOf(const std::string& name) {
  if (name == "pocock") return statistics::Spending::kPocockLike;
  if (name == "power") return statistics::Spending::kPower;
  if (name == "hwang_shih_decani") return statistics::Spending::kHwangShihDeCani;
  return statistics::Spending::kObrienFlemingLike;
}

report::Plan PlanOf(const authoring::Experiment& experiment,
                    const std::vector<metrics::MetricDefinition>& metrics) {
  report::Plan plan;
  if (!experiment.plan) return plan;
  plan.primary = experiment.plan->primary;
  plan.secondary = experiment.plan->secondary;
  for (const authoring::Guardrail& guardrail : experiment.plan->guardrails) {
    metrics::Margin margin{guardrail.margin.relative, guardrail.margin.absolute};
    for (const metrics::MetricDefinition& metric : metrics) {
      if (metric.key == guardrail.metric && metric.margin && !margin.relative && !margin.absolute)
        margin = *metric.margin;
    }
    plan.guardrails.push_back({guardrail.metric, margin.relative, margin.absolute});
  }
  plan.alpha = experiment.plan->alpha;
  const authoring::Plan& from = *experiment.plan;
  const auto margin = [](const std::optional<authoring::Margin>& of) {
    return of ? std::optional<report::Margin>({of->relative, of->absolute}) : std::nullopt;
  };
  plan.correction_primary = from.correction_primary;
  plan.correction = from.correction_secondary;
  plan.correction_segments = from.correction_segments;
  plan.one_sided = from.one_sided;
  plan.cuped = from.cuped;
  plan.non_inferiority = margin(from.non_inferiority);
  plan.anytime = from.sequential == "anytime";
  plan.tuning_units = from.tuning_units;
  if (from.sequential == "group_sequential")
    plan.group_sequential = {SpendingOf(from.spending), from.spending_parameter, from.looks};
  plan.power = from.power;
  plan.mde = margin(from.mde);
  if (from.prior_mean) plan.prior = {*from.prior_mean, from.prior_sd};
  plan.min_days = from.min_days;
  plan.min_units = from.min_units;
  plan.max_days = from.max_days;
  const std::int64_t start = experiment.start_ms;
  constexpr auto kOpen = std::numeric_limits<std::int64_t>::max();
  constexpr double kDayMs = 86'400'000;
  if (!plan.max_days && experiment.end_ms != kOpen &&
      start != std::numeric_limits<std::int64_t>::min())
    plan.max_days = static_cast<double>(experiment.end_ms - start) / kDayMs;
  return plan;
}

analysis::ExperimentSpec SpecOf(const Catalog& catalog, const authoring::Experiment& experiment) {
  analysis::ExperimentSpec spec;
  spec.experiment = experiment.key;
  spec.iteration = experiment.iteration;
  spec.unit_type = experiment.unit;
  spec.fallback_unit = experiment.fallback_unit;
  spec.observation_unit = experiment.cluster;
  for (const authoring::Variant& variant : experiment.variants)
    spec.variants.push_back({variant.key, static_cast<double>(variant.weight)});
  if (experiment.end_ms != std::numeric_limits<std::int64_t>::max())
    spec.end_ms = experiment.end_ms;
  spec.timezone = catalog.model.timezone;
  spec.report_by = authoring::ReportedAttributes(catalog.model, experiment);
  for (const std::string& name : spec.report_by) {
    spec.carried += std::count(experiment.report_by.begin(), experiment.report_by.end(), name) == 0;
  }
  spec.metrics = MetricsOf(catalog, experiment);
  return spec;
}

// What devices logged beside what this server's catalog says, for the exposures that were compared.
void AddVariantCheck(const ingest::Recheck& recheck, report::Report* report) {
  if (recheck.exposures == 0) return;
  const double share =
      static_cast<double>(recheck.disagreements) / static_cast<double>(recheck.exposures);
  report::HealthCheck check;
  check.name = "logged_variant";
  check.severity = "warn";
  check.threshold = kMostDisagreeing;
  check.ok = share <= kMostDisagreeing;
  check.effect.value = share;
  check.detail = absl::StrCat(recheck.disagreements, " of ", recheck.exposures,
                              " exposures that were re-evaluated since the server started name "
                              "another variant than the catalog gives the unit");
  report->health.checks.push_back(std::move(check));
}

// The other experiments that the experiment's units may be in: in force, of the same unit type, and
// not in the same layer. The variants of each, control first.
absl::StatusOr<std::vector<report::OtherExperiment>> OthersOf(
    const store::RecordSource& source, const Catalog& catalog, const analysis::ExperimentSpec& spec,
    const analysis::SampleOptions& options) {
  std::vector<report::OtherExperiment> others;
  const authoring::Experiment* self = catalog.model.FindExperiment(spec.experiment);
  for (const authoring::Experiment& experiment : catalog.model.experiments) {
    if (self == nullptr || others.size() >= kMostOthers) break;
    if (&experiment == self || experiment.status != authoring::Status::kRunning ||
        experiment.unit != spec.unit_type || !experiment.cluster.empty() ||
        !spec.observation_unit.empty() ||
        (!experiment.layer.empty() && experiment.layer == self->layer))
      continue;
    analysis::ExperimentSpec of = SpecOf(catalog, experiment);
    of.metrics.clear();
    of.as_of_ms = spec.as_of_ms;
    std::stable_partition(of.variants.begin(), of.variants.end(),
                          [&](const auto& variant) { return variant.key == experiment.control; });
    auto sample = analysis::SampleUnits(source, of, options);
    if (!sample.ok()) return sample.status();
    report::OtherExperiment& other = others.emplace_back();
    other.key = experiment.key;
    for (const analysis::VariantSpec& variant : of.variants) other.variants.push_back(variant.key);
    other.units = std::move(sample->units);
  }
  return others;
}

absl::StatusOr<report::UnitChecks> MakeUnitChecks(const store::RecordSource& source,
                                                  const Catalog& catalog,
                                                  const analysis::ExperimentSpec& spec,
                                                  const std::string& control,
                                                  const report::Plan& plan, int ages) {
  analysis::SampleOptions options;
  options.most_units = kMostUnits;
  options.ages = ages;
  const auto sample = analysis::SampleUnits(source, spec, options);
  if (!sample.ok()) return sample.status();
  options.ages = 0;
  auto others = OthersOf(source, catalog, spec, options);
  if (!others.ok()) return others.status();
  report::UnitCheckInput input;
  input.spec = &spec;
  input.sample = &*sample;
  input.control = control;
  input.plan = &plan;
  input.others = *std::move(others);
  return report::CheckUnits(input);
}

// Both sides of a holdout are exposed to "holdout:<key>" before targeting.
analysis::ExperimentSpec SpecOf(const Catalog& catalog, const authoring::Holdout& holdout) {
  analysis::ExperimentSpec spec;
  spec.experiment = kHoldoutPrefix + holdout.key;
  spec.unit_type = holdout.unit;
  spec.variants = {{"held", holdout.share}, {"open", 1 - holdout.share}};
  spec.timezone = catalog.model.timezone;
  spec.metrics = MetricsOf(catalog, authoring::Experiment());
  return spec;
}

}  // namespace

std::string Catalog::ETag() const {
  return absl::StrCat("\"", version, "-", absl::Hex(published_ms), signing.keys.empty() ? "" : "-",
                      signing.keys, "\"");
}

struct Project::State {
  std::string name;
  Signing signing;
  std::mutex publish_mutex;  // Held throughout publishing, before `mutex`.
  mutable std::mutex mutex;  // The catalog in force.
  std::shared_ptr<const Catalog> catalog;
  VariantCheck variants;
  analysis::ResultCache results;  // of reports as of now
  std::mutex bounds_mutex;
  statistics::BoundsCache bounds;  // under bounds_mutex
  UnitCheckRunner unit_checks;
  std::atomic<std::int64_t> reports{0}, failed_reports{0}, report_ms{0};

  explicit State(const port::Clock* clock) : variants(clock) {}
};

absl::StatusOr<std::unique_ptr<Project>> Project::Open(const Options& options) {
  auto project = std::unique_ptr<Project>(new Project());
  project->clock_ = options.clock;
  project->state_ = std::make_unique<State>(options.clock);
  project->state_->signing = options.signing;
  std::string name_of_new;
  const absl::Status opened = options.store.empty() ? project->OpenFolder(options, &name_of_new)
                                                    : project->OpenCluster(options, &name_of_new);
  if (!opened.ok()) return opened;
  const absl::StatusOr<std::optional<std::string>> name = project->store_->GetMeta(kNameKey);
  if (!name.ok()) return name.status();
  project->state_->name = name->value_or(name_of_new);
  if (!options.read_only) {
    if (!name->has_value()) {
      if (absl::Status status = project->store_->PutMeta(kNameKey, name_of_new); !status.ok())
        return status;
    }
    ingest::IngestOptions ingest;
    ingest.reevaluate = [variants = &project->state_->variants](auto&&... exposure) {
      return variants->Variant(std::forward<decltype(exposure)>(exposure)...);
    };
    project->ingest_ = ingest::Ingest::Create(project->store_.get(), &project->store_->hasher(),
                                              options.clock, std::move(ingest));
  }
  if (absl::Status status = project->LoadCatalog(); !status.ok()) return status;
  return project;
}

absl::Status Project::OpenFolder(const Options& options, std::string* name_of_new) {
  // A folder that holds a store knows its project; a new one needs a name.
  const bool is_new =
      !std::filesystem::exists(std::filesystem::path(options.directory) / "upswing.db");
  *name_of_new = options.name.empty() ? "default" : options.name;
  auto store = store::EmbeddedStore::Open({.directory = options.directory,
                                           .read_only = options.read_only,
                                           .project = is_new ? *name_of_new : options.name});
  if (!store.ok()) return store.status();
  store_ = *std::move(store);
  return absl::OkStatus();
}

absl::Status Project::OpenCluster(const Options& options, std::string* name_of_new) {
  auto address = store::ParseClickHouseAddress(options.store);
  if (!address.ok()) return address.status();
  store::ClickHouseOptions cluster;
  cluster.address = *std::move(address);
  cluster.key_file = options.unit_key;
  cluster.read_only = options.read_only;
  cluster.project = options.name;
  if (options.progress)
    cluster.progress = [progress = options.progress](const store::QueryProgress& so_far) {
      progress(so_far.rows);
    };
  auto store = store::ClickHouseStore::Open(cluster);
  if (!store.ok()) return store.status();
  *name_of_new = (*store)->project();
  shares_store_ = true;
  cluster_ = &(*store)->client();
  store_ = *std::move(store);
  return absl::OkStatus();
}

// Null: this node sums up all there is.
std::unique_ptr<analysis::Reducer> Project::ReducerFor(const Cancelled& cancelled) const {
  using Sums = store::ClickHouseAddress::Sums;
  if (cluster_ == nullptr || cluster_->address().sums == Sums::kNode) return nullptr;
  analysis::SqlReducer::Limits limits;
  limits.fewest_rows = cluster_->address().sums == Sums::kAuto ? kRowsForShards : 0;
  return std::make_unique<analysis::SqlReducer>(cluster_, limits, cancelled);
}

Project::~Project() { Stop(); }

void Project::FinishUnitChecks() { state_->unit_checks.Drain(); }

void Project::Stop() {
  state_->unit_checks.Stop();
  if (ingest_ != nullptr) ingest_->Stop();
}

const std::string& Project::name() const { return state_->name; }

// Checks the source and fills in the model, and the lists it names.
absl::Status Project::Parse(Catalog* catalog) {
  authoring::ParseResult parsed = authoring::Parse(catalog->source);
  if (!parsed.ok()) {
    std::vector<std::string> lines;
    for (const json::Problem& problem : parsed.problems) {
      if (problem.severity == json::Problem::Severity::kError && lines.size() < kProblemsShown)
        lines.push_back(problem.ToString());
    }
    return absl::InvalidArgumentError(absl::StrJoin(lines, "\n"));
  }
  catalog->model = *std::move(parsed.model);
  for (authoring::Segment& segment : catalog->model.segments) {
    if (!segment.ids_file.empty()) {
      return absl::InvalidArgumentError(
          absl::StrCat(segment.place.path, ".ids_file: the server cannot see the file ",
                       segment.ids_file, "; `upswing catalog publish` reads and sends it"));
    }
    if (!segment.ids_blob.has_value()) continue;
    absl::StatusOr<catalog::Blob> list = List(*segment.ids_blob);
    if (!list.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat(segment.place.path, ".ids_blob: ", list.status().message()));
    }
    segment.blob_bytes = std::move(list->bytes);
  }
  return absl::OkStatus();
}

// A list as far as its parts join; what lies behind a gap was left by an attempt with other parts.
absl::StatusOr<std::string> Project::ListBytes(std::uint64_t name) {
  const auto parts = store_->ListMeta(ListPrefix(name));
  if (!parts.ok()) return parts.status();
  std::string bytes;
  for (const auto& [key, part] : *parts) {
    if (key == ListKey(name, bytes.size())) bytes += part;
  }
  return bytes;
}

absl::StatusOr<std::size_t> Project::AddListPart(std::uint64_t name, std::size_t offset,
                                                 std::string_view part) {
  if (offset > kLargestList || part.size() > kLargestList - offset) {
    return absl::OutOfRangeError(absl::StrCat("an id list may have at most ", kLargestList,
                                              " bytes, ", kLargestList / 8,
                                              " ids; make two segments of it"));
  }
  const std::lock_guard publishing(state_->publish_mutex);
  const absl::StatusOr<std::string> held = ListBytes(name);
  if (!held.ok()) return held.status();
  if (offset > held->size()) {
    return absl::AbortedError(absl::StrCat("the list has ", held->size(),
                                           " bytes here; send the part at offset ", held->size()));
  }
  if (absl::Status status = store_->PutMeta(ListKey(name, offset), part); !status.ok())
    return status;
  return offset + part.size();
}

absl::StatusOr<catalog::Blob> Project::List(std::uint64_t name) {
  absl::StatusOr<std::string> bytes = ListBytes(name);
  if (!bytes.ok()) return bytes.status();
  absl::StatusOr<catalog::Blob> list = catalog::MakeBlob(name, *std::move(bytes));
  if (list.ok()) return list;
  return absl::NotFoundError(
      "the server does not have this list, or not all of it; publish from the file of ids, with "
      "\"ids_file\"");
}

absl::Status Project::LoadCatalog() {
  const absl::StatusOr<std::optional<std::string>> head = store_->GetMeta(kHeadKey);
  if (!head.ok()) return head.status();
  if (!head->has_value()) return absl::OkStatus();
  const absl::StatusOr<std::optional<std::string>> stored =
      store_->GetMeta(absl::StrCat(kVersionPrefix, **head));
  if (!stored.ok()) return stored.status();
  const auto json = nlohmann::json::parse(stored->value_or(""), nullptr, false);
  if (!json.is_object())
    return absl::DataLossError(absl::StrCat("catalog version ", **head, " cannot be read"));
  if (const auto current = this->catalog();
      current != nullptr && current->version == json.value("version", std::uint64_t{0}) &&
      current->published_ms == json.value("published_ms", std::int64_t{0}) &&
      current->source == json.value("source", ""))
    return absl::OkStatus();
  auto catalog = std::make_shared<Catalog>();
  catalog->signing = state_->signing;
  catalog->version = json.value("version", std::uint64_t{0});
  catalog->published_ms = json.value("published_ms", std::int64_t{0});
  catalog->phases = json.value("phases", std::map<std::string, std::uint32_t>());
  catalog->source = json.value("source", "");
  absl::Status status = Parse(catalog.get());
  if (status.ok()) status = Compile(catalog.get());
  if (status.ok()) status = state_->variants.Use(catalog->bytes, catalog->blobs);
  if (!status.ok()) return status;
  const std::lock_guard lock(state_->mutex);
  state_->catalog = std::move(catalog);
  return absl::OkStatus();
}

absl::StatusOr<bool> Project::Refresh() {
  const std::lock_guard publishing(state_->publish_mutex);
  const std::shared_ptr<const Catalog> before = catalog();
  if (absl::Status status = LoadCatalog(); !status.ok()) return status;
  const std::shared_ptr<const Catalog> after = catalog();
  return after != nullptr && (before == nullptr || before->ETag() != after->ETag());
}

std::shared_ptr<const Catalog> Project::catalog() const {
  const std::lock_guard lock(state_->mutex);
  return state_->catalog;
}

absl::StatusOr<std::shared_ptr<const Catalog>> Project::Publish(std::string source,
                                                                std::string_view if_match,
                                                                const Note& note) {
  const std::lock_guard publishing(state_->publish_mutex);
  // What it is compared with is what is in force everywhere.
  if (shares_store_)
    if (absl::Status status = LoadCatalog(); !status.ok()) return status;
  const std::shared_ptr<const Catalog> current = catalog();
  const std::string etag(current == nullptr ? kNoVersion : current->ETag());
  if (!if_match.empty() && if_match != etag) {
    return absl::AbortedError(
        "another version of the catalog has been published since; read it again and repeat the "
        "change");
  }
  auto next = std::make_shared<Catalog>();
  next->version = current == nullptr ? 1 : current->version + 1;
  next->published_ms = clock_->WallMillis();
  next->signing = state_->signing;
  next->source = std::move(source);
  if (absl::Status status = Parse(next.get()); !status.ok()) return status;
  if (next->model.project != state_->name) {
    return absl::InvalidArgumentError(absl::StrCat("$.project: this is the server of project \"",
                                                   state_->name, "\", not of \"",
                                                   next->model.project, "\""));
  }
  if (current != nullptr)
    next->phases = authoring::NextPhases(current->model, current->phases, next->model);
  if (absl::Status status = Compile(next.get()); !status.ok()) return status;
  // If it is not published after all, its version is one that no exposure names.
  if (absl::Status status = state_->variants.Use(next->bytes, next->blobs); !status.ok())
    return status;
  const std::string encoded = Encode(*next, note);
  if (absl::Status status = store_->PutMeta(VersionKey(next->version), encoded); !status.ok())
    return status;
  if (absl::Status status = store_->PutMeta(kHeadKey, absl::StrCat(next->version)); !status.ok())
    return status;
  if (shares_store_) {
    // Of two processes that publish at the same moment the later one wins.
    const auto stored = store_->GetMeta(VersionKey(next->version));
    if (!stored.ok()) return stored.status();
    if (*stored != encoded)
      return absl::AbortedError(
          "another process published at the same moment; read the catalog again and repeat the "
          "change");
  }
  const std::lock_guard lock(state_->mutex);
  state_->catalog = next;
  return next;
}

absl::StatusOr<std::vector<CatalogVersion>> Project::History() {
  const auto rows = store_->ListMeta(kVersionPrefix);
  if (!rows.ok()) return rows.status();
  const std::shared_ptr<const Catalog> current = catalog();
  std::vector<CatalogVersion> history;
  for (const auto& [key, value] : *rows) {
    const auto json = nlohmann::json::parse(value, nullptr, false);
    if (!json.is_object()) return absl::DataLossError(absl::StrCat(key, " cannot be read"));
    CatalogVersion version;
    version.version = json.value("version", std::uint64_t{0});
    version.published_ms = json.value("published_ms", std::int64_t{0});
    version.note = {json.value("actor", "local"), json.value("action", "catalog.publish"),
                    json.value("reason", "")};
    // One beyond the head was written when the process ended, and never came into force.
    if (current != nullptr && version.version <= current->version)
      history.push_back(std::move(version));
  }
  std::sort(history.begin(), history.end(),
            [](const auto& a, const auto& b) { return a.version > b.version; });
  return history;
}

absl::StatusOr<std::string> Project::Source(std::uint64_t version) {
  const auto stored = store_->GetMeta(VersionKey(version));
  if (!stored.ok()) return stored.status();
  const auto json = nlohmann::json::parse(stored->value_or(""), nullptr, false);
  const std::shared_ptr<const Catalog> current = catalog();
  if (!json.is_object() || current == nullptr || version > current->version)
    return absl::NotFoundError(absl::StrCat("version: there is no version ", version));
  return json.value("source", "");
}

// The weights that were in force in each phase of the current iteration, in the order of the
// variants of now. From the newest version back: each phase's weights are those of any version of
// it, and phase 1 began the iteration.
absl::StatusOr<std::map<std::uint32_t, std::vector<double>>> Project::PhaseWeights(
    const Catalog& current, const authoring::Experiment& experiment) {
  std::map<std::uint32_t, std::vector<double>> weights;
  const auto take = [&](std::uint32_t phase, const authoring::Experiment& from) {
    std::vector<double>& of_phase = weights[phase];
    for (const authoring::Variant& variant : experiment.variants) {
      const authoring::Variant* was = from.FindVariant(variant.key);
      of_phase.push_back(was == nullptr ? 0 : static_cast<double>(was->weight));
    }
  };
  const auto phase_now = current.phases.find(experiment.key);
  std::uint32_t phase = phase_now == current.phases.end() ? 1 : phase_now->second;
  take(phase, experiment);
  for (std::uint64_t version = current.version; version > 1 && phase > 1;) {
    const auto stored = store_->GetMeta(VersionKey(--version));
    if (!stored.ok()) return stored.status();
    const auto json = nlohmann::json::parse(stored->value_or(""), nullptr, false);
    if (!json.is_object()) break;
    const auto phases = json.value("phases", std::map<std::string, std::uint32_t>());
    const auto was = phases.find(experiment.key);
    // The first catalog of a project counts no phases.
    const std::uint32_t then = was == phases.end() ? 1 : was->second;
    if (then >= phase) continue;
    Catalog before;
    before.source = json.value("source", "");
    if (absl::Status status = Parse(&before); !status.ok()) break;
    const authoring::Experiment* from = before.model.FindExperiment(experiment.key);
    if (from == nullptr || from->iteration != experiment.iteration) break;
    phase = then;
    take(phase, *from);
  }
  return weights;
}

// Single units are looked at once for each state of the data: where there are few of them as a part
// of the report, which is then the same wherever it is made; else beside the reports of a server,
// which show the last checks that were made.
void Project::AddChecksOfUnits(std::shared_ptr<const Catalog> current, const report::Input& input,
                               bool now, const Cancelled& cancelled, report::Report* report) {
  std::int64_t units = 0;
  for (const report::VariantSummary& variant : report->variants) units += variant.units;
  if (units == 0 || input.spec->metrics.empty()) return;
  const auto make = [this, current, spec = *input.spec, control = input.control, plan = input.plan,
                     ages = report::AgesToCompare(*input.result)](
                        const Cancelled& unwanted) -> absl::StatusOr<report::UnitChecks> {
    absl::StatusOr<report::UnitChecks> checks = absl::NotFoundError("");
    for (int attempt = 0; attempt < kSnapshots && absl::IsNotFound(checks.status()); ++attempt) {
      const auto source = store_->Snapshot({.experiment = spec.experiment, .cancelled = unwanted});
      if (!source.ok()) return source.status();
      checks = MakeUnitChecks(**source, *current, spec, control, plan, ages);
    }
    return checks;
  };
  const std::string key =
      absl::StrCat(input.spec->experiment, "#", input.spec->iteration, "@", current->version);
  // Time alone closes windows and lets more units count.
  std::int64_t counted = 0;
  for (const report::VariantSummary& variant : report->variants)
    for (const report::MetricSummary& metric : variant.metrics) counted += metric.units;
  const std::string state = absl::StrCat(report->records, " ", units, " ", counted);
  const auto last = state_->unit_checks.Last(key);
  const std::int64_t at = clock_->WallMillis();
  if (now && last && last->state == state) return report::AddUnitChecks(last->checks, report);
  if (units <= kUnitsAtOnce) {
    auto checks = make(cancelled);
    // What cannot be read is named by the report's own checks.
    if (!checks.ok()) return;
    report::AddUnitChecks(*checks, report);
    if (now) state_->unit_checks.Keep(key, {*std::move(checks), state, at});
    return;
  }
  if (!now || ingest_ == nullptr) return;
  if (!last || at - last->at_ms >= kUnitChecksEveryMs)
    state_->unit_checks.Start(key, state, at, [make, as_of = report->as_of] {
      auto checks = make({});
      if (checks.ok()) checks->as_of = as_of;
      return checks;
    });
  if (last) report::AddUnitChecks(last->checks, report);
}

report::Report Project::BuildReport(report::Input* input) {
  if (!input->plan.group_sequential) return report::Build(*input);
  const std::lock_guard lock(state_->bounds_mutex);
  input->bounds = &state_->bounds;
  return report::Build(*input);
}

AnalysisStats Project::analysis_stats() const {
  return {state_->reports, state_->failed_reports, state_->report_ms};
}

absl::StatusOr<report::Report> Project::Report(std::string_view experiment,
                                               std::optional<std::int64_t> as_of_ms,
                                               const Cancelled& cancelled) {
  const std::int64_t begin = clock_->BootMillis();
  auto report = MakeReport(experiment, as_of_ms, cancelled);
  ++state_->reports;
  state_->report_ms += clock_->BootMillis() - begin;
  if (!report.ok()) ++state_->failed_reports;
  return report;
}

absl::StatusOr<report::Report> Project::MakeReport(std::string_view experiment,
                                                   std::optional<std::int64_t> as_of_ms,
                                                   const Cancelled& cancelled) {
  // It may have waited for its turn.
  if (cancelled && cancelled()) return absl::CancelledError("the report is no longer wanted");
  const std::shared_ptr<const Catalog> current = catalog();
  if (current == nullptr)
    return absl::NotFoundError("no catalog has been published, so there is no experiment");
  report::Input input;
  bool stopped = false;
  analysis::ExperimentSpec spec;
  if (experiment.starts_with(kHoldoutPrefix)) {
    const authoring::Holdout* holdout =
        current->model.FindHoldout(experiment.substr(sizeof kHoldoutPrefix - 1));
    if (holdout == nullptr)
      return absl::NotFoundError(absl::StrCat("the catalog has no ", std::string(experiment)));
    spec = SpecOf(*current, *holdout);
    input.control = "held";
  } else {
    const authoring::Experiment* found = current->model.FindExperiment(experiment);
    if (found == nullptr)
      return absl::NotFoundError(
          absl::StrCat("the catalog has no experiment \"", std::string(experiment), "\""));
    spec = SpecOf(*current, *found);
    auto cuts = SegmentCuts(current->model, current->source, *found, spec.report_by);
    if (!cuts.ok()) return cuts.status();
    spec.cuts = *std::move(cuts);
    input.control = found->control;
    input.hypothesis = found->hypothesis;
    input.plan = PlanOf(*found, spec.metrics);
    if (input.plan.group_sequential) spec.looks = input.plan.group_sequential->days;
    stopped = found->status == authoring::Status::kStopped ||
              found->status == authoring::Status::kArchived;
  }
  spec.as_of_ms = as_of_ms.value_or(clock_->WallMillis());
  if (absl::Status status = LoadFrozenCaps(store_.get(), &spec); !status.ok()) return status;
  input.plan.ended = stopped || (spec.end_ms && *spec.end_ms <= spec.as_of_ms);
  const std::unique_ptr<analysis::Reducer> reducer = ReducerFor(cancelled);
  absl::StatusOr<analysis::AnalysisResult> result = absl::NotFoundError("");
  for (int attempt = 0; attempt < kSnapshots && absl::IsNotFound(result.status()); ++attempt) {
    const auto source = store_->Snapshot({.experiment = spec.experiment, .cancelled = cancelled});
    if (!source.ok()) return source.status();
    // An old moment is asked for once; it would take the place of what is known about now. A
    // cluster's snapshots have no chunks that stay.
    result = as_of_ms.has_value() || ingest_ == nullptr || shares_store_
                 ? analysis::Analyze(**source, spec, {.reducer = reducer.get()})
                 : state_->results.Analyze(*source, spec);
  }
  if (!result.ok()) return result.status();
  if (!as_of_ms.has_value() && ingest_ != nullptr) {
    if (absl::Status status = FreezeCaps(store_.get(), spec, *result); !status.ok()) return status;
  }
  if (result->phases.size() > 1 && !experiment.starts_with(kHoldoutPrefix)) {
    auto weights = PhaseWeights(*current, *current->model.FindExperiment(experiment));
    if (!weights.ok()) return weights.status();
    input.phase_weights = *std::move(weights);
  }
  input.spec = &spec;
  input.result = &*result;
  report::Report report = BuildReport(&input);
  AddChecksOfUnits(current, input, !as_of_ms.has_value(), cancelled, &report);
  if (ingest_ != nullptr) AddVariantCheck(ingest_->RecheckOf(spec.experiment), &report);
  return report;
}

}  // namespace upswing::project
