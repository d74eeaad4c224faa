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
  double run_share = 1;     ///< of the runs that a cheap cell gets
  /// Runs the experiment once; each entry says whether its method rejected. `names` are appended to
  /// the cell's name. One data set serves several methods.
  std::vector<std::string> names;
  std::function<void(Random&, std::vector<bool>*)> run;
};

/// Metric x adjustment x look x alternative: 108 combinations on 24 kinds of data.
void AddCombinations(std::vector<Cell>* cells);
/// Everything else: small samples, skewed revenue, exact methods, peeking, lifts, power.
void AddMethods(std::vector<Cell>* cells);

}  // namespace upswing::simulation
