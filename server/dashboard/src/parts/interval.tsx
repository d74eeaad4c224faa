// One lift as a bar on a shared scale: thick the interval for one look, thin the anytime interval.
import { lift, range, type Scale } from "../format";
import type { Interval, Range } from "../report";
import { useWords } from "../i18n";

export interface Domain {
  from: number;
  to: number;
}

/** A domain around 0 that holds the intervals, without being ruled by a few very wide ones. */
export function domainOf(ranges: Range[], thin: Range[] = []): Domain {
  const ends = ranges.flatMap((r) => (r ? r.filter((v): v is number => v !== null) : []));
  if (ends.length === 0) return { from: -1, to: 1 };
  const sizes = ends.map(Math.abs).sort((a, b) => a - b);
  // With many rows one hopeless interval would flatten all others; it is cut off with an arrow.
  const typical = sizes[Math.floor(0.9 * (sizes.length - 1))];
  let limit = ends.length > 12 ? Math.min(sizes[sizes.length - 1], 1.6 * typical) : sizes[sizes.length - 1];
  const wide = thin.flatMap((r) => (r ? r.filter((v): v is number => v !== null).map(Math.abs) : []));
  if (wide.length > 0) limit = Math.min(Math.max(limit, ...wide), 1.7 * limit);
  limit = limit === 0 ? 1 : limit * 1.08;
  const low = Math.min(0, ...ends, ...thin.flatMap((r) => (r?.[0] == null ? [] : [r[0]])));
  const high = Math.max(0, ...ends, ...thin.flatMap((r) => (r?.[1] == null ? [] : [r[1]])));
  return { from: Math.max(-limit, low * 1.08 - limit * 0.06), to: Math.min(limit, high * 1.08 + limit * 0.06) };
}

const W = 300;
const H = 26;

export function IntervalBar({
  interval,
  thin,
  domain,
  tone,
  label,
}: {
  interval: Interval;
  thin?: Range;
  domain: Domain;
  tone: "good" | "bad" | "open" | "grey";
  label: string;
}) {
  const x = (v: number) => ((v - domain.from) / (domain.to - domain.from)) * W;
  const clamp = (v: number | null, edge: number) => Math.min(W, Math.max(0, v === null ? edge : x(v)));
  const bar = (r: Range, height: number, name: string) => {
    if (!r) return null;
    const from = clamp(r[0], 0);
    const to = clamp(r[1], W);
    return <rect class={name} x={from} y={(H - height) / 2} width={Math.max(1.5, to - from)} height={height} rx={height / 2} />;
  };
  const ci = interval.ci;
  const cutLeft = ci && (ci[0] === null || ci[0] < domain.from);
  const cutRight = ci && (ci[1] === null || ci[1] > domain.to);
  return (
    <svg class={`interval ${tone}`} viewBox={`0 0 ${W} ${H}`} preserveAspectRatio="none" role="img" aria-label={label}>
      <line class="zero" x1={x(0)} x2={x(0)} y1="0" y2={H} />
      {bar(thin ?? null, 3, "thin")}
      {bar(ci, 9, "thick")}
      {cutLeft && <path class="arrow" d={`M1 ${H / 2} l6 -5 v10 z`} />}
      {cutRight && <path class="arrow" d={`M${W - 1} ${H / 2} l-6 -5 v10 z`} />}
      {ci && interval.estimate !== null && x(interval.estimate) >= 0 && x(interval.estimate) <= W && (
        <rect class="point" x={x(interval.estimate) - 1.5} y={(H - 15) / 2} width="3" height="15" rx="1.5" />
      )}
    </svg>
  );
}

/** The numbers of the bar in words: never a lift without its interval. */
export function LiftText({
  interval,
  scale,
  tone,
  id,
}: {
  interval: Interval;
  scale: Scale;
  tone: "good" | "bad" | "open" | "grey";
  id?: string;
}) {
  const w = useWords();
  if (interval.estimate === null || !interval.ci) {
    return <span class="muted">{w.common.notDefined(interval.reason ?? w.common.unknown)}</span>;
  }
  return (
    <span class={`lift ${tone}`} data-id={id} data-estimate={interval.estimate} data-low={interval.ci[0] ?? ""} data-high={interval.ci[1] ?? ""}>
      <b>{lift(interval.estimate, scale)}</b>{" "}
      <span class="range">({range(interval.ci, scale, w.common.open, w.common.to)})</span>
    </span>
  );
}

export function Axis({ domain, scale }: { domain: Domain; scale: Scale }) {
  return (
    <div class="axis" aria-hidden="true">
      <span>{lift(domain.from, scale)}</span>
      <span class="axis-zero" style={{ left: `${(100 * -domain.from) / (domain.to - domain.from)}%` }}>
        0
      </span>
      <span>{lift(domain.to, scale)}</span>
    </div>
  );
}
