import { Section, Sign, useMetric } from "./basics";
import { count, orDash, pValueText } from "../format";
import { useWords } from "../i18n";
import { direction, effect, pValue, type Comparison, type Report } from "../report";
import type { View } from "./forest";
import { Axis, IntervalBar, LiftText, domainOf } from "./interval";

export function Segments({ report, view }: { report: Report; view: View }) {
  const w = useWords();
  const { metric, choice } = useMetric(report);
  const rows = report.segments.flatMap((segment) =>
    segment.comparisons
      .filter((c) => c.metric === metric)
      .map((c) => ({ segment, c, units: segment.variants.reduce((sum, v) => sum + v.units, 0) })),
  );
  if (report.segments.length === 0) {
    return (
      <Section title={w.experiment.segments}>
        <p class="muted">{w.experiment.noSegments}</p>
      </Section>
    );
  }
  const family = report.account?.families.find((f) => f.name === "segments");
  const domain = domainOf(rows.map(({ c }) => effect(c, view.scale, view.cuped).ci));
  const alpha = 1 - report.confidence;
  // A segment is coloured only if it would stand after the correction.
  const tone = (c: Comparison) => {
    const p = c.p_value_adjusted;
    if (!report.health.ok) return "grey" as const;
    return p !== null && p < alpha ? direction(effect(c, view.scale, view.cuped), c.good) : ("open" as const);
  };
  const attributes = [...new Set(report.segments.map((s) => s.attribute))];
  return (
    <Section
      title={w.experiment.segments}
      aside={choice}
    >
      <p class="exploratory">
        <span class="pill warn">{w.experiment.exploratory}</span> {w.experiment.segmentsHint} {family && w.experiment.corrected(family.questions, w.experiment.corrections[family.correction] ?? family.correction)}
      </p>
      <table class="forest">
        <thead>
          <tr>
            <th scope="col">{w.experiment.segments}</th>
            <th scope="col" class="number">
              {w.list.units}
            </th>
            <th scope="col" class="axis-head">
              <Axis domain={domain} scale={view.scale} />
            </th>
            <th scope="col">{w.experiment.lift}</th>
            <th scope="col" class="number">
              {w.experiment.p}
            </th>
            <th scope="col" class="number">
              {w.experiment.pAdjusted}
            </th>
          </tr>
        </thead>
        {attributes.map((attribute) => (
          <tbody key={attribute}>
            <tr class="group">
              <th colSpan={6} scope="rowgroup">
                <bdi>{attribute}</bdi>
              </th>
            </tr>
            {rows.map(({ segment, c, units }) => {
              if (segment.attribute !== attribute) return null;
              const interval = effect(c, view.scale, view.cuped);
              const p = pValue(c, view.cuped);
              return (
                <tr key={`${segment.value}/${c.variant}`}>
                  <th scope="row">
                    <bdi>{segment.value === "" ? "–" : segment.value}</bdi>
                    {report.variants.length > 2 && (
                      <span class="muted variant-name">
                        <bdi>{c.variant}</bdi>
                      </span>
                    )}
                  </th>
                  <td class="number" data-label={w.list.units}>
                    {count(units)}
                  </td>
                  <td class="bar-cell">
                    <IntervalBar interval={interval} domain={domain} tone={tone(c)} label={`${attribute} ${segment.value} ${c.variant}`} />
                  </td>
                  <td class="lift-text" data-label={w.experiment.lift}>
                    <LiftText interval={interval} scale={view.scale} tone={tone(c)} />
                  </td>
                  <td class="number" data-label={w.experiment.p}>
                    {orDash(p, pValueText)}
                  </td>
                  <td class="number" data-label={w.experiment.pAdjusted}>
                    {view.cuped || c.p_value_adjusted === null ? "–" : pValueText(c.p_value_adjusted)}
                  </td>
                </tr>
              );
            })}
          </tbody>
        ))}
      </table>
      {(report.heterogeneity ?? [])
        .filter((h) => h.metric === metric && h.p_value !== null)
        .map((h) => {
          const p = h.p_value_adjusted ?? h.p_value!;
          return (
            <p key={`${h.attribute}/${h.variant}`} class="small">
              <Sign kind={p < alpha ? "warn" : "none"}>
                {p < alpha ? w.experiment.segmentsDiffer(h.attribute, h.variant) : w.experiment.segmentsSame(h.attribute, h.variant)}
              </Sign>{" "}
              <span class="muted">
                {w.experiment.p} {pValueText(p)}
              </span>
            </p>
          );
        })}
    </Section>
  );
}
