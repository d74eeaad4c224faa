// From sums to a report: what a reader waits for once the join is done. Bars: 1,000 comparisons of
// metric x segment x day are instant, that is built and written within 100 ms; a report of planned
// looks that was asked for before costs no more than one without looks; checks of 100,000 single
// units, which are part of every report up to that size, within a second.
#include <benchmark/benchmark.h>

#include <string>

#include "sdk/base/hash.hpp"
#include "server/report/build.hpp"
#include "server/report/render.hpp"
#include "server/report/unit_checks.hpp"

namespace upswing::report {
namespace {

constexpr std::size_t kMetrics = 10;
constexpr std::size_t kSegments = 20;
constexpr std::size_t kDays = 40;

double Uniform(std::uint64_t i) { return static_cast<double>(base::Mix(i) >> 11) * 0x1p-53; }

// Two variants, ten sums of which half have a covariate, 20 segments, 40 days, each cumulative and
// by itself: 10 x (1 + 20 + 80) = 1,010 comparisons.
struct Experiment {
  analysis::ExperimentSpec spec;
  analysis::AnalysisResult result;

  Experiment() {
    spec.experiment = "e";
    spec.variants = {{"off", 1}, {"on", 1}};
    spec.looks = {10, 20, 30, 40};
    spec.as_of_ms = 1'795'305'600'000;  // 2026-11-22
    for (std::size_t m = 0; m < kMetrics; ++m) {
      metrics::MetricDefinition metric;
      metric.key = "m" + std::to_string(m);
      metric.type = metrics::MetricType::kSum;
      metric.window_ms = 7 * 86'400'000LL;
      if (m % 2 == 0) metric.covariate = metrics::Covariate{.window_ms = 28 * 86'400'000LL};
      spec.metrics.push_back(std::move(metric));
    }
    for (std::size_t day = 0; day < kDays; ++day) {
      const std::size_t of_month = day < 19 ? day + 13 : day - 18;
      result.days.push_back((day < 19 ? "2026-10-" : "2026-11-") +
                            std::string(of_month < 10 ? "0" : "") + std::to_string(of_month));
    }
    result.phases = {1};
    for (std::uint64_t v = 0; v < 2; ++v) {
      analysis::VariantResult variant;
      variant.key = spec.variants[v].key;
      variant.units = variant.units_first_variant = 20'000;
      variant.units_by_day.assign(kDays, 500);
      for (std::size_t s = 0; s < kSegments; ++s) {
        analysis::SegmentCells segment{"city", "c" + std::to_string(s), 1000, {}};
        for (std::size_t m = 0; m < kMetrics; ++m) segment.metrics.push_back(Cell(v, m, 100 + s));
        variant.segments.push_back(std::move(segment));
      }
      for (std::size_t m = 0; m < kMetrics; ++m) {
        analysis::MetricCells cells;
        cells.metric = spec.metrics[m].key;
        cells.total = cells.first_variant = Cell(v, m, 0);
        cells.phases = {cells.total};
        for (std::size_t day = 0; day < kDays; ++day) {
          cells.cumulative.push_back(Cell(v, 1, 200 + day));
          cells.daily.push_back(Cell(v, 1, 300 + day));
        }
        for (std::size_t k = 0; k < 4; ++k)
          cells.looks.push_back(Cell(v, m, 400 + k, 300 * (k + 1)));
        variant.metrics.push_back(std::move(cells));
      }
      result.variants.push_back(std::move(variant));
    }
  }

  Input AsInput() const {
    Input input;
    input.control = "off";
    input.plan.primary = "m0";
    for (std::size_t m = 1; m < kMetrics; ++m) input.plan.secondary.push_back(spec.metrics[m].key);
    input.plan.cuped = true;
    input.spec = &spec;
    input.result = &result;
    return input;
  }

 private:
  static analysis::Cell Cell(std::uint64_t v, std::size_t m, std::uint64_t seed,
                             std::uint64_t units = 400) {
    const bool covariate = m % 2 == 0;
    analysis::Cell cell{statistics::MomentSums(covariate ? 3 : 1)};
    for (std::uint64_t i = 0; i < units; ++i) {
      const double before = Uniform(((seed * 100 + m) * 2 + v) * 100'000 + 2 * i);
      const double value = 10 + before + Uniform(((seed * 100 + m) * 2 + v) * 100'000 + 2 * i + 1);
      if (covariate) {
        cell.sums.Add({value, before, i % 10 == 0 ? 1.0 : 0.0});
      } else {
        cell.sums.Add(value);
      }
    }
    cell.units = static_cast<std::int64_t>(units);
    return cell;
  }
};

void BuildThousandCells(benchmark::State& state) {
  const Experiment experiment;
  const Input input = experiment.AsInput();
  for (auto _ : state) {
    const Report report = Build(input);
    benchmark::DoNotOptimize(report.comparisons.size());
  }
}
BENCHMARK(BuildThousandCells)->Unit(benchmark::kMillisecond);

void WriteThousandCells(benchmark::State& state) {
  const Experiment experiment;
  const Report report = Build(experiment.AsInput());
  for (auto _ : state) {
    switch (state.range(0)) {
      case 0:
        benchmark::DoNotOptimize(RenderJson(report).size());
        break;
      case 1:
        benchmark::DoNotOptimize(RenderHtml(report).size());
        break;
      default:
        benchmark::DoNotOptimize(RenderCsv(report).size());
    }
  }
}
BENCHMARK(WriteThousandCells)
    ->ArgName("json_html_csv")
    ->Arg(0)
    ->Arg(1)
    ->Arg(2)
    ->Unit(benchmark::kMillisecond);

// Arg 0: every report computes its bounds and p-values; 1: they are known from the one before.
void BuildWithPlannedLooks(benchmark::State& state) {
  const Experiment experiment;
  Input input = experiment.AsInput();
  input.plan.group_sequential =
      Plan::GroupSequential{statistics::Spending::kObrienFlemingLike, 0, {10, 20, 30, 40}};
  statistics::BoundsCache cache;
  for (auto _ : state) {
    statistics::BoundsCache fresh;
    input.bounds = state.range(0) == 0 ? &fresh : &cache;
    const Report report = Build(input);
    benchmark::DoNotOptimize(report.comparisons.size());
  }
}
BENCHMARK(BuildWithPlannedLooks)->ArgName("cached")->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

// Negative controls of 200 splits, outliers and the effect by age of one metric, and the
// interaction with one other experiment.
void CheckSingleUnits(benchmark::State& state) {
  const auto count = static_cast<std::uint64_t>(state.range(0));
  analysis::ExperimentSpec spec;
  spec.experiment = "e";
  spec.variants = {{"off", 1}, {"on", 1}};
  spec.metrics.resize(1);
  spec.metrics[0].key = "gmv";
  spec.metrics[0].type = metrics::MetricType::kSum;
  Plan plan;
  plan.primary = "gmv";
  analysis::UnitSample sample;
  sample.metrics.resize(1);
  sample.by_age.resize(1);
  OtherExperiment other{"other", {"off", "on"}, {}};
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t key = i << 40;
    sample.units.push_back({key, Uniform(3 * i) < 0.5 ? 0 : 1});
    sample.metrics[0].rows.push_back(Uniform(3 * i + 1));
    other.units.push_back({key, Uniform(3 * i + 2) < 0.5 ? 0 : 1});
  }
  UnitCheckInput input;
  input.spec = &spec;
  input.sample = &sample;
  input.control = "off";
  input.plan = &plan;
  input.others = {other};
  for (auto _ : state) benchmark::DoNotOptimize(CheckUnits(input).negative_controls.size());
}
BENCHMARK(CheckSingleUnits)
    ->ArgName("units")
    ->Arg(100'000)
    ->Arg(1'000'000)
    ->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace upswing::report

BENCHMARK_MAIN();
