#include "server/statistics/distributions.hpp"
#include "server/stats_json/cdflib_quantile.hpp"
#include "server/stats_json/fields.hpp"

namespace upswing::stats_json {
namespace {

// {"points": [[arguments], ...]} -> {"values": [...]}.
MethodFunction Pointwise(std::size_t arguments,
                         std::function<double(const std::vector<double>&)> function) {
  return [arguments, function = std::move(function)](const Json& inputs) {
    Json values = Json::array();
    for (const Json& point : At(inputs, "points")) {
      std::vector<double> x;
      for (const Json& value : point) x.push_back(Number(value, "points"));
      if (x.size() != arguments)
        Invalid("points: needs " + std::to_string(arguments) + " numbers each");
      values.push_back(Out(function(x)));
    }
    return Json{{"values", values}};
  };
}

}  // namespace

void AddDistributionMethods(MethodTable& methods) {
  using Point = const std::vector<double>&;
  methods["normal_sf"] = Pointwise(1, [](Point x) { return statistics::NormalSurvival(x[0]); });
  methods["normal_ppf"] = Pointwise(1, [](Point x) { return statistics::NormalQuantile(x[0]); });
  methods["student_t_sf"] =
      Pointwise(2, [](Point x) { return statistics::StudentTSurvival(x[0], x[1]); });
  const auto exact =
      Pointwise(2, [](Point x) { return -statistics::StudentTUpperQuantile(x[0], x[1]); });
  const auto library = Pointwise(2, [](Point x) {
    const bool inside = x[0] > 0 && x[0] < 1 && x[1] > 0;
    return inside ? CdflibStudentQuantile(x[0], x[1])
                  : -statistics::StudentTUpperQuantile(x[0], x[1]);
  });
  methods["student_t_ppf"] = [exact, library](const Json& inputs) {
    Json out = library(inputs);
    out["exact"] = exact(inputs)["values"];
    return out;
  };
  methods["chi2_sf"] =
      Pointwise(2, [](Point x) { return statistics::ChiSquareSurvival(x[0], x[1]); });
  methods["f_sf"] = Pointwise(3, [](Point x) { return statistics::FSurvival(x[0], x[1], x[2]); });
  methods["beta_cdf"] = Pointwise(3, [](Point x) { return statistics::BetaCdf(x[0], x[1], x[2]); });
  methods["beta_ppf"] =
      Pointwise(3, [](Point x) { return statistics::BetaQuantile(x[0], x[1], x[2]); });
  methods["noncentral_t_sf"] =
      Pointwise(3, [](Point x) { return statistics::NoncentralTSurvival(x[0], x[1], x[2]); });
  methods["log_gamma"] = Pointwise(1, [](Point x) { return statistics::LogGamma(x[0]); });
  methods["lambert_w_minus1"] =
      Pointwise(1, [](Point x) { return statistics::LambertWMinus1(x[0]); });
}

}  // namespace upswing::stats_json
