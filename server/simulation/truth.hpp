#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "server/metrics/definition.hpp"
#include "server/simulation/world.hpp"

namespace upswing::simulation {

/// The expectation of one metric, or of one step of a funnel, by variant.
struct TruthRow {
  std::string name;  ///< As in a report: "purchase_conversion", "shop_funnel.2_product_view".
  /// By variant of the world. An incremental ratio has none for the control: the others' is that of
  /// the differences to it.
  std::vector<std::optional<double>> values;
};

/// Computes what a metric's value is bound to be: of exposed users, the exact expectation; of a
/// ratio, the ratio of expectations. Caps (`winsorize`) are left out of account: the report says
/// what share of the sum they take away.
///
/// Closed form: given portrait, variant and day, chances are independent, so that the number of a
/// day's events has a generating function; windows multiply them, thresholds read their first
/// coefficients, sums and counts their derivative at 1. The portraits and entry days are summed
/// over.
class Truth {
 public:
  struct State;  ///< In the source file.

  /// `world` outlives this.
  explicit Truth(const World& world);
  ~Truth();
  Truth(const Truth&) = delete;
  Truth& operator=(const Truth&) = delete;

  /// Share of the users who come in the enrolment days, and so are exposed.
  double entering() const;

  /// `metrics` has the metrics that others name as terms. `when`: only users with this value of an
  /// attribute. kUnimplemented names what this cannot compute: `max`, `last`, `quantile`,
  /// `time_to`, windows that are no whole days or longer than the world goes on, and conditions on
  /// properties other than `source`, and `category` of products.
  absl::StatusOr<std::vector<TruthRow>> Of(
      const metrics::MetricDefinition& metric,
      const std::vector<metrics::MetricDefinition>& metrics,
      const std::optional<std::pair<std::string, std::string>>& when = {}) const;

 private:
  std::unique_ptr<State> state_;
};

}  // namespace upswing::simulation
