// Cumulative and daily lift, units per day, shares over time.
import { Section, Sign, useMetric } from "./basics";
import * as Plot from "@observablehq/plot";
import { count, dayTick, lift, liftTick, pValueText, percent, percentTick } from "../format";
import { useWords } from "../i18n";
import { anytime, effect, type Comparison, type Report } from "../report";
import { Chart, colorOf } from "./chart";
import type { View } from "./forest";

interface Point {
  date: Date;
  day: string;
  variant: string;
  estimate: number;
  low: number | null;
  high: number | null;
  wideLow: number | null;
  wideHigh: number | null;
}

function pointsOf(report: Report, metric: string, view: View, cumulative: boolean): Point[] {
  return report.days
    .filter((day) => day.cumulative === cumulative)
    .flatMap((day) =>
      day.comparisons
        .filter((c) => c.metric === metric)
        .flatMap((c: Comparison) => {
          const interval = effect(c, view.scale, view.cuped);
          if (interval.estimate === null || !interval.ci) return [];
          const controlMean = day.variants.find((v) => v.key === report.control)?.metrics[metric]?.mean ?? null;
          const wide = view.cuped ? null : anytime(c, view.scale, controlMean);
          return [
            {
              date: new Date(`${day.date}T00:00:00`),
              day: day.date,
              variant: c.variant,
              estimate: interval.estimate,
              low: interval.ci[0],
              high: interval.ci[1],
              wideLow: wide?.[0] ?? null,
              wideHigh: wide?.[1] ?? null,
            },
          ];
        }),
    );
}

/** A range for the axis that early days, when intervals are huge, do not rule. */
function bounds(points: Point[]): [number, number] {
  const last = points.slice(-Math.max(1, Math.ceil(points.length * 0.7)));
  const ends = last.flatMap((p) => [p.low, p.high, p.estimate]).filter((v): v is number => v !== null);
  const size = Math.max(...ends.map(Math.abs), 1e-12) * 1.5;
  const low = Math.max(-size, Math.min(0, ...points.flatMap((p) => [p.wideLow ?? p.low ?? p.estimate])));
  const high = Math.min(size, Math.max(0, ...points.flatMap((p) => [p.wideHigh ?? p.high ?? p.estimate])));
  const pad = (high - low || 1) * 0.05;
  return [low - pad, high + pad];
}

function cut(value: number | null, [low, high]: [number, number], edge: number): number {
  return value === null ? edge : Math.min(high, Math.max(low, value));
}

export function OverTime({ report, view }: { report: Report; view: View }) {
  const w = useWords();
  const { metric, choice } = useMetric(report);
  const variants = report.variants.map((v) => v.key);
  const treated = variants.slice(1);
  const color = (variant: string) => (report.health.ok ? colorOf(variants.indexOf(variant)) : "var(--series-0)");
  const legend = treated.map((name) => ({ name, color: color(name) }));
  const days = report.days.filter((d) => !d.cumulative);
  if (report.days.length === 0) return <p class="card muted">{w.experiment.noDays}</p>;
  const cumulative = pointsOf(report, metric, view, true);
  const daily = pointsOf(report, metric, view, false);
  const tick = (v: number) => lift(v, view.scale);
  const table = (points: Point[]) => ({
    head: [w.common.day, w.common.variant, w.experiment.lift, w.experiment.fixed, w.experiment.anytime],
    rows: points.map((p) => [
      p.day,
      p.variant,
      tick(p.estimate),
      `${p.low === null ? w.common.open : tick(p.low)} ${w.common.to} ${p.high === null ? w.common.open : tick(p.high)}`,
      p.wideLow === null && p.wideHigh === null
        ? "–"
        : `${p.wideLow === null ? w.common.open : tick(p.wideLow)} ${w.common.to} ${p.wideHigh === null ? w.common.open : tick(p.wideHigh)}`,
    ]),
  });
  const tipText = (p: Point) =>
    `${p.day}  ${p.variant}\n${tick(p.estimate)} (${p.low === null ? w.common.open : tick(p.low)} ${w.common.to} ${p.high === null ? w.common.open : tick(p.high)})`;
  const liftPlot =
    (points: Point[], bands: boolean) =>
    (width: number): Plot.PlotOptions => {
      const y = bounds(points);
      const few = points.length <= treated.length * 2;
      return {
        x: { type: "time", label: null, ticks: width < 480 ? 4 : 8, tickFormat: dayTick },
        y: { label: null, domain: y, tickFormat: (v: number) => liftTick(v, view.scale), grid: true, ticks: 6 },
        marks: [
          Plot.ruleY([0], { stroke: "var(--text)", strokeOpacity: 0.6 }),
          ...(bands && !few
            ? [
                Plot.areaY(points, {
                  x: "date",
                  y1: (p: Point) => cut(p.wideLow, y, p.wideLow === null && p.wideHigh === null ? p.estimate : y[0]),
                  y2: (p: Point) => cut(p.wideHigh, y, p.wideLow === null && p.wideHigh === null ? p.estimate : y[1]),
                  z: "variant",
                  fill: (p: Point) => color(p.variant),
                  fillOpacity: 0.13,
                }),
                Plot.areaY(points, {
                  x: "date",
                  y1: (p: Point) => cut(p.low, y, y[0]),
                  y2: (p: Point) => cut(p.high, y, y[1]),
                  z: "variant",
                  fill: (p: Point) => color(p.variant),
                  fillOpacity: 0.25,
                }),
                Plot.lineY(points, { x: "date", y: (p: Point) => cut(p.estimate, y, 0), z: "variant", stroke: (p: Point) => color(p.variant), strokeWidth: 2 }),
              ]
            : [
                ...(bands
                  ? [
                      Plot.ruleX(
                        points.filter((p) => p.wideLow !== null && p.wideHigh !== null),
                        { x: "date", y1: (p: Point) => cut(p.wideLow, y, y[0]), y2: (p: Point) => cut(p.wideHigh, y, y[1]), stroke: (p: Point) => color(p.variant), strokeWidth: 8, strokeOpacity: 0.2 },
                      ),
                    ]
                  : []),
                Plot.ruleX(points, {
                  x: "date",
                  y1: (p: Point) => cut(p.low, y, y[0]),
                  y2: (p: Point) => cut(p.high, y, y[1]),
                  stroke: (p: Point) => color(p.variant),
                  strokeWidth: 2,
                }),
                Plot.dot(points, { x: "date", y: (p: Point) => cut(p.estimate, y, 0), fill: (p: Point) => color(p.variant), r: 4 }),
              ]),
          Plot.tip(points, Plot.pointerX({ x: "date", y: (p: Point) => cut(p.estimate, y, 0), title: tipText })),
        ],
      };
    };
  const traffic = days.flatMap((day) =>
    day.variants.map((v) => ({ date: new Date(`${day.date}T00:00:00`), day: day.date, variant: v.key, units: v.units })),
  );
  const until = report.days.filter((d) => d.cumulative);
  const shares = until.flatMap((day) => {
    const all = day.variants.reduce((sum, v) => sum + v.units, 0);
    return all === 0
      ? []
      : day.variants.map((v) => ({ date: new Date(`${day.date}T00:00:00`), day: day.date, variant: v.key, share: v.units / all }));
  });
  const expected = report.health.srm.expected ?? [];
  const everyone = variants.map((name, i) => ({ name, color: colorOf(i) }));
  const dep = [report, view, metric, w];
  const trends = (report.trends ?? []).filter((t) => t.metric === metric && t.p_value !== null);
  return (
    <>
      <Section
        title={w.experiment.tabs.time}
        aside={choice}
      >
        {cumulative.length === 0 && daily.length === 0 && <p class="muted">{w.experiment.noDaysOfMetric}</p>}
        <div class="chart-grid" hidden={cumulative.length === 0 && daily.length === 0}>
          <Chart title={w.experiment.cumulative} hint={w.experiment.cumulativeHint} legend={legend} options={liftPlot(cumulative, true)} table={table(cumulative)} depends={dep} />
          <Chart title={w.experiment.daily} hint={w.experiment.dailyHint} legend={legend} options={liftPlot(daily, false)} table={table(daily)} depends={dep} />
        </div>
        {trends.map((t) => (
          <p key={t.variant} class="small">
            <Sign kind={t.p_value! < 0.01 ? "warn" : "good"}>
              {t.p_value! < 0.01 ? w.experiment.trend(t.variant) : w.experiment.noTrend(t.variant)}
            </Sign>{" "}
            <span class="muted">
              {w.experiment.p} {pValueText(t.p_value!)}
            </span>
          </p>
        ))}
      </Section>
      <Section title={w.experiment.traffic}>
        <div class="chart-grid">
          <Chart
            title={w.experiment.traffic}
            hint={w.experiment.trafficHint}
            legend={everyone}
            depends={dep}
            options={(width) => ({
              x: { type: "band", label: null, tickFormat: (d: string) => dayTick(new Date(`${d}T00:00:00`)), ...(days.length > (width < 480 ? 5 : 10) ? { ticks: days.filter((_, i) => i % Math.ceil(days.length / (width < 480 ? 4 : 8)) === 0).map((d) => d.date) } : {}) },
              y: { label: null, grid: true, ticks: 5, tickFormat: (v: number) => count(v) },
              marks: [
                Plot.barY(traffic, { x: "day", y: "units", fill: (d: { variant: string }) => colorOf(variants.indexOf(d.variant)), order: variants, insetLeft: 1, insetRight: 1, title: (d: (typeof traffic)[number]) => `${d.day}  ${d.variant}: ${count(d.units)}`, tip: true }),
                Plot.ruleY([0], { stroke: "var(--text)", strokeOpacity: 0.6 }),
              ],
            })}
            table={{ head: [w.common.day, ...variants], rows: days.map((d) => [d.date, ...variants.map((v) => count(d.variants.find((x) => x.key === v)?.units ?? 0))]) }}
          />
          <Chart
            title={w.experiment.share}
            hint={w.experiment.shareHint}
            legend={everyone}
            depends={dep}
            options={(width) => {
              const all = [...shares.map((s) => s.share), ...expected];
              const low = Math.min(...all);
              const high = Math.max(...all);
              const pad = Math.max(0.01, (high - low) * 0.15);
              return {
                x: { type: "time", label: null, ticks: width < 480 ? 4 : 8, tickFormat: dayTick },
                y: { label: null, grid: true, ticks: 5, domain: [Math.max(0, low - pad), Math.min(1, high + pad)], tickFormat: percentTick },
                marks: [
                  Plot.ruleY(expected, { stroke: "var(--text)", strokeDasharray: "4 4", strokeOpacity: 0.5 }),
                  Plot.lineY(shares, { x: "date", y: "share", z: "variant", stroke: (d: { variant: string }) => colorOf(variants.indexOf(d.variant)), strokeWidth: 2 }),
                  Plot.dot(shares, { x: "date", y: "share", fill: (d: { variant: string }) => colorOf(variants.indexOf(d.variant)), r: 3 }),
                  Plot.tip(shares, Plot.pointer({ x: "date", y: "share", title: (d: (typeof shares)[number]) => `${d.day}  ${d.variant}: ${percent(d.share)}` })),
                ],
              };
            }}
            table={{ head: [w.common.day, w.common.variant, w.experiment.share], rows: shares.map((s) => [s.day, s.variant, percent(s.share)]) }}
          />
        </div>
      </Section>
    </>
  );
}
