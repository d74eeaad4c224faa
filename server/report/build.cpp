#include "server/report/build.hpp"

#include <algorithm>
#include <cmath>
#include <deque>
#include <map>
#include <utility>

#include "absl/time/civil_time.h"
#include "absl/time/time.h"
#include "server/report/account.hpp"
#include "server/report/checks.hpp"
#include "server/report/columns.hpp"
#include "server/report/judgement.hpp"
#include "server/report/question.hpp"
#include "server/report/verdict.hpp"
#include "server/statistics/health.hpp"
#include "server/statistics/multiple_testing.hpp"

namespace upswing::report {
namespace {

// Builds the tables of one report. Questions live as long as it, since the
// account asks them again.
class Builder {
 public:
  Builder(const Input& input, Report* report)
      : input_(input),
        result_(*input.result),
        report_(report),
        columns_(Columns(*input.spec)),
        bounds_(input.bounds == nullptr ? &own_bounds_ : input.bounds) {
    for (std::size_t v = 0; v < result_.variants.size(); ++v) {
      if (result_.variants[v].key == input.control) control_ = v;
    }
  }

  void Run() {
    report_->metrics = DescribeColumns(columns_, input_.plan, result_);
    report_->dates = result_.days;
    FillMain();
    FillSegments();
    FillDays();
    FillJudgements();
    report_->account = Correct(input_.plan, asked_, asked_in_segments_, bounds_);
    FillOutlooks();
    FillHeterogeneity();
    FillTrends();
  }

 private:
  // The cells of variant v and metric m, one for each stratum; empty where
  // there is none.
  template <class CellsOf, class UnitsOf>
  void Fill(CellsOf cells_of, UnitsOf units_of, std::vector<VariantSummary>* variants,
            std::vector<Comparison>* comparisons, std::deque<Question>* questions) {
    for (std::size_t v = 0; v < result_.variants.size(); ++v) {
      VariantSummary summary;
      summary.key = result_.variants[v].key;
      summary.units = units_of(v);
      for (const Column& column : columns_) {
        const std::vector<ArmCell> cells = cells_of(v, column.index);
        if (!cells.empty())
          summary.metrics.push_back(Summarise(*cells[0].cell, *cells[0].arm, column));
      }
      variants->push_back(std::move(summary));
    }
    for (const Column& column : columns_) {
      const std::vector<ArmCell> c = cells_of(control_, column.index);
      for (std::size_t v = 0; v < result_.variants.size(); ++v) {
        const std::vector<ArmCell> t = cells_of(v, column.index);
        if (v == control_ || c.empty() || t.empty()) continue;
        // The total comes first; strata follow where there are several.
        const std::size_t from = c.size() > 1 && c.size() == t.size() ? 1 : 0;
        const std::size_t to = from == 1 ? c.size() : 1;
        const auto part = [&](const std::vector<ArmCell>& cells) {
          return std::vector<ArmCell>(cells.begin() + static_cast<std::ptrdiff_t>(from),
                                      cells.begin() + static_cast<std::ptrdiff_t>(to));
        };
        questions->push_back(Ask(part(c), part(t), column, input_.plan));
        Comparison comparison = Answer(questions->back(), column, result_.variants[v].key);
        comparison.role = RoleOf(input_.plan, column.metric->key);
        comparison.events_control = c[0].cell->events;
        comparison.events_variant = t[0].cell->events;
        comparisons->push_back(std::move(comparison));
        if (questions == &questions_) {
          column_of_question_.push_back(&column);
          variant_of_question_.push_back(v);
        }
      }
    }
    // Control first.
    std::rotate(variants->begin(), variants->begin() + static_cast<std::ptrdiff_t>(control_),
                variants->begin() + static_cast<std::ptrdiff_t>(control_) + 1);
  }

  const analysis::MetricCells& ArmOf(std::size_t v, std::size_t m) const {
    return result_.variants[v].metrics[m];
  }

  void FillMain() {
    const bool phases = result_.phases.size() > 1;
    Fill(
        [&](std::size_t v, std::size_t m) {
          const analysis::MetricCells& arm = ArmOf(v, m);
          std::vector<ArmCell> cells = {{&arm.total, &arm}};
          // Where weights changed, each phase is a stratum.
          for (std::size_t k = 0; phases && k < arm.phases.size(); ++k)
            cells.push_back({&arm.phases[k], &arm});
          return cells;
        },
        [&](std::size_t v) { return result_.variants[v].units; }, &report_->variants,
        &report_->comparisons, &questions_);
    for (std::size_t i = 0; i < report_->comparisons.size(); ++i)
      asked_.push_back({&report_->comparisons[i], &questions_[i]});

    double weights = 0;
    for (const analysis::VariantSpec& variant : input_.spec->variants) weights += variant.weight;
    for (VariantSummary& summary : report_->variants) {
      for (std::size_t v = 0; v < result_.variants.size(); ++v) {
        if (result_.variants[v].key != summary.key) continue;
        for (std::size_t c = 0; c < columns_.size(); ++c)
          summary.metrics[c].distribution = DistributionOf(ArmOf(v, columns_[c].index));
        summary.crossovers = result_.variants[v].crossovers;
        summary.units_by_day = result_.variants[v].units_by_day;
        if (weights > 0 && v < input_.spec->variants.size())
          summary.planned_share = input_.spec->variants[v].weight / weights;
      }
    }
    if (result_.crossover_units == 0) return;
    for (Comparison& comparison : report_->comparisons) {
      for (std::size_t v = 0; v < result_.variants.size(); ++v) {
        if (result_.variants[v].key != comparison.variant) continue;
        for (const Column& column : columns_) {
          if (column.name != comparison.metric) continue;
          const analysis::MetricCells& c = ArmOf(control_, column.index);
          const analysis::MetricCells& t = ArmOf(v, column.index);
          comparison.intent_to_treat = AnswerIntentToTreat(
              Ask({{&c.first_variant, &c}}, {{&t.first_variant, &t}}, column, input_.plan));
        }
      }
    }
  }

  // What the plan asks, and its answers before corrections.
  void FillJudgements() {
    for (std::size_t i = 0; i < report_->comparisons.size(); ++i) {
      Comparison& comparison = report_->comparisons[i];
      if (comparison.role.empty()) continue;
      const Column& column = *column_of_question_[i];
      PlannedQuestion& planned =
          planned_.emplace_back(AskByPlan(input_.plan, questions_[i], column, comparison.role));
      planned.days = std::max(static_cast<int>(result_.days.size()), DaysOver());
      if (input_.plan.group_sequential) FillLooks(variant_of_question_[i], column, &planned);
      comparison.judged = Judge(planned, input_.plan.alpha, bounds_);
      asked_[i].planned = &planned;
    }
  }

  // The data of the planned looks that have come. A look is a day's end, and is as the data are
  // known now: what comes late joins the look that it belongs to.
  void FillLooks(std::size_t v, const Column& column, PlannedQuestion* planned) {
    const analysis::MetricCells& control = ArmOf(control_, column.index);
    const analysis::MetricCells& variant = ArmOf(v, column.index);
    const std::vector<int>& planned_days = input_.plan.group_sequential->days;
    if (control.looks.size() != planned_days.size() || variant.looks.size() != planned_days.size())
      planned->no_looks = "not_supported";
    // An estimate over phases of other weights does not go from look to look as sums do.
    if (!SameWeights(PhasesOf(input_)) || (result_.phases.size() > 1 && PhasesOf(input_).empty()))
      planned->no_looks = "weights_changed";
    if (!planned->no_looks.empty()) return;
    const auto add = [&](int day, const analysis::Cell& c, const analysis::Cell& t) {
      LookData look;
      look.day = day;
      look.date = absl::FormatCivilTime(FirstDay() + day - 1);
      look.strata = Ask({{&c, &control}}, {{&t, &variant}}, column, input_.plan).strata;
      planned->looks.push_back(std::move(look));
    };
    // After the end nothing more is looked at than what came until then.
    const auto days = static_cast<int>(result_.days.size());
    const int over = input_.plan.ended ? std::min(DaysOver(), days) : DaysOver();
    for (std::size_t k = 0; k < planned_days.size(); ++k) {
      if (planned_days[k] <= over) {
        add(planned_days[k], control.looks[k], variant.looks[k]);
      } else if (planned->next_look_day == 0) {
        planned->next_look_day = planned_days[k];
      }
    }
    // Stopped before its planned end, an experiment is looked at once more.
    if (input_.plan.ended && planned->next_look_day > 0) {
      planned->next_look_day = 0;
      if (planned->looks.empty() || planned->looks.back().day < days)
        add(days, control.total, variant.total);
    }
  }

  absl::CivilDay FirstDay() const {
    absl::CivilDay day;
    if (!result_.days.empty()) absl::ParseCivilTime(result_.days[0], &day);
    return day;
  }

  // Days of the experiment that are over: the day of `as_of` is not.
  int DaysOver() const {
    absl::TimeZone zone = absl::UTCTimeZone();
    absl::LoadTimeZone(input_.spec->timezone, &zone);
    const absl::CivilDay today =
        absl::ToCivilDay(absl::FromUnixMillis(input_.spec->as_of_ms), zone);
    constexpr absl::civil_diff_t kMost = 100'000;
    return static_cast<int>(std::clamp<absl::civil_diff_t>(today - FirstDay(), 0, kMost));
  }

  void FillOutlooks() {
    for (const Asked& asked : asked_) {
      if (asked.planned != nullptr && asked.comparison->role == "primary")
        asked.comparison->outlook = LookAhead(*asked.planned, bounds_);
    }
  }

  void FillSegments() {
    if (result_.variants.empty()) return;
    for (std::size_t s = 0; s < result_.variants[0].segments.size(); ++s) {
      const auto has = [&](std::size_t v) { return s < result_.variants[v].segments.size(); };
      Segment segment{
          result_.variants[0].segments[s].attribute, result_.variants[0].segments[s].value, {}, {}};
      Fill(
          [&](std::size_t v, std::size_t m) {
            return has(v) ? std::vector<ArmCell>{{&result_.variants[v].segments[s].metrics[m],
                                                  &ArmOf(v, m)}}
                          : std::vector<ArmCell>{};
          },
          [&](std::size_t v) {
            return has(v) ? result_.variants[v].segments[s].units_first_variant : 0;
          },
          &segment.variants, &segment.comparisons, &segment_questions_);
      report_->segments.push_back(std::move(segment));
    }
    std::size_t at = 0;
    for (Segment& segment : report_->segments) {
      for (Comparison& comparison : segment.comparisons)
        asked_in_segments_.push_back({&comparison, &segment_questions_[at++]});
    }
  }

  void FillDays() {
    std::deque<Question> questions;
    for (std::size_t d = 0; d < result_.days.size(); ++d) {
      for (const bool cumulative : {true, false}) {
        Day day{result_.days[d], cumulative, {}, {}};
        Fill(
            [&](std::size_t v, std::size_t m) {
              const analysis::MetricCells& arm = ArmOf(v, m);
              const auto& cells = cumulative ? arm.cumulative : arm.daily;
              return d < cells.size() ? std::vector<ArmCell>{{&cells[d], &arm}}
                                      : std::vector<ArmCell>{};
            },
            [&](std::size_t v) {
              const auto& by_day = result_.variants[v].units_by_day;
              std::int64_t sum = 0;
              for (std::size_t i = cumulative ? 0 : d; i <= d && i < by_day.size(); ++i)
                sum += by_day[i];
              return sum;
            },
            &day.variants, &day.comparisons, &questions);
        questions.clear();
        report_->days.push_back(std::move(day));
      }
    }
  }

  // Effects at several places: lifts, where lifts have a meaning.
  struct Places {
    std::vector<double> at;  // of any kind
    std::vector<statistics::Contrast> contrasts;

    void Add(double place, const Comparison& comparison) {
      if (!comparison.contrast) return;
      at.push_back(place);
      contrasts.push_back(*comparison.contrast);
    }
    // What can be compared, by place.
    std::vector<statistics::EffectAtAge> Effects(bool* of_lifts) const {
      std::vector<statistics::EffectAtAge> effects;
      const auto lifts = statistics::LiftsToCompare(contrasts);
      *of_lifts = lifts.ok();
      for (std::size_t i = 0; i < at.size(); ++i) {
        if (!lifts.ok()) {
          effects.push_back({at[i], contrasts[i].difference, contrasts[i].difference_variance});
        } else if (const auto& lift = (*lifts)[i]) {
          effects.push_back({at[i], lift->lift, lift->variance});
        }
      }
      return effects;
    }
  };

  // Per metric, variant and attribute: do the segments' effects differ?
  void FillHeterogeneity() {
    std::map<std::pair<std::size_t, std::string>, Places> groups;
    for (std::size_t s = 0; s < report_->segments.size(); ++s) {
      const Segment& segment = report_->segments[s];
      for (std::size_t i = 0; i < segment.comparisons.size(); ++i)
        groups[{i, segment.attribute}].Add(static_cast<double>(s), segment.comparisons[i]);
    }
    std::vector<double> p_values;
    for (const auto& [key, places] : groups) {
      if (places.at.empty()) continue;
      const Segment& first = report_->segments[static_cast<std::size_t>(places.at.front())];
      Heterogeneity group;
      group.metric = first.comparisons[key.first].metric;
      group.variant = first.comparisons[key.first].variant;
      group.attribute = key.second;
      std::vector<double> effects, variances;
      for (const auto& effect : places.Effects(&group.of_lifts)) {
        group.segments.emplace_back(report_->segments[static_cast<std::size_t>(effect.age)].value,
                                    1.0);
        effects.push_back(effect.effect);
        variances.push_back(effect.variance);
      }
      const auto test = statistics::CompareSegments(effects, variances);
      if (!test.ok()) {
        group.p_value.reason = group.p_value_adjusted.reason = std::string(test.status().message());
      } else {
        group.p_value.value = test->q_p_value;
        for (std::size_t i = 0; i < group.segments.size(); ++i)
          group.segments[i].second = test->differs_p[i];
      }
      p_values.push_back(group.p_value.value.value_or(NAN));
      report_->heterogeneity.push_back(std::move(group));
    }
    const auto adjusted =
        statistics::AdjustPValues(p_values, statistics::Correction::kBenjaminiHochberg);
    for (std::size_t i = 0; adjusted.ok() && i < adjusted->size(); ++i) {
      if (!std::isnan((*adjusted)[i]))
        report_->heterogeneity[i].p_value_adjusted.value = (*adjusted)[i];
    }
  }

  // Per metric of the plan and variant: the slope of the daily lifts. Days
  // share units, so that their effects go together, which makes the test of the
  // slope a careful one.
  void FillTrends() {
    for (std::size_t i = 0; i < report_->comparisons.size(); ++i) {
      const Comparison& main = report_->comparisons[i];
      if (main.role.empty()) continue;
      Places places;
      double age = 0;
      for (const Day& day : report_->days) {
        if (day.cumulative) continue;
        age += 1;
        for (const Comparison& comparison : day.comparisons) {
          if (comparison.metric == main.metric && comparison.variant == main.variant)
            places.Add(age, comparison);
        }
      }
      if (places.at.empty()) continue;
      Trend trend{main.metric, main.variant, false, {}, {}, {}, {}};
      const auto fit = statistics::EffectTrend(places.Effects(&trend.of_lifts));
      if (!fit.ok()) {
        trend.slope.reason = trend.p_value.reason = trend.first.reason = trend.last.reason =
            std::string(fit.status().message());
      } else {
        trend.slope.value = fit->slope;
        trend.p_value.value = fit->p_value;
        trend.first.value = fit->first_effect;
        trend.last.value = fit->last_effect;
      }
      report_->trends.push_back(std::move(trend));
    }
  }

  const Input& input_;
  const analysis::AnalysisResult& result_;
  Report* report_;
  std::vector<Column> columns_;
  std::size_t control_ = 0;
  std::deque<Question> questions_;
  std::vector<const Column*> column_of_question_;  // by question
  std::vector<std::size_t> variant_of_question_;
  std::deque<PlannedQuestion> planned_;
  statistics::BoundsCache own_bounds_;
  statistics::BoundsCache* bounds_;
  std::deque<Question> segment_questions_;
  std::vector<Asked> asked_;
  std::vector<Asked> asked_in_segments_;
};

}  // namespace

std::string FormatTime(std::int64_t millis) {
  const absl::Time time = absl::FromUnixMillis(millis);
  return absl::FormatTime(millis % 1000 == 0 ? "%Y-%m-%dT%H:%M:%SZ" : "%Y-%m-%dT%H:%M:%E3SZ", time,
                          absl::UTCTimeZone());
}

Report Build(const Input& input) {
  const analysis::ExperimentSpec& spec = *input.spec;
  const analysis::AnalysisResult& result = *input.result;
  Report report;
  report.experiment = spec.experiment;
  report.hypothesis = input.hypothesis;
  report.iteration = spec.iteration;
  report.as_of = FormatTime(spec.as_of_ms);
  if (result.first_exposure_ms) report.first_exposure = FormatTime(*result.first_exposure_ms);
  if (result.last_record_ms) report.last_record = FormatTime(*result.last_record_ms);
  report.control = input.control;
  report.confidence = 1 - input.plan.alpha;
  report.records = result.exposures + result.events;
  report.units_in_several_variants = result.crossover_units;
  report.units_forced = result.forced_units;
  report.events_without_unit = result.events_without_unit;
  report.units_erased = result.erased_units;
  report.plan = input.plan;
  Builder(input, &report).Run();
  CheckHealth(input, &report);
  DecideByPlan(input, &report);
  return report;
}

}  // namespace upswing::report
