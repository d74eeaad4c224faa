// Quantile metrics: where in the distribution the variants differ.
import { Section } from "./basics";
import * as Plot from "@observablehq/plot";
import { number, percent } from "../format";
import { useWords } from "../i18n";
import { metricDefinition, type Catalog } from "../catalog";
import { toneOf, type Comparison, type Report } from "../report";
import { Chart, Numbers, colorOf } from "./chart";
import type { View } from "./forest";
import { IntervalBar, LiftText, domainOf } from "./interval";

interface Quantile {
  metric: string;
  family: string;
  at: number;
}

function quantilesOf(report: Report, catalog: Catalog | null, name: string): Quantile[] {
  const infos = new Map((report.metrics ?? []).map((info) => [info.key, info]));
  return Object.keys(report.variants[0]?.metrics ?? {}).flatMap((metric) => {
    const info = infos.get(metric);
    if (info && info.quantile === undefined) return [];
    if (info?.quantile !== undefined) return [{ metric, family: metric.replace(/_?p\d+$/, "") || metric, at: info.quantile }];
    const definition = metricDefinition(catalog, name, metric);
    if (definition?.type === "quantile") {
      const event = typeof definition.event === "string" ? definition.event : metric.replace(/_?p\d+$/, "");
      return [{ metric, family: `${event}${typeof definition.value === "string" ? `.${definition.value}` : ""}`, at: definition.quantile ?? 0.5 }];
    }
    const match = definition ? null : /^(.*?)_?p(\d{2})$/.exec(metric);
    return match ? [{ metric, family: match[1], at: Number(match[2]) / 100 }] : [];
  });
}

/** How the mean of a metric comes about: its sum, mean and spread per variant. */
function Spread({ report }: { report: Report }) {
  const w = useWords();
  const rows = Object.keys(report.variants[0]?.metrics ?? {}).flatMap((metric) =>
    report.variants.map((v) => {
      const m = v.metrics[metric];
      const sd = m?.variance == null ? null : Math.sqrt(m.variance);
      return [metric, v.key, m ? String(m.units) : "–", m?.sum == null ? "–" : number(m.sum), m?.mean == null ? "–" : number(m.mean), sd === null ? "–" : number(sd)];
    }),
  );
  return <Numbers summary={w.experiment.details} table={{ head: [w.common.metric, w.common.variant, w.common.units, "Σ", w.experiment.mean, "σ"], rows }} />;
}

export function Distributions({ report, view, catalog, name }: { report: Report; view: View; catalog: Catalog | null; name: string }) {
  const w = useWords();
  const all = quantilesOf(report, catalog, name);
  const families = [...new Set(all.map((q) => q.family))];
  const variants = report.variants.map((v) => v.key);
  if (families.length === 0) {
    return (
      <Section title={w.experiment.tabs.distributions}>
        <p class="muted">{w.experiment.noDistributions}</p>
        <Spread report={report} />
      </Section>
    );
  }
  return (
    <>
      {families.map((family) => {
        const quantiles = all.filter((q) => q.family === family).sort((a, b) => a.at - b.at);
        const rows = quantiles.flatMap((q) =>
          report.comparisons.filter((c) => c.metric === q.metric).map((c) => ({ q, c }) as { q: Quantile; c: Comparison }),
        );
        const points = quantiles.flatMap((q) =>
          report.variants.flatMap((v) => {
            const mean = v.metrics[q.metric]?.mean ?? null;
            return mean === null ? [] : [{ at: q.at, variant: v.key, value: mean }];
          }),
        );
        type Point = (typeof points)[number];
        const domain = domainOf(rows.map(({ c }) => c[view.scale].ci));
        return (
          <Section key={family} title={`${w.experiment.quantiles}: ${family}`}>
            <p class="muted small">{w.experiment.distributionsHint}</p>
            {quantiles.length > 1 && (
              <Chart
                title={family}
                legend={variants.map((v, i) => ({ name: v, color: colorOf(i) }))}
                depends={[report, w]}
                options={() => ({
                  x: { label: null, ticks: quantiles.map((q) => q.at), tickFormat: (v: number) => percent(v), inset: 24 },
                  y: { label: null, grid: true, ticks: 5, zero: true, tickFormat: number },
                  marks: [
                    Plot.lineY(points, { x: "at", y: "value", z: "variant", stroke: (p: Point) => colorOf(variants.indexOf(p.variant)), strokeWidth: 2 }),
                    Plot.dot(points, { x: "at", y: "value", fill: (p: Point) => colorOf(variants.indexOf(p.variant)), r: 4 }),
                    Plot.tip(points, Plot.pointer({ x: "at", y: "value", title: (p: Point) => `${percent(p.at)}  ${p.variant}: ${number(p.value)}` })),
                  ],
                })}
                table={{ head: [w.experiment.quantiles, w.common.variant, family], rows: points.map((p) => [percent(p.at), p.variant, number(p.value)]) }}
              />
            )}
            <table class="forest simple">
              <tbody>
                {rows.map(({ q, c }) => {
                  const tone = toneOf(c, c[view.scale], report);
                  return (
                    <tr key={`${q.metric}/${c.variant}`}>
                      <th scope="row">
                        <bdi>{q.metric}</bdi> <span class="muted">{c.variant}</span>
                      </th>
                      <td class="bar-cell">
                        <IntervalBar interval={c[view.scale]} domain={domain} tone={tone} label={`${q.metric} ${c.variant}`} />
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
      })}
      <Section title={w.experiment.details}>
        <Spread report={report} />
      </Section>
    </>
  );
}
