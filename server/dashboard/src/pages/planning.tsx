import * as Plot from "@observablehq/plot";
import { useEffect, useMemo, useState } from "preact/hooks";
import { experimentPath, request } from "../api";
import { count, number, percent, percentTick, shortPercent } from "../format";
import { useWords } from "../i18n";
import { Notice, errorText, Section } from "../parts/basics";
import { Chart } from "../parts/chart";
import type { Overview, Report } from "../report";
import { useLoaded } from "../store";

interface Answer {
  units_control?: number | null;
  units_total?: number | null;
  days?: number | null;
  mde_relative?: number | null;
  design_effect?: number;
  [key: string]: unknown;
}

const WEEKS = [1, 2, 3, 4, 5, 6, 8, 10, 12];

export function PlanningPage() {
  const w = useWords();
  const p = w.planning;
  const overview = useLoaded<Overview>("/v1/overview");
  const candidates = (overview.data?.experiments ?? []).filter((e) => e.status !== "draft");
  const [source, setSource] = useState<string | null>(null);
  const chosen = source ?? candidates[0]?.key ?? "";
  const report = useLoaded<Report>(chosen ? `${experimentPath(chosen)}/report` : null);
  const [metric, setMetric] = useState("");
  const [mean, setMean] = useState("0.05");
  const [variance, setVariance] = useState("");
  const [perDay, setPerDay] = useState("10000");
  const [effect, setEffect] = useState("2");
  const [power, setPower] = useState("80");
  const [alpha, setAlpha] = useState("5");
  const [ratio, setRatio] = useState("1");
  const [traffic, setTraffic] = useState("100");
  const [anytime, setAnytime] = useState(false);
  const [cuped, setCuped] = useState(false);
  const [answers, setAnswers] = useState<Answer[] | null>(null);
  const [error, setError] = useState<Error | null>(null);

  const data = chosen ? report.data : null;
  const metrics = Object.keys(data?.variants[0]?.metrics ?? {});
  const name = metrics.includes(metric)
    ? metric
    : (data?.comparisons.find((c) => c.role === "primary")?.metric ?? metrics[0] ?? "");
  const baseline = data?.variants[0]?.metrics[name];
  const removed = data?.comparisons.find((c) => c.metric === name)?.cuped?.variance_reduction ?? null;
  // The last day may not be over.
  const daily = useMemo(() => {
    const all = (data?.days ?? []).filter((d) => !d.cumulative).map((d) => d.variants.reduce((sum, v) => sum + v.units, 0));
    return all.length > 2 ? all.slice(0, -1) : all;
  }, [data]);
  const fromData = chosen !== "" && baseline?.mean != null && baseline.variance != null && daily.some((n) => n > 0);
  const perDayList = fromData ? daily : [Number(perDay)];

  useEffect(() => {
    if (!baseline || baseline.mean === null) return;
    const short = (value: number) => String(Number(value.toPrecision(6)));
    setMean(short(baseline.mean));
    setVariance(baseline.variance === null ? "" : short(baseline.variance));
    if (daily.length > 0) setPerDay(String(Math.round(daily.reduce((a, b) => a + b, 0) / daily.length)));
  }, [chosen, name, data === null]);

  const question: Record<string, unknown> = {
    mean: Number(mean),
    ...(variance.trim() ? { variance: Number(variance) } : {}),
    alpha: Number(alpha) / 100,
    power: Number(power) / 100,
    ratio: Number(ratio),
    relative_effect: Number(effect) / 100,
    ...(anytime ? { anytime_tuning_units: 5000 } : {}),
    ...(cuped && removed ? { correlation: Math.sqrt(removed) } : {}),
  };
  const share = Number(traffic) / 100;
  // An answer to an earlier question stays in sight, in italics (paler would be too faint to read), until the next one is there.
  const [answered, setAnswered] = useState("");
  const asked = JSON.stringify([question, share, perDayList]);
  useEffect(() => {
    const control = new AbortController();
    const timer = setTimeout(async () => {
      const days = perDayList.map((n) => n * share).filter((n) => n > 0);
      const curve = WEEKS.map((weeks) => ({ ...question, relative_effect: undefined, new_units_per_day: days, after_days: 7 * weeks }));
      try {
        const { body } = await request<Answer[]>("POST", "/v1/plan", {
          body: [days.length > 0 ? { ...question, new_units_per_day: days } : question, ...(days.length > 0 ? curve : [])],
          signal: control.signal,
        });
        setAnswers(body);
        setAnswered(asked);
        setError(null);
      } catch (e) {
        if ((e as Error).name !== "AbortError") setError(e as Error);
      }
    }, 200);
    return () => {
      clearTimeout(timer);
      control.abort();
    };
  }, [asked]);

  const input = (label: string, value: string, set: (v: string) => void, extra: object = {}, by = "") => (
    <label class="field">
      <span>{label}</span>
      <input name={by} type="number" step="any" value={value} onInput={(e) => set(e.currentTarget.value)} {...extra} />
    </label>
  );
  const answer = answers?.[0];
  const curve = WEEKS.map((weeks, i) => ({ weeks, mde: answers?.[i + 1]?.mde_relative ?? null })).filter(
    (c): c is { weeks: number; mde: number } => c.mde !== null && c.mde > 0,
  );
  return (
    <>
      <h1>{p.title}</h1>
      <p class="muted">{p.explain}</p>
      <div class="two">
        <form class="card" onSubmit={(e) => e.preventDefault()}>
          <h2>{p.baseline}</h2>
          <label class="field">
            <span>{p.fromExperiment}</span>
            <select name="source" value={chosen} onChange={(e) => setSource(e.currentTarget.value)}>
              {candidates.map((e) => (
                <option key={e.key} value={e.key}>
                  {e.name || e.key}
                </option>
              ))}
              <option value="">{p.byHand}</option>
            </select>
          </label>
          {chosen !== "" && (
            <label class="field">
              <span>{p.metric}</span>
              <select name="metric" value={name} onChange={(e) => setMetric(e.currentTarget.value)}>
                {metrics.map((m) => (
                  <option key={m}>{m}</option>
                ))}
              </select>
            </label>
          )}
          <div class="fields">
            {input(p.mean, mean, setMean, {}, "mean")}
            {input(p.variance, variance, setVariance, { placeholder: "p (1 − p)" }, "variance")}
            {input(p.perDay, perDay, setPerDay, { disabled: fromData }, "per_day")}
            {input(p.traffic, traffic, setTraffic, { min: 0.1, max: 100 }, "traffic")}
          </div>
          {fromData && daily.length > 1 && <p class="muted small">{p.perDayHint(daily.length)}</p>}
          <h2>{p.design}</h2>
          <div class="fields">
            {input(p.effect, effect, setEffect, { min: 0.01 }, "effect")}
            {input(p.power, power, setPower, { min: 10, max: 99.9 }, "power")}
            {input(p.alpha, alpha, setAlpha, { min: 0.01, max: 50 }, "alpha")}
            {input(p.arms, ratio, setRatio, { min: 0.01 }, "ratio")}
          </div>
          <label class="check">
            <input type="checkbox" name="anytime" checked={anytime} onChange={(e) => setAnytime(e.currentTarget.checked)} />
            <span>
              {p.anytime} <small class="muted">{p.anytimeHint}</small>
            </span>
          </label>
          <label class="check">
            <input type="checkbox" name="cuped" disabled={!removed} checked={cuped && !!removed} onChange={(e) => setCuped(e.currentTarget.checked)} />
            <span>
              {p.cuped} {removed !== null && removed !== undefined && <small class="muted">{p.cupedOf(percent(removed))}</small>}
            </span>
          </label>
        </form>
        <div>
          <Section title={p.result}>
            {error && <Notice kind="bad">{errorText(error, w)}</Notice>}
            {answer && (
              <div class={`plan-answer ${answered === asked ? "" : "stale"}`} aria-live="polite" aria-busy={answered !== asked}>
                <p>{p.unitsSentence(shortPercent(Number(effect) / 100), shortPercent(Number(power) / 100))}</p>
                <p class="big" data-units={answer.units_total ?? ""}>
                  {answer.units_total == null ? p.noData : count(answer.units_total)} <span class="unit">{p.unitsNeeded}</span>
                </p>
                <p class="big" data-days={answer.days ?? ""}>
                  {answer.days != null ? p.daysNeeded(answer.days) : answer.units_total != null ? p.tooLong : ""}
                </p>
              </div>
            )}
          </Section>
          {curve.length > 1 && (
            <Section title={p.curve}>
              <Chart
                title={p.curve}
                hint={p.curveHint}
                depends={[answers, w]}
                options={() => ({
                  x: { label: null, ticks: curve.map((c) => c.weeks), tickFormat: (v: number) => String(v) },
                  y: { label: null, grid: true, zero: true, ticks: 5, tickFormat: percentTick },
                  marks: [
                    Plot.ruleY([Number(effect) / 100], { stroke: "var(--text)", strokeDasharray: "4 4", strokeOpacity: 0.6 }),
                    Plot.lineY(curve, { x: "weeks", y: "mde", stroke: "var(--series-1)", strokeWidth: 2 }),
                    Plot.dot(curve, { x: "weeks", y: "mde", fill: "var(--series-1)", r: 4 }),
                    Plot.tip(curve, Plot.pointerX({ x: "weeks", y: "mde", title: (c: (typeof curve)[number]) => `${c.weeks} ${p.weeks}: ${percent(c.mde)}` })),
                  ],
                })}
                table={{ head: [p.weeks, p.mde], rows: curve.map((c) => [c.weeks, percent(c.mde)]) }}
              />
            </Section>
          )}
          {answer?.design_effect !== undefined && answer.design_effect !== 1 && (
            <p class="muted small">
              {w.experiment.vr}: {number(1 - answer.design_effect)}
            </p>
          )}
        </div>
      </div>
    </>
  );
}
