import { useEffect, useMemo, useState } from "preact/hooks";
import { count, signedPercent } from "../format";
import { timeText, useWords } from "../i18n";
import { Pending, Sign, StatusPill } from "../parts/basics";
import { IntervalBar, LiftText, domainOf, type Domain } from "../parts/interval";
import { direction, type ExperimentRow, type Overview } from "../report";
import { connection, live, useCell, useLoaded } from "../store";

type Column = "key" | "status" | "days" | "units" | "lift" | "health" | "decision";

const statusOrder = ["running", "draft", "stopped", "archived"];
const decisionOrder = ["blocked_unhealthy", "stop_harm", "ship", "stop_futile", "keep_running"];

function healthRank(row: ExperimentRow): number {
  if (!row.summary || row.summary.error) return 3;
  if (!row.summary.health.ok) return 0;
  return row.summary.health.failed.length > 0 ? 1 : 2;
}

/** The comparison that stands for the experiment: the one the decision is about, else the first. */
export function mainComparison(row: ExperimentRow) {
  const primary = row.summary?.primary ?? [];
  return primary.find((c) => c.variant === row.summary?.decision.variant) ?? primary[0] ?? null;
}

function sortValue(row: ExperimentRow, column: Column): number | string {
  switch (column) {
    case "key":
      return row.key.toLowerCase();
    case "status":
      return statusOrder.indexOf(row.status);
    case "days":
      return -(row.summary?.days ?? -1);
    case "units":
      return -(row.summary?.units ?? -1);
    case "lift":
      return -(mainComparison(row)?.relative.estimate ?? -1e9);
    case "health":
      return healthRank(row);
    case "decision": {
      const rank = decisionOrder.indexOf(row.summary?.decision?.action ?? "");
      return rank < 0 ? 9 : rank;
    }
  }
}

function Health({ row }: { row: ExperimentRow }) {
  const w = useWords();
  const health = row.summary?.health;
  if (!health) return <span class="muted">–</span>;
  if (!health.ok) {
    const names = health.failed.filter((c) => c.severity === "block").map((c) => w.health.names[c.name] ?? c.name);
    return (
      <span title={names.join(", ")}>
        <Sign kind="bad">{w.health.block}</Sign>
      </span>
    );
  }
  if (health.failed.length > 0) return <Sign kind="warn">{w.health.warn(health.failed.length)}</Sign>;
  return <Sign kind="good">{w.health.ok}</Sign>;
}

function Row({ row, domain }: { row: ExperimentRow; domain: Domain }) {
  const w = useWords();
  const summary = row.summary && !row.summary.error ? row.summary : null;
  const comparison = mainComparison(row);
  const trusted = summary?.health.ok ?? false;
  // Coloured is what the plan has come to, not what an interval says before its time.
  const decided = summary?.decision.action === "ship" || summary?.decision.action === "stop_harm";
  const tone = !comparison ? "open" : !trusted ? "grey" : decided ? direction(comparison.relative, comparison.good) : "open";
  const action = summary?.decision.action ?? "";
  return (
    <tr>
      <th scope="row" data-label={w.list.experiment}>
        <a href={`#/experiments/${encodeURIComponent(row.key)}`}>
          <bdi>{row.name || row.key}</bdi>
        </a>
        {row.name && <span class="muted key"> {row.key}</span>}
        {row.kind === "holdout" && <span class="pill"> {w.list.holdout}</span>}
        {row.hypothesis && (
          <p class="muted one-line">
            <bdi>{row.hypothesis}</bdi>
          </p>
        )}
      </th>
      <td data-label={w.list.statusTitle}>
        <StatusPill status={row.status} />
      </td>
      <td class="number" data-label={w.list.days}>
        <span>
          {summary ? summary.days : "–"}
          {summary && row.min_days ? <span class="muted" title={`${w.experiment.planFields.min_days} ${row.min_days}`}> / {row.min_days}</span> : null}
        </span>
      </td>
      <td class="number" data-label={w.list.units}>
        {summary ? count(summary.units) : "–"}
      </td>
      <td class="lift-cell" data-label={w.list.lift}>
        {comparison ? (
          <>
            <div class="metric-name">
              <bdi>{comparison.metric}</bdi>{" "}
              <span class="muted">
                <bdi>{comparison.variant}</bdi>
              </span>
              {" "}
              {!trusted && <span class="pill bad">{w.health.untrusted}</span>}
            </div>
            <div class="lift-row">
              <IntervalBar
                interval={comparison.relative}
                domain={domain}
                tone={tone}
                label={`${comparison.metric} ${comparison.variant}`}
              />
              <LiftText interval={comparison.relative} scale="relative" tone={tone} />
            </div>
          </>
        ) : row.summary?.error ? (
          <span class="muted">{row.summary.error}</span>
        ) : summary ? (
          <span class="muted">{w.list.noPrimary}</span>
        ) : row.status === "draft" ? (
          <span class="muted">–</span>
        ) : (
          <span class="muted pulse">{w.list.waiting}</span>
        )}
      </td>
      <td data-label={w.list.health}>
        <Health row={row} />
      </td>
      <td data-label={w.list.decision}>
        {action && summary && summary.primary.length > 0 ? (
          <span class={`decision ${action}`}>
            {w.decision[action] ?? action}
            {summary.decision.variant && action !== "keep_running" && trusted && (
              <span class="of">
                <bdi>{summary.decision.variant}</bdi>
              </span>
            )}
          </span>
        ) : (
          <span class="muted">–</span>
        )}
      </td>
    </tr>
  );
}

export function ExperimentList() {
  const w = useWords();
  const now = useCell(live);
  const state = useCell(connection);
  const [waiting, setWaiting] = useState(0);
  const overview = useLoaded<Overview>("/v1/overview", `${now?.records} ${now?.catalog?.etag} ${waiting}`);
  const [filter, setFilter] = useState("");
  const [status, setStatus] = useState("");
  const [sort, setSort] = useState<Column>("status");
  const data = overview.data;

  // Summaries that the server is still working out come a little later.
  useEffect(() => {
    if (!data || state !== "ok") return;
    const open = data.experiments.some(
      (row) => row.status !== "draft" && (!row.summary || row.summary.as_of < (live.value?.now ?? "") && overview.at !== null),
    );
    if (!open) return;
    const timer = setTimeout(() => setWaiting((n) => n + 1), data.experiments.some((r) => !r.summary && r.status !== "draft") ? 1000 : 5000);
    return () => clearTimeout(timer);
  }, [data, state]);

  // For whoever measures: the list is on the screen.
  useEffect(() => {
    if (data) requestAnimationFrame(() => performance.mark("upswing-list"));
  }, [data !== null]);

  const rows = useMemo(() => {
    const needle = filter.trim().toLowerCase();
    return (data?.experiments ?? [])
      .filter((row) => !status || row.status === status)
      .filter((row) =>
        [row.key, row.name, row.owner, row.hypothesis, row.primary_metric ?? ""].some((text) => text.toLowerCase().includes(needle)),
      )
      .sort((a, b) => {
        const x = sortValue(a, sort);
        const y = sortValue(b, sort);
        return x < y ? -1 : x > y ? 1 : a.key < b.key ? -1 : 1;
      });
  }, [data, filter, status, sort]);

  if (!data) {
    return (
      <>
        <h1>{w.list.title}</h1>
        <Pending of={overview} />
      </>
    );
  }
  const domain = domainOf(rows.map((row) => mainComparison(row)?.relative.ci ?? null));
  const last = data.experiments
    .map((row) => row.summary?.last_record ?? "")
    .sort()
    .pop();
  const header = (column: Column, text: string, name = "") => (
    <th scope="col" class={name} aria-sort={sort === column ? "ascending" : undefined}>
      <button class="sort" onClick={() => setSort(column)} title={w.list.sort(text)}>
        {text}
        <span aria-hidden="true">{sort === column ? " ↓" : ""}</span>
      </button>
    </th>
  );
  const statuses = statusOrder.filter((s) => data.experiments.some((row) => row.status === s));
  return (
    <>
      <div class="title-row">
        <h1>{w.list.title}</h1>
        <p class="muted live-line">
          <span class={`dot ${state}`} aria-hidden="true" /> {w.live.on} ·{" "}
          {last ? w.live.lastRecord(timeText(last, true)) : w.list.counts(rows.length, data.experiments.length)}
        </p>
      </div>
      {data.catalog === null ? (
        <div class="card empty">
          <p>{w.list.none}</p>
          <p class="muted">{w.list.noneHow}</p>
          <pre>upswing catalog publish FILE --server {location.origin}</pre>
        </div>
      ) : (
        <>
          <div class="tools">
            <input
              type="search"
              placeholder={w.list.filter}
              aria-label={w.list.filter}
              value={filter}
              onInput={(event) => setFilter(event.currentTarget.value)}
            />
            <div class="switch" role="group" aria-label={w.list.statusTitle}>
              {["", ...statuses].map((s) => (
                <button key={s} aria-pressed={status === s} onClick={() => setStatus(s)}>
                  {s === "" ? w.list.allOf : w.status[s]}{" "}
                  <span class="muted">{data.experiments.filter((row) => !s || row.status === s).length}</span>
                </button>
              ))}
            </div>
          </div>
          <div class="card flush">
            <table class="list">
              <thead>
                <tr>
                  {header("key", w.list.experiment)}
                  {header("status", w.list.statusTitle)}
                  {header("days", w.list.days, "number")}
                  {header("units", w.list.units, "number")}
                  {header("lift", w.list.lift)}
                  {header("health", w.list.health)}
                  {header("decision", w.list.decision)}
                </tr>
              </thead>
              <tbody>
                {rows.map((row) => (
                  <Row key={row.key} row={row} domain={domain} />
                ))}
              </tbody>
            </table>
            {rows.length === 0 && <p class="muted pad">{w.list.noMatch}</p>}
          </div>
          <p class="muted small">
            {w.list.counts(rows.length, data.experiments.length)}. {w.list.scale(signedPercent(domain.from), signedPercent(domain.to))}
          </p>
        </>
      )}
    </>
  );
}
