// Funnels with the step where the variants part, and retention curves.
import { Name, Section } from "./basics";
import * as Plot from "@observablehq/plot";
import { count, lift, orDash, percent, percentTick, range } from "../format";
import { useWords } from "../i18n";
import { metricDefinition, type Catalog } from "../catalog";
import type { Comparison, Report } from "../report";
import { Chart, colorOf } from "./chart";

interface Step {
  metric: string;
  index: number;
  name: string;
}

/** The columns "checkout.1_impression", "checkout.2_click", ... of each funnel metric. */
export function funnels(report: Report): { name: string; steps: Step[] }[] {
  const found = new Map<string, Step[]>();
  const infos = new Map((report.metrics ?? []).map((info) => [info.key, info]));
  for (const metric of Object.keys(report.variants[0]?.metrics ?? {})) {
    const match = /^(.+)\.(\d+)(?:_(.*))?$/.exec(metric);
    const info = infos.get(metric);
    if (!match || (info && info.type !== "funnel")) continue;
    const steps = found.get(match[1]) ?? [];
    steps.push({ metric, index: Number(match[2]), name: (match[3] || match[2]).replace(`${report.experiment}.`, "") });
    found.set(match[1], steps);
  }
  return [...found]
    .map(([name, steps]) => ({ name, steps: steps.sort((a, b) => a.index - b.index) }))
    .filter((funnel) => funnel.steps.length > 1);
}

/** The first step whose cumulative reach differs beyond chance, by the adjusted p-value. */
function partsAt(report: Report, steps: Step[], variant: string): { step: Step; c: Comparison } | null {
  const alpha = 1 - report.confidence;
  for (const step of steps) {
    const c = report.comparisons.find((o) => o.metric === step.metric && o.variant === variant);
    if (!c || c.absolute.estimate === null || !c.absolute.ci) continue;
    const p = c.p_value_adjusted ?? c.p_value;
    if (p !== null && p < alpha) return { step, c };
  }
  return null;
}

export function Funnel({ report }: { report: Report }) {
  const w = useWords();
  const all = funnels(report);
  if (all.length === 0) {
    return (
      <Section title={w.experiment.funnel}>
        <p class="muted">{w.experiment.noFunnel}</p>
      </Section>
    );
  }
  const reach = (v: number, metric: string) => report.variants[v].metrics[metric]?.mean ?? null;
  return (
    <>
      {all.map(({ name, steps }) => (
        <Section key={name} title={`${w.experiment.funnel}: ${name}`}>
          <p class="muted small">{w.experiment.funnelHint}</p>
          {report.health.ok &&
            report.variants.slice(1).map((v) => {
              const at = partsAt(report, steps, v.key);
              return (
                <p key={v.key} class="finding">
                  {at
                    ? w.experiment.funnelParts(
                        at.step.name,
                        v.key,
                        lift(
                          at.c.relative.estimate ?? at.c.absolute.estimate,
                          at.c.relative.estimate !== null ? "relative" : "absolute",
                        ),
                        at.c.relative.estimate !== null
                          ? range(at.c.relative.ci, "relative", w.common.open, w.common.to)
                          : range(at.c.absolute.ci, "absolute", w.common.open, w.common.to),
                      )
                    : w.experiment.funnelSame}
                </p>
              );
            })}
          <div class="funnel" style={{ "--variants": String(report.variants.length) }}>
            {steps.map((step, s) => (
              <div class="funnel-step" key={step.metric}>
                <h3>
                  <span class="muted">{step.index}</span> <Name text={step.name} />{" "}
                  {report.health.ok && report.variants.slice(1).some((v) => partsAt(report, steps, v.key)?.step === step) && (
                    <span class="pill in">{w.experiment.partsHere}</span>
                  )}
                </h3>
                {report.variants.map((v, i) => {
                  const share = reach(i, step.metric);
                  const before = s > 0 ? reach(i, steps[s - 1].metric) : null;
                  const c = report.comparisons.find((o) => o.metric === step.metric && o.variant === v.key);
                  const parts = report.health.ok && i > 0 && partsAt(report, steps, v.key)?.step === step;
                  return (
                    <div class={`funnel-bar ${parts ? "parts" : ""}`} key={v.key}>
                      <span class="funnel-name">
                        <bdi>{v.key}</bdi>
                      </span>
                      <svg viewBox="0 0 100 10" preserveAspectRatio="none" aria-hidden="true">
                        <rect class="rail" width="100" height="10" rx="1" />
                        <rect width={100 * (share ?? 0)} height="10" rx="1" fill={colorOf(i)} />
                      </svg>
                      <span class="funnel-value">
                        <b>{orDash(share, percent)}</b>{" "}
                        <span class="muted small">
                          {count(v.metrics[step.metric]?.sum ?? 0)}
                          {before && share !== null ? ` · ${w.experiment.funnelConditional(percent(share / before))}` : ""}
                          {c && c.relative.estimate !== null && c.relative.ci
                            ? ` · ${lift(c.relative.estimate, "relative")} (${range(c.relative.ci, "relative", w.common.open, w.common.to)})`
                            : ""}
                        </span>
                      </span>
                    </div>
                  );
                })}
              </div>
            ))}
          </div>
        </Section>
      ))}
    </>
  );
}

/** Day of a retention metric: from its definition, else from a name such as "d7_retention". */
function dayOf(metric: string, catalog: Catalog | null, experiment: string): number | null {
  const definition = metricDefinition(catalog, experiment, metric);
  if (definition) {
    if (definition.type !== "retention") return null;
    const days = definition.days ?? definition.day;
    if (typeof days === "number") return days;
    if (Array.isArray(days) && typeof days[0] === "number") return days[0];
  }
  const match = /(?:^|_)(?:d|day_?)(\d+)(?:_retention)?$|retention_(?:d|day_?)?(\d+)$|^d(\d+)_retention/.exec(metric);
  return match ? Number(match[1] ?? match[2] ?? match[3]) : null;
}

export function Retention({ report, catalog, name }: { report: Report; catalog: Catalog | null; name: string }) {
  const w = useWords();
  const metrics = Object.keys(report.variants[0]?.metrics ?? {})
    .map((metric) => ({ metric, day: dayOf(metric, catalog, name) }))
    .filter((m): m is { metric: string; day: number } => m.day !== null)
    .sort((a, b) => a.day - b.day);
  const variants = report.variants.map((v) => v.key);
  // The interval of one variant's share, by the normal approximation, to judge how firm a point is.
  const points = metrics.flatMap(({ metric, day }) =>
    report.variants.flatMap((v) => {
      const m = v.metrics[metric];
      if (!m || m.mean === null) return [];
      const half = m.variance !== null && m.units > 0 ? 1.96 * Math.sqrt(m.variance / m.units) : 0;
      return [{ day, metric, variant: v.key, share: m.mean, low: Math.max(0, m.mean - half), high: Math.min(1, m.mean + half), units: m.units }];
    }),
  );
  if (points.length === 0) {
    return (
      <Section title={w.experiment.retention}>
        <p class="muted">{w.experiment.noRetention}</p>
      </Section>
    );
  }
  type Point = (typeof points)[number];
  return (
    <Section title={w.experiment.retention}>
      <Chart
        title={w.experiment.retention}
        hint={w.experiment.retentionHint}
        legend={variants.map((v, i) => ({ name: v, color: colorOf(i) }))}
        depends={[report, w]}
        options={() => ({
          x: { label: null, ticks: [...new Set(points.map((p) => p.day))], tickFormat: (d: number) => w.experiment.dayNumber(d), inset: 24 },
          y: { label: null, grid: true, ticks: 5, zero: true, tickFormat: percentTick },
          marks: [
            Plot.lineY(points, { x: "day", y: "share", z: "variant", stroke: (p: Point) => colorOf(variants.indexOf(p.variant)), strokeWidth: 2 }),
            Plot.ruleX(points, { x: "day", y1: "low", y2: "high", stroke: (p: Point) => colorOf(variants.indexOf(p.variant)), strokeWidth: 2 }),
            Plot.dot(points, { x: "day", y: "share", fill: (p: Point) => colorOf(variants.indexOf(p.variant)), r: 4 }),
            Plot.tip(points, Plot.pointer({ x: "day", y: "share", title: (p: Point) => `${p.metric}  ${p.variant}\n${percent(p.share)} (${percent(p.low)} ${w.common.to} ${percent(p.high)})` })),
          ],
        })}
        table={{
          head: [w.common.metric, w.common.variant, w.experiment.retention, w.experiment.fixed, w.list.units],
          rows: points.map((p) => [p.metric, p.variant, percent(p.share), `${percent(p.low)} ${w.common.to} ${percent(p.high)}`, count(p.units)]),
        }}
      />
    </Section>
  );
}
