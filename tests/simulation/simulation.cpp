// simulation [RUNS [PIECE/PIECES]]
//
// Simulates every method RUNS times (default 600, the short form of the tests, in which expensive
// rows get a share; 20,000 for the table in docs/reference/statistics.md) and compares the error
// rates with what the methods promise. Prints Markdown tables; exit status 1 if a rate lies outside
// its band. `PIECE/PIECES` runs one part of the rows, 1/4 the first quarter, so that a long form
// can be cut; the tables of the pieces follow each other, and every row is judged as in one run.
//
// The band is the 99.9 % one of the binomial distribution, Bonferroni-corrected over all rows: a
// correct engine fails one whole run of this program in a thousand. Seeds come from the rows'
// names.
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "server/statistics/distributions.hpp"
#include "tests/simulation/cells.hpp"

namespace upswing::simulation {
namespace {

struct Piece {
  std::size_t number = 1;
  std::size_t of = 1;
  // The part of `count` things that belongs to this piece.
  std::size_t First(std::size_t count) const { return count * (number - 1) / of; }
  std::size_t Last(std::size_t count) const { return count * number / of; }
};

bool RunCell(const Cell& cell, std::int64_t runs, double level) {
  std::vector<std::int64_t> count(cell.names.size(), 0);
  for (std::int64_t run = 0; run < runs; ++run) {
    Random random(cell.name + cell.names[0], static_cast<std::uint64_t>(run));
    std::vector<bool> rejected(cell.names.size(), false);
    cell.run(random, &rejected);
    for (std::size_t i = 0; i < count.size(); ++i) count[i] += rejected[i];
  }
  bool all_ok = true;
  for (std::size_t i = 0; i < count.size(); ++i) {
    const std::string name = cell.name + cell.names[i];
    const bool upper_only = cell.upper_only || name.find("anytime") != std::string::npos;
    const double side = upper_only ? level : level / 2;
    auto upper = static_cast<std::int64_t>(cell.target * static_cast<double>(runs));
    std::int64_t lower = upper;
    while (statistics::BinomialSurvivalAtLeast(upper + 1, runs, cell.target) > side) ++upper;
    while (!upper_only && lower > 0 && statistics::BinomialCdf(lower - 1, runs, cell.target) > side)
      --lower;
    if (upper_only) lower = 0;
    const bool ok = count[i] >= lower && count[i] <= upper;
    all_ok = all_ok && ok;
    const auto share = [runs](std::int64_t x) {
      return 100 * static_cast<double>(x) / static_cast<double>(runs);
    };
    std::printf("| %s | %lld | %s%.3g %% | %.2f %% | %.2f - %.2f %% | %s |\n", name.c_str(),
                static_cast<long long>(runs), upper_only ? "at most " : "", 100 * cell.target,
                share(count[i]), share(lower), share(upper), ok ? "ok" : "**outside**");
  }
  return all_ok;
}

bool RunMeasure(const Measure& measure, std::int64_t runs, double level) {
  const std::size_t rows = measure.names.size();
  std::vector<double> sum(rows, 0.0), squares(rows, 0.0), measured(rows);
  for (std::int64_t run = 0; run < runs; ++run) {
    Random random(measure.name + measure.names[0], static_cast<std::uint64_t>(run));
    measure.run(random, &measured);
    for (std::size_t i = 0; i < rows; ++i) {
      const double gap = measured[i] - measure.theory[i];
      sum[i] += gap;
      squares[i] += gap * gap;
    }
  }
  bool all_ok = true;
  const auto n = static_cast<double>(runs);
  for (std::size_t i = 0; i < rows; ++i) {
    const double gap = sum[i] / n;
    const double error = std::sqrt(std::max(0.0, squares[i] / n - gap * gap) / n);
    // Where chance plays no part (a width), theory must be met to rounding; a reported variance
    // reduction is biased by its own estimation at order 1 / n, here 1e-3.
    const double band = statistics::NormalUpperQuantile(level / 2) * error + 1e-3;
    const bool ok = std::fabs(gap) <= band;
    all_ok = all_ok && ok;
    std::printf("| %s%s | %lld | %.4f | %.4f | +-%.4f | %s |\n", measure.name.c_str(),
                measure.names[i].c_str(), static_cast<long long>(runs), measure.theory[i],
                measure.theory[i] + gap, band, ok ? "ok" : "**outside**");
  }
  return all_ok;
}

int Run(int runs, const Piece& piece) {
  std::vector<Cell> cells;
  AddCombinations(&cells);
  AddMethods(&cells);
  AddPeeking(&cells);
  AddDesigns(&cells);
  AddQuestions(&cells);
  AddHealth(&cells);
  AddPower(&cells);
  std::vector<Measure> measures;
  AddMeasures(&measures);
  std::size_t rows = 0;
  for (const Cell& cell : cells) rows += cell.names.size();
  for (const Measure& measure : measures) rows += measure.names.size();
  const double level = 0.001 / static_cast<double>(rows);
  if (piece.number == 1)
    std::printf("| method | runs | promised | observed | band | |\n|---|---|---|---|---|---|\n");
  bool ok = true;
  for (std::size_t i = piece.First(cells.size()); i < piece.Last(cells.size()); ++i) {
    const double share = runs < 20'000 ? cells[i].run_share : 1;
    ok = RunCell(cells[i], std::max<std::int64_t>(60, std::llround(runs * share)), level) && ok;
  }
  if (piece.number == piece.of) {
    std::printf("\n| quantity | runs | theory | measured | band | |\n|---|---|---|---|---|---|\n");
    for (const Measure& measure : measures) ok = RunMeasure(measure, runs, level) && ok;
    std::printf("\n%zu rows\n", rows);
  }
  if (!ok) std::printf("\nrows outside their band\n");
  return ok ? 0 : 1;
}

}  // namespace
}  // namespace upswing::simulation

int main(int argc, char** argv) {
  const int runs = argc > 1 ? std::atoi(argv[1]) : 600;
  upswing::simulation::Piece piece;
  const bool pieces = argc < 3 || std::sscanf(argv[2], "%zu/%zu", &piece.number, &piece.of) == 2;
  if (runs < 100 || !pieces || piece.number < 1 || piece.number > piece.of) {
    std::fprintf(stderr, "simulation: RUNS must be at least 100, PIECE/PIECES like 1/4\n");
    return 2;
  }
  return upswing::simulation::Run(runs, piece);
}
