// simulation [RUNS]
//
// Simulates every method RUNS times (default 600, the short form of the tests; 20,000 for the table
// in docs/reference/statistics.md) and compares the error rates with what the methods promise.
// Prints a Markdown table; exit status 1 if a rate lies outside its band.
//
// The band is the 99.9 % one of the binomial distribution, Bonferroni-corrected over all rows: a
// correct engine fails one whole run of this program in a thousand. Seeds come from the rows'
// names.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "server/statistics/distributions.hpp"
#include "tests/simulation/cells.hpp"

namespace upswing::simulation {
namespace {

int Run(int runs) {
  std::vector<Cell> cells;
  AddCombinations(&cells);
  AddMethods(&cells);
  std::size_t rows = 0;
  for (const Cell& cell : cells) rows += cell.names.size();
  const double level = 0.001 / static_cast<double>(rows);
  std::printf("| method | runs | promised | observed | band | |\n|---|---|---|---|---|---|\n");
  int outside = 0;
  for (const Cell& cell : cells) {
    const auto n = static_cast<std::int64_t>(runs * cell.run_share);
    std::vector<std::int64_t> count(cell.names.size(), 0);
    for (std::int64_t run = 0; run < n; ++run) {
      Random random(cell.name + cell.names[0], static_cast<std::uint64_t>(run));
      std::vector<bool> rejected(cell.names.size(), false);
      cell.run(random, &rejected);
      for (std::size_t i = 0; i < count.size(); ++i) count[i] += rejected[i];
    }
    for (std::size_t i = 0; i < count.size(); ++i) {
      const std::string name = cell.name + cell.names[i];
      const bool upper_only = cell.upper_only || name.find("anytime") != std::string::npos;
      const double side = upper_only ? level : level / 2;
      std::int64_t upper = static_cast<std::int64_t>(cell.target * static_cast<double>(n));
      std::int64_t lower = upper;
      while (statistics::BinomialSurvivalAtLeast(upper + 1, n, cell.target) > side) ++upper;
      while (!upper_only && lower > 0 && statistics::BinomialCdf(lower - 1, n, cell.target) > side)
        --lower;
      if (upper_only) lower = 0;
      const bool ok = count[i] >= lower && count[i] <= upper;
      outside += !ok;
      const auto share = [n](std::int64_t x) {
        return 100 * static_cast<double>(x) / static_cast<double>(n);
      };
      std::printf("| %s | %lld | %s%.0f %% | %.2f %% | %.2f - %.2f %% | %s |\n", name.c_str(),
                  static_cast<long long>(n), upper_only ? "at most " : "", 100 * cell.target,
                  share(count[i]), share(lower), share(upper), ok ? "ok" : "**outside**");
    }
  }
  std::printf("\n%zu rows, %d outside their band\n", rows, outside);
  return outside == 0 ? 0 : 1;
}

}  // namespace
}  // namespace upswing::simulation

int main(int argc, char** argv) {
  const int runs = argc > 1 ? std::atoi(argv[1]) : 600;
  if (runs < 100) {
    std::fprintf(stderr, "simulation: RUNS must be at least 100\n");
    return 2;
  }
  return upswing::simulation::Run(runs);
}
