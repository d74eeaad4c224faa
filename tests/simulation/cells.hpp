#pragma once

#include <functional>
#include <string>
#include <vector>

#include "tests/simulation/random.hpp"

namespace upswing::simulation {

/// One promise about an error rate, and how to test it once.
struct Cell {
  std::string name;
  double target = 0.05;     ///< the rate that the method promises
  bool upper_only = false;  ///< exact, discrete and anytime methods may stay below
  double run_share = 1;     ///< of the runs that an expensive cell gets in the short form
  /// Runs the experiment once; each entry says whether its method rejected. `names` are appended to
  /// the cell's name. One data set serves several methods.
  std::vector<std::string> names;
  std::function<void(Random&, std::vector<bool>*)> run;
};

/// A promise about a mean (a gain in precision, a bias): the mean over the runs must lie within
/// 99.9 % of its own chance variation, corrected over all rows, around what theory says.
struct Measure {
  std::string name;
  std::vector<std::string> names;
  std::vector<double> theory;
  std::function<void(Random&, std::vector<double>*)> run;
};

/// Metric x adjustment x look x alternative: 108 combinations, and coverage at a large effect.
void AddCombinations(std::vector<Cell>* cells);
/// Small samples, skewed revenue, lifts, exact and discrete methods.
void AddMethods(std::vector<Cell>* cells);
/// Anytime and group-sequential methods under peeking.
void AddPeeking(std::vector<Cell>* cells);
/// Regression, bootstrap, clusters, switchback, interleaving, off-policy, promotion, Bayes.
void AddDesigns(std::vector<Cell>* cells);
/// Many questions at once.
void AddQuestions(std::vector<Cell>* cells);
/// Health checks.
void AddHealth(std::vector<Cell>* cells);
/// What `upswing power` promises.
void AddPower(std::vector<Cell>* cells);
void AddMeasures(std::vector<Measure>* measures);

}  // namespace upswing::simulation
