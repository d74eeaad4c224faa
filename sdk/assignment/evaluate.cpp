#include "sdk/assignment/evaluate.hpp"

#include "sdk/assignment/evaluator.hpp"

namespace upswing::assignment {

Decision DecideExperiment(const catalog::View& view, const catalog::Experiment& experiment,
                          const Subject& subject, const Environment& environment) {
  Decision decision;
  Evaluator<NoTrace>(view, subject, environment, {}).Experiment(experiment, decision);
  return decision;
}

Decision DecideExperiment(const catalog::View& view, std::string_view key, const Subject& subject,
                          const Environment& environment) {
  Decision decision;
  if (const catalog::Experiment* const experiment = view.FindExperiment(key)) {
    Evaluator<NoTrace>(view, subject, environment, {}).Experiment(*experiment, decision);
  } else {
    decision.reason = Reason::kUnknownKey;
    decision.catalog_version = view.version();
  }
  return decision;
}

Decision DecideFlag(const catalog::View& view, const catalog::Flag& flag, const Subject& subject,
                    const Environment& environment) {
  Decision decision;
  Evaluator<NoTrace>(view, subject, environment, {}).Flag(flag, decision);
  decision.catalog_version = view.version();
  return decision;
}

Decision DecideFlag(const catalog::View& view, std::string_view key, const Subject& subject,
                    const Environment& environment) {
  if (const catalog::Flag* const flag = view.FindFlag(key)) {
    return DecideFlag(view, *flag, subject, environment);
  }
  Decision decision;
  decision.kind = DecisionKind::kFlag;
  decision.reason = Reason::kUnknownKey;
  decision.catalog_version = view.version();
  return decision;
}

void DecideAll(const catalog::View& view, const Subject& subject, const Environment& environment,
               std::vector<Decision>& decisions) {
  decisions.clear();
  decisions.resize(view.experiments().size());
  Evaluator<NoTrace> evaluator(view, subject, environment, {});
  std::size_t at = 0;
  for (const catalog::Experiment& experiment : view.experiments()) {
    evaluator.Experiment(experiment, decisions[at++]);
  }
}

}  // namespace upswing::assignment
