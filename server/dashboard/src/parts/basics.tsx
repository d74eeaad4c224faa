// Small pieces that every page uses.
import type { ComponentChildren, RefObject } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import { Refused } from "../api";
import { count } from "../format";
import { useWords } from "../i18n";
import type { Report } from "../report";
import { live, type Loaded } from "../store";

export function Notice({ kind, children }: { kind: "bad" | "warn" | "good" | "info"; children: ComponentChildren }) {
  return (
    <div class={`notice ${kind}`} role={kind === "bad" ? "alert" : undefined}>
      {children}
    </div>
  );
}

/**
 * A long load says how long it has been going on, how far it is by what it took the last time, and
 * what the server is doing.
 */
export function Loading({ since, expectedMs }: { since?: number; expectedMs?: number | null }) {
  const w = useWords();
  const [seconds, setSeconds] = useState(0);
  useEffect(() => {
    const from = since ?? performance.now();
    const timer = setInterval(() => setSeconds(Math.floor((performance.now() - from) / 250) / 4), 250);
    return () => clearInterval(timer);
  }, [since]);
  const records = live.value?.records ?? 0;
  return (
    <div class="loading" role="status">
      {expectedMs && expectedMs > 1000 ? (
        <progress aria-label={w.common.loading} max={1} value={Math.min(0.97, (1000 * seconds) / expectedMs)} />
      ) : (
        <div class="bar" aria-hidden="true">
          <div />
        </div>
      )}
      <p>{seconds < 1 ? w.common.loading : w.common.loadingFor(Math.floor(seconds))}</p>
      {seconds >= 2 && records > 0 && <p class="muted">{w.common.computing(count(records))}</p>}
    </div>
  );
}

/** What a page shows in place of data that is not there (yet). */
export function Pending<T>({ of }: { of: Loaded<T> }) {
  const w = useWords();
  if (of.error && !of.loading) {
    return (
      <Notice kind="bad">
        <p>{errorText(of.error, w)}</p>
        <button onClick={of.reload}>{w.common.retry}</button>
      </Notice>
    );
  }
  return <Loading since={of.since} expectedMs={of.expectedMs} />;
}

export function errorText(error: Error, w: ReturnType<typeof useWords>): string {
  if (error instanceof Refused && (error.status === 405 || (error.status === 404 && error.message.startsWith("there is no"))))
    return w.errors.notYet;
  if (error instanceof Refused && error.status === 403) return `${w.errors.forbidden} ${error.message}`;
  return w.errors.failed(error.message);
}

/** A choice between a few things, as one row of buttons. */
export function Switch<T extends string>({
  label,
  value,
  options,
  onChange,
  disabled,
}: {
  label: string;
  value: T;
  options: { value: T; text: string }[];
  onChange: (value: T) => void;
  disabled?: string;
}) {
  return (
    <div class="switch" role="group" aria-label={label} title={disabled}>
      {options.map((option) => (
        <button
          key={option.value}
          type="button"
          aria-pressed={option.value === value}
          disabled={disabled !== undefined}
          onClick={() => onChange(option.value)}
        >
          {option.text}
        </button>
      ))}
    </div>
  );
}

/** A key that may be long: it breaks after "_" and ".", not within a word. */
export function Name({ text }: { text: string }) {
  return (
    <bdi>
      {text.split(/(?<=[_.])/).map((piece, i) => (
        <>
          {i > 0 && <wbr />}
          {piece}
        </>
      ))}
    </bdi>
  );
}

/** The metric that a page is about, chosen among `metrics`. */
export function useMetric(report: Report): { metric: string; choice: ComponentChildren } {
  const w = useWords();
  const metrics = [...new Set(report.comparisons.map((c) => c.metric))];
  const [chosen, choose] = useState(report.comparisons.find((c) => c.role === "primary")?.metric ?? "");
  const metric = metrics.includes(chosen) ? chosen : (metrics[0] ?? "");
  const choice = (
    <label class="field inline">
      <span>{w.experiment.choose}</span>
      <select name="metric" value={metric} onChange={(event) => choose(event.currentTarget.value)}>
        {metrics.map((m) => (
          <option key={m}>{m}</option>
        ))}
      </select>
    </label>
  );
  return { metric, choice };
}

/** Brings the current one of a row of links into sight, where the row is wider than the window. */
export function useCurrentInSight(name: string): RefObject<HTMLElement> {
  const row = useRef<HTMLElement>(null);
  useEffect(() => {
    const link = row.current?.querySelector<HTMLElement>("[aria-current=page]");
    if (!row.current || !link) return;
    row.current.scrollLeft = link.offsetLeft - (row.current.clientWidth - link.offsetWidth) / 2;
  }, [name]);
  return row;
}

/** A modal dialog; Escape and a click outside close it, and the focus goes back where it was. */
export function Dialog({ title, onClose, children }: { title: string; onClose: () => void; children: ComponentChildren }) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const node = dialog.current!;
    if (!node.open) node.showModal();
    return () => node.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      aria-label={title}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onClick={(event) => {
        if (event.target === dialog.current) onClose();
      }}
    >
      <div class="dialog">
        <h2>{title}</h2>
        {children}
      </div>
    </dialog>
  );
}

export function StatusPill({ status }: { status: string }) {
  const w = useWords();
  return <span class={`pill status-${status}`}>{w.status[status] ?? status}</span>;
}

const signs = { good: "✓", warn: "!", bad: "✕", none: "·" };

export function Sign({ kind, children }: { kind: keyof typeof signs; children: ComponentChildren }) {
  return (
    <span class={`sign ${kind}`}>
      <span class="mark" aria-hidden="true">
        {signs[kind]}
      </span>
      {children}
    </span>
  );
}

export function Section({ title, children, aside }: { title: string; children: ComponentChildren; aside?: ComponentChildren }) {
  return (
    <section class="card" aria-label={title}>
      <div class="section-head">
        <h2>{title}</h2>
        {aside}
      </div>
      {children}
    </section>
  );
}
