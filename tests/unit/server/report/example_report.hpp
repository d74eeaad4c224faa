#pragma once

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "sdk/base/hash.hpp"
#include "server/report/build.hpp"

namespace upswing::report::testing {

/// An experiment of a shop, from its sufficient statistics: three variants over 14 days, two
/// attributes, five metrics of the kinds that a report treats differently. The numbers come from
/// formulas, so that they are the same everywhere.
class ExampleExperiment {
 public:
  ExampleExperiment() {
    spec.experiment = "product_card";
    spec.variants = {{"old", 1}, {"one_tap", 1}, {"big_photo", 1}};
    spec.as_of_ms = 1'795'305'600'000;  // 2026-11-22T00:00:00Z
    spec.metrics = {Metric("purchase_rate", metrics::MetricType::kConversion, true),
                    Metric("gmv_per_user", metrics::MetricType::kSum, true),
                    Metric("refund_rate", metrics::MetricType::kRatio, true),
                    Metric("watch_time", metrics::MetricType::kSum, false),
                    Metric("checkout", metrics::MetricType::kFunnel, true)};
    spec.metrics[2].good = metrics::GoodDirection::kDown;
    spec.metrics[1].covariate = metrics::Covariate{.window_ms = 28 * kDay};
    for (const char* step : {"view", "cart", "pay"}) {
      metrics::EventSelector selector;
      selector.events = {step};
      spec.metrics[4].steps.push_back(selector);
    }
    for (int day = 8; day <= 21; ++day)
      result.days.push_back("2026-11-" + std::string(day < 10 ? "0" : "") + std::to_string(day));
    result.phases = {1};
    result.exposures = 60'000;
    result.events = 240'000;
    result.crossover_units = 37;
    result.caps["gmv_per_user"] = {400, 5000, true, 0.012};
    const double rate[] = {0.100, 0.150, 0.101};
    for (std::size_t v = 0; v < 3; ++v) result.variants.push_back(Variant(v, rate[v]));
  }

  Input AsInput() const {
    Input input;
    input.hypothesis = "One tap to buy brings more purchases.";
    input.control = "old";
    input.plan.primary = "purchase_rate";
    input.plan.secondary = {"gmv_per_user", "checkout"};
    input.plan.guardrails = {{"refund_rate", 0.25, std::nullopt}};
    input.plan.anytime = true;
    input.plan.min_days = 7;
    input.spec = &spec;
    input.result = &result;
    return input;
  }

  /// Fills in what looks at the end of these days (from 1) see.
  void LookAt(const std::vector<int>& days) {
    spec.looks = days;
    for (analysis::VariantResult& variant : result.variants) {
      for (analysis::MetricCells& cells : variant.metrics) {
        cells.looks.clear();
        for (const int day : days)
          cells.looks.push_back(cells.cumulative[static_cast<std::size_t>(std::min(day, 14)) - 1]);
      }
    }
  }

  analysis::ExperimentSpec spec;
  analysis::AnalysisResult result;

 private:
  static constexpr std::int64_t kDay = 86'400'000;

  static metrics::MetricDefinition Metric(const char* key, metrics::MetricType type, bool window) {
    metrics::MetricDefinition metric;
    metric.key = key;
    metric.type = type;
    if (window) metric.window_ms = 7 * kDay;
    return metric;
  }

  // A number in [0, 1) that depends on nothing but the arguments.
  static double Chance(std::uint64_t v, std::uint64_t unit, std::uint64_t what) {
    return static_cast<double>(base::Mix(base::Mix(v * 977 + what) + unit) >> 11) * 0x1p-53;
  }

  static void AddUnit(std::size_t m, std::size_t v, std::uint64_t unit, double rate,
                      analysis::Cell* cell) {
    const bool buys = Chance(0, unit, v + 1) < rate;
    const double before = 20 * Chance(0, unit, v + 10);
    switch (m) {
      case 0:
        cell->sums.Add(buys ? 1.0 : 0.0);
        break;
      case 1:
        cell->sums.Add({buys ? std::round(40 + 6 * before + 60 * Chance(0, unit, v + 20)) : 0.0,
                        std::round(before), unit % 9 == 0 ? 1.0 : 0.0});
        break;
      case 2:
        cell->sums.Add({buys && Chance(0, unit, v + 30) < 0.1 ? 1.0 : 0.0, buys ? 1.0 : 0.0});
        break;
      case 3:
        cell->sums.Add(std::round(300 + 500 * Chance(0, unit, v + 40)));
        break;
      default:
        cell->sums.Add({Chance(0, unit, v + 50) < 0.7 ? 1.0 : 0.0,
                        buys || Chance(0, unit, v + 60) < 0.15 ? 1.0 : 0.0, buys ? 1.0 : 0.0});
    }
    ++cell->units;
    cell->events += buys ? 2 : 1;
  }

  analysis::VariantResult Variant(std::size_t v, double rate) const {
    constexpr std::uint64_t kUnits = 6000;
    static constexpr std::size_t kDimension[] = {1, 3, 2, 1, 3};
    analysis::VariantResult variant;
    variant.key = spec.variants[v].key;
    variant.units = static_cast<std::int64_t>(kUnits - 10 - v);
    variant.units_first_variant = static_cast<std::int64_t>(kUnits + v);
    variant.crossovers = 10 + static_cast<std::int64_t>(v);
    variant.units_by_day.assign(14, 0);
    static constexpr const char* kSegments[][2] = {
        {"country", "CN"}, {"country", "JP"}, {"platform", "android"}, {"platform", "ios"}};
    for (const auto& [attribute, value] : kSegments) {
      analysis::SegmentCells segment{attribute, value, 0, {}};
      for (const std::size_t dimension : kDimension)
        segment.metrics.push_back({statistics::MomentSums(dimension)});
      variant.segments.push_back(std::move(segment));
    }
    for (std::size_t m = 0; m < 5; ++m) {
      const analysis::Cell empty{statistics::MomentSums(kDimension[m])};
      analysis::MetricCells cells;
      cells.metric = spec.metrics[m].key;
      cells.total = cells.first_variant = empty;
      cells.cumulative.assign(14, empty);
      cells.daily.assign(14, empty);
      for (std::uint64_t unit = 0; unit < kUnits; ++unit) {
        const std::size_t day = unit * 14 / kUnits;
        const std::size_t country = unit % 3 == 0 ? 1 : 0;
        const std::size_t platform = unit % 2 == 0 ? 2 : 3;
        AddUnit(m, v, unit, rate, &cells.total);
        AddUnit(m, v, unit, rate, &cells.first_variant);
        AddUnit(m, v, unit, rate, &cells.daily[day]);
        AddUnit(m, v, unit, rate, &variant.segments[country].metrics[m]);
        AddUnit(m, v, unit, rate, &variant.segments[platform].metrics[m]);
        if (m == 0) {
          ++variant.units_by_day[day];
          ++variant.segments[country].units_first_variant;
          ++variant.segments[platform].units_first_variant;
        }
      }
      for (std::size_t day = 0; day < 14; ++day) {
        if (day > 0) cells.cumulative[day] = cells.cumulative[day - 1];
        cells.cumulative[day].sums.Merge(cells.daily[day].sums);
        cells.cumulative[day].units += cells.daily[day].units;
        cells.cumulative[day].events += cells.daily[day].events;
      }
      cells.total.pending = m == 0 ? 120 : 0;
      variant.metrics.push_back(std::move(cells));
    }
    return variant;
  }
};

}  // namespace upswing::report::testing
