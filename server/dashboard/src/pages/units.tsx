import { useState } from "preact/hooks";
import { get } from "../api";
import { useCatalog } from "../catalog";
import { number } from "../format";
import { timeText, useWords } from "../i18n";
import { Loading, Name, Notice, Sign, errorText, Section } from "../parts/basics";
import { live, useCell } from "../store";

interface TraceStep {
  step?: string;
  name?: string;
  passed?: boolean;
  ok?: boolean;
  detail?: string;
  [key: string]: unknown;
}

interface Decision {
  key: string;
  kind?: string;
  variant?: string | null;
  value?: unknown;
  reason: string;
  bucket?: number | null;
  trace?: (TraceStep | string)[];
  [key: string]: unknown;
}

function list<T>(body: unknown, ...names: string[]): T[] {
  if (Array.isArray(body)) return body as T[];
  for (const name of names) {
    const value = (body as Record<string, unknown> | null)?.[name];
    if (Array.isArray(value)) return value as T[];
  }
  return [];
}

function Trace({ decision }: { decision: Decision }) {
  const w = useWords();
  const steps = decision.trace ?? [];
  if (steps.length === 0) return null;
  return (
    <details>
      <summary>{w.units.trace}</summary>
      <ol class="trace">
        {steps.map((step, i) => {
          if (typeof step === "string") return <li key={i}>{step}</li>;
          const passed = step.passed ?? step.ok;
          const rest = Object.entries(step).filter(([k]) => !["step", "name", "passed", "ok", "detail"].includes(k));
          return (
            <li key={i}>
              {passed === undefined ? (
                <b>{step.step ?? step.name}</b>
              ) : (
                <Sign kind={passed ? "good" : "bad"}>
                  <b>{step.step ?? step.name}</b>
                </Sign>
              )}{" "}
              <span class="small">
                <bdi>{step.detail}</bdi> {rest.map(([k, v]) => `${k} ${typeof v === "object" ? JSON.stringify(v) : String(v)}`).join(", ")}
              </span>
            </li>
          );
        })}
      </ol>
    </details>
  );
}

/** A record as the server exports it. */
interface Arrived {
  lane: string;
  time_ms: number;
  units: string;
  name: string;
  variant?: string;
  value?: number;
  properties?: Record<string, unknown>;
}

function RecordsTable({ records }: { records: Arrived[] }) {
  const w = useWords();
  const u = w.units;
  if (records.length === 0) return <p class="muted">{u.noRecords}</p>;
  const inOrder = [...records].sort((a, b) => a.time_ms - b.time_ms);
  return (
    <table class="list records">
      <thead>
        <tr>
          <th scope="col">{u.time}</th>
          <th scope="col">{u.lane}</th>
          <th scope="col">{u.name}</th>
          <th scope="col">{u.value}</th>
          <th scope="col">{u.properties}</th>
        </tr>
      </thead>
      <tbody>
        {inOrder.map((r, i) => (
          <tr key={i} title={r.units}>
            <td data-label={u.time}>{timeText(new Date(r.time_ms), true)}</td>
            <td data-label={u.lane}>
              <span class={`pill ${r.lane === "exposure" ? "in" : ""}`}>{u.lanes[r.lane] ?? r.lane}</span>
            </td>
            <td data-label={u.name}>
              <Name text={r.name} />
            </td>
            <td data-label={u.value}>
              <bdi>{r.lane === "exposure" ? (r.variant ?? "–") : r.value === undefined ? "–" : number(r.value)}</bdi>
            </td>
            <td data-label={u.properties} class="small">
              <bdi>
                {Object.entries(r.properties ?? {})
                  .map(([k, v]) => `${k}: ${typeof v === "object" ? JSON.stringify(v) : String(v)}`)
                  .join(", ") || "–"}
              </bdi>
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

export function UnitsPage() {
  const w = useWords();
  const u = w.units;
  const now = useCell(live);
  const catalog = useCatalog(now?.catalog?.etag ?? "");
  const types = [
    ...new Set(
      Object.values(catalog?.experiments ?? {})
        .map((e) => e.unit ?? "")
        .filter(Boolean),
    ),
  ];
  const [typed, setType] = useState<string | null>(null);
  const type = typed ?? types[0] ?? "user";
  const [id, setId] = useState("");
  const [attributes, setAttributes] = useState<{ name: string; value: string }[]>([]);
  const [busy, setBusy] = useState(false);
  const [decisions, setDecisions] = useState<Decision[] | Error | null>(null);
  const [records, setRecords] = useState<Arrived[] | Error | null>(null);
  const known = Object.keys(catalog?.attributes ?? {});

  const look = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    const query = new URLSearchParams({ type, id });
    const asError = (error: unknown) => error as Error;
    const arrived = get<unknown>(`/v1/units/records?${query}`).then((b) => list<Arrived>(b, "records"), asError);
    for (const a of attributes) if (a.name) query.append(`attr.${a.name}`, a.value);
    const explained = get<unknown>(`/v1/units/explain?${query}`).then((b) => list<Decision>(b, "decisions", "experiments"), asError);
    setDecisions(await explained);
    setRecords(await arrived);
    setBusy(false);
  };
  return (
    <>
      <h1>{u.title}</h1>
      <p class="muted">{u.explain}</p>
      <form class="card" onSubmit={look}>
        <div class="fields">
          <label class="field">
            <span>{u.type}</span>
            <input name="type" list="unit-types" required value={type} onInput={(e) => setType(e.currentTarget.value)} />
            <datalist id="unit-types">
              {types.map((t) => (
                <option key={t} value={t} />
              ))}
            </datalist>
          </label>
          <label class="field wide">
            <span>{u.id}</span>
            <input name="id" required autocomplete="off" spellcheck={false} value={id} onInput={(e) => setId(e.currentTarget.value)} />
          </label>
        </div>
        {attributes.map((a, i) => (
          <div class="fields" key={i}>
            <label class="field">
              <span>{u.attribute}</span>
              <input
                list="attribute-names"
                value={a.name}
                onInput={(e) => setAttributes(attributes.map((b, j) => (j === i ? { ...b, name: e.currentTarget.value } : b)))}
              />
            </label>
            <label class="field">
              <span>{u.value}</span>
              <input
                value={a.value}
                onInput={(e) => setAttributes(attributes.map((b, j) => (j === i ? { ...b, value: e.currentTarget.value } : b)))}
              />
            </label>
            <button type="button" class="quiet" onClick={() => setAttributes(attributes.filter((_, j) => j !== i))}>
              {u.remove}
            </button>
          </div>
        ))}
        <datalist id="attribute-names">
          {known.map((k) => (
            <option key={k} value={k} />
          ))}
        </datalist>
        <div class="buttons start">
          <button type="submit" class="primary" disabled={busy}>
            {u.look}
          </button>
          <button type="button" onClick={() => setAttributes([...attributes, { name: known[attributes.length] ?? "", value: "" }])}>
            {u.add}
          </button>
        </div>
        <p class="muted small">{u.privacy}</p>
      </form>
      {busy && decisions === null && <Loading />}
      {decisions !== null && (
        <Section title={u.decisions}>
          {decisions instanceof Error ? (
            <Notice kind="bad">{errorText(decisions, w)}</Notice>
          ) : (
            <ul class="decisions">
              {decisions.map((d) => (
                <li key={`${d.kind}/${d.key}`}>
                  <div class="decision-line">
                    <b>
                      <bdi>{d.key}</bdi>
                    </b>
                    {d.kind && <span class="muted small">{d.kind}</span>}
                    <span class={`pill ${d.variant ? "in" : ""}`}>
                      <bdi>{d.variant ?? (d.value !== null && d.value !== undefined ? JSON.stringify(d.value) : "–")}</bdi>
                    </span>
                    <span>
                      {u.reasons[d.reason] ?? d.reason} <code class="muted small">{d.reason}</code>
                    </span>
                    {typeof d.bucket === "number" && (
                      <span class="muted small">
                        {u.bucket} {d.bucket}
                      </span>
                    )}
                  </div>
                  <Trace decision={d} />
                </li>
              ))}
            </ul>
          )}
        </Section>
      )}
      {records !== null && (
        <Section title={u.records}>
          {records instanceof Error ? <Notice kind="bad">{errorText(records, w)}</Notice> : <RecordsTable records={records} />}
        </Section>
      )}
    </>
  );
}
