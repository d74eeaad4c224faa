// The report as the server writes it (docs/reference: report JSON). A number that is not defined is
// null, with a reason beside it.

export type Num = number | null;
export type Range = [Num, Num] | null;

export interface Interval {
  estimate: Num;
  ci: Range;
  method?: string;
  reason?: string;
}

/** A sentence of the server. */
export interface Text {
  en: string;
  zh: string;
}

export interface Judged {
  looks: "fixed" | "anytime" | "group_sequential";
  alternative: "two_sided" | "greater" | "less";
  margin: { relative?: number; absolute?: number } | null;
  cuped: boolean;
  absolute: Interval;
  relative: Interval;
  null_value?: number;
  p_value: Num;
  p_value_adjusted: Num;
  /** The planned look that the numbers are from. */
  look?: {
    number: number;
    of: number;
    day: number;
    date: string;
    next_day: Num;
    z?: number;
    z_bound?: number;
    alpha_spent?: number;
    /** Absent where health forbids a verdict. */
    sentence?: Text;
  };
}

/** What was found out about single units, of all or of a sample. */
export interface UnitChecks {
  as_of: string | null;
  units: number;
  share: number;
  negative_controls: {
    metric: string;
    units: number;
    splits: number;
    beyond_1_96: number;
    variance_ratio: Num;
    p_value: Num;
    flagged: boolean;
  }[];
  outliers: {
    metric: string;
    variant: string;
    with_all: Num;
    without_largest: Num;
    p_with_all: Num;
    p_without_largest: Num;
  }[];
  ages: {
    metric: string;
    variant: string;
    units: number;
    /** Of all numbers that follow: lifts or differences. */
    scale: "relative" | "absolute";
    slope_per_day: Num;
    p_value: Num;
    effects: { day: number; estimate: Num; standard_error: Num }[];
  }[];
  interactions: {
    experiment: string;
    other_variant: string;
    metric: string;
    variant: string;
    units: number;
    estimate: Num;
    standard_error: Num;
    p_value: Num;
    p_value_adjusted: Num;
    assignment_p_value: Num;
  }[];
}

export interface Comparison {
  metric: string;
  variant: string;
  role?: "primary" | "secondary" | "guardrail";
  good: "up" | "down" | "neither";
  method: string;
  absolute: Interval;
  relative: Interval;
  relative_fieller?: Interval;
  p_value: Num;
  p_value_reason?: string;
  p_value_adjusted: Num;
  anytime: Interval & { p_value: Num; p_value_reason?: string; relative?: Interval };
  cuped: { absolute: Interval; relative: Interval; p_value: Num; variance_reduction: Num } | null;
  bayesian: { chance_to_win: Num; expected_loss: Num };
  detectable?: Num;
  /** How the plan judges it; absent for metrics outside the plan. */
  judged?: Judged;
  /** Of the primary metric: what more data would bring. */
  outlook?: { effect: number; power_now: Num; units_needed: Num; information: Num; conditional_power: Num; sentence?: Text };
  /** The comparison in words; absent where health forbids a verdict. */
  sentence?: Text;
}

export interface MetricInfo {
  key: string;
  metric: string;
  type: string;
  role: string;
  window_days: Num;
  funnel_step?: number;
  quantile?: number;
}

/** How the lift of a metric changed from day to day: novelty, or learning. */
export interface Trend {
  metric: string;
  variant: string;
  scale: "relative" | "absolute";
  slope_per_day: Num;
  p_value: Num;
  first: Num;
  last: Num;
}

/** Whether the segments of an attribute differ in their lift more than chance would have it. */
export interface Heterogeneity {
  metric: string;
  variant: string;
  attribute: string;
  p_value: Num;
  p_value_adjusted: Num;
}

export interface MetricSummary {
  units: number;
  pending: number;
  sum: Num;
  mean: Num;
  variance: Num;
  /** How many values lie in [low, high): units, or events for a quantile; null = no end. */
  distribution?: [Num, Num, number][];
}

export interface Variant {
  key: string;
  units: number;
  metrics: Record<string, MetricSummary>;
}

export interface Scope {
  variants: Variant[];
  comparisons: Comparison[];
}

export interface HealthCheck {
  name: string;
  severity: "block" | "warn";
  ok: boolean;
  p: Num;
  effect: Num;
  threshold: Num;
  detail: string;
  detail_zh?: string;
}

export interface Decision {
  action: string;
  reason: string;
  reason_zh?: string;
  variant?: string;
}

export interface Report extends Scope {
  experiment: string;
  hypothesis?: string;
  iteration: number;
  as_of: string;
  control: string;
  confidence: number;
  records: number;
  first_exposure: string | null;
  last_record: string | null;
  units_excluded: { multiple_variants: number; forced: number };
  events_without_unit?: number;
  metrics?: MetricInfo[];
  trends?: Trend[];
  heterogeneity?: Heterogeneity[];
  segments: (Scope & { attribute: string; value: string })[];
  days: (Scope & { date: string; cumulative: boolean })[];
  decision: Decision;
  account?: { families: { name: string; correction: string; questions: number }[] };
  health: {
    ok: boolean;
    srm: {
      p_value: Num;
      expected: number[];
      /** Places where the split is off, strongest evidence first. */
      causes?: { dimension: string; value: string; p_value: Num; share_gap: Num; units: number }[];
    };
    checks: HealthCheck[];
    /** What clients counted on the way from a decision to a record. */
    stages?: { variant: string; evaluated: number; exposed: number; queued: number; dropped: number; units: number }[];
    unit_checks?: UnitChecks | null;
  };
}

export interface Summary {
  as_of: string;
  last_record: string | null;
  first_exposure: string | null;
  days: number;
  units: number;
  primary: Comparison[];
  decision: Decision;
  health: { ok: boolean; failed: { name: string; severity: string }[] };
  error?: string;
}

export interface Live {
  project: string;
  now: string;
  records: number;
  catalog: { version: number; etag: string; published: string; timezone: string } | null;
}

export interface ExperimentRow {
  key: string;
  kind: "experiment" | "holdout";
  name: string;
  hypothesis: string;
  owner: string;
  status: string;
  iteration: number;
  unit: string;
  start: string | null;
  end: string | null;
  control: string;
  variants: { key: string; weight?: number }[];
  share: number | null;
  primary_metric: string | null;
  min_days: number | null;
  summary: Summary | null;
}

export interface Overview extends Live {
  experiments: ExperimentRow[];
}

/** The comparison as the switches want it: raw or CUPED. Null where there is no such number. */
export function effect(c: Comparison, scale: "relative" | "absolute", cuped: boolean): Interval {
  if (!cuped) return c[scale];
  return c.cuped ? c.cuped[scale] : c[scale];
}

export function pValue(c: Comparison, cuped: boolean): Num {
  return cuped && c.cuped ? c.cuped.p_value : c.p_value;
}

/**
 * The anytime interval on the scale of the picture. The server gives it on the metric's own scale;
 * for the relative picture it is divided by the size of the control's mean.
 */
export function anytime(c: Comparison, scale: "relative" | "absolute", controlMean: Num): Range {
  if (scale === "relative" && c.anytime.relative) return c.anytime.relative.ci;
  if (!c.anytime.ci || scale === "absolute") return c.anytime.ci;
  if (!controlMean) return null;
  const size = Math.abs(controlMean);
  return c.anytime.ci.map((end) => (end === null ? null : end / size)) as [Num, Num];
}

/**
 * The tone of a comparison: coloured only where nothing forbids it. What is asked of many metrics at
 * once must hold after the plan's correction, too.
 */
export function toneOf(c: Comparison, interval: Interval, report: Report): "good" | "bad" | "open" | "grey" {
  if (!report.health.ok) return "grey";
  // The primary metric is coloured by the interval by which the plan judges it.
  if (c.role === "primary" && c.judged && !c.judged.margin) {
    const decides = c.judged.relative.estimate !== null ? c.judged.relative : c.judged.absolute;
    return direction(decides, c.good, c.judged.null_value ?? 0);
  }
  const alone = c.role === "primary" || c.role === "guardrail";
  if (!alone && !(c.p_value_adjusted !== null && c.p_value_adjusted < 1 - report.confidence)) return "open";
  return direction(interval, c.good);
}

/** Which way it went, beyond doubt at the report's level: "good", "bad" or "open". */
export function direction(interval: Interval, good: Comparison["good"], none = 0): "good" | "bad" | "open" {
  const ci = interval.ci;
  if (!ci || good === "neither") return "open";
  if ((ci[0] ?? -Infinity) > none) return good === "up" ? "good" : "bad";
  if ((ci[1] ?? Infinity) < none) return good === "up" ? "bad" : "good";
  return "open";
}
