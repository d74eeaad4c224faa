#include "server/statistics/decision.hpp"

#include <gtest/gtest.h>

namespace upswing::statistics {
namespace {

DecisionInput Healthy() {
  DecisionInput input;
  input.primary = {
      .name = "purchase_rate", .estimate = 0.05, .interval = {0.01, 0.09}, .p_value = 0.01};
  input.valid_now = true;
  input.days = input.min_days = 7;
  return input;
}

TEST(Decide, ShipsAGainWhenEveryGuardrailHeld) {
  DecisionInput input = Healthy();
  input.guardrails = {
      {.name = "refund_rate", .interval = {-0.02, 0.01}, .good_is_lower = true, .margin = 0.02}};
  EXPECT_EQ(Decide(input).action, DecisionAction::kShip);
}

TEST(Decide, WaitsForAGuardrailThatIsNotYetShownToHold) {
  DecisionInput input = Healthy();
  input.guardrails = {
      {.name = "refund_rate", .interval = {-0.02, 0.03}, .good_is_lower = true, .margin = 0.02}};
  const Decision decision = Decide(input);
  EXPECT_EQ(decision.action, DecisionAction::kKeepRunning);
  EXPECT_NE(decision.reason.find("refund_rate"), std::string::npos);
}

TEST(Decide, BlocksBeforeAnythingElse) {
  DecisionInput input = Healthy();
  input.unhealthy = "sample ratio mismatch (p = 1e-9)";
  EXPECT_EQ(Decide(input).action, DecisionAction::kBlockedUnhealthy);
}

TEST(Decide, StopsHarmBeforeTheMinimumOfDays) {
  DecisionInput input = Healthy();
  input.days = 1;
  input.primary.interval = {-0.09, -0.01};
  EXPECT_EQ(Decide(input).action, DecisionAction::kStopHarm);
  // But not on weak evidence of a plan that is valid at its end only.
  input.valid_now = false;
  input.primary.p_value = 0.01;
  EXPECT_EQ(Decide(input).action, DecisionAction::kKeepRunning);
  input.primary.p_value = 0.0001;
  EXPECT_EQ(Decide(input).action, DecisionAction::kStopHarm);
}

TEST(Decide, StopsWhenAGuardrailIsHurtBeyondItsMargin) {
  DecisionInput input = Healthy();
  input.guardrails = {
      {.name = "refund_rate", .interval = {0.03, 0.08}, .good_is_lower = true, .margin = 0.02}};
  EXPECT_EQ(Decide(input).action, DecisionAction::kStopHarm);
}

TEST(Decide, CallsLowConditionalPowerAndAnEmptyEndFutile) {
  DecisionInput input = Healthy();
  input.primary.interval = {-0.01, 0.02};
  input.primary.p_value = 0.5;
  EXPECT_EQ(Decide(input).action, DecisionAction::kKeepRunning);
  input.conditional_power = 0.05;
  EXPECT_EQ(Decide(input).action, DecisionAction::kStopFutile);
  input.conditional_power.reset();
  input.planned_end_reached = true;
  EXPECT_EQ(Decide(input).action, DecisionAction::kStopFutile);
}

TEST(Decide, WaitsForTheMinimumAndForTheEndOfAFixedPlan) {
  DecisionInput input = Healthy();
  input.days = 3;
  EXPECT_EQ(Decide(input).action, DecisionAction::kKeepRunning);
  input.days = 7;
  input.valid_now = false;
  EXPECT_EQ(Decide(input).action, DecisionAction::kKeepRunning);
  input.min_units = 10;
  EXPECT_NE(Decide(input).reason.find("0 units"), std::string::npos);
}

TEST(Decide, ShipsANonInferiorPrimaryWithinItsMarginOnly) {
  DecisionInput input = Healthy();
  input.primary.interval = {-0.01, 0.02};
  input.primary.p_value = 0.01;  // of the test against the margin
  input.primary.margin = 0.02;
  EXPECT_EQ(Decide(input).cause, "not_inferior");
  input.primary.interval = {-0.03, 0.01};
  EXPECT_EQ(Decide(input).action, DecisionAction::kKeepRunning);
  input.planned_end_reached = true;
  EXPECT_EQ(Decide(input).cause, "not_shown");
  input.primary.interval = {-0.09, -0.03};
  EXPECT_EQ(Decide(input).action, DecisionAction::kStopHarm);
}

TEST(Decide, MeasuresAReturnAgainstOne) {
  DecisionInput input = Healthy();
  input.primary.null_value = 1;
  input.primary.interval = {0.3, 0.7};
  EXPECT_EQ(Decide(input).action, DecisionAction::kStopHarm);
  input.primary.interval = {1.1, 1.7};
  EXPECT_EQ(Decide(input).action, DecisionAction::kShip);
}

TEST(Decide, AGuardrailThatHoldsAtTheEndOnlyShipsNothingBefore) {
  DecisionInput input = Healthy();
  input.guardrails = {{.name = "dwell", .interval = {-0.01, 0.01}, .margin = 0.02}};
  EXPECT_EQ(Decide(input).action, DecisionAction::kShip);
  input.guardrails[0].valid_now = false;
  EXPECT_EQ(Decide(input).cause, "guardrail_undefined");
}

}  // namespace
}  // namespace upswing::statistics
