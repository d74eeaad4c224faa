import { useEffect, useRef, useState } from "preact/hooks";
import type { ComponentType } from "preact";
import { apiKey, get, setApiKey } from "./api";
import { useWords } from "./i18n";
import { ExperimentList } from "./pages/list";
import { Loading, Notice, useCurrentInSight } from "./parts/basics";
import {
  applyTheme,
  chooseLanguage,
  connection,
  language,
  live,
  route,
  theme,
  tryAgain,
  useCell,
  type Language,
  type Theme,
} from "./store";

export interface WhoAmI {
  key: string;
  scopes: string[];
}

/** Pages that are not the list come when they are asked for, so that the list is there at once. */
function Later<P extends object>({ load, props }: { load: () => Promise<ComponentType<P>>; props: P }) {
  const [Page, setPage] = useState<ComponentType<P> | null>(null);
  useEffect(() => {
    void load().then((page) => setPage(() => page));
  }, []);
  return Page ? <Page {...props} /> : <Loading />;
}

const pages = {
  experiment: () => import("./pages/experiment").then((m) => m.ExperimentPage),
  planning: () => import("./pages/planning").then((m) => m.PlanningPage),
  units: () => import("./pages/units").then((m) => m.UnitsPage),
  catalog: () => import("./pages/catalog").then((m) => m.CatalogPage),
  audit: () => import("./pages/audit").then((m) => m.AuditPage),
};

function Page({ path, who }: { path: string; who: WhoAmI | null }) {
  const parts = path.split("?")[0].split("/").filter(Boolean).map(decodeURIComponent);
  if (parts[0] === "experiments" && parts[1]) {
    return <Later key={`e/${parts[1]}`} load={pages.experiment} props={{ name: parts[1], tab: parts[2] ?? "results", who }} />;
  }
  if (parts[0] === "planning") return <Later key="planning" load={pages.planning} props={{}} />;
  if (parts[0] === "units") return <Later key="units" load={pages.units} props={{}} />;
  if (parts[0] === "catalog") return <Later key="catalog" load={pages.catalog} props={{ who }} />;
  if (parts[0] === "audit") return <Later key="audit" load={pages.audit} props={{}} />;
  return <ExperimentList />;
}

function KeyForm({ refused }: { refused: boolean }) {
  const w = useWords();
  const [value, setValue] = useState("");
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), []);
  return (
    <form
      class="card key-form"
      onSubmit={(event) => {
        event.preventDefault();
        setApiKey(value.trim());
        tryAgain();
      }}
    >
      <h1>{w.key.title}</h1>
      {refused && <Notice kind="bad">{w.key.expired}</Notice>}
      <p>{w.key.explain}</p>
      <label class="field">
        <span>{w.key.label}</span>
        <input
          ref={input}
          type="password"
          autocomplete="off"
          spellcheck={false}
          value={value}
          onInput={(event) => setValue(event.currentTarget.value)}
          required
        />
      </label>
      <button class="primary" type="submit">
        {w.key.use}
      </button>
    </form>
  );
}

function Settings({ who }: { who: WhoAmI | null }) {
  const w = useWords();
  return (
    <div class="settings">
      {apiKey() !== "" && (
        <button
          class="quiet"
          onClick={() => {
            setApiKey("");
            location.reload();
          }}
          title={w.key.forget}
        >
          {who?.key ? w.key.named(who.key) : w.key.forget}
        </button>
      )}
      <label>
        <span class="hidden">{w.settings.language}</span>
        <select
          name="language"
          value={useCell(language)}
          onChange={(event) => chooseLanguage(event.currentTarget.value as Language)}
        >
          <option value="en">English</option>
          <option value="zh">中文</option>
        </select>
      </label>
      <label>
        <span class="hidden">{w.settings.theme}</span>
        <select
          name="theme"
          value={useCell(theme)}
          onChange={(event) => {
            theme.value = event.currentTarget.value as Theme;
            applyTheme();
          }}
        >
          <option value="auto">{w.settings.auto}</option>
          <option value="light">{w.settings.light}</option>
          <option value="dark">{w.settings.dark}</option>
        </select>
      </label>
    </div>
  );
}

export function App() {
  const w = useWords();
  const path = useCell(route);
  const state = useCell(connection);
  const now = useCell(live);
  const [who, setWho] = useState<WhoAmI | null>(null);
  const main = useRef<HTMLElement>(null);
  const section = path.split("?")[0].split("/")[1] || "experiments";
  const nav = useCurrentInSight(section);

  useEffect(() => {
    document.documentElement.lang = language.value === "zh" ? "zh-CN" : "en";
    document.title = `${now ? now.project + " · " : ""}Upswing`;
  });
  useEffect(() => {
    if (state === "ok" && now) get<WhoAmI>("/v1/whoami").then(setWho, () => setWho(null));
  }, [state === "ok", now !== null]);
  useEffect(() => {
    scrollTo(0, 0);
  }, [path.split("/").slice(0, 3).join("/")]);

  const link = (to: string, name: string, text: string) => (
    <a href={`#${to}`} aria-current={section === name ? "page" : undefined}>
      {text}
    </a>
  );
  return (
    <>
      <a
        class="skip"
        href="#main"
        onClick={(event) => {
          event.preventDefault();
          main.current?.focus();
        }}
      >
        {w.skip}
      </a>
      <header class="top">
        <a class="brand" href="#/">
          <svg viewBox="0 0 32 32" width="26" height="26" aria-hidden="true">
            <rect width="32" height="32" rx="8" class="brand-back" />
            <path d="M6 22c5 0 6-4 9-4s4 3 6-1 2-7 5-7" fill="none" class="brand-line" stroke-width="3.2" stroke-linecap="round" />
            <circle cx="26" cy="10" r="2.6" class="brand-dot" />
          </svg>
          <span>Upswing</span>
          {now && <span class="project">{now.project}</span>}
        </a>
        <nav aria-label={w.nav.main} ref={nav}>
          {link("/", "experiments", w.nav.experiments)}
          {link("/planning", "planning", w.nav.planning)}
          {link("/units", "units", w.nav.units)}
          {link("/catalog", "catalog", w.nav.catalog)}
          {link("/audit", "audit", w.nav.audit)}
        </nav>
        <Settings who={who} />
      </header>
      <div role="status" aria-live="polite" class="connection">
        {state === "lost" && <Notice kind="bad">{w.live.lost}</Notice>}
      </div>
      <main id="main" ref={main} tabIndex={-1}>
        {state === "key" ? <KeyForm refused={apiKey() !== ""} /> : <Page path={path} who={who} />}
      </main>
    </>
  );
}
