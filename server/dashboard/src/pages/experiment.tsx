import { useState } from "preact/hooks";
import type { WhoAmI } from "../app";
import { Refused, download, experimentPath } from "../api";
import { count } from "../format";
import { timeText, useWords } from "../i18n";
import { Notice, Pending, StatusPill, Switch, Section, useCurrentInSight } from "../parts/basics";
import { Distributions } from "../parts/distributions";
import { Forest, type View } from "../parts/forest";
import { Funnel, Retention } from "../parts/funnel";
import { JudgedSection } from "../parts/judged";
import { Lifecycle } from "../parts/lifecycle";
import { PlanFacts } from "../parts/plan";
import { Segments } from "../parts/segments";
import { OverTime } from "../parts/time";
import { Causes, Stages, UnitChecks } from "../parts/unit-checks";
import { Health, Verdict } from "../parts/verdict";
import { catalogExperiment, useCatalog } from "../catalog";
import type { Report } from "../report";
import { connection, live, useCell, useLoaded, type Loaded } from "../store";

const tabs = ["results", "time", "funnel", "distributions", "segments", "checks", "plan"] as const;
type Tab = (typeof tabs)[number];

function Downloads({ name }: { name: string }) {
  const w = useWords();
  const [error, setError] = useState<Error | null>(null);
  const file = (format: string, ending: string) => (
    <button
      class="quiet"
      onClick={() =>
        download(`${experimentPath(name)}/report?format=${format}`, `${name.replace(/[^\w.-]+/g, "_")}.${ending}`).then(
          () => setError(null),
          setError,
        )
      }
    >
      {ending.toUpperCase()}
    </button>
  );
  return (
    <div class="downloads" role="group" aria-label={w.experiment.download}>
      <span class="muted small">{w.experiment.download}</span>
      {file("json", "json")}
      {file("csv", "csv")}
      {file("html", "html")}
      {error && (
        <span class="small bad-text" role="alert">
          {error instanceof Refused && error.status === 400 ? w.errors.notYet : w.errors.failed(error.message)}
        </span>
      )}
    </div>
  );
}

function LiveLine({ report, loaded }: { report: Report; loaded: Loaded<Report> }) {
  const w = useWords();
  const state = useCell(connection);
  return (
    <p class="muted live-line" data-records={report.records}>
      <span class={`dot ${state}`} aria-hidden="true" />{" "}
      {report.last_record ? w.live.lastRecord(timeText(report.last_record, true)) : report.records === 0 ? w.live.noRecords : w.live.on}
      {" · "}
      {w.live.asOf(timeText(report.as_of, true))}
      {loaded.loading && <span class="pulse"> · {w.common.updating}</span>}
    </p>
  );
}

export function ExperimentPage({ name, tab, who }: { name: string; tab: string; who: WhoAmI | null }) {
  const w = useWords();
  const now = useCell(live);
  const loaded = useLoaded<Report>(`${experimentPath(name)}/report`, `${now?.records} ${now?.catalog?.etag}`);
  const catalog = useCatalog(now?.catalog?.etag ?? "");
  const definition = catalogExperiment(catalog, name);
  const [view, setView] = useState<View>({ scale: "relative", cuped: false });
  const report = loaded.data;
  const current: Tab = (tabs as readonly string[]).includes(tab) ? (tab as Tab) : "results";
  const row = useCurrentInSight(`${current} ${report !== null}`);
  const back = (
    <p class="back">
      <a href="#/">← {w.experiment.back}</a>
    </p>
  );

  if (!report) {
    return (
      <>
        {back}
        <h1>
          <bdi>{definition?.name || name}</bdi>
        </h1>
        {loaded.error instanceof Refused && loaded.error.status === 404 ? (
          <Notice kind="bad">{w.experiment.notFound}</Notice>
        ) : (
          <Pending of={loaded} />
        )}
      </>
    );
  }
  const units = report.variants.reduce((sum, v) => sum + v.units, 0);
  const days = report.days.filter((d) => d.cumulative).length;
  const hasCuped = report.comparisons.some((c) => c.cuped !== null);
  return (
    <>
      {back}
      <div class="title-row">
        <div>
          <h1>
            <bdi>{definition?.name || name}</bdi> {definition && <StatusPill status={definition.status ?? "draft"} />}{" "}
            {!report.health.ok && <span class="pill bad">{w.health.untrusted}</span>}
          </h1>
          {report.hypothesis && (
            <p class="hypothesis">
              <bdi>{report.hypothesis}</bdi>
            </p>
          )}
          <p class="muted">
            {w.experiment.days(days)} · {w.experiment.units(count(units), definition?.unit ?? "")}
            {report.first_exposure && <> · {w.experiment.started(timeText(report.first_exposure))}</>}
          </p>
        </div>
        <div class="title-side">
          <LiveLine report={report} loaded={loaded} />
          <Downloads name={name} />
          {!name.startsWith("holdout:") && (
            <Lifecycle name={name} definition={definition} report={report} etag={now?.catalog?.etag ?? ""} who={who} />
          )}
        </div>
      </div>
      {loaded.error && !loaded.loading && (
        <Notice kind="bad">
          {w.errors.failed(loaded.error.message)} <button onClick={loaded.reload}>{w.common.retry}</button>
        </Notice>
      )}
      <div class="top-cards">
        <Verdict report={report} />
        <Health report={report} />
      </div>
      <nav class="tabs" aria-label={name} ref={row}>
        {tabs.map((t) => (
          <a
            key={t}
            href={`#/experiments/${encodeURIComponent(name)}${t === "results" ? "" : `/${t}`}`}
            aria-current={t === current ? "page" : undefined}
          >
            {w.experiment.tabs[t]}
          </a>
        ))}
      </nav>
      {current !== "plan" && current !== "checks" && current !== "funnel" && (
        <div class="tools">
          <Switch
            label={w.experiment.scale}
            value={view.scale}
            options={[
              { value: "relative", text: w.experiment.relative },
              { value: "absolute", text: w.experiment.absolute },
            ]}
            onChange={(scale) => setView({ ...view, scale })}
          />
          <Switch
            label={w.experiment.adjustment}
            value={view.cuped ? "cuped" : "raw"}
            options={[
              { value: "raw", text: w.experiment.raw },
              { value: "cuped", text: w.experiment.cuped },
            ]}
            onChange={(value) => setView({ ...view, cuped: value === "cuped" })}
            disabled={hasCuped ? undefined : w.experiment.noCuped}
          />
          <span class="muted small">{hasCuped ? w.experiment.cupedHint : w.experiment.noCuped}</span>
        </div>
      )}
      {current === "results" && (
        <>
          <Section title={w.experiment.forest}>
            {report.comparisons.length === 0 ? <p class="muted">{w.verdict.none}</p> : <Forest report={report} view={view} />}
          </Section>
          <Section title={w.experiment.counts}>
            <dl class="facts">
              {report.variants.map((v, i) => (
                <div key={v.key}>
                  <dt>
                    <bdi>{v.key}</bdi>
                    {i === 0 && <> ({w.common.control})</>}
                  </dt>
                  <dd>
                    {count(v.units)} {w.common.units}
                  </dd>
                </div>
              ))}
              <div>
                <dt>{w.experiment.recordsRead}</dt>
                <dd>{count(report.records)}</dd>
              </div>
              <div>
                <dt>{w.experiment.excludedSeveral}</dt>
                <dd>{count(report.units_excluded.multiple_variants)}</dd>
              </div>
              <div>
                <dt>{w.experiment.excludedForced}</dt>
                <dd>{count(report.units_excluded.forced)}</dd>
              </div>
              <div>
                <dt>{w.experiment.eventsWithoutUnit}</dt>
                <dd>{count(report.events_without_unit ?? 0)}</dd>
              </div>
            </dl>
          </Section>
        </>
      )}
      {current === "time" && <OverTime report={report} view={view} />}
      {current === "funnel" && (
        <>
          <Funnel report={report} />
          <Retention report={report} catalog={catalog} name={name} />
        </>
      )}
      {current === "distributions" && <Distributions report={report} view={view} />}
      {current === "segments" && <Segments report={report} view={view} />}
      {current === "checks" && (
        <>
          <Causes report={report} />
          <Stages report={report} />
          <UnitChecks report={report} />
        </>
      )}
      {current === "plan" && (
        <>
          <PlanFacts report={report} definition={definition} />
          <JudgedSection report={report} />
        </>
      )}
    </>
  );
}
