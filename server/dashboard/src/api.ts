// Requests to the server that served the page, and to no other host.

export class Refused extends Error {
  constructor(
    readonly status: number,
    readonly title: string,
    detail: string,
  ) {
    super(detail || title);
  }
}

/** The server did not answer at all. */
export class Unreachable extends Error {}

const KEY = "upswing.key";

export function apiKey(): string {
  return sessionStorage.getItem(KEY) ?? "";
}

export function setApiKey(key: string): void {
  if (key) sessionStorage.setItem(KEY, key);
  else sessionStorage.removeItem(KEY);
}

type Listener = () => void;
const onUnauthorised = new Set<Listener>();

/** Calls back when the server refuses the key (or its absence). */
export function watchUnauthorised(listener: Listener): () => void {
  onUnauthorised.add(listener);
  return () => onUnauthorised.delete(listener);
}

export interface Answer<T> {
  body: T;
  etag: string;
}

/** Text of any language as a header's value: its UTF-8 bytes, on one line. */
function headerText(text: string): string {
  const bytes = new TextEncoder().encode(text.replace(/\s+/g, " ").trim());
  return Array.from(bytes, (byte) => String.fromCharCode(byte)).join("");
}

export async function request<T>(
  method: string,
  path: string,
  options: {
    body?: unknown;
    text?: string;
    /** The ETag of what the caller has seen; empty: there was nothing. */
    ifMatch?: string;
    reason?: string;
    as?: "json" | "text";
    signal?: AbortSignal;
  } = {},
): Promise<Answer<T>> {
  const headers: Record<string, string> = {};
  const key = apiKey();
  if (key) headers["Authorization"] = `Bearer ${key}`;
  if (options.ifMatch) headers["If-Match"] = options.ifMatch;
  else if (options.ifMatch === "") headers["If-None-Match"] = "*";
  if (options.reason) headers["Upswing-Reason"] = headerText(options.reason);
  let body = options.text;
  if (options.body !== undefined) {
    body = JSON.stringify(options.body);
    headers["Content-Type"] = "application/json";
  }
  let response: Response;
  try {
    response = await fetch(path, { method, headers, body, signal: options.signal, cache: "no-store" });
  } catch (error) {
    if ((error as Error).name === "AbortError") throw error;
    throw new Unreachable("The server does not answer.");
  }
  const text = await response.text().catch(() => {
    throw new Unreachable("The server broke off its answer.");
  });
  if (!response.ok) {
    let title = response.statusText;
    let detail = text.slice(0, 500);
    try {
      const problem = JSON.parse(text) as { title?: string; detail?: string };
      title = problem.title ?? title;
      detail = problem.detail ?? "";
    } catch {
      // Not problem JSON: something between us and the server answered; its words will do.
    }
    // The refusal of a key that was replaced meanwhile says nothing about the one in use.
    if (response.status === 401 && key === apiKey()) onUnauthorised.forEach((listener) => listener());
    throw new Refused(response.status, title, detail);
  }
  const etag = response.headers.get("ETag") ?? "";
  if (options.as === "text") return { body: text as T, etag };
  return { body: (text ? JSON.parse(text) : null) as T, etag };
}

export async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  return (await request<T>("GET", path, { signal })).body;
}

/** Fetches with the key, which a plain link cannot send, and hands the file to the browser. */
export async function download(path: string, name: string): Promise<void> {
  const { body } = await request<string>("GET", path, { as: "text" });
  const url = URL.createObjectURL(new Blob([body]));
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}

export function experimentPath(key: string): string {
  return `/v1/experiments/${encodeURIComponent(key)}`;
}
