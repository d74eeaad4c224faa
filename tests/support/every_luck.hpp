#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace upswing::testing {

/// Leads a generator of server/simulation through all outcomes, depth first: every uncertain choice
/// is taken both ways. Amounts and delays, on which no metric here depends but linearly, are their
/// means.
class EveryLuck {
 public:
  bool Chance(double p) {
    if (p <= 0) return false;
    if (p >= 1) return true;
    if (at_ == path_.size()) path_.push_back(false);
    const bool taken = path_[at_++];
    weight_ *= taken ? p : 1 - p;
    return taken;
  }
  std::uint32_t Uniform(std::uint32_t n) {
    std::uint32_t chosen = 0;
    while (chosen + 1 < n && !Chance(1.0 / (n - chosen))) ++chosen;
    return chosen;
  }
  double Spread(double mean, double) { return mean; }
  double Around(double mean) { return mean; }
  double Next() { return 0; }

  double weight() const { return weight_; }
  bool NextOutcome() {
    while (!path_.empty() && path_.back()) path_.pop_back();
    if (path_.empty()) return false;
    path_.back() = true;
    at_ = 0;
    weight_ = 1;
    return true;
  }

 private:
  std::vector<bool> path_;
  std::size_t at_ = 0;
  double weight_ = 1;
};

}  // namespace upswing::testing
