#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "platform/port/clock.hpp"
#include "server/authoring/compile.hpp"
#include "server/authoring/model.hpp"
#include "server/ingest/ingest.hpp"
#include "server/report/build.hpp"
#include "server/store/event_store.hpp"

namespace upswing::analysis {
class Reducer;
}
namespace upswing::store {
class ClickHouseClient;
}

namespace upswing::project {

/// How catalogs and id lists are signed; without `sign` they are not.
struct Signing {
  /// Puts the bytes behind their signatures (sdk/catalog/signature.hpp). Any thread may call.
  std::function<std::string(std::string_view)> sign;
  /// Names the keys; part of the ETag, since other keys make other bytes.
  std::string keys;
};

/// One published version of a catalog. Immutable.
struct Catalog {
  std::uint64_t version = 0;
  std::int64_t published_ms = 0;
  std::string source;  ///< JSON as published.
  std::map<std::string, std::uint32_t> phases;
  authoring::Model model;
  std::string bytes;  ///< For SDKs: sdk/schema/catalog.fbs, signed if `signing` says so.
  std::vector<catalog::Blob> blobs;
  Signing signing;

  /// Changes with every publish; quoted, as HTTP wants it.
  std::string ETag() const;
};

/// Who put a version in force, and why. Kept with it.
struct Note {
  std::string actor = "local";  ///< As in the audit log.
  std::string action = "catalog.publish";
  std::string reason;
};

/// One row of the history.
struct CatalogVersion {
  std::uint64_t version = 0;
  std::int64_t published_ms = 0;
  Note note;
};

struct Options {
  std::string directory;
  /// clickhouse://...: the project's store instead of `directory`; see
  /// server/store/clickhouse/address.hpp.
  std::string store = {};
  /// File with the secret of such a store. Not needed with `read_only`.
  std::string unit_key = {};
  /// Of such a store: called with the rows that a query has read so far, by any thread.
  std::function<void(std::uint64_t)> progress = {};
  /// Reads beside a running server or after a crash; nothing is published or ingested.
  bool read_only = false;
  /// Name of the project of a new data folder; part of every unit key. Later opens may leave it
  /// empty.
  std::string name;
  const port::Clock* clock = nullptr;  ///< Outlives the project.
  Signing signing = {};
};

/// Reports made since the start of the process.
struct AnalysisStats {
  std::int64_t reports = 0;
  std::int64_t failed = 0;  ///< Of these; the rest was answered.
  std::int64_t milliseconds = 0;
};

/// One project: a data folder or a cluster with its store, its catalog history and what is asked of
/// both. Thread-safe.
class Project {
 public:
  /// Errors are those of the store's `Open`, and kDataLoss if the stored catalog cannot be read.
  static absl::StatusOr<std::unique_ptr<Project>> Open(const Options& options);
  ~Project();

  /// What the catalog's `project` must say.
  const std::string& name() const;

  store::EventStore& store() { return *store_; }
  /// Other processes publish and change keys in the same store.
  bool shares_store() const { return shares_store_; }
  /// Not with `read_only`.
  ingest::Ingest& ingest() { return *ingest_; }

  /// The catalog in force; null before the first publish.
  std::shared_ptr<const Catalog> catalog() const;

  /// Seen by whoever found no catalog.
  static constexpr std::string_view kNoVersion = "none";
  /// Checks and compiles `source` and makes it the catalog in force, durably. `if_match`, unless
  /// empty, is the ETag that the caller has seen: kAborted if another version is in force by now.
  /// kInvalidArgument lists what is wrong with the file, one problem a line.
  absl::StatusOr<std::shared_ptr<const Catalog>> Publish(std::string source,
                                                         std::string_view if_match,
                                                         const Note& note = {});

  /// Largest id list: 5 million ids. Unit: bytes.
  static constexpr std::size_t kLargestList = 40'000'000;

  /// Keeps a part of an id list for the catalogs to come, durably. Parts are sent in order; sending
  /// one again replaces it. Returns the offset of the next. kOutOfRange beyond `kLargestList`;
  /// kAborted, naming the offset to go on from, if parts before this one are missing.
  absl::StatusOr<std::size_t> AddListPart(std::uint64_t name, std::size_t offset,
                                          std::string_view part);

  /// Takes over a catalog that another process has published. True if there was one.
  absl::StatusOr<bool> Refresh();

  /// Every version that was published, newest first.
  absl::StatusOr<std::vector<CatalogVersion>> History();
  /// The file of one version; kNotFound if there is none of this number.
  absl::StatusOr<std::string> Source(std::uint64_t version);

  /// Whether nobody waits for a report any more. Asked now and then while it is made, by any
  /// thread.
  using Cancelled = std::function<bool()>;

  /// The report of an experiment, or of a holdout by "holdout:<key>". `as_of_ms`: records later
  /// than this are left out; default now. kNotFound names the experiment. kCancelled: by
  /// `cancelled`, which also ends the queries that run on a cluster's servers.
  absl::StatusOr<report::Report> Report(std::string_view experiment,
                                        std::optional<std::int64_t> as_of_ms,
                                        const Cancelled& cancelled = {});

  AnalysisStats analysis_stats() const;

  /// Waits until the checks that reports started in the background are made.
  void FinishUnitChecks();

  /// Finishes what was submitted and stops taking batches.
  void Stop();

 private:
  Project() = default;
  absl::Status OpenFolder(const Options& options, std::string* name_of_new);
  absl::Status OpenCluster(const Options& options, std::string* name_of_new);
  absl::Status LoadCatalog();
  absl::StatusOr<report::Report> MakeReport(std::string_view experiment,
                                            std::optional<std::int64_t> as_of_ms,
                                            const Cancelled& cancelled);
  std::unique_ptr<analysis::Reducer> ReducerFor(const Cancelled& cancelled) const;
  report::Report BuildReport(report::Input* input);
  void AddChecksOfUnits(std::shared_ptr<const Catalog> current, const report::Input& input,
                        bool now, const Cancelled& cancelled, report::Report* report);
  absl::StatusOr<std::map<std::uint32_t, std::vector<double>>> PhaseWeights(
      const Catalog& current, const authoring::Experiment& experiment);
  absl::Status Parse(Catalog* catalog);
  absl::StatusOr<std::string> ListBytes(std::uint64_t name);
  absl::StatusOr<catalog::Blob> List(std::uint64_t name);

  const port::Clock* clock_ = nullptr;
  bool shares_store_ = false;
  std::unique_ptr<store::EventStore> store_;
  store::ClickHouseClient* cluster_ = nullptr;  // of store_, if it is a cluster
  std::unique_ptr<ingest::Ingest> ingest_;
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace upswing::project
