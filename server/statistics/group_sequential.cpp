#include "server/statistics/group_sequential.hpp"

#include <algorithm>
#include <cmath>
#include <utility>

#include "server/statistics/distributions.hpp"
#include "server/statistics/quadrature.hpp"

namespace upswing::statistics {
namespace {

constexpr double kFar = 9;  // standard normal mass beyond it: 1e-19

// The density of z_k on the region where the experiment went on, held at quadrature nodes.
//
// z_k sqrt(t_k) = z_{k-1} sqrt(t_{k-1}) + N(drift (t_k - t_{k-1}), t_k - t_{k-1}).
class Recursion {
 public:
  Recursion(bool two_sided, double drift) : two_sided_(two_sided), drift_(drift) {}

  // P(crossing at the look with information t and bound z, not before).
  double Cross(double t, double z) const {
    if (!started_) {
      const double shift = drift_ * std::sqrt(t);
      return NormalSurvival(z - shift) + (two_sided_ ? NormalSurvival(z + shift) : 0);
    }
    const double step = std::sqrt(t - information_);
    double p = 0;
    for (const Node& node : nodes_) {
      const double mean = node.z * std::sqrt(information_) + drift_ * (t - information_);
      double tail = NormalSurvival((z * std::sqrt(t) - mean) / step);
      if (two_sided_) tail += NormalSurvival((z * std::sqrt(t) + mean) / step);
      p += node.mass * tail;
    }
    return p;
  }

  // Goes on past the look at t with bound z.
  void Continue(double t, double z) {
    const double centre = drift_ * std::sqrt(t);
    const double upper = std::min(z, centre + kFar);
    const double lower = std::max(two_sided_ ? -z : centre - kFar, centre - kFar);
    std::vector<Node> next;
    if (lower < upper) {
      // Panels about as wide as the transition density, which is sqrt(1 - t_{k-1}/t_k) in z.
      const double width = nodes_.empty() ? 1 : std::sqrt(1 - information_ / t);
      const int panels =
          std::clamp(static_cast<int>(std::ceil((upper - lower) / (4 * width))), 3, 300);
      ForEachNode(lower, upper, panels, [&](double x, double weight) {
        next.push_back({x, weight * Density(t, x)});
      });
    }
    nodes_ = std::move(next);
    information_ = t;
    started_ = true;
  }

 private:
  struct Node {
    double z = 0;
    double mass = 0;  // density times quadrature weight
  };

  double Density(double t, double z) const {
    if (!started_) return NormalDensity(z - drift_ * std::sqrt(t));
    const double step = std::sqrt(t - information_);
    double density = 0;
    for (const Node& node : nodes_) {
      const double mean = node.z * std::sqrt(information_) + drift_ * (t - information_);
      density += node.mass * NormalDensity((z * std::sqrt(t) - mean) / step);
    }
    return density * std::sqrt(t) / step;
  }

  bool two_sided_;
  double drift_;
  bool started_ = false;
  double information_ = 0;
  std::vector<Node> nodes_;
};

bool Classical(Spending spending) {
  return spending == Spending::kObrienFleming || spending == Spending::kPocock;
}

double Shape(Spending spending, double information) {
  return spending == Spending::kObrienFleming ? 1 / std::sqrt(information) : 1;
}

double TotalCrossing(absl::Span<const double> bounds, absl::Span<const double> information,
                     double drift, bool two_sided, std::vector<double>* cumulative) {
  Recursion recursion(two_sided, drift);
  double total = 0;
  for (std::size_t k = 0; k < bounds.size(); ++k) {
    total += recursion.Cross(information[k], bounds[k]);
    if (cumulative != nullptr) cumulative->push_back(total);
    recursion.Continue(information[k], bounds[k]);
  }
  return total;
}

absl::Status Check(const GroupSequentialPlan& plan, absl::Span<const double> information) {
  if (!(plan.alpha > 0 && plan.alpha < 1))
    return absl::InvalidArgumentError("alpha: must be above 0 and below 1");
  if (plan.spending == Spending::kPower && !(plan.parameter > 0))
    return absl::InvalidArgumentError("parameter: the exponent must be above 0");
  if (information.empty()) return absl::InvalidArgumentError("information: needs a look");
  double before = 0;
  for (const double t : information) {
    if (!(t > before) || std::isinf(t))
      return absl::InvalidArgumentError("information: must be above 0 and increase");
    before = t;
  }
  return absl::OkStatus();
}

}  // namespace

double AlphaSpent(const GroupSequentialPlan& plan, double information) {
  const double t = std::clamp(information, 0.0, 1.0);
  const double sides = plan.two_sided ? 2 : 1;
  const double alpha = plan.alpha / sides;
  if (t == 0) return 0;
  if (t == 1) return plan.alpha;
  switch (plan.spending) {
    case Spending::kObrienFlemingLike:
      return sides * 2 * NormalSurvival(NormalUpperQuantile(alpha / 2) / std::sqrt(t));
    case Spending::kPocockLike:
      return sides * alpha * std::log1p(std::expm1(1.0) * t);
    case Spending::kPower:
      return sides * alpha * std::pow(t, plan.parameter);
    case Spending::kHwangShihDeCani:
      if (plan.parameter == 0) return plan.alpha * t;
      return sides * alpha * std::expm1(-plan.parameter * t) / std::expm1(-plan.parameter);
    case Spending::kObrienFleming:
    case Spending::kPocock:
      break;
  }
  return plan.alpha * t;
}

absl::StatusOr<GroupSequentialBounds> ComputeBounds(const GroupSequentialPlan& plan,
                                                    absl::Span<const double> information,
                                                    absl::Span<const double> spending_time) {
  if (absl::Status status = Check(plan, information); !status.ok()) return status;
  if (!spending_time.empty()) {
    if (Classical(plan.spending) || spending_time.size() != information.size())
      return absl::InvalidArgumentError(
          "spending_time: one for each look, and only for plans with a spending function");
    if (absl::Status status = Check(plan, spending_time); !status.ok()) return status;
  }
  GroupSequentialBounds bounds;
  if (Classical(plan.spending)) {
    const auto scaled = [&](double c) {
      std::vector<double> z;
      for (const double t : information)
        z.push_back(c * Shape(plan.spending, t / information.back()));
      return z;
    };
    const double c = FindZero(
        [&](double x) {
          return TotalCrossing(scaled(x), information, 0, plan.two_sided, nullptr) - plan.alpha;
        },
        NormalUpperQuantile(plan.two_sided ? plan.alpha / 2 : plan.alpha) - 1e-9, kFar);
    bounds.z = scaled(c);
    TotalCrossing(bounds.z, information, 0, plan.two_sided, &bounds.alpha_spent);
    return bounds;
  }
  Recursion recursion(plan.two_sided, 0);
  double before = 0;
  for (std::size_t k = 0; k < information.size(); ++k) {
    const double t = information[k];
    // Past the planned end all is spent at the first look there; later ones cannot stop any more.
    const double spent = AlphaSpent(plan, spending_time.empty() ? t : spending_time[k]);
    const double increment = spent - before;
    double z = 40;
    if (increment > 0) {
      // In logarithms, so that a first look that spends 1e-9 is as precise as the last one.
      z = FindZero(
          [&](double x) {
            return std::log(std::max(recursion.Cross(t, x), 1e-300)) - std::log(increment);
          },
          -5, 37);
    }
    bounds.z.push_back(z);
    bounds.alpha_spent.push_back(spent);
    recursion.Continue(t, z);
    before = spent;
  }
  return bounds;
}

absl::StatusOr<double> RepeatedP(const GroupSequentialPlan& plan,
                                 absl::Span<const double> information, absl::Span<const double> z,
                                 absl::Span<const double> spending_time) {
  if (z.size() != information.size()) return absl::InvalidArgumentError("z: one for each look");
  const auto crosses = [&](double alpha) -> absl::StatusOr<bool> {
    GroupSequentialPlan at = plan;
    at.alpha = alpha;
    const auto bounds = ComputeBounds(at, information, spending_time);
    if (!bounds.ok()) return bounds.status();
    for (std::size_t k = 0; k < z.size(); ++k)
      if ((plan.two_sided ? std::fabs(z[k]) : z[k]) >= bounds->z[k]) return true;
    return false;
  };
  double lower = std::log(1e-12);
  double upper = std::log(0.9999);
  auto at_upper = crosses(std::exp(upper));
  if (!at_upper.ok()) return at_upper.status();
  if (!*at_upper) return 1.0;
  while (upper - lower > 1e-4) {
    const double middle = (lower + upper) / 2;
    (*crosses(std::exp(middle)) ? upper : lower) = middle;
  }
  return std::exp(upper);
}

double CrossingProbability(absl::Span<const double> z_bounds, absl::Span<const double> information,
                           double drift, bool two_sided) {
  return TotalCrossing(z_bounds, information, drift, two_sided, nullptr);
}

}  // namespace upswing::statistics
