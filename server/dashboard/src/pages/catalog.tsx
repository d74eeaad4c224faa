import { useEffect, useState } from "preact/hooks";
import type { WhoAmI } from "../app";
import { Refused, get, request } from "../api";
import { catalogSource } from "../catalog";
import { timeText, useWords } from "../i18n";
import { Dialog, Loading, Notice, errorText, Section } from "../parts/basics";
import { live, tryAgain, useCell } from "../store";

type Item = string | Record<string, unknown>;

interface Diff {
  problems?: Item[];
  changes?: Item[];
  moves?: Item[];
}

/** One entry of the diff as text; the server may send sentences or objects. */
function itemText(item: Item): string {
  if (typeof item === "string") return item;
  const { message, path, line, detail, text, ...rest } = item as Record<string, unknown>;
  const head = [path, message ?? text ?? detail].filter((v) => v !== undefined).join(": ");
  const tail = Object.entries(rest)
    .map(([k, v]) => `${k} ${typeof v === "object" ? JSON.stringify(v) : String(v)}`)
    .join(", ");
  return [line !== undefined ? `${line}: ${head}` : head, tail].filter(Boolean).join(" · ");
}

function Items({ title, items, none, kind }: { title: string; items: Item[]; none: string; kind: string }) {
  return (
    <div class={`items ${kind}`}>
      <h3>
        {title} {items.length > 0 && <span class="pill">{items.length}</span>}
      </h3>
      {items.length === 0 ? (
        <p class="muted">{none}</p>
      ) : (
        <ul>
          {items.map((item, i) => (
            <li key={i}>
              <bdi>{itemText(item)}</bdi>
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}

interface Editor {
  text: string;
  /** The published text that `text` was made from; null until it is there. */
  source: { text: string; etag: string } | null;
}

function isEdited({ text, source }: Editor): boolean {
  return source !== null && text !== source.text;
}

interface Version {
  version: number;
  published?: string;
  at?: string;
  actor?: string;
  reason?: string;
  [key: string]: unknown;
}

export function CatalogPage({ who }: { who: WhoAmI | null }) {
  const w = useWords();
  const c = w.catalog;
  const now = useCell(live);
  const [editor, setEditor] = useState<Editor>({ text: "", source: null });
  const [reverted, setReverted] = useState(0);
  const [diff, setDiff] = useState<Diff | null>(null);
  const [checked, setChecked] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const [confirm, setConfirm] = useState(false);
  const [reason, setReason] = useState("");
  const [done, setDone] = useState("");
  const [history, setHistory] = useState<Version[] | Error | null>(null);
  const etag = now?.catalog?.etag ?? "";
  const { text, source } = editor;
  const setText = (text: string) => setEditor((before) => ({ ...before, text }));
  const edited = isEdited(editor);
  const allowed = !who || who.scopes.includes("admin");

  useEffect(() => {
    let current = true;
    catalogSource().then(
      (s) => {
        // What is edited keeps the etag that it was made from, so that publishing it over another's version is refused.
        if (current) setEditor((before) => (isEdited(before) ? before : { text: s.text, source: s }));
      },
      (e) => current && setError(e as Error),
    );
    get<unknown>("/v1/catalog/history").then(
      (body) => current && setHistory((Array.isArray(body) ? body : ((body as { versions?: Version[] }).versions ?? [])) as Version[]),
      (e) => current && setHistory(e as Error),
    );
    return () => {
      current = false;
    };
  }, [etag, reverted]);

  const check = async () => {
    setBusy(true);
    setError(null);
    setDone("");
    try {
      const { body } = await request<Diff>("POST", "/v1/catalog/diff", { text });
      setDiff(body);
      setChecked(text);
    } catch (e) {
      setDiff(null);
      setError(e as Error);
    }
    setBusy(false);
  };
  const publish = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    try {
      const { body, etag } = await request<{ version: number }>("PUT", "/v1/catalog", { text, ifMatch: source?.etag, reason });
      setDone(c.published(String(body.version)));
      setDiff(null);
      setEditor((before) => ({ ...before, source: { text, etag } }));
      tryAgain();
    } catch (e) {
      setError(e as Error);
    }
    setConfirm(false);
    setBusy(false);
  };

  if (source === null && error === null) {
    return (
      <>
        <h1>{c.title}</h1>
        <Loading />
      </>
    );
  }
  const problems = (diff?.problems ?? []) as Item[];
  const errors = problems.filter((p) => typeof p === "string" || (p.severity ?? "error") === "error");
  return (
    <>
      <h1>{c.title}</h1>
      <p class="muted">{c.explain}</p>
      <Section
        title={c.source}
        aside={
          <span class="muted small">
            {now?.catalog ? c.inForce(String(now.catalog.version), timeText(now.catalog.published)) : c.empty}
            {edited && <span class="pill warn"> {c.unsaved}</span>}
          </span>
        }
      >
        <label>
          <span class="hidden">{c.source}</span>
          <textarea
            name="source"
            class="code"
            rows={22}
            spellcheck={false}
            value={text}
            onInput={(e) => {
              setText(e.currentTarget.value);
              setDiff(null);
            }}
          />
        </label>
        <div class="buttons start">
          <button class="primary" disabled={busy || text.trim() === ""} onClick={check}>
            {busy ? c.checking : c.check}
          </button>
          <label class="button">
            {c.open}
            <input
              class="hidden"
              type="file"
              accept=".json,application/json"
              onChange={async (e) => {
                const file = e.currentTarget.files?.[0];
                if (file) {
                  setText(await file.text());
                  setDiff(null);
                }
              }}
            />
          </label>
          {edited && (
            <button
              onClick={() => {
                setText(source!.text);
                setReverted(reverted + 1);
                setDiff(null);
                setError(null);
              }}
            >
              {c.revert}
            </button>
          )}
          <span role="status">{done}</span>
        </div>
        {error && (
          <Notice kind="bad">
            {error instanceof Refused && error.status === 412 ? w.change.changed : errorText(error, w)}
          </Notice>
        )}
      </Section>
      {diff && (
        <Section title={c.changes}>
          {problems.length > 0 && <Items title={c.problems} items={problems} none="" kind="bad" />}
          {errors.length === 0 && (
            <>
              <Items title={c.changes} items={diff.changes ?? []} none={c.noChanges} kind="" />
              <Items title={c.moves} items={diff.moves ?? []} none={c.noMoves} kind="warn" />
              <div class="buttons start">
                <button
                  class="primary"
                  disabled={!allowed || checked !== text || !edited}
                  title={allowed ? undefined : w.change.needsAdmin}
                  onClick={() => setConfirm(true)}
                >
                  {c.publish}
                </button>
              </div>
            </>
          )}
        </Section>
      )}
      <Section title={c.history}>
        {history instanceof Error ? (
          <p class="muted">{errorText(history, w)}</p>
        ) : (
          <div class="scroll" tabIndex={0} role="region" aria-label={c.history}>
            <table class="plain">
              <thead>
                <tr>
                  <th scope="col">{c.version}</th>
                  <th scope="col">{c.when}</th>
                  <th scope="col">{c.by}</th>
                  <th scope="col">{c.why}</th>
                </tr>
              </thead>
              <tbody>
                {(history ?? []).map((v) => (
                  <tr key={v.version}>
                    <td>{v.version}</td>
                    <td>{v.published || v.at ? timeText(String(v.published ?? v.at)) : "–"}</td>
                    <td>{v.actor ?? "–"}</td>
                    <td>
                      <bdi>{v.reason || "–"}</bdi>
                    </td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
      </Section>
      {confirm && (
        <Dialog title={c.publishTitle} onClose={() => setConfirm(false)}>
          <form onSubmit={publish}>
            <p>{c.publishExplain}</p>
            <Items title={c.changes} items={diff?.changes ?? []} none={c.noChanges} kind="" />
            <Items title={c.moves} items={diff?.moves ?? []} none={c.noMoves} kind="warn" />
            <label class="field">
              <span>{w.change.reason}</span>
              <textarea name="reason" rows={2} required value={reason} onInput={(e) => setReason(e.currentTarget.value)} />
              <small class="muted">
                {w.change.reasonHint} {who?.key && w.change.acting(who.key)}
              </small>
            </label>
            <div class="buttons">
              <button type="button" onClick={() => setConfirm(false)}>
                {w.common.cancel}
              </button>
              <button type="submit" class="primary" disabled={busy}>
                {c.publish}
              </button>
            </div>
          </form>
        </Dialog>
      )}
    </>
  );
}
