// What stands behind the health checks: the way from a decision to a record, and what single units say
// about the numbers.
import type { ComponentChildren } from "preact";
import { count, number, orDash, percent, pValueText, signedNumber, signedPercent } from "../format";
import { timeText, useWords } from "../i18n";
import { Section } from "./basics";
import type { Report } from "../report";

/** A table whose first `texts` columns are text and the others numbers. On a phone its rows become cards, but for a wide one. */
function Table({ name, heads, texts, rows, wide }: { name: string; heads: string[]; texts: number; rows: ComponentChildren[][]; wide?: boolean }) {
  const kind = (i: number) => (i < texts ? "" : "number");
  return (
    <div class="scroll full" tabIndex={0} role="region" aria-label={name}>
      <table class={wide ? "plain wide" : "plain cards"}>
        <thead>
          <tr>
            {heads.map((head, i) => (
              <th key={head} scope="col" class={kind(i)}>
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row, at) => (
            <tr key={at}>
              {row.map((cell, i) => (
                <td key={i} class={kind(i)} data-label={heads[i]}>
                  {i < texts ? <bdi>{cell}</bdi> : cell}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** Where the split is off, if it is. */
export function Causes({ report }: { report: Report }) {
  const w = useWords();
  const c = w.health.causes;
  const causes = report.health.srm.causes ?? [];
  const off = report.health.checks.some((check) => !check.ok && check.name.startsWith("srm"));
  if (!off || causes.length === 0) return null;
  return (
    <Section title={c.title}>
      <p class="muted small">{c.explain}</p>
      <Table
        name={c.title}
        heads={[c.place, c.gap, w.common.units, w.health.p]}
        texts={1}
        rows={causes.map((cause) => [
          `${cause.dimension} = ${cause.value}`,
          orDash(cause.share_gap, signedPercent),
          count(cause.units),
          orDash(cause.p_value, pValueText),
        ])}
      />
    </Section>
  );
}

export function Stages({ report }: { report: Report }) {
  const w = useWords();
  const s = w.health.stages;
  const stages = report.health.stages ?? [];
  if (stages.length === 0) return null;
  return (
    <Section title={s.title}>
      <p class="muted small">{s.explain}</p>
      <Table
        name={s.title}
        heads={[w.common.variant, s.evaluated, s.exposed, s.queued, s.dropped, s.units]}
        texts={1}
        rows={stages.map((v) => [v.variant, count(v.evaluated), count(v.exposed), count(v.queued), count(v.dropped), count(v.units)])}
      />
    </Section>
  );
}

export function UnitChecks({ report }: { report: Report }) {
  const w = useWords();
  const u = w.health.unitChecks;
  const checks = report.health.unit_checks;
  if (!checks) {
    return (
      <Section title={u.section}>
        <p class="muted">{u.none}</p>
      </Section>
    );
  }
  const days = Array.from({ length: Math.max(0, ...checks.ages.map((a) => a.effects.length)) }, (_, i) => i + 1);
  const part = (title: string, explain: string, table: ComponentChildren, rows: unknown[]) =>
    rows.length > 0 && (
      <>
        <h3>{title}</h3>
        <p class="muted small">{explain}</p>
        {table}
      </>
    );
  return (
    <Section title={u.section}>
      <p class="muted small">
        {u.title(count(checks.units))}
        {checks.as_of && ` · ${w.live.asOf(timeText(checks.as_of))}`}
      </p>
      {part(
        u.controls,
        u.controlsHint,
        <Table
          name={u.controls}
          heads={[w.common.metric, w.common.units, u.splits, u.beyond, u.ratio, w.health.p]}
          texts={1}
          rows={checks.negative_controls.map((c) => [
            c.metric,
            count(c.units),
            count(c.splits),
            count(c.beyond_1_96),
            c.variance_ratio === null ? "–" : (
              <>
                {number(c.variance_ratio)}
                {c.flagged && <span class="pill warn">{w.health.warning}</span>}
              </>
            ),
            orDash(c.p_value, pValueText),
          ])}
        />,
        checks.negative_controls,
      )}
      {part(
        u.outliers,
        u.outliersHint,
        <Table
          name={u.outliers}
          heads={[w.common.metric, w.common.variant, u.withAll, w.health.p, u.without, `${w.health.p} (${u.without.toLowerCase()})`]}
          texts={2}
          rows={checks.outliers.map((o) => [
            o.metric,
            o.variant,
            signedNumber(o.with_all ?? 0),
            pValueText(o.p_with_all ?? 1),
            signedNumber(o.without_largest ?? 0),
            pValueText(o.p_without_largest ?? 1),
          ])}
        />,
        checks.outliers,
      )}
      {part(
        u.ages,
        u.agesHint,
        <Table
          wide
          name={u.ages}
          heads={[w.common.metric, w.common.variant, w.common.units, ...days.map((d) => w.experiment.dayNumber(d)), u.slope, w.health.p]}
          texts={2}
          rows={checks.ages.map((a) => [
            a.metric,
            a.variant,
            count(a.units),
            ...days.map((d) => {
              const effect = a.effects.find((e) => e.day + 1 === d);
              const lift = a.scale === "relative";
              return effect ? (
                <>
                  {(lift ? signedPercent : signedNumber)(effect.estimate ?? 0)}
                  <span class="muted block">± {(lift ? percent : number)(effect.standard_error ?? 0)}</span>
                </>
              ) : (
                "–"
              );
            }),
            (a.scale === "relative" ? signedPercent : signedNumber)(a.slope_per_day ?? 0),
            pValueText(a.p_value ?? 1),
          ])}
        />,
        checks.ages,
      )}
      {part(
        u.interactions,
        u.interactionsHint,
        <Table
          name={u.interactions}
          heads={[u.other, w.common.metric, w.common.variant, w.common.units, u.differs, u.error, w.health.p, w.experiment.pAdjusted, u.assignment]}
          texts={3}
          rows={checks.interactions.map((i) => [
            `${i.experiment}: ${i.other_variant}`,
            i.metric,
            i.variant,
            count(i.units),
            signedNumber(i.estimate ?? 0),
            number(i.standard_error ?? 0),
            pValueText(i.p_value ?? 1),
            pValueText(i.p_value_adjusted ?? 1),
            pValueText(i.assignment_p_value ?? 1),
          ])}
        />,
        checks.interactions,
      )}
    </Section>
  );
}
