// Start, ramp, stop, ship: each asks for a reason and a confirmation, and says in whose name it acts.
import { useState } from "preact/hooks";
import type { WhoAmI } from "../app";
import { Refused, experimentPath, request } from "../api";
import { useWords } from "../i18n";
import type { Definition } from "../catalog";
import type { Report } from "../report";
import { tryAgain } from "../store";
import { Dialog, Notice, errorText } from "./basics";

type Action = "start" | "ramp" | "stop" | "ship";

function offered(status: string): Action[] {
  if (status === "draft") return ["start"];
  if (status === "running") return ["ramp", "stop", "ship"];
  if (status === "stopped") return ["ship"];
  return [];
}

export function Lifecycle({
  name,
  definition,
  report,
  etag,
  who,
}: {
  name: string;
  definition: Definition | null;
  report: Report;
  etag: string;
  who: WhoAmI | null;
}) {
  const w = useWords();
  const [action, setAction] = useState<Action | null>(null);
  const [done, setDone] = useState("");
  const allowed = !who || who.scopes.includes("admin");
  if (!definition) return null;
  return (
    <div class="lifecycle" role="group" aria-label={w.experiment.lifecycle}>
      {offered(definition.status ?? "draft").map((a) => (
        <button
          key={a}
          class={a === "stop" ? "danger" : ""}
          disabled={!allowed}
          title={allowed ? undefined : w.change.needsAdmin}
          onClick={() => {
            setDone("");
            setAction(a);
          }}
        >
          {w.change[a]}
        </button>
      ))}
      <span role="status" class="small">
        {done}
      </span>
      {action && (
        <Change
          action={action}
          name={name}
          definition={definition}
          report={report}
          etag={etag}
          who={who}
          onClose={() => setAction(null)}
          onDone={(version) => {
            setAction(null);
            setDone(w.change.done(version));
            tryAgain();
          }}
        />
      )}
    </div>
  );
}

function Change({
  action,
  name,
  definition,
  report,
  etag,
  who,
  onClose,
  onDone,
}: {
  action: Action;
  name: string;
  definition: Definition;
  report: Report;
  etag: string;
  who: WhoAmI | null;
  onClose: () => void;
  onDone: (version: string) => void;
}) {
  const w = useWords();
  const variants = Object.keys(definition.variants ?? {});
  const [reason, setReason] = useState("");
  const [share, setShare] = useState(String(Math.round((definition.share ?? 1) * 1000) / 10));
  const [variant, setVariant] = useState(report.decision.variant ?? variants.find((v) => v !== report.control) ?? "");
  const [sure, setSure] = useState(false);
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Error | null>(null);
  const send = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    setError(null);
    const body: Record<string, unknown> = { reason: reason.trim() };
    if (action === "ramp") body.share = Number(share) / 100;
    if (action === "ship") body.variant = variant;
    try {
      const answer = await request<{ version: number }>("POST", `${experimentPath(name)}/${action}`, { body, ifMatch: etag });
      onDone(String(answer.body?.version ?? ""));
    } catch (e) {
      setError(e as Error);
      setBusy(false);
    }
  };
  return (
    <Dialog title={w.change.titles[action](name)} onClose={onClose}>
      <form onSubmit={send}>
        <p>{w.change.explain[action]}</p>
        {action === "ship" && !report.health.ok && <Notice kind="warn">{w.change.untrusted}</Notice>}
        {action === "ramp" && (
          <label class="field">
            <span>{w.change.share}</span>
            <input name="share" type="number" min="0" max="100" step="0.1" required value={share} onInput={(e) => setShare(e.currentTarget.value)} />
          </label>
        )}
        {action === "ship" && (
          <label class="field">
            <span>{w.change.variant}</span>
            <select name="variant" value={variant} onChange={(e) => setVariant(e.currentTarget.value)}>
              {variants.map((v) => (
                <option key={v}>{v}</option>
              ))}
            </select>
          </label>
        )}
        <label class="field">
          <span>{w.change.reason}</span>
          <textarea name="reason" rows={3} required value={reason} onInput={(e) => setReason(e.currentTarget.value)} />
          <small class="muted">
            {w.change.reasonHint} {who?.key && w.change.acting(who.key)}
          </small>
        </label>
        <label class="check">
          <input name="sure" type="checkbox" required checked={sure} onChange={(e) => setSure(e.currentTarget.checked)} />
          <span>{w.change.confirm}</span>
        </label>
        {error && (
          <Notice kind="bad">
            {error instanceof Refused && (error.status === 412 || error.status === 409) ? w.change.changed : errorText(error, w)}
          </Notice>
        )}
        <div class="buttons">
          <button type="button" onClick={onClose}>
            {w.common.cancel}
          </button>
          <button type="submit" class={action === "stop" ? "danger solid" : "primary"} disabled={busy}>
            {w.change[action]}
          </button>
        </div>
      </form>
    </Dialog>
  );
}
