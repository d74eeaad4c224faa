#pragma once

#include <cstdint>
#include <functional>
#include <utility>

#include "server/analysis/reducer.hpp"
#include "server/store/clickhouse/client.hpp"

namespace upswing::analysis {

/// Reduces units where a ClickHouse cluster holds them: each shard sums up its own units, and the
/// sums come here.
class SqlReducer : public Reducer {
 public:
  struct Limits {
    /// With fewer records on every shard `Reduce` gives kAborted: they are as well read.
    std::int64_t fewest_rows = 0;
    /// Records that a shard groups at one time; more are done in parts by unit.
    std::int64_t rows_at_once = 8'000'000;
  };
  /// `client` outlives this. `cancelled`: see `ClickHouseClient::Read`.
  SqlReducer(store::ClickHouseClient* client, const Limits& limits,
             std::function<bool()> cancelled = {})
      : client_(client), limits_(limits), cancelled_(std::move(cancelled)) {}

  /// Not: fallback units, time spans beyond what a calendar holds; and of metrics not: quantiles,
  /// last values, pairs, linear and incremental ones, and funnels without a window.
  std::vector<bool> Knows(const Plan& plan, const Calendar& calendar) const override;

  absl::StatusOr<PassState> Reduce(const PassOptions& options, const Wanted& wanted) const override;

 private:
  absl::StatusOr<std::int64_t> Rows(const PassOptions& options, const Wanted& wanted) const;
  absl::Status AddPart(const PassOptions& options, const Wanted& wanted, std::uint64_t first,
                       std::uint64_t last, PassState* state) const;

  store::ClickHouseClient* client_;
  const Limits limits_;
  const std::function<bool()> cancelled_;
};

}  // namespace upswing::analysis
