// How the plan judges its metrics, at which of its looks, and what more data would bring. The
// sentences are the server's, so that every form of the report says the same.
import { Section } from "./basics";
import { count, number, orDash, percent, pValueText, range, shortPercent, signedNumber, signedPercent } from "../format";
import { useWords, type Words } from "../i18n";
import { language } from "../store";
import type { Comparison, Judged, Report, Text } from "../report";

const said = (text: Text | undefined) => text?.[language.value];

/** What the plan's last look and its outlook say of the primary metric; nothing where health forbids it. */
export function PlanSentences({ report }: { report: Report }) {
  const lines = report.comparisons
    .filter((c) => c.role === "primary")
    .flatMap((c) => [said(c.judged?.look?.sentence), said(c.outlook?.sentence)])
    .filter((line) => line !== undefined);
  if (!report.health.ok || lines.length === 0) return null;
  return (
    <ul class="plan-sentences small">
      {lines.map((line) => (
        <li key={line}>{line}</li>
      ))}
    </ul>
  );
}

function test(judged: Judged, w: Words): string {
  const j = w.experiment.judged;
  const margin = judged.margin;
  return [
    j.sides[judged.alternative],
    margin && `${j.margin} ${margin.absolute !== undefined ? String(margin.absolute) : shortPercent(margin.relative ?? 0)}`,
    judged.cuped && "CUPED",
  ]
    .filter(Boolean)
    .join(", ");
}

function Row({ c }: { c: Comparison }) {
  const w = useWords();
  const j = w.experiment.judged;
  const judged = c.judged!;
  const scale = judged.relative.estimate !== null ? "relative" : "absolute";
  const interval = judged[scale];
  const look = judged.look;
  // Cards leave out what is only there for the columns' sake.
  const ofLook = look ? "number" : "number idle";
  return (
    <tr data-judged={`${c.metric}/${c.variant}`}>
      <th scope="row">
        <bdi>{c.metric}</bdi>
        <span class="muted variant-name">
          <bdi>{c.variant}</bdi>
        </span>
      </th>
      <td data-label={j.test}>
        {test(judged, w)}
        <span class="muted block">{j.looks[judged.looks]}</span>
      </td>
      <td class="number" data-label={j.lift}>
        {interval.estimate === null ? (
          <span class="muted">{w.common.notDefined(interval.reason ?? w.common.unknown)}</span>
        ) : (
          <>
            {scale === "relative" ? signedPercent(interval.estimate) : signedNumber(interval.estimate)}
            <span class="muted block">{range(interval.ci, scale, w.common.open, w.common.to)}</span>
          </>
        )}
      </td>
      <td class="number" data-label={w.experiment.p}>
        {orDash(judged.p_value, pValueText)}
      </td>
      <td class="number" data-label={w.experiment.pAdjusted}>
        {orDash(judged.p_value_adjusted, pValueText)}
      </td>
      <td class={ofLook} data-label={j.look}>
        {look ? `${look.number} / ${look.of}` : "–"}
        {look && look.number > 0 && <span class="muted block">{look.date}</span>}
      </td>
      <td class={ofLook} data-label={j.z}>
        {look?.z === undefined ? "–" : `${look.z.toFixed(3)}, ${look.z_bound!.toFixed(3)}`}
      </td>
      <td class={ofLook} data-label={j.spent}>
        {orDash(look?.alpha_spent, percent)}
      </td>
      <td class={ofLook} data-label={j.next}>
        {orDash(look?.next_day, String)}
      </td>
    </tr>
  );
}

export function JudgedSection({ report }: { report: Report }) {
  const w = useWords();
  const j = w.experiment.judged;
  const order = ["primary", "guardrail", "secondary"];
  const rows = report.comparisons
    .filter((c) => c.judged)
    .sort((a, b) => order.indexOf(a.role ?? "") - order.indexOf(b.role ?? ""));
  const outlooks = report.comparisons.filter((c) => c.outlook && c.outlook.power_now !== null);
  if (rows.length === 0) return null;
  const head = (text: string, isNumber = true) => (
    <th scope="col" class={isNumber ? "number" : ""}>
      {text}
    </th>
  );
  return (
    <Section title={j.title}>
      <p class="muted small">{j.explain}</p>
      <PlanSentences report={report} />
      <div class="scroll full" tabIndex={0} role="region" aria-label={j.title}>
        <table class="plain cards judged">
          <thead>
            <tr>
              {head(w.common.metric, false)}
              {head(j.test, false)}
              {head(j.lift)}
              {head(w.experiment.p)}
              {head(w.experiment.pAdjusted)}
              {head(j.look)}
              {head(j.z)}
              {head(j.spent)}
              {head(j.next)}
            </tr>
          </thead>
          <tbody>
            {rows.map((c) => (
              <Row key={`${c.metric}/${c.variant}`} c={c} />
            ))}
          </tbody>
        </table>
      </div>
      {outlooks.length > 0 && (
        <>
          <h3>{j.outlook}</h3>
          <div class="scroll" tabIndex={0} role="region" aria-label={j.outlook}>
            <table class="plain cards outlook">
              <thead>
                <tr>
                  {head(w.common.metric, false)}
                  {head(j.effect)}
                  {head(j.powerNow)}
                  {head(j.unitsNeeded)}
                  {head(j.information)}
                  {head(j.conditionalPower)}
                </tr>
              </thead>
              <tbody>
                {outlooks.map(({ metric, variant, outlook }) => (
                  <tr key={`${metric}/${variant}`}>
                    <th scope="row">
                      <bdi>{metric}</bdi>
                      <span class="muted variant-name">
                        <bdi>{variant}</bdi>
                      </span>
                    </th>
                    <td class="number" data-label={j.effect}>
                      {number(outlook!.effect)}
                    </td>
                    <td class="number" data-label={j.powerNow}>
                      {orDash(outlook!.power_now, percent)}
                    </td>
                    <td class="number" data-label={j.unitsNeeded}>
                      {orDash(outlook!.units_needed, count)}
                    </td>
                    <td class="number" data-label={j.information}>
                      {orDash(outlook!.information, percent)}
                    </td>
                    <td class="number" data-label={j.conditionalPower}>
                      {orDash(outlook!.conditional_power, percent)}
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        </>
      )}
    </Section>
  );
}
