// What the experiment did, how sure we are, and whether the data can be trusted: the first thing on
// its page.
import { odds, percent, pValueText, number, range, signedNumber, type Scale } from "../format";
import { useWords, type Words } from "../i18n";
import { language } from "../store";
import type { Comparison, Report } from "../report";
import { Sign } from "./basics";
import { PlanSentences } from "./judged";

/** "GMV of on rose 2.1 % (0.4 % to 3.8 %); ... by chance in 1 of 70 A/A tests." */
export function sentence(c: Comparison, w: Words): string {
  if (c.sentence) return c.sentence[language.value];
  const chance = () => {
    if (c.p_value === null) return "";
    const of = odds(c.p_value);
    return of ? w.verdict.chance(of.of, of.n) : w.verdict.chanceRare;
  };
  const scale: Scale = c.relative.estimate !== null && c.relative.ci ? "relative" : "absolute";
  const interval = c[scale];
  if (interval.estimate === null || !interval.ci) {
    return w.verdict.undefined(c.metric, c.variant, c.relative.reason ?? c.absolute.reason ?? w.common.unknown) + w.verdict.stop;
  }
  const by = scale === "relative" ? percent(Math.abs(interval.estimate)) : signedNumber(interval.estimate);
  const moved = interval.estimate < 0 ? w.verdict.fell : w.verdict.rose;
  return (
    w.verdict.sentence(c.metric, c.variant, moved, by, range(interval.ci, scale, w.common.open, w.common.to)) +
    chance() +
    w.verdict.stop
  );
}

function headline(report: Report, w: Words): string {
  const { action, variant } = report.decision;
  const v = variant ?? "";
  if (!report.health.ok || action === "blocked_unhealthy") return w.verdict.blocked;
  if (report.comparisons.length === 0) return w.verdict.none;
  if (!report.comparisons.some((c) => c.role === "primary")) return w.verdict.noPlan;
  if (action === "ship") return w.verdict.ship(v);
  if (action === "stop_harm") return w.verdict.stop_harm(v);
  if (action === "stop_futile") return w.verdict.stop_futile(v);
  return w.verdict.keep_running;
}

export function Verdict({ report }: { report: Report }) {
  const w = useWords();
  const blocked = !report.health.ok;
  const primaries = report.comparisons.filter((c) => c.role === "primary");
  const kind = blocked ? "blocked" : report.decision.action;
  return (
    <section class={`card verdict ${kind}`} aria-label={w.list.decision}>
      <p class="headline" data-action={report.decision.action}>
        {headline(report, w)}
      </p>
      {blocked ? <p>{w.verdict.blockedWhy}</p> : primaries.map((c) => <p key={c.variant}>{sentence(c, w)}</p>)}
      <PlanSentences report={report} />
      {report.decision.reason && (
        <p class="muted small">
          {w.verdict.technical}:{" "}
          {language.value === "zh" && report.decision.reason_zh ? (
            report.decision.reason_zh
          ) : (
            <span lang="en">{report.decision.reason}</span>
          )}
        </p>
      )}
    </section>
  );
}

export function Health({ report }: { report: Report }) {
  const w = useWords();
  const checks = report.health.checks;
  const bad = checks.filter((c) => !c.ok);
  const passed = checks.filter((c) => c.ok);
  const warnings = bad.filter((c) => c.severity !== "block");
  const kind = !report.health.ok ? "bad" : warnings.length > 0 ? "warn" : "good";
  const row = (c: (typeof checks)[number]) => (
    <li key={c.name} class={c.ok ? "" : c.severity}>
      <Sign kind={c.ok ? "good" : c.severity === "block" ? "bad" : "warn"}>
        <b>{w.health.names[c.name] ?? c.name}</b>
      </Sign>
      <span class="muted small">
        {" "}
        {c.ok ? w.health.passedOne : c.severity === "block" ? w.health.failed : w.health.warning}
        {c.p !== null && `, ${w.health.p} ${pValueText(c.p)}`}
        {c.effect !== null && `, ${w.health.effect} ${number(c.effect)}`}
      </span>
      {c.detail && (
        <p class="small">
          <bdi>{language.value === "zh" ? (c.detail_zh ?? c.detail) : c.detail}</bdi>
        </p>
      )}
    </li>
  );
  return (
    <section class={`card health ${kind}`} aria-label={w.health.title}>
      <h2>{w.health.title}</h2>
      <p>
        {kind === "bad"
          ? w.health.blockSentence
          : kind === "warn"
            ? w.health.warnSentence(warnings.length)
            : w.health.okSentence(checks.length)}
      </p>
      {bad.length > 0 && <ul class="checks">{bad.map(row)}</ul>}
      {passed.length > 0 && (
        <details>
          <summary>{w.health.passed(passed.length)}</summary>
          <ul class="checks">{passed.map(row)}</ul>
        </details>
      )}
    </section>
  );
}
