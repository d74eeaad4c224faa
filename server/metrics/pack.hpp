#pragma once

#include <string_view>
#include <vector>

#include "server/json/document.hpp"
#include "server/metrics/definition.hpp"

namespace upswing::metrics {

/// What an event of a pack's vocabulary means: docs/reference/events.md.
struct EventConvention {
  std::string_view name;
  std::string_view meaning;
  std::string_view value;  ///< What the value is; empty = the event has none, and counts as 1.
  std::string_view unit;   ///< Of the value.
  struct Property {
    std::string_view name;
    std::string_view type;  ///< "string", "int", "double" or "bool"
  };
  std::vector<Property> properties;
};

/// Metrics and the events they are made of, for one kind of product. A catalog takes them in by
/// `"metric_packs": ["short_video_shop"]`; its own metrics win over a pack's of the same key.
struct Pack {
  std::string_view name;
  std::string_view description;
  std::string_view text;  ///< The file, as in server/metrics/packs.
  std::vector<EventConvention> events;
  std::vector<MetricDefinition> metrics;
};

/// All packs, parsed once. Any thread.
const std::vector<Pack>& Packs();

/// Null if there is none of this name.
const Pack* FindPack(std::string_view name);

}  // namespace upswing::metrics
