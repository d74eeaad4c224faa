// A real server, records for it, and a real browser.
import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { chromium } from "playwright-core";

const require = createRequire(import.meta.url);
const axeSource = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

export const upswing = process.env.UPSWING ?? "";
export const shared = process.env.UPSWING_SHARED ?? "";

export function chromiumPath() {
  return ["/usr/bin/chromium", "/usr/bin/chromium-browser"].find(existsSync) ?? "";
}

export function temporaryFolder() {
  return mkdtempSync(join(tmpdir(), "upswing-dashboard-"));
}

/** Runs a command to its end; what it printed. */
export function run(...args) {
  const done = spawnSync(upswing, args, { encoding: "utf8" });
  if (done.status !== 0) throw new Error(`upswing ${args.join(" ")}: ${done.stderr}`);
  return done.stdout;
}

const running = new Set();

/** Ends every server of this run; a failed test leaves some behind. */
export async function endServers() {
  for (const server of running) await server.end();
}

/** One `upswing serve` on a folder; `restart` gives the same folder and port a new process. */
export class Server {
  static async start({ folder = temporaryFolder(), flags = ["--insecure-no-auth"], port = 0 } = {}) {
    const server = new Server();
    server.folder = folder;
    server.flags = flags;
    await server.#run(port);
    running.add(server);
    return server;
  }

  async #run(port) {
    this.process = spawn(upswing, ["serve", "--data", join(this.folder, "data"), "--listen", `127.0.0.1:${port}`, ...this.flags], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.url = await new Promise((resolve, reject) => {
      let text = "";
      this.process.stdout.on("data", (chunk) => {
        text += chunk;
        const match = /on (http:\S+)/.exec(text);
        if (match) resolve(match[1]);
      });
      this.process.on("exit", (code) => reject(new Error(`upswing serve ended with ${code}`)));
    });
  }

  async stop() {
    if (this.process.exitCode !== null || this.process.signalCode !== null) return;
    const ended = new Promise((resolve) => this.process.on("exit", resolve));
    this.process.kill("SIGTERM");
    await ended;
  }

  async restart() {
    const port = new URL(this.url).port;
    await this.stop();
    await this.#run(port);
  }

  async end() {
    await this.stop();
    running.delete(this);
    rmSync(this.folder, { recursive: true, force: true });
  }

  async fetch(path, options) {
    return fetch(this.url + path, options);
  }

  async json(path, options) {
    const response = await this.fetch(path, options);
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return response.json();
  }

  /** Reads the catalog, lets `change` edit it, and publishes the result. */
  async editCatalog(change, headers = {}) {
    const response = await this.fetch("/v1/catalog/source", { headers });
    const catalog = response.ok ? await response.json() : { project: "shop" };
    change(catalog);
    const put = await this.fetch("/v1/catalog", { method: "PUT", body: JSON.stringify(catalog, null, 2), headers });
    if (!put.ok) throw new Error(`publish: ${put.status} ${await put.text()}`);
  }
}

// How long anything may take on a busy machine.
const PATIENCE_MS = 180_000;

let browser;

export async function launch() {
  browser ??= await chromium.launch({ executablePath: chromiumPath(), args: ["--no-sandbox", "--disable-dev-shm-usage"], timeout: PATIENCE_MS });
  return browser;
}

export async function closeBrowser() {
  await browser?.close();
  browser = undefined;
}

/**
 * A page that collects what goes wrong: console errors, exceptions, violations of the page's own
 * policy, and requests to any other host. `expected` are patterns of messages that the test causes
 * on purpose.
 */
export async function open(server, path = "/", { width = 1440, height = 900, locale = "en-GB", colorScheme = "light", expected = [] } = {}) {
  const context = await (await launch()).newContext({
    viewport: { width, height },
    locale,
    colorScheme,
    timezoneId: "Asia/Shanghai",
    reducedMotion: "reduce",
    acceptDownloads: true,
  });
  context.setDefaultTimeout(PATIENCE_MS);
  const page = await context.newPage();
  const wrong = [];
  const note = (text) => {
    if (!expected.some((pattern) => pattern.test(text))) wrong.push(text);
  };
  page.on("console", (message) => {
    if (message.type() === "error" || message.type() === "warning") note(`${message.text()} ${message.location().url}`);
  });
  page.on("pageerror", (error) => note(String(error)));
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(server.url) && !url.startsWith("blob:") && !url.startsWith("data:")) wrong.push(`request to ${url}`);
  });
  await page.goto(`${server.url}/#${path}`);
  return { page, wrong, close: () => context.close() };
}

/** Serious and critical findings of axe-core, one line each. */
export async function accessibility(page) {
  // Through the debugger, so that the page's policy against inline scripts stays in force.
  await page.evaluate(axeSource);
  const result = await page.evaluate(async () =>
    globalThis.axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "best-practice"], resultTypes: ["violations"] }),
  );
  return result.violations
    .filter((v) => v.impact === "serious" || v.impact === "critical")
    .map((v) => `${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((n) => `${n.target.join(" ")} ${n.any?.[0]?.message ?? ""}`).join(" | ")}`);
}
