import { useState } from "preact/hooks";
import { count, number, orDash, percent, pValueText, range, type Scale } from "../format";
import { useWords } from "../i18n";
import { anytime, effect, pValue, type Comparison, type Interval, toneOf, type Report } from "../report";
import { Name } from "./basics";
import { Axis, IntervalBar, LiftText, domainOf } from "./interval";

export interface View {
  scale: Scale;
  cuped: boolean;
}

const roles = ["primary", "guardrail", "secondary", "other"] as const;

function Details({ c, report }: { c: Comparison; report: Report }) {
  const w = useWords();
  const text = (interval: Interval | undefined, scale: Scale) =>
    interval && interval.estimate !== null && interval.ci
      ? `${scale === "relative" ? percent(interval.estimate) : number(interval.estimate)} (${range(interval.ci, scale, w.common.open, w.common.to)})${interval.method ? `, ${interval.method}` : ""}`
      : w.common.notDefined(interval?.reason ?? w.common.unknown);
  const maybe = (v: number | null | undefined, f: (v: number) => string, why?: string) =>
    v === null || v === undefined ? w.common.notDefined(why ?? w.common.unknown) : f(v);
  const control = report.variants.find((v) => v.key === report.control)?.metrics[c.metric];
  const treated = report.variants.find((v) => v.key === c.variant)?.metrics[c.metric];
  const facts: [string, string][] = [
    [w.experiment.absolute, text(c.absolute, "absolute")],
    [w.experiment.relative, text(c.relative, "relative")],
    ...(c.relative_fieller ? ([["Fieller", text(c.relative_fieller, "relative")]] as [string, string][]) : []),
    [`${w.experiment.anytime} (${w.experiment.absolute})`, text(c.anytime, "absolute")],
    [`${w.experiment.p} (${c.method})`, maybe(c.p_value, pValueText, c.p_value_reason)],
    [`${w.experiment.p}, ${w.experiment.pAdjusted}`, maybe(c.p_value_adjusted, pValueText)],
    [`${w.experiment.p}, ${w.experiment.anytime}`, maybe(c.anytime.p_value, pValueText, c.anytime.p_value_reason)],
    [w.experiment.chance, maybe(c.bayesian.chance_to_win, percent)],
    [w.experiment.loss, maybe(c.bayesian.expected_loss, number)],
    [w.experiment.detectable, maybe(c.detectable, percent)],
  ];
  if (c.cuped) {
    facts.push(
      [`CUPED, ${w.experiment.relative}`, text(c.cuped.relative, "relative")],
      [`CUPED, ${w.experiment.absolute}`, text(c.cuped.absolute, "absolute")],
      [w.experiment.vr, maybe(c.cuped.variance_reduction, percent)],
    );
  }
  for (const [name, m] of [
    [report.control, control],
    [c.variant, treated],
  ] as const) {
    if (!m) continue;
    facts.push([
      `${w.experiment.mean}, ${name}`,
      `${maybe(m.mean, number)} · ${count(m.units)} ${w.common.units}${m.pending ? ` · ${w.experiment.pending(count(m.pending))}` : ""}`,
    ]);
  }
  return (
    <dl class="facts">
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}

function Row({ c, report, view, domain }: { c: Comparison; report: Report; view: View; domain: { from: number; to: number } }) {
  const w = useWords();
  const [open, setOpen] = useState(false);
  const interval = effect(c, view.scale, view.cuped);
  const trusted = report.health.ok;
  const tone = toneOf(c, interval, report);
  const controlMean = report.variants.find((v) => v.key === report.control)?.metrics[c.metric]?.mean ?? null;
  const thin = view.cuped ? null : anytime(c, view.scale, controlMean);
  const mean = report.variants.find((v) => v.key === c.variant)?.metrics[c.metric]?.mean ?? null;
  const p = pValue(c, view.cuped);
  return (
    <>
      <tr class={open ? "open" : ""}>
        <th scope="row">
          <button class="expand" aria-expanded={open} onClick={() => setOpen(!open)}>
            <span aria-hidden="true" class="caret" />
            <span>
              <Name text={c.metric} />
            </span>
          </button>
          {report.variants.length > 2 && (
            <span class="muted variant-name">
              <bdi>{c.variant}</bdi>
            </span>
          )}
        </th>
        <td class="number means" data-label={w.experiment.mean}>
          <span class="muted">{orDash(controlMean, number)}&nbsp;→</span> {orDash(mean, number)}
        </td>
        <td class="bar-cell">
          <IntervalBar interval={interval} thin={thin} domain={domain} tone={tone} label={`${c.metric} ${c.variant}`} />
        </td>
        <td class="lift-text" data-label={w.experiment.lift}>
          <LiftText interval={interval} scale={view.scale} tone={tone} id={`${c.metric}/${c.variant}`} />
          {trusted && tone !== "open" && <span class={`word ${tone}`}> {tone === "good" ? w.experiment.better : w.experiment.worse}</span>}
          {!trusted && <span class="pill bad">{w.health.untrusted}</span>}
        </td>
        <td class="number" data-label={w.experiment.p}>
          {orDash(p, pValueText)}
          {!view.cuped && p !== null && c.p_value_adjusted !== null && c.p_value_adjusted !== c.p_value && (
            <span class="muted small adjusted">
              {w.experiment.pAdjusted} {pValueText(c.p_value_adjusted)}
            </span>
          )}
        </td>
        <td class="number" data-label={w.experiment.chance}>
          {trusted && c.bayesian.chance_to_win !== null ? percent(c.bayesian.chance_to_win) : "–"}
        </td>
      </tr>
      {open && (
        <tr class="details">
          <td colSpan={6}>
            <Details c={c} report={report} />
          </td>
        </tr>
      )}
    </>
  );
}

/** Every metric with its lift on one scale. On the absolute scale each metric has its own. */
export function Forest({ report, view }: { report: Report; view: View }) {
  const w = useWords();
  const groups = roles
    .map((role) => ({ role, rows: report.comparisons.filter((c) => (c.role || "other") === role) }))
    .filter((group) => group.rows.length > 0);
  const meanOf = (c: Comparison) => report.variants.find((v) => v.key === report.control)?.metrics[c.metric]?.mean ?? null;
  const domainFor = (rows: Comparison[]) =>
    domainOf(
      rows.map((c) => effect(c, view.scale, view.cuped).ci),
      view.cuped ? [] : rows.map((c) => anytime(c, view.scale, meanOf(c))),
    );
  const shared = domainFor(report.comparisons);
  const scaled = view.scale === "relative" && !view.cuped && report.comparisons.some((c) => c.anytime.ci && !c.anytime.relative);
  return (
    <>
      <table class="forest">
        <thead>
          <tr>
            <th scope="col">{w.common.metric}</th>
            <th scope="col" class="number">
              {w.experiment.mean}
            </th>
            <th scope="col" class="axis-head">
              {view.scale === "relative" ? <Axis domain={shared} scale="relative" /> : <span class="hidden">{w.experiment.forest}</span>}
            </th>
            <th scope="col">{w.experiment.lift}</th>
            <th scope="col" class="number">
              {w.experiment.p}
            </th>
            <th scope="col" class="number">
              {w.experiment.chance}
            </th>
          </tr>
        </thead>
        {groups.map(({ role, rows }) => (
          <tbody key={role}>
            <tr class="group">
              <th colSpan={6} scope="rowgroup">
                {w.experiment.roles[role]}
              </th>
            </tr>
            {rows.map((c) => (
              <Row
                key={`${c.metric}/${c.variant}`}
                c={c}
                report={report}
                view={view}
                domain={view.scale === "relative" ? shared : domainFor(report.comparisons.filter((o) => o.metric === c.metric))}
              />
            ))}
          </tbody>
        ))}
      </table>
      <p class="muted small">
        {w.experiment.forestHint(percent(report.confidence))} {scaled && w.experiment.forestScaled}
      </p>
    </>
  );
}
