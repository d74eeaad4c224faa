#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/report/result.hpp"

namespace upswing::report {

enum class Language { kEnglish, kChinese };

/// Headings and fixed phrases of the reports: the one table of words.
enum class Word {
  kReport,
  kIteration,
  kAsOf,
  kControl,
  kUnits,
  kRecords,
  kVerdict,
  kHealth,
  kTrustworthy,
  kNotTrustworthy,
  kNotTrustworthyNote,
  kMetric,
  kVariant,
  kMean,
  kLift,
  kInterval,
  kAdjusted,
  kAnytime,
  kFixed,
  kChanceToWin,
  kShrunken,
  kPValue,
  kCuped,
  kRaw,
  kDetectable,
  kPending,
  kForestTitle,
  kForestNote,
  kOverTime,
  kOverTimeNote,
  kFunnel,
  kFunnelNote,
  kSegments,
  kSegmentsNote,
  kNumbers,
  kDaily,
  kVariants,
  kPlanned,
  kShare,
  kCheck,
  kSeverity,
  kDetail,
  kBlocks,
  kWarns,
  kOk,
  kAccount,
  kAccountNote,
  kQuestions,
  kDiscoveries,
  kCorrection,
  kPrimary,
  kSecondary,
  kGuardrail,
  kGuardrails,
  kOther,
  kLeftOut,
  kForced,
  kWithoutUnit,
  kErased,
  kDiffers,
  kPartsHere,
  kCauses,
  kNewUnits,
  kMethod,
  kIntentToTreat,
  kExploratory,
  kLooksFixed,
  kLooksAnytime,
  kLooksPlanned,
  kTrend,
  kNoData,
  kJudgedTitle,
  kJudgedNote,
  kTest,
  kTwoSided,
  kOneSidedUp,
  kOneSidedDown,
  kPlannedLooks,
  kMargin,
  kLook,
  kZAgainstBound,
  kAlphaSpent,
  kNextLook,
  kOutlookTitle,
  kPlannedEffect,
  kPowerNow,
  kUnitsNeeded,
  kInformation,
  kConditionalPower,
  kStages,
  kStagesNote,
  kEvaluated,
  kExposed,
  kQueued,
  kDropped,
  kArrived,
  kUnitChecks,
  kControls,
  kControlsNote,
  kSplits,
  kBeyond,
  kVarianceRatio,
  kOutliers,
  kOutliersNote,
  kWithAll,
  kWithoutLargest,
  kAges,
  kAgesNote,
  kSlopePerDay,
  kInteractions,
  kInteractionsNote,
  kOtherExperiment,
  kEffectDiffers,
  kAssignmentP,
};
std::string_view Say(Word word, Language language);

/// "Ship it", "Keep it running", "Stop: harm", "Stop: futile", "Blocked: unhealthy".
std::string_view SayAction(std::string_view action, Language language);
/// Why a number is not there, for `Figure::reason`; the word itself if it is not in the table.
std::string SayReason(std::string_view reason, Language language);
/// What a health check is called.
std::string SayCheck(std::string_view name, Language language);
/// What a health check found, `HealthCheck::detail`; English where there is no translation.
std::string SayFinding(std::string_view detail, Language language);
/// `pattern` with its {0}, {1}, ... replaced by the terms.
std::string FillIn(std::string_view pattern, const std::vector<std::string_view>& terms);
/// The sentence of a decision.
std::string ReasonOf(const Decision& decision, Language language);

/// 1234567 -> "1,234,567".
std::string Count(std::int64_t value);

/// Four significant digits without an exponent where it fits, e.g. "0.1062", "1,423", "6.7e-07".
std::string Number(double value);

/// The shortest text that reads back as the same double; empty for none.
std::string ExactNumber(const std::optional<double>& value);

/// A share or a lift: 0.0214 -> "2.1 %"; two digits after the point below 1 %.
std::string Percent(double value);

/// `Percent` with its sign: "+2.1 %".
std::string SignedPercent(double value);

/// An effect: a lift as `SignedPercent`, a difference as `Number`.
std::string EffectText(double value, bool is_lift);

/// "0.034", "0.0002", "< 1e-15".
std::string PValue(double value);

/// `interval` as "+0.4 % to +3.8 %"; "no end" for an end that is not finite. Empty if undefined.
std::string PercentRange(const Interval& interval, Language language = Language::kEnglish);

/// What happened to one metric, in plain words with the interval, e.g. "visit of Mens E-Mail
/// rose 72.1 % (66.0 % to 78.3 %); by chance alone a result like this comes up in fewer than 1 of a
/// million A/A tests."
std::string Sentence(const Comparison& comparison, Language language = Language::kEnglish);

/// What the last planned look said, e.g. "visit of on: look 2 of 4, at the end of day 14, the
/// effect did not cross this look's bound: z = 1.203 against 2.963; the next is at the end of
/// day 21." Empty without planned looks.
std::string LookSentence(const Comparison& comparison, Language language = Language::kEnglish);

/// What more data would bring for the effect that the plan wants to see; empty where it names none.
std::string OutlookSentence(const Comparison& comparison, const Plan& plan,
                            Language language = Language::kEnglish);

/// `text` with control characters and invalid UTF-8 replaced, so that a name cannot move the cursor
/// or forge a line.
std::string Printable(std::string_view text);

/// Columns that `text` (printable UTF-8) takes on a terminal: two for East Asian wide characters
/// and emoji.
std::size_t Width(std::string_view text);

/// `text` cut or filled with spaces to `width` columns; cut text ends in "…".
std::string Fit(std::string_view text, std::size_t width, bool right = false);

}  // namespace upswing::report
