import { useWords, timeText } from "../i18n";
import { Notice, Pending, errorText } from "../parts/basics";
import { live, useCell, useLoaded } from "../store";

interface Entry {
  at: string;
  actor: string;
  action: string;
  object: string;
  reason: string;
  detail: unknown;
}

export function AuditPage() {
  const w = useWords();
  const a = w.audit;
  const now = useCell(live);
  const loaded = useLoaded<{ entries: Entry[] }>("/v1/audit?limit=200", now?.catalog?.etag ?? "");
  return (
    <>
      <h1>{a.title}</h1>
      <p class="muted">{a.explain}</p>
      {!loaded.data ? (
        loaded.error ? (
          <Notice kind="info">{errorText(loaded.error, w)}</Notice>
        ) : (
          <Pending of={loaded} />
        )
      ) : loaded.data.entries.length === 0 ? (
        <p class="card muted">{a.none}</p>
      ) : (
        <div class="card flush">
          <table class="list audit">
            <thead>
              <tr>
                <th scope="col">{a.at}</th>
                <th scope="col">{a.actor}</th>
                <th scope="col">{a.action}</th>
                <th scope="col">{a.object}</th>
                <th scope="col">{a.reason}</th>
                <th scope="col">{a.detail}</th>
              </tr>
            </thead>
            <tbody>
              {loaded.data.entries.map((entry, i) => (
                <tr key={i}>
                  <td data-label={a.at}>{entry.at ? timeText(entry.at, true) : "–"}</td>
                  <td data-label={a.actor}>
                    <bdi>{entry.actor || "–"}</bdi>
                  </td>
                  <td data-label={a.action}>
                    <code>{entry.action}</code>
                  </td>
                  <td data-label={a.object}>
                    <bdi>{entry.object || "–"}</bdi>
                  </td>
                  <td data-label={a.reason}>
                    <bdi>{entry.reason || "–"}</bdi>
                  </td>
                  <td data-label={a.detail} class="small">
                    <bdi>{!entry.detail ? "–" : typeof entry.detail === "string" ? entry.detail : JSON.stringify(entry.detail)}</bdi>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
    </>
  );
}
