// Cost from sufficient statistics. Bars: `Everything` (Welch, delta, Fieller, CUPED, anytime,
// normal Bayes, detectable effect) and an adjusted p-value together <= 50 us. The others have their
// own: Fisher's test of 2 million units <= 1 ms, score interval <= 50 us, beta-binomial <= 20 ms,
// bounds of five looks <= 2 ms and their p-value <= 50 ms, once for a plan and its looks, and <= 1
// us from the cache, 200 negative controls of 100,000 units <= 100 ms.
#include <benchmark/benchmark.h>

#include <vector>

#include "sdk/base/hash.hpp"
#include "server/statistics/bayesian.hpp"
#include "server/statistics/bounds_cache.hpp"
#include "server/statistics/compare.hpp"
#include "server/statistics/group_sequential.hpp"
#include "server/statistics/health.hpp"
#include "server/statistics/multiple_testing.hpp"
#include "server/statistics/proportions.hpp"
#include "server/statistics/sample_ratio.hpp"

namespace upswing::statistics {
namespace {

double Uniform(std::uint64_t i) { return static_cast<double>(base::Mix(i) >> 11) * 0x1p-53; }

MomentSums Arm(std::uint64_t seed) {
  MomentSums sums(3);  // value, covariate, missing indicator
  for (std::uint64_t i = 0; i < 10'000; ++i) {
    const double x = Uniform(seed + 3 * i);
    sums.Add({10 + x + Uniform(seed + 3 * i + 1), x, i % 10 == 0 ? 1.0 : 0.0});
  }
  return sums;
}

void Everything(benchmark::State& state) {
  const Moments control = *Arm(1).Reduce();
  const Moments treatment = *Arm(1'000'000).Reduce();
  for (auto _ : state) {
    auto result = Compare(control, treatment, {.shape = {.mean_covariates = 2}});
    benchmark::DoNotOptimize(result);
  }
}
BENCHMARK(Everything)->Unit(benchmark::kMicrosecond);

void Reduce(benchmark::State& state) {
  const MomentSums sums = Arm(1);
  for (auto _ : state) benchmark::DoNotOptimize(sums.Reduce());
}
BENCHMARK(Reduce)->Unit(benchmark::kMicrosecond);

void AdjustThousandPValues(benchmark::State& state) {
  std::vector<double> p_values;
  for (std::uint64_t i = 0; i < 1000; ++i) p_values.push_back(Uniform(i));
  for (auto _ : state)
    benchmark::DoNotOptimize(AdjustPValues(p_values, Correction::kBenjaminiHochberg));
}
BENCHMARK(AdjustThousandPValues)->Unit(benchmark::kMicrosecond);

// A report of 1,000 metric x segment x day cells, from exact sums to corrected p-values.
void ThousandCells(benchmark::State& state) {
  const MomentSums control = Arm(1);
  const MomentSums treatment = Arm(1'000'000);
  for (auto _ : state) {
    std::vector<double> p_values;
    for (int i = 0; i < 1000; ++i) {
      const auto result =
          Compare(*control.Reduce(), *treatment.Reduce(), {.shape = {.mean_covariates = 2}});
      p_values.push_back(result->raw.absolute->p_value);
    }
    benchmark::DoNotOptimize(AdjustPValues(p_values, Correction::kHolm));
  }
}
BENCHMARK(ThousandCells)->Unit(benchmark::kMillisecond);

void AddUnit(benchmark::State& state) {
  MomentSums sums(static_cast<std::size_t>(state.range(0)));
  std::vector<double> row(static_cast<std::size_t>(state.range(0)));
  std::uint64_t i = 0;
  for (auto _ : state) {
    for (double& x : row) x = static_cast<double>(base::Mix(++i) % 10'000) / 100;
    sums.Add(row);
  }
  benchmark::DoNotOptimize(sums.n());
}
BENCHMARK(AddUnit)->Arg(1)->Arg(2)->Arg(3);

void FisherExact(benchmark::State& state) {
  const Conversions control{state.range(0), state.range(0) / 20};
  const Conversions treatment{state.range(0), state.range(0) / 19};
  for (auto _ : state)
    benchmark::DoNotOptimize(FisherExactP(control, treatment, Alternative::kTwoSided));
}
BENCHMARK(FisherExact)->Arg(500)->Arg(1'000'000)->Unit(benchmark::kMicrosecond);

void ScoreInterval(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(ScoreDifference({1000, 20}, {1000, 31}, 0.05));
}
BENCHMARK(ScoreInterval)->Unit(benchmark::kMicrosecond);

void BetaBinomial(benchmark::State& state) {
  for (auto _ : state)
    benchmark::DoNotOptimize(CompareBetaBinomial({10'000, 500}, {10'000, 540}, 1, 1));
}
BENCHMARK(BetaBinomial)->Unit(benchmark::kMicrosecond);

void GroupSequentialBoundsOfFiveLooks(benchmark::State& state) {
  for (auto _ : state) benchmark::DoNotOptimize(ComputeBounds({}, {0.2, 0.4, 0.6, 0.8, 1}));
}
BENCHMARK(GroupSequentialBoundsOfFiveLooks)->Unit(benchmark::kMicrosecond);

void SequentialSampleRatio(benchmark::State& state) {
  for (auto _ : state)
    benchmark::DoNotOptimize(SampleRatioLogOdds({1'000'000'000, 999'000'000}, {1, 1}));
}
BENCHMARK(SequentialSampleRatio)->Unit(benchmark::kMicrosecond);

// The p-value that accounts for five looks: what the first report after a look computes for each
// comparison.
void RepeatedPOfFiveLooks(benchmark::State& state) {
  const std::vector<double> looks = {0.2, 0.4, 0.6, 0.8, 1};
  const std::vector<double> z = {0.5, 1.1, 1.4, 1.9, 2.2};
  for (auto _ : state) benchmark::DoNotOptimize(RepeatedP({}, looks, z, looks));
}
BENCHMARK(RepeatedPOfFiveLooks)->Unit(benchmark::kMillisecond);

// What later reports pay for bounds and p-value.
void FiveLooksFromTheCache(benchmark::State& state) {
  const std::vector<double> looks = {0.2, 0.4, 0.6, 0.8, 1};
  const std::vector<double> z = {0.5, 1.1, 1.4, 1.9, 2.2};
  BoundsCache cache;
  for (auto _ : state) {
    benchmark::DoNotOptimize(cache.Bounds({}, looks, looks));
    benchmark::DoNotOptimize(cache.P({}, looks, z, looks));
  }
}
BENCHMARK(FiveLooksFromTheCache)->Unit(benchmark::kMicrosecond);

// 200 splits of 100,000 units; a million take ten times as long.
void NegativeControls(benchmark::State& state) {
  std::vector<ControlUnit> units;
  for (std::uint64_t i = 0; i < 100'000; ++i) units.push_back({base::Mix(i), Uniform(i), 1});
  for (auto _ : state) benchmark::DoNotOptimize(RunNegativeControls(units));
}
BENCHMARK(NegativeControls)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace upswing::statistics

BENCHMARK_MAIN();
