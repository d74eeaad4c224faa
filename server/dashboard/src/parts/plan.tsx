import { Section } from "./basics";
import { shortPercent } from "../format";
import { timeText, useWords } from "../i18n";
import type { Definition } from "../catalog";
import type { Report } from "../report";

export function PlanFacts({ report, definition }: { report: Report; definition: Definition | null }) {
  const w = useWords();
  const f = w.experiment.planFields;
  const plan = definition?.plan;
  const weights = Object.entries(definition?.variants ?? {});
  const total = weights.reduce((sum, [, v]) => sum + (v.weight ?? 1), 0);
  const margin = (m: { margin?: { relative?: number; absolute?: number } }) =>
    m.margin?.relative !== undefined
      ? ` (${f.loses(shortPercent(m.margin.relative))})`
      : m.margin?.absolute !== undefined
        ? ` (${f.loses(String(m.margin.absolute))})`
        : "";
  const facts: [string, string | null | undefined][] = [
    [f.primary, plan?.primary],
    [f.guardrails, Object.entries(plan?.guardrails ?? {}).map(([k, g]) => k + margin(g)).join(", ")],
    [f.secondary, plan?.secondary?.join(", ")],
    [f.alpha, shortPercent(1 - report.confidence)],
    [f.correction, plan?.correction?.secondary && (w.experiment.corrections[plan.correction.secondary] ?? plan.correction.secondary)],
    [
      f.sequential,
      plan?.sequential?.type === "anytime" ? f.anytime : plan?.sequential?.type === "group_sequential" ? f.group_sequential : f.fixed,
    ],
    [f.min_days, plan?.min_days ? w.experiment.days(plan.min_days) : null],
    [f.unit, definition?.unit],
    [f.weights, weights.map(([k, v]) => `${k} ${shortPercent(total ? (v.weight ?? 1) / total : 0)}`).join(", ")],
    [f.share, definition?.share !== undefined ? shortPercent(definition.share) : null],
    [f.layer, definition?.layer],
    [f.holdout, definition?.holdout ?? definition?.holdouts?.join(", ")],
    [f.iteration, String(report.iteration)],
    [f.start, definition?.start ? timeText(definition.start) : null],
    [f.end, definition?.end ? timeText(definition.end) : null],
    [f.reportBy, definition?.report_by?.join(", ")],
  ];
  return (
    <Section title={w.experiment.plan}>
      {definition?.hypothesis && (
        <p>
          <b>{w.experiment.hypothesis}:</b> <bdi>{definition.hypothesis}</bdi>
        </p>
      )}
      <dl class="facts">
        {facts
          .filter(([, value]) => value)
          .map(([name, value]) => (
            <div key={name}>
              <dt>{name}</dt>
              <dd>
                <bdi>{value}</bdi>
              </dd>
            </div>
          ))}
      </dl>
      <h3>{f.when}</h3>
      {definition?.when ? (
        <pre tabIndex={0} role="region" aria-label={f.when}>
          {JSON.stringify(definition.when, null, 2)}
        </pre>
      ) : (
        <p class="muted">{f.everybody}</p>
      )}
    </Section>
  );
}
