// How the values of a metric are spread, and quantiles: where in the distribution the variants differ.
import * as Plot from "@observablehq/plot";
import { useState } from "preact/hooks";
import { count, number, orDash, percent, percentTick, shortPercent, tick } from "../format";
import { useWords } from "../i18n";
import { toneOf, type MetricInfo, type Num, type Report } from "../report";
import { Name, Section } from "./basics";
import { Chart, Numbers, colorOf } from "./chart";
import type { View } from "./forest";
import { IntervalBar, LiftText, domainOf } from "./interval";

/** Mean and spread of every metric, per variant. */
function Spread({ report }: { report: Report }) {
  const w = useWords();
  const rows = Object.keys(report.variants[0]?.metrics ?? {}).flatMap((metric) =>
    report.variants.map((v) => {
      const m = v.metrics[metric];
      const deviation = m?.variance == null ? null : Math.sqrt(m.variance);
      return [metric, v.key, orDash(m?.units, count), orDash(m?.sum, number), orDash(m?.mean, number), orDash(deviation, number)];
    }),
  );
  return (
    <Numbers
      summary={w.experiment.details}
      table={{ head: [w.common.metric, w.common.variant, w.list.units, w.experiment.sum, w.experiment.mean, w.experiment.deviation], rows }}
    />
  );
}

interface Slot {
  low: Num;
  high: Num;
}

function slotName({ low, high }: Slot): string {
  if (low === 0 && high === 0) return "0";
  if (high === null) return `≥ ${tick(low ?? 0)}`;
  if (low === null) return `< ${tick(high)}`;
  return `${tick(low)} – ${tick(high)}`;
}

/** Shares of the units by value, on a scale on which every second step is a doubling. */
function Histogram({ report }: { report: Report }) {
  const w = useWords();
  const metrics = Object.keys(report.variants[0]?.metrics ?? {}).filter((m) => report.variants.some((v) => v.metrics[m]?.distribution));
  const quantiles = new Set((report.metrics ?? []).filter((info) => info.quantile !== undefined).map((info) => info.key));
  const [chosen, choose] = useState("");
  const metric = metrics.includes(chosen) ? chosen : metrics[0];
  if (metric === undefined) return null;
  const variants = report.variants.map((v) => v.key);
  const of = (v: number) => report.variants[v].metrics[metric]?.distribution ?? [];
  const totals = variants.map((_, v) => of(v).reduce((sum, [, , n]) => sum + n, 0));
  const keys = new Map<string, Slot>();
  variants.forEach((_, v) => of(v).forEach(([low, high]) => keys.set(`${low}/${high}`, { low, high })));
  const slots = [...keys.values()].sort((a, b) => (a.low ?? -Infinity) - (b.low ?? -Infinity) || (a.high ?? Infinity) - (b.high ?? Infinity));
  const countOf = (v: number, slot: Slot) => of(v).find(([low, high]) => low === slot.low && high === slot.high)?.[2] ?? 0;
  const shareOf = (v: number, slot: Slot) => (totals[v] > 0 ? countOf(v, slot) / totals[v] : 0);
  const drawn = slots.filter((slot) => slot.low !== 0 || slot.high !== 0);
  const zero = slots.find((slot) => slot.low === 0 && slot.high === 0);
  const points = drawn.flatMap((slot, i) => variants.map((variant, v) => ({ i, slot, variant, v, share: shareOf(v, slot) })));
  type Point = (typeof points)[number];
  const unit = quantiles.has(metric) ? w.experiment.ofEvents : w.experiment.ofUnits;
  return (
    <Section
      title={w.experiment.histogram}
      aside={
        <label class="field inline">
          <span>{w.experiment.choose}</span>
          <select name="distribution" value={metric} onChange={(event) => choose(event.currentTarget.value)}>
            {metrics.map((m) => (
              <option key={m}>{m}</option>
            ))}
          </select>
        </label>
      }
    >
      {zero && (
        <p>
          {w.experiment.withoutAny}{" "}
          {variants.map((variant, v) => (
            <span key={variant}>
              {v > 0 && " · "}
              <bdi>{variant}</bdi> <b data-zero={variant}>{percent(shareOf(v, zero))}</b>
            </span>
          ))}
        </p>
      )}
      {drawn.length > 0 && (
        <Chart
          title={metric}
          hint={`${unit} ${w.experiment.histogramHint}`}
          legend={variants.map((v, i) => ({ name: v, color: colorOf(i) }))}
          depends={[report, metric, w]}
          options={(width) => {
            const every = Math.max(1, Math.ceil(drawn.length / (width < 480 ? 5 : 12)));
            return {
              x: {
                label: null,
                ticks: drawn.map((_, i) => i).filter((i) => i % every === 0),
                tickFormat: (i: number) => tick(drawn[i]?.low ?? 0),
                domain: [-0.6, drawn.length - 0.4],
              },
              y: { label: null, grid: true, ticks: 5, zero: true, tickFormat: percentTick },
              marks: [
                Plot.areaY(points, { x: "i", y1: 0, y2: "share", z: "variant", curve: "step", fill: (p: Point) => colorOf(p.v), fillOpacity: 0.1 }),
                Plot.lineY(points, { x: "i", y: "share", z: "variant", curve: "step", stroke: (p: Point) => colorOf(p.v), strokeWidth: 2 }),
                Plot.tip(points, Plot.pointer({ x: "i", y: "share", title: (p: Point) => `${slotName(p.slot)}  ${p.variant}: ${percent(p.share)}` })),
              ],
            };
          }}
          table={{
            head: [metric, ...variants.flatMap((v) => [v, "%"])],
            rows: slots.map((slot) => [slotName(slot), ...variants.flatMap((_, v) => [count(countOf(v, slot)), percent(shareOf(v, slot))])]),
          }}
        />
      )}
    </Section>
  );
}

/** Quantile metrics of one event: the curve of each variant, and the lift at each quantile. */
function Quantiles({ report, view, family, infos }: { report: Report; view: View; family: string; infos: MetricInfo[] }) {
  const w = useWords();
  const variants = report.variants.map((v) => v.key);
  const rows = infos.flatMap((info) => report.comparisons.filter((c) => c.metric === info.key));
  const points = infos.flatMap((info) =>
    report.variants.flatMap((v) => {
      const value = v.metrics[info.key]?.mean ?? null;
      return value === null ? [] : [{ at: info.quantile!, variant: v.key, value }];
    }),
  );
  type Point = (typeof points)[number];
  const domain = domainOf(rows.map((c) => c[view.scale].ci));
  return (
    <Section title={`${w.experiment.quantiles}: ${family}`}>
      <p class="muted small">{w.experiment.distributionsHint}</p>
      {infos.length > 1 && (
        <Chart
          title={family}
          legend={variants.map((v, i) => ({ name: v, color: colorOf(i) }))}
          depends={[report, w]}
          options={() => ({
            x: { label: null, ticks: infos.map((info) => info.quantile!), tickFormat: (v: number) => shortPercent(v), inset: 24 },
            y: { label: null, grid: true, ticks: 5, zero: true, tickFormat: tick },
            marks: [
              Plot.lineY(points, { x: "at", y: "value", z: "variant", stroke: (p: Point) => colorOf(variants.indexOf(p.variant)), strokeWidth: 2 }),
              Plot.dot(points, { x: "at", y: "value", fill: (p: Point) => colorOf(variants.indexOf(p.variant)), r: 4 }),
              Plot.tip(points, Plot.pointer({ x: "at", y: "value", title: (p: Point) => `${shortPercent(p.at)}  ${p.variant}: ${number(p.value)}` })),
            ],
          })}
          table={{ head: [w.experiment.quantiles, w.common.variant, family], rows: points.map((p) => [shortPercent(p.at), p.variant, number(p.value)]) }}
        />
      )}
      <table class="forest simple">
        <tbody>
          {rows.map((c) => {
            const tone = toneOf(c, c[view.scale], report);
            return (
              <tr key={`${c.metric}/${c.variant}`}>
                <th scope="row">
                  <Name text={c.metric} /> <span class="muted">{c.variant}</span>
                </th>
                <td class="bar-cell">
                  <IntervalBar interval={c[view.scale]} domain={domain} tone={tone} label={`${c.metric} ${c.variant}`} />
                </td>
                <td class="lift-text">
                  <LiftText interval={c[view.scale]} scale={view.scale} tone={tone} />
                </td>
              </tr>
            );
          })}
        </tbody>
      </table>
    </Section>
  );
}

export function Distributions({ report, view }: { report: Report; view: View }) {
  const w = useWords();
  const families = new Map<string, MetricInfo[]>();
  for (const info of report.metrics ?? []) {
    if (info.quantile === undefined) continue;
    const family = info.key.replace(/_?p\d+$/, "") || info.key;
    families.set(family, [...(families.get(family) ?? []), info].sort((a, b) => a.quantile! - b.quantile!));
  }
  return (
    <>
      <Histogram report={report} />
      {[...families].map(([family, infos]) => (
        <Quantiles key={family} report={report} view={view} family={family} infos={infos} />
      ))}
      {families.size === 0 && <p class="muted small">{w.experiment.noDistributions}</p>}
      <Section title={w.experiment.spread}>
        <Spread report={report} />
      </Section>
    </>
  );
}
