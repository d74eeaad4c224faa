#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "sdk/catalog/view.hpp"
#include "upswing/decision.hpp"
#include "upswing/subject.hpp"

namespace upswing::assignment {

/// An assignment that is kept (`sticky` of the catalog file).
struct StickyAssignment {
  std::string_view variant;
  std::uint32_t version = 0;
};

/// Earlier assignments. Called while deciding, so it does no I/O and any thread may call.
class StickyReader {
 public:
  virtual ~StickyReader() = default;
  /// The text is valid until the caller returns from deciding.
  virtual std::optional<StickyAssignment> Find(std::string_view unit_type, std::string_view unit_id,
                                               std::string_view experiment) const = 0;
};

/// Variants that the app forces locally, for development and QA.
class OverrideReader {
 public:
  virtual ~OverrideReader() = default;
  virtual std::optional<std::string_view> Find(std::string_view experiment) const = 0;
};

/// All that a decision depends on beside the catalog and the subject.
struct Environment {
  std::int64_t now_ms = 0;  ///< milliseconds since 1970
  const StickyReader* sticky = nullptr;
  const OverrideReader* overrides = nullptr;
};

/// Decides, as DESIGN section 3 orders the steps. Pure, allocates nothing, never fails. The reason
/// says which step decided; flags carry their value. An unknown key gives kUnknownKey.
Decision DecideExperiment(const catalog::View& view, const catalog::Experiment& experiment,
                          const Subject& subject, const Environment& environment);
Decision DecideExperiment(const catalog::View& view, std::string_view key, const Subject& subject,
                          const Environment& environment);
Decision DecideFlag(const catalog::View& view, const catalog::Flag& flag, const Subject& subject,
                    const Environment& environment);
Decision DecideFlag(const catalog::View& view, std::string_view key, const Subject& subject,
                    const Environment& environment);

/// Every experiment, in the order of the catalog, into `decisions` (cleared first; re-use it and
/// nothing is allocated).
void DecideAll(const catalog::View& view, const Subject& subject, const Environment& environment,
               std::vector<Decision>& decisions);

}  // namespace upswing::assignment
