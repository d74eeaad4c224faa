// What every part of the page shares: language, theme, the route, and the state of the connection.
import { useEffect, useRef, useState } from "preact/hooks";
import { Refused, Unreachable, get, watchUnauthorised } from "./api";
import type { Live } from "./report";

export type Listener = () => void;

/** A value that components follow. */
export class Cell<T> {
  private listeners = new Set<Listener>();
  constructor(private current: T) {}
  get value(): T {
    return this.current;
  }
  set value(next: T) {
    if (next === this.current) return;
    this.current = next;
    this.listeners.forEach((listener) => listener());
  }
  watch(listener: Listener): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}

export function useCell<T>(cell: Cell<T>): T {
  const [, redraw] = useState(0);
  useEffect(() => cell.watch(() => redraw((n) => n + 1)), [cell]);
  return cell.value;
}

function stored(name: string): string | null {
  try {
    return localStorage.getItem(name);
  } catch {
    return null; // Storage may be forbidden; then the choice lasts as long as the page.
  }
}

function store(name: string, value: string): void {
  try {
    localStorage.setItem(name, value);
  } catch {
    // As above.
  }
}

export type Theme = "auto" | "light" | "dark";
export const theme = new Cell<Theme>((stored("upswing.theme") as Theme | null) ?? "auto");

const prefersDark = matchMedia("(prefers-color-scheme: dark)");
prefersDark.addEventListener("change", () => applyTheme());

/** Draws the chosen theme; "auto" is the system's, whichever that is now. */
export function applyTheme(): void {
  const drawn = theme.value === "auto" ? (prefersDark.matches ? "dark" : "light") : theme.value;
  document.documentElement.dataset.theme = drawn;
  store("upswing.theme", theme.value);
}

export type Language = "en" | "zh";

function preferred(): Language {
  const chosen = stored("upswing.language");
  if (chosen === "en" || chosen === "zh") return chosen;
  for (const tag of navigator.languages ?? [navigator.language]) {
    if (tag.toLowerCase().startsWith("zh")) return "zh";
    if (tag.toLowerCase().startsWith("en")) return "en";
  }
  return "en";
}

export const language = new Cell<Language>(preferred());

export function chooseLanguage(next: Language): void {
  store("upswing.language", next);
  language.value = next;
}

// --- Route -----------------------------------------------------------------------------------

function currentRoute(): string {
  return location.hash.replace(/^#/, "") || "/";
}

export const route = new Cell<string>(currentRoute());
addEventListener("hashchange", () => {
  route.value = currentRoute();
});

// --- Connection ------------------------------------------------------------------------------

/** "lost": the server does not answer; "key": it wants another key. */
export type Connection = "ok" | "lost" | "key";
export const connection = new Cell<Connection>("ok");
export const live = new Cell<Live | null>(null);
watchUnauthorised(() => {
  connection.value = "key";
});

const POLL_MS = 2000;

async function poll(): Promise<void> {
  if (connection.value === "key" || document.hidden) return;
  try {
    const next = await get<Live>("/v1/live");
    if (JSON.stringify({ ...next, now: "" }) !== JSON.stringify({ ...live.value, now: "" })) live.value = next;
    if (connection.value !== "ok") connection.value = "ok";
  } catch (error) {
    if (error instanceof Unreachable) connection.value = "lost";
    if (error instanceof Refused && error.status >= 502) connection.value = "lost";
  }
}

/** Asks every two seconds, while the page can be seen, whether there is anything new. */
export function startPolling(): void {
  const turn = async () => {
    await poll();
    setTimeout(turn, POLL_MS);
  };
  void turn();
  document.addEventListener("visibilitychange", () => void poll());
}

/** After a new key: ask again at once. */
export function tryAgain(): void {
  connection.value = "ok";
  live.value = null;
  void poll();
}

// --- Loading ---------------------------------------------------------------------------------

export interface Loaded<T> {
  data: T | null;
  error: Error | null;
  /** A request is under way; `since` says from when (milliseconds of performance.now()). */
  loading: boolean;
  since: number;
  tookMs: number;
  /** How long the same took the last time that this tab asked for it; null before the first. */
  expectedMs: number | null;
  /** When `data` came. */
  at: Date | null;
  reload: () => void;
}

function expectedOf(path: string | null): number | null {
  const known = path === null ? null : sessionStorage.getItem(`upswing.took ${path}`);
  return known === null ? null : Number(known);
}

/**
 * Loads `path` and loads it again when `version` changes, but never more often than five times the
 * time that one answer takes, so that a heavy report is not asked for without pause. A request
 * under way is never given up for a newer version: while records arrive without end it would never
 * be answered. What was there stays while the new is on its way. `path` null: nothing.
 */
export function useLoaded<T>(path: string | null, version = ""): Loaded<T> {
  const [state, setState] = useState<Omit<Loaded<T>, "reload" | "expectedMs">>({
    data: null,
    error: null,
    loading: path !== null,
    since: performance.now(),
    tookMs: 0,
    at: null,
  });
  const [again, setAgain] = useState(0);
  const [ended, setEnded] = useState(0);
  const connected = useCell(connection) === "ok";
  const running = useRef<{ path: string; control: AbortController } | null>(null);
  // What was asked for last, and whether it needs no second question.
  const last = useRef({ path: "", answered: "", at: -1e9, tookMs: 0, failed: false });
  const wanted = `${version}\n${again}`;

  useEffect(() => () => running.current?.control.abort(), []);
  useEffect(() => {
    if (path === null) return;
    if (running.current && running.current.path !== path) {
      running.current.control.abort();
      running.current = null;
    }
    if (last.current.path !== path) {
      last.current = { path, answered: "", at: -1e9, tookMs: 0, failed: false };
      setState({ data: null, error: null, at: null, tookMs: 0, loading: true, since: performance.now() });
    }
    if (!connected || running.current || last.current.answered === wanted) return;
    const start = async () => {
      const control = new AbortController();
      const mine = { path, control };
      running.current = mine;
      const since = performance.now();
      setState((s) => ({ ...s, loading: true, since }));
      try {
        const data = await get<T>(path, control.signal);
        const tookMs = performance.now() - since;
        last.current = { path, answered: wanted, at: performance.now(), tookMs, failed: false };
        sessionStorage.setItem(`upswing.took ${path}`, String(Math.round(tookMs)));
        setState({ data, error: null, loading: false, since, tookMs, at: new Date() });
      } catch (error) {
        if ((error as Error).name === "AbortError") return;
        // A server that is away, or wants another key, is asked again as soon as it is back.
        const waits = error instanceof Unreachable || (error instanceof Refused && error.status === 401);
        if (error instanceof Unreachable) connection.value = "lost";
        last.current = { ...last.current, answered: waits ? "" : wanted, at: performance.now(), failed: true };
        setState((s) => ({ ...s, error: error as Error, loading: false }));
      }
      if (running.current === mine) running.current = null;
      setEnded((n) => n + 1);
    };
    const pause = last.current.failed ? 0 : last.current.at + Math.max(2000, 5 * last.current.tookMs) - performance.now();
    const timer = setTimeout(start, Math.max(0, pause));
    return () => clearTimeout(timer);
  }, [path, wanted, ended, connected]);

  return { ...state, expectedMs: expectedOf(path), reload: () => setAgain((n) => n + 1) };
}
