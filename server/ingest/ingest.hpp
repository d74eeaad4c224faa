#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "platform/port/clock.hpp"
#include "sdk/wire/batch.hpp"
#include "server/store/event_store.hpp"
#include "server/store/unit_key.hpp"

namespace upswing::ingest {

/// The request headers that ingest reads; the values are as sent, empty if absent.
struct IngestHeaders {
  std::string_view sent_at;  ///< `Upswing-Sent-At`
  std::string_view batch;    ///< `Upswing-Batch`
};

/// What to answer to `POST /v1/batches`.
struct IngestResponse {
  int status = 500;
  std::vector<std::pair<std::string, std::string>> headers;  ///< `Upswing-Batch`, `Retry-After`.
  std::string content_type = "application/json";             ///< or application/problem+json
  std::string body;
};

/// Says which variant a unit gets by the server's own catalog, to check what devices log. Returns
/// false if it cannot tell (another catalog version, targeting by attributes that did not travel).
using ReEvaluate = std::function<bool(std::string_view experiment, std::string_view unit_type,
                                      std::string_view unit_id, std::uint64_t catalog_version,
                                      std::string* variant)>;

struct IngestOptions {
  wire::Limits limits;
  /// Bodies, and the counters in them, whose commit is under way, together. Beyond: 429 with
  /// `Retry-After`. Unit: bytes.
  std::size_t pending_bytes = 64 << 20;
  std::size_t pending_batches = 4096;
  /// `EventStore::BacklogBytes`. Beyond: 503 with `Retry-After`.
  std::int64_t backlog_bytes = 256 << 20;
  /// One exposure in this many is re-evaluated; 0 = none.
  std::uint32_t reevaluate_one_in = 64;
  ReEvaluate reevaluate;
};

/// Counts since the start of the process.
struct IngestStats {
  std::int64_t batches = 0;  ///< Stored.
  std::int64_t duplicates = 0;
  std::int64_t conflicts = 0;
  std::int64_t records = 0;  ///< Stored.
  std::int64_t rejected_records = 0;
  std::int64_t refused_requests = 0;  ///< 4xx, 429 and 503.
  std::int64_t commits = 0;
  std::int64_t reevaluated = 0;
  std::int64_t disagreements = 0;
  std::int64_t body_bytes = 0;
};

/// What came of re-evaluating a sample of an experiment's exposures.
struct Recheck {
  std::int64_t exposures = 0;      ///< Re-evaluated.
  std::int64_t disagreements = 0;  ///< Of these, logged with another variant.
};

/// Takes batches and answers when they are durable. Thread-safe.
class Ingest {
 public:
  /// `store`, `hasher` and `clock` outlive this.
  static std::unique_ptr<Ingest> Create(store::EventStore* store, const store::UnitHasher* hasher,
                                        const port::Clock* clock, IngestOptions options);
  virtual ~Ingest() = default;

  /// Decodes on the calling thread, queues for the next group commit, and returns. `done` is called
  /// exactly once: at once for what is refused, else from the committing thread after the commit is
  /// synced. `done` must be quick and must not call back into this object.
  virtual void Submit(const IngestHeaders& headers, std::string_view body,
                      std::function<void(IngestResponse)> done) = 0;

  /// Answers everything that is queued, then stops; further submissions get 503. Idempotent.
  virtual void Stop() = 0;

  virtual IngestStats Stats() const = 0;
  /// Since the start of the process.
  virtual Recheck RecheckOf(std::string_view experiment) const = 0;
};

}  // namespace upswing::ingest
