#include "server/stats_json/arms.hpp"

#include <cmath>
#include <string>
#include <variant>

#include "server/stats_json/cdflib_quantile.hpp"

namespace upswing::stats_json {
namespace {

using statistics::Adjustment;
using statistics::ExactValue;
using statistics::MetricShape;
using statistics::Moments;
using statistics::Stratum;

struct Part {
  double sum = 0;
  double sum_squares = 0;
  bool proportion = false;
};

Part PartFrom(const Json& json) {
  const bool proportion = TextAt(json, "kind", "mean") == "proportion";
  const double sum = NumberAt(json, "sum");
  return {sum, proportion ? sum : NumberAt(json, "sum_squares"), proportion};
}

double Centred(std::int64_t n, double product, double sum_a, double sum_b) {
  const ExactValue exact = ExactValue::FromInteger(n) * ExactValue::FromDouble(product) -
                           ExactValue::FromDouble(sum_a) * ExactValue::FromDouble(sum_b);
  return exact.Round() / static_cast<double>(n);
}

// The variables of an arm in the engine's order, and the sums of products by pair of names.
struct ArmShape {
  std::vector<std::string> parts;
  MetricShape shape;
};

ArmShape ShapeOf(const std::string& kind) {
  if (kind == "proportion" || kind == "mean") return {{""}, {}};
  if (kind == "ratio") return {{"numerator", "denominator"}, {.ratio = true}};
  if (kind == "cuped") return {{"post", "pre"}, {.mean_covariates = 1}};
  if (kind == "cuped_ratio")
    return {{"num_post", "den_post", "num_pre", "den_pre"},
            {.ratio = true, .ratio_covariate = true}};
  Invalid("kind: unknown kind '" + kind + "'");
}

double ProductOf(const Json& arm, const std::string& a, const std::string& b) {
  if (Has(arm, "sum_products")) return NumberAt(arm, "sum_products");
  const std::string name = "sp_" + a + "_" + b;
  return NumberAt(arm, Has(arm, name.c_str()) ? name.c_str() : ("sp_" + b + "_" + a).c_str());
}

// Exact centred moments, and (`scaled`) such that divisor n - 1 gives what the library has.
Moments MomentsFrom(const Json& arm, const ArmShape& shape, bool scaled) {
  const std::int64_t n = CountAt(arm, "n");
  if (n < 1) Invalid("n: must be at least 1");
  const auto count = static_cast<double>(n);
  std::vector<Part> parts;
  Moments moments{n, {}, {}};
  for (const std::string& name : shape.parts) {
    parts.push_back(PartFrom(name.empty() ? arm : At(arm, name.c_str())));
    moments.mean.push_back(parts.back().sum / count);
  }
  for (std::size_t i = 0; i < parts.size(); ++i) {
    for (std::size_t j = i; j < parts.size(); ++j) {
      const double product =
          i == j ? parts[i].sum_squares : ProductOf(arm, shape.parts[i], shape.parts[j]);
      double centred = Centred(n, product, parts[i].sum, parts[j].sum);
      if (scaled && parts[i].proportion && parts[j].proportion) centred *= (count - 1) / count;
      moments.centred.push_back(centred);
    }
  }
  return moments;
}

statistics::QuantileSummary QuantileFrom(const Json& arm) {
  return {.nu = NumberAt(arm, "nu"),
          .estimate = NumberAt(arm, "quantile_hat"),
          .lower = NumberAt(arm, "quantile_lower"),
          .upper = NumberAt(arm, "quantile_upper"),
          .n_star = NumberAt(arm, "n_star"),
          .n = CountAt(arm, "n")};
}

statistics::Arm QuantileArmFrom(const Json& arm) {
  if (TextAt(arm, "kind", "") == "quantile")
    return Must(statistics::QuantileArm(QuantileFrom(arm)));
  const std::int64_t n = CountAt(arm, "n_clusters");
  if (n < 1) Invalid("n_clusters: must be at least 1");
  const double sizes = NumberAt(arm, "denominator_sum");
  const double below = NumberAt(arm, "main_sum");
  const auto count = static_cast<double>(n);
  const Moments clusters{n,
                         {sizes / count, below / count},
                         {Centred(n, NumberAt(arm, "denominator_sum_squares"), sizes, sizes),
                          Centred(n, NumberAt(arm, "main_denominator_sum_product"), sizes, below),
                          Centred(n, NumberAt(arm, "main_sum_squares"), below, below)}};
  return Must(statistics::ClusteredQuantileArm(QuantileFrom(arm), clusters));
}

}  // namespace

statistics::MetricContrast ContrastFrom(const Json& inputs) {
  const bool stratified = Has(inputs, "strata");
  const Json list = stratified ? At(inputs, "strata") : Json::array({inputs});
  if (!list.is_array() || list.empty()) Invalid("strata: must be a list");
  const std::string kind = TextAt(At(list[0], "control"), "kind", "mean");
  if (kind.rfind("quantile", 0) == 0) {
    const auto contrast = Must(statistics::CompareArms(QuantileArmFrom(At(inputs, "control")),
                                                       QuantileArmFrom(At(inputs, "treatment"))));
    return {contrast, {}, 0, 0, contrast.base, contrast.base + contrast.difference, 0};
  }
  const ArmShape shape = ShapeOf(kind);
  std::vector<Stratum> exact;
  std::vector<Stratum> scaled;
  for (const Json& stratum : list) {
    for (const char* arm : {"control", "treatment"})
      if (ShapeOf(TextAt(At(stratum, arm), "kind", "mean")).parts != shape.parts)
        Invalid("kind: must be the same in all arms");
    exact.push_back({MomentsFrom(At(stratum, "control"), shape, false),
                     MomentsFrom(At(stratum, "treatment"), shape, false)});
    scaled.push_back({MomentsFrom(At(stratum, "control"), shape, true),
                      MomentsFrom(At(stratum, "treatment"), shape, true)});
  }
  const Adjustment adjustment =
      shape.shape.covariates() > 0 ? Adjustment::kCuped : Adjustment::kNone;
  const auto reference = Must(statistics::ContrastOf(exact, shape.shape, adjustment));
  auto contrast = Must(statistics::ContrastOf(scaled, shape.shape, adjustment, &reference.theta));
  if (stratified) contrast.contrast.degrees_of_freedom = reference.contrast.degrees_of_freedom;
  return contrast;
}

statistics::Estimate EstimateFrom(const Json& inputs, const statistics::Contrast& contrast) {
  const std::string difference = TextAt(inputs, "difference", "absolute");
  if (difference == "absolute") return statistics::AbsoluteEffect(contrast);
  if (difference == "relative") return Must(statistics::RelativeLift(contrast));
  Invalid("difference: must be absolute or relative");
}

statistics::Arm ArmAt(const Json& inputs, const char* name) {
  const Json& arm = At(inputs, name);
  return {CountAt(arm, "n"), NumberAt(arm, "mean"), NumberAt(arm, "variance")};
}

statistics::Moments SampleAt(const Json& inputs, const char* name) {
  statistics::MomentSums sums;
  for (const double value : NumbersAt(inputs, name)) sums.Add(value);
  return Must(sums.Reduce());
}

double LibraryCriticalValue(double degrees_of_freedom, const statistics::Rule& rule) {
  const bool two_sided = rule.alternative == statistics::Alternative::kTwoSided;
  return CdflibStudentQuantile(1 - (two_sided ? rule.alpha / 2 : rule.alpha), degrees_of_freedom);
}

Json Judge(const statistics::Estimate& estimate, const statistics::Rule& rule) {
  const auto inference = Must(statistics::Infer(estimate, rule));
  Json out{{"estimate", Out(estimate.estimate)},
           {"standard_error", Out(estimate.standard_error)},
           {"df", Out(estimate.degrees_of_freedom)},
           {"ci", Out(inference.interval)},
           {"p_value", Out(inference.p_value)}};
  if (!std::holds_alternative<statistics::FixedHorizon>(rule.look)) return out;
  out["ci_exact"] = out["ci"];
  const double reach =
      LibraryCriticalValue(estimate.degrees_of_freedom, rule) * estimate.standard_error;
  statistics::Interval library = inference.interval;
  if (std::isfinite(library.lower)) library.lower = estimate.estimate - reach;
  if (std::isfinite(library.upper)) library.upper = estimate.estimate + reach;
  out["ci"] = Out(library);
  return out;
}

}  // namespace upswing::stats_json
