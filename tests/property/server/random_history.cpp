#include "tests/property/server/random_history.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <set>
#include <vector>

#include "sdk/base/hash.hpp"

namespace upswing::testing {

using analysis::AnalysisResult;
using analysis::Cell;
using analysis::ExperimentSpec;
using metrics::Condition;
using metrics::MetricDefinition;
using metrics::MetricType;

std::uint64_t Key(const char* type, std::int64_t number) {
  return base::Mix(base::Hash64(type) + static_cast<std::uint64_t>(number)) | 1;
}

namespace {

Units RandomUnits(Dice* dice) {
  Units units;
  const std::int64_t user = dice->Below(30);
  if (!dice->OneIn(5)) units.emplace_back("user", Key("user", user));
  // A user has two devices; some devices are seen before anyone logs in.
  if (!dice->OneIn(3) || units.empty())
    units.emplace_back("device", Key("device", user * 2 + dice->Below(2)));
  if (dice->OneIn(2)) units.emplace_back("room", Key("room", dice->Below(6)));
  return units;
}

std::int64_t RandomTime(Dice* dice) {
  // Mostly anywhere, sometimes on the hour, so that times collide and fall on boundaries.
  const std::int64_t time = kStart + dice->Below(25 * kDay);
  return dice->OneIn(4) ? time - time % kHour : time;
}

}  // namespace

RecordList RandomRecords(Dice* dice, int count) {
  RecordList list;
  std::vector<std::uint64_t> event_ids = {0};
  std::uint32_t order = 0;
  // Ties of (time, order) between records of one unit that differ have no order; real batches give
  // none.
  for (int i = 0; i < count; ++i) {
    ++order;
    if (dice->OneIn(4)) {
      ExposureRecord x;
      x.units = RandomUnits(dice);
      x.time = RandomTime(dice);
      x.experiment = dice->OneIn(5) ? "other" : "exp";
      // Units mostly stay where their key puts them; some cross over.
      const std::uint64_t key = x.units.back().second;
      x.variant = dice->OneIn(40) ? "gone" : (key % 2 == 0) != dice->OneIn(12) ? "on" : "off";
      x.iteration = dice->OneIn(8) ? 2 : 1;
      x.phase = dice->OneIn(3) ? 2 : 1;
      x.reason = dice->OneIn(15) ? 2 : 0;
      if (!dice->OneIn(3)) x.attributes.emplace_back("country", dice->OneIn(2) ? "CN" : "DE");
      if (!dice->OneIn(3)) x.attributes.emplace_back("age", dice->Below(3));
      x.order = order;
      list.exposures.push_back(x);
      continue;
    }
    EventRecord e;
    e.units = RandomUnits(dice);
    e.time = RandomTime(dice);
    const char* names[] = {"purchase", "refund", "view", "ask", "answer", "ignored"};
    e.name = names[dice->Below(6)];
    e.value = static_cast<double>(dice->Below(2000) - 200) / 100;
    if (dice->OneIn(50)) e.value *= 1e9;
    if (dice->OneIn(3)) {
      e.event_id = dice->OneIn(4) ? event_ids[static_cast<std::size_t>(
                                        dice->Below(static_cast<std::int64_t>(event_ids.size())))]
                                  : base::Mix(order) | 1;
      event_ids.push_back(e.event_id);
    }
    if (e.name == "refund" || dice->OneIn(4))
      e.ref_id = event_ids[static_cast<std::size_t>(
          dice->Below(static_cast<std::int64_t>(event_ids.size())))];
    if (dice->OneIn(2)) e.properties.emplace_back("category", dice->OneIn(2) ? "beauty" : "food");
    if (dice->OneIn(2))
      e.properties.emplace_back("amount", static_cast<double>(dice->Below(500)) / 7);
    if (dice->OneIn(3)) {
      e.properties.emplace_back("count", dice->Below(4));
    } else if (dice->OneIn(6)) {
      e.properties.emplace_back("count", dice->OneIn(2));  // another type: bool
    }
    e.order = order;
    list.events.push_back(e);
  }
  return list;
}

namespace {

MetricDefinition Metric(const char* key, MetricType type, const char* event) {
  MetricDefinition metric;
  metric.key = key;
  metric.type = type;
  if (*event != 0) metric.events.events = {event};
  return metric;
}

std::vector<MetricDefinition> AllMetrics(Dice* dice) {
  std::vector<MetricDefinition> all;
  const auto add = [&](MetricDefinition metric) -> MetricDefinition& {
    if (metric.type == MetricType::kTimeTo || dice->OneIn(2))
      metric.window_ms = (1 + dice->Below(9)) * kDay;
    return all.emplace_back(std::move(metric));
  };
  add(Metric("bought", MetricType::kConversion, "purchase")).threshold = 1 + dice->Below(2);
  MetricDefinition& count = add(Metric("views", MetricType::kCount, "view"));
  count.events.events.push_back("purchase");
  count.events.where = {{"category", Condition::Operator::kNotIn, {std::string("food")}}};
  count.covariate = metrics::Covariate{3 * kDay, {}, false};
  MetricDefinition& sum = add(Metric("spent", MetricType::kSum, "purchase"));
  sum.winsorize = metrics::Winsorize{0.8, std::nullopt};
  sum.covariate = metrics::Covariate{5 * kDay, {}, dice->OneIn(2)};
  MetricDefinition& where = add(Metric("beauty", MetricType::kSum, "purchase"));
  where.events.value = "amount";
  where.events.where = {{"category", Condition::Operator::kIn, {std::string("beauty")}},
                        {"count", Condition::Operator::kLess, {3.0}}};
  where.covariate = metrics::Covariate{4 * kDay, {{"view"}, {}, "", false, ""}, true};
  add(Metric("basket", MetricType::kMean, "purchase")).winsorize =
      metrics::Winsorize{std::nullopt, 50.0};
  add(Metric("largest", MetricType::kMax, "purchase"));
  MetricDefinition& last = add(Metric("latest", MetricType::kLast, "view"));
  if (dice->OneIn(2)) last.missing = -1;
  MetricDefinition& ratio = add(Metric("refund_rate", MetricType::kRatio, "refund"));
  ratio.denominator.events = {"purchase"};
  ratio.events.refers_to = "purchase";
  ratio.covariate = metrics::Covariate{6 * kDay, {}, false};
  MetricDefinition& money = add(Metric("refund_share", MetricType::kRatio, "refund"));
  money.denominator.events = {"purchase", "view"};
  money.events.sum = money.denominator.sum = true;
  MetricDefinition& d1 = all.emplace_back(Metric("d1", MetricType::kRetention, "view"));
  d1.first_day = d1.last_day = 1;
  MetricDefinition& d7 = all.emplace_back(Metric("d2_5", MetricType::kRetention, "view"));
  d7.first_day = 2;
  d7.last_day = 5;
  d7.elapsed_days = true;
  MetricDefinition& funnel = add(Metric("funnel", MetricType::kFunnel, ""));
  funnel.steps = {{{"view", "ask"}, {}, "", false, ""},
                  {{"purchase"}, {}, "", false, ""},
                  {{"purchase", "refund"}, {}, "", false, ""}};
  add(Metric("until", MetricType::kTimeTo, "purchase"));
  add(Metric("kinds", MetricType::kDistinct, "purchase")).events.value = "count";
  MetricDefinition& pair = add(Metric("response", MetricType::kPair, "answer"));
  pair.from.events = {"ask"};
  MetricDefinition& quantile = add(Metric("typical", MetricType::kQuantile, "purchase"));
  quantile.quantile = dice->OneIn(2) ? 0.5 : 0.9;
  if (dice->OneIn(2))
    quantile.covariate = metrics::Covariate{4 * kDay, {{"view"}, {}, "", false, ""}, true};
  MetricDefinition& net = add(Metric("net", MetricType::kLinear, ""));
  net.terms = {{"spent", 1}, {"beauty", -0.5}, {"bought", 3}};
  add(Metric("return", MetricType::kIncrementalRatio, "")).terms = {{"net", 1}, {"bought", 1}};
  std::shuffle(all.begin(), all.end(),
               std::mt19937_64(static_cast<std::uint64_t>(dice->Below(1 << 30))));
  all.resize(static_cast<std::size_t>(1 + dice->Below(static_cast<std::int64_t>(all.size()))));
  std::set<std::string> kept;
  for (const auto& metric : all) kept.insert(metric.key);
  for (auto& metric : all)
    std::erase_if(metric.terms, [&](const auto& term) { return kept.count(term.metric) == 0; });
  std::erase_if(all, [](const auto& metric) {
    return metric.type == MetricType::kIncrementalRatio && metric.terms.size() != 2;
  });
  return all;
}

}  // namespace

ExperimentSpec RandomSpec(Dice* dice) {
  ExperimentSpec spec;
  spec.experiment = "exp";
  spec.variants = {{"off", 1}, {"on", 1}};
  spec.unit_type = "user";
  switch (dice->Below(4)) {
    case 0:
      spec.fallback_unit = "device";
      break;
    case 1:
      spec.unit_type = "device";
      break;
    case 2:
      spec.unit_type = "room";
      spec.observation_unit = "user";
      break;
    default:
      break;
  }
  spec.metrics = AllMetrics(dice);
  spec.as_of_ms = kStart + (8 + dice->Below(20)) * kDay + dice->Below(kDay);
  if (dice->OneIn(3)) spec.end_ms = kStart + (5 + dice->Below(15)) * kDay;
  spec.timezone = dice->OneIn(2) ? "America/New_York" : "Asia/Shanghai";
  spec.lateness_ms = dice->Below(3) * 12 * kHour;
  spec.mature_only = !dice->OneIn(5);
  if (dice->OneIn(2)) spec.report_by = {"country", "age"};
  if (dice->OneIn(2)) spec.looks = {4, 9, 12 + static_cast<int>(dice->Below(10))};
  return spec;
}

namespace {

// Compares cell by cell, so that a difference says where it is.
// Within `tolerance` of the sum's scale, which for sums of many signs is that of the squares.
void ExpectNear(double real, double oracle, double scale, double tolerance,
                const std::string& where) {
  EXPECT_LE(std::fabs(real - oracle), tolerance * std::max(std::fabs(oracle), scale))
      << where << ": " << real << " instead of " << oracle;
}

void ExpectSame(const Cell& real, const Cell& oracle, const std::string& where, double tolerance) {
  EXPECT_EQ(real.units, oracle.units) << where;
  EXPECT_EQ(real.pending, oracle.pending) << where;
  EXPECT_EQ(real.events, oracle.events) << where;
  ASSERT_EQ(real.sums.dimension(), oracle.sums.dimension()) << where;
  EXPECT_EQ(real.sums.n(), oracle.sums.n()) << where;
  if (tolerance == 0) {
    EXPECT_TRUE(real.sums.Save() == oracle.sums.Save())
        << where << ": " << real.sums.sum(0).Round() << " instead of "
        << oracle.sums.sum(0).Round();
    return;
  }
  for (std::size_t a = 0; a < oracle.sums.dimension(); ++a) {
    const double square = oracle.sums.product(a, a).Round();
    ExpectNear(real.sums.sum(a).Round(), oracle.sums.sum(a).Round(), std::sqrt(square), tolerance,
               where);
    for (std::size_t b = a; b < oracle.sums.dimension(); ++b)
      ExpectNear(real.sums.product(a, b).Round(), oracle.sums.product(a, b).Round(),
                 std::sqrt(square * oracle.sums.product(b, b).Round()), tolerance, where);
  }
}

}  // namespace

void ExpectSame(const AnalysisResult& real, const AnalysisResult& oracle,
                const ExperimentSpec& spec, double tolerance) {
  EXPECT_EQ(real.phases, oracle.phases);
  EXPECT_EQ(real.days, oracle.days);
  EXPECT_EQ(real.forced_units, oracle.forced_units);
  EXPECT_EQ(real.crossover_units, oracle.crossover_units);
  EXPECT_EQ(real.unknown_variant_records, oracle.unknown_variant_records);
  EXPECT_EQ(real.events_without_unit, oracle.events_without_unit);
  EXPECT_TRUE(real.unreadable.empty());
  ASSERT_EQ(real.variants.size(), oracle.variants.size());
  for (std::size_t v = 0; v < real.variants.size(); ++v) {
    const auto& a = real.variants[v];
    const auto& b = oracle.variants[v];
    EXPECT_EQ(a.units, b.units);
    EXPECT_EQ(a.units_first_variant, b.units_first_variant);
    EXPECT_EQ(a.crossovers, b.crossovers);
    EXPECT_EQ(a.units_by_day, b.units_by_day);
    EXPECT_EQ(a.units_by_phase, b.units_by_phase);
    for (std::size_t m = 0; m < spec.metrics.size(); ++m) {
      const std::string where = a.key + "/" + spec.metrics[m].key;
      const auto& x = a.metrics[m];
      const auto& y = b.metrics[m];
      ExpectSame(x.total, y.total, where + " total", tolerance);
      ASSERT_EQ(x.quantile.has_value(), y.quantile.has_value()) << where;
      if (x.quantile.has_value()) {
        EXPECT_EQ(x.quantile->nu, y.quantile->nu) << where;
        EXPECT_EQ(x.quantile->estimate, y.quantile->estimate) << where;
        EXPECT_EQ(x.quantile->lower, y.quantile->lower) << where;
        EXPECT_EQ(x.quantile->upper, y.quantile->upper) << where;
        EXPECT_EQ(x.quantile->n, y.quantile->n) << where;
      }
      ExpectSame(x.first_variant, y.first_variant, where + " first variant", tolerance);
      ASSERT_EQ(x.phases.size(), y.phases.size());
      for (std::size_t p = 0; p < x.phases.size(); ++p)
        ExpectSame(x.phases[p], y.phases[p], where + " phase " + std::to_string(p), tolerance);
      ASSERT_EQ(x.cumulative.size(), y.cumulative.size()) << where;
      for (std::size_t d = 0; d < x.cumulative.size(); ++d)
        ExpectSame(x.cumulative[d], y.cumulative[d], where + " cumulative " + real.days[d],
                   tolerance);
      ASSERT_EQ(x.looks.size(), y.looks.size()) << where;
      for (std::size_t k = 0; k < x.looks.size(); ++k)
        ExpectSame(x.looks[k], y.looks[k], where + " look at day " + std::to_string(spec.looks[k]),
                   tolerance);
      ASSERT_EQ(x.daily.size(), y.daily.size()) << where;
      for (std::size_t d = 0; d < x.daily.size(); ++d)
        ExpectSame(x.daily[d], y.daily[d], where + " daily " + real.days[d], tolerance);
    }
    ASSERT_EQ(a.segments.size(), b.segments.size());
    for (std::size_t s = 0; s < a.segments.size(); ++s) {
      const std::string where = a.key + "/" + b.segments[s].attribute + "=" + b.segments[s].value;
      EXPECT_EQ(a.segments[s].attribute, b.segments[s].attribute);
      EXPECT_EQ(a.segments[s].value, b.segments[s].value);
      EXPECT_EQ(a.segments[s].units_first_variant, b.segments[s].units_first_variant) << where;
      for (std::size_t m = 0; m < spec.metrics.size(); ++m)
        ExpectSame(a.segments[s].metrics[m], b.segments[s].metrics[m],
                   where + "/" + spec.metrics[m].key, tolerance);
    }
  }
}

}  // namespace upswing::testing
