// Drives the page of a real `upswing serve` in Chromium. Run by run.sh.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { gzipSync } from "node:zlib";
import { accessibility, closeBrowser, endServers, open, run, Server, shared, upswing } from "./support.mjs";
import { experiments, fillShop } from "./shop.mjs";

let shop;
before(async () => {
  shop = await Server.start();
  await fillShop(shop);
});
after(async () => {
  await closeBrowser();
  await endServers();
});

const tabs = ["results", "time", "funnel", "distributions", "segments", "checks", "plan"];
const pages = [
  "/",
  ...tabs.map((tab) => `/experiments/one_tap/${tab}`),
  "/experiments/cover_style",
  "/experiments/cover_style/plan",
  "/experiments/cover_style/checks",
  "/experiments/coupon_wall",
  "/planning",
  "/units",
  "/catalog",
  "/audit",
];

async function settled(page) {
  await page.waitForSelector("main h1");
  await page.waitForSelector(".loading", { state: "detached" });
}

/** What the list shows once every summary has been computed. */
async function summaries(server) {
  for (;;) {
    const overview = await server.json("/v1/overview");
    if (overview.experiments.every((e) => e.status === "draft" || e.summary)) return overview;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

// Every page in both languages, themes and widths.
for (const { locale, title, colorScheme, width } of [
  { locale: "en-GB", title: "Experiments", colorScheme: "light", width: 1440 },
  { locale: "en-GB", title: "Experiments", colorScheme: "dark", width: 390 },
  { locale: "zh-CN", title: "实验", colorScheme: "dark", width: 1440 },
  { locale: "zh-CN", title: "实验", colorScheme: "light", width: 390 },
  { locale: "en-GB", title: "Experiments", colorScheme: "dark", width: 1440 },
  { locale: "en-GB", title: "Experiments", colorScheme: "light", width: 390 },
  { locale: "zh-CN", title: "实验", colorScheme: "light", width: 1440 },
  { locale: "zh-CN", title: "实验", colorScheme: "dark", width: 390 },
]) {
  test(`Every page is accessible, fits and reports no error: ${locale}, ${colorScheme}, ${width} px`, async () => {
    await summaries(shop);
    const { page, wrong, close } = await open(shop, "/", { locale, colorScheme, width });
    assert.equal(await page.textContent("main h1"), title);
    for (const path of pages) {
      await page.evaluate((to) => (location.hash = to), path);
      await settled(page);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(wide <= 0, `${path} is ${wide} px wider than the window`);
      assert.deepEqual(await accessibility(page), [], path);
    }
    assert.deepEqual(wrong, []);
    await close();
  });
}

test("Language and theme are chosen by hand and kept", async () => {
  const { page, wrong, close } = await open(shop, "/", { locale: "fr-FR" });
  await settled(page);
  assert.equal(await page.getAttribute("html", "lang"), "en", "a language that there is not falls back to English");
  await page.selectOption("select[name=language]", "zh");
  await page.selectOption("select[name=theme]", "dark");
  assert.equal(await page.textContent("main h1"), "实验");
  await page.reload();
  await settled(page);
  assert.equal(await page.getAttribute("html", "lang"), "zh-CN");
  assert.equal(await page.evaluate(() => getComputedStyle(document.body).backgroundColor), "rgb(15, 18, 24)");
  assert.deepEqual(wrong, []);
  await close();
});

test("The page can be worked without a mouse", async () => {
  const { page, wrong, close } = await open(shop, "/experiments/one_tap");
  await settled(page);
  await page.keyboard.press("Tab");
  assert.equal(await page.evaluate(() => document.activeElement.className), "skip");
  await page.keyboard.press("Enter");
  assert.equal(await page.evaluate(() => document.activeElement.id), "main");
  await page.focus("button.expand");
  await page.keyboard.press("Enter");
  await page.waitForSelector("tr.details dl.facts");
  await page.focus(".switch button[aria-pressed=false]");
  await page.keyboard.press("Enter");
  await page.waitForSelector('.switch button[aria-pressed=true]:has-text("Absolute")');
  assert.deepEqual(wrong, []);
  await close();
});

/** Rows of a CSV as objects. The names and values of these tests need no quotes. */
function csvRows(text) {
  const [head, ...lines] = text.trim().split("\n").map((line) => line.split(","));
  return lines.map((line) => Object.fromEntries(head.map((name, i) => [name, line[i]])));
}

/** "+10.1 %" as the text report writes a lift; an own copy, so that a slip in the page shows. */
function liftText(value) {
  const size = Math.abs(value * 100);
  return `${value < 0 ? "" : "+"}${(value * 100).toFixed(size < 1 ? 2 : 1)} %`;
}

/** The rows of "All numbers" of the HTML file: by "metric/variant", each figure's exact value and its text. */
function htmlRows(text) {
  const rows = new Map();
  for (const [, row] of text.matchAll(/<tr class="numbers">(.*?)<\/tr>/gs)) {
    const [metric, variant] = [...row.matchAll(/<bdi>(.*?)<\/bdi>/g)].map((m) => m[1]);
    const figures = {};
    for (const [, name, value, shown] of row.matchAll(/<data class="(\w+)" value="([^"]*)">(.*?)<\/data>/g)) figures[name] = { value, shown };
    rows.set(`${metric}/${variant}`, figures);
  }
  return rows;
}

/** Page, JSON, CSV and HTML file of one report: every comparison's estimate, interval, p-values and means. */
async function comparePageWithFiles(server, experiment) {
  const { page, wrong, close } = await open(server, `/experiments/${encodeURIComponent(experiment)}`);
  await settled(page);
  const path = `/v1/experiments/${encodeURIComponent(experiment)}/report?as_of=${new Date().toISOString()}`;
  const report = await server.json(path);
  const csv = csvRows(await (await server.fetch(`${path}&format=csv`)).text());
  const html = htmlRows(await (await server.fetch(`${path}&format=html`)).text());
  const exact = (value) => (value === null || value === undefined ? "" : String(value));
  const plain = (text) => text.replace(/[\u00a0\u202f]/g, " ").trim();
  let compared = 0;
  for (const c of report.comparisons) {
    const id = `${c.metric}/${c.variant}`;
    const row = csv.find((r) => r.scope === "all" && r.metric === c.metric && r.variant === c.variant);
    const file = html.get(id);
    assert.ok(row && file, `${id} is in the CSV and in the HTML file`);
    const mean = report.variants.find((v) => v.key === c.variant).metrics[c.metric].mean;
    // JSON, CSV and HTML hold the same doubles, digit for digit.
    for (const [name, value] of [
      ["mean", mean],
      ["relative", c.relative.estimate],
      ["relative_low", c.relative.ci?.[0]],
      ["relative_high", c.relative.ci?.[1]],
      ["p_value", c.p_value],
      ["p_value_adjusted", c.p_value_adjusted],
    ]) {
      assert.equal(row[name] === "" ? "" : String(Number(row[name])), exact(value), `${id}: ${name} in the CSV`);
      assert.equal(file[name] === undefined ? "" : String(Number(file[name].value)), exact(value), `${id}: ${name} in the HTML file`);
    }
    const shown = page.locator(`[data-id="${id}"]`);
    if (c.relative.estimate === null || c.relative.ci === null) {
      assert.equal(await shown.count(), 0, `${id}: no lift without its interval`);
      continue;
    }
    // The page holds the same, and reads as the HTML file does.
    assert.equal(await shown.getAttribute("data-estimate"), exact(c.relative.estimate), id);
    assert.equal(await shown.getAttribute("data-low"), exact(c.relative.ci[0]), id);
    assert.equal(await shown.getAttribute("data-high"), exact(c.relative.ci[1]), id);
    const [low, high] = c.relative.ci.map((v) => (v === null ? "no end" : liftText(v)));
    assert.equal(plain(await shown.textContent()), `${liftText(c.relative.estimate)} (${low} to ${high})`, id);
    assert.equal(plain(file.relative.shown), liftText(c.relative.estimate), id);
    const line = page.locator("table.forest tr", { has: shown });
    assert.match(plain(await line.locator("td.means").textContent()), new RegExp(`→ ${file.mean.shown.replace(/[.+]/g, "\\$&")}$`), `${id}: mean`);
    if (c.p_value !== null) assert.ok(plain(await line.locator('td[data-label="p"]').textContent()).startsWith(plain(file.p_value.shown.replace("&lt;", "<"))), `${id}: p`);
    compared += 1;
  }
  assert.ok(compared > 0, "something was compared");
  assert.deepEqual(wrong, []);
  await close();
  return compared;
}

test("The numbers on the page, in JSON, CSV and HTML are the same", async (t) => {
  for (const { key } of experiments) {
    const compared = await comparePageWithFiles(shop, key);
    t.diagnostic(`${key}: ${compared} comparisons are the same on the page, in JSON, in CSV and in the HTML file`);
  }
});

test("Looks, power and checks of single units are on the page with the numbers that JSON and the HTML file have", async () => {
  const report = await shop.json("/v1/experiments/cover_style/report");
  const html = await (await shop.fetch(`/v1/experiments/cover_style/report?format=html&as_of=${new Date().toISOString()}`)).text();
  const inFile = (kind) => [...html.matchAll(new RegExp(`<data class="${kind}" value="([^"]*)"`, "g"))].map((m) => Number(m[1])).sort();
  const judged = report.comparisons.filter((c) => c.judged);
  assert.deepEqual(inFile("look_z"), judged.flatMap((c) => c.judged.look?.z ?? []).sort());
  const { page, wrong, close } = await open(shop, "/experiments/cover_style/plan");
  await settled(page);
  assert.equal(await page.locator("table.judged tbody tr").count(), judged.length);
  for (const c of judged.filter((c) => c.role === "primary")) {
    const { look } = c.judged;
    assert.equal(look.number, 3, "all planned looks are over");
    const row = (await page.textContent(`[data-judged="${c.metric}/${c.variant}"]`)).replace(/\u00a0/g, " ");
    for (const text of [`${look.number} / ${look.of}`, look.date, `${look.z.toFixed(3)}, ${look.z_bound.toFixed(3)}`, "planned looks"])
      assert.ok(row.includes(text), `${text} in ${row}`);
    assert.ok((await page.textContent(".verdict")).includes(look.sentence.en));
    assert.ok((await page.textContent(".verdict")).includes(c.outlook.sentence.en));
  }
  assert.equal(await page.locator("table.outlook tbody tr").count(), 2);
  await page.click('.tabs a[href$="/checks"]');
  await page.waitForSelector('section[aria-label="Checks of single units"]');
  const checks = report.health.unit_checks;
  const shown = await page.textContent('section[aria-label="Checks of single units"]');
  assert.ok(checks.negative_controls.length > 0 && checks.outliers.length > 0);
  for (const control of checks.negative_controls) assert.ok(shown.includes(control.variance_ratio.toPrecision(4)), control.metric);
  assert.deepEqual(await accessibility(page), []);
  assert.deepEqual(wrong, []);
  await close();
  const chinese = await open(shop, "/experiments/cover_style/plan", { locale: "zh-CN" });
  await settled(chinese.page);
  assert.ok((await chinese.page.textContent(".verdict")).includes(judged.find((c) => c.role === "primary").judged.look.sentence.zh));
  await chinese.close();
});

test("Segments carry the report's own corrected p-values", async () => {
  const report = await shop.json("/v1/experiments/one_tap/report");
  const { page, close } = await open(shop, "/experiments/one_tap/segments");
  await settled(page);
  const text = (p) => (p < 1e-15 ? "< 1e-15" : p < 1e-4 ? p.toExponential(0) : p.toFixed(p < 0.001 ? 4 : 3));
  const expected = report.segments.flatMap((s) => s.comparisons.filter((c) => c.metric === "purchase").map((c) => text(c.p_value_adjusted)));
  const shown = await page.locator('table.forest tbody td[data-label="adjusted"]').allTextContents();
  assert.deepEqual(shown.map((p) => p.replace(/\u00a0/g, " ")).sort(), expected.sort());
  await close();
});

test("The text of a health check is Chinese on the Chinese page", async () => {
  const { page, wrong, close } = await open(shop, "/experiments/coupon_wall", { locale: "zh-CN" });
  await settled(page);
  assert.match(await page.textContent(".health .checks"), /none 有 [\d,]+ 个单位，计划应为 [\d,]+ 个/);
  assert.equal(await page.locator(".health .checks p, .verdict p").evaluateAll((all) => all.filter((p) => /[a-z]{4,} [a-z]{3,} [a-z]{2,}/.test(p.textContent)).length), 0, "no English sentence");
  assert.deepEqual(wrong, []);
  await close();
});

test("The page tells the time of the last record, as the report does", async () => {
  const report = await shop.json("/v1/experiments/one_tap/report");
  assert.match(report.last_record, /^2026-11-15T/, "the last day of the rows");
  const { page, close } = await open(shop, "/experiments/one_tap");
  await settled(page);
  assert.match(await page.textContent(".live-line"), /last record 15 Nov 2026|last record 16 Nov 2026/);
  await close();
});

test("A distribution counts every unit once", async () => {
  const report = await shop.json("/v1/experiments/one_tap/report");
  const { page, wrong, close } = await open(shop, "/experiments/one_tap/distributions");
  await settled(page);
  await page.selectOption("select[name=distribution]", "gmv");
  for (const v of report.variants) {
    const { units, distribution, mean } = v.metrics.gmv;
    assert.equal(distribution.reduce((sum, [, , n]) => sum + n, 0), units, v.key);
    const zero = distribution.find(([low, high]) => low === 0 && high === 0)[2];
    assert.equal((await page.textContent(`[data-zero="${v.key}"]`)).replace(/\u00a0/g, " "), `${((100 * zero) / units).toFixed(1)} %`);
    // The mean lies between what the lower and the upper ends of the bins give.
    const bound = (end) => distribution.reduce((sum, bin) => sum + bin[end] * bin[2], 0) / units;
    assert.ok(bound(0) <= mean && mean <= bound(1), `${v.key}: ${bound(0)} <= ${mean} <= ${bound(1)}`);
  }
  await page.waitForSelector("figure.chart svg.plot path", { state: "attached" });
  assert.deepEqual(wrong, []);
  await close();
});

test("The list shows the primary metric of the report, with its interval", async () => {
  const overview = await summaries(shop);
  const { page, close } = await open(shop, "/");
  await settled(page);
  for (const row of overview.experiments) {
    const line = page.locator("tbody tr", { has: page.locator(`a[href="#/experiments/${row.key}"]`) });
    const shown = line.locator(".lift");
    const value = Number(await shown.getAttribute("data-estimate"));
    const report = await shop.json(`/v1/experiments/${row.key}/report`);
    const same = report.comparisons.find((c) => c.role === "primary" && c.relative.estimate === value);
    assert.ok(same, `${row.key}: ${value} is a primary lift of its report`);
    assert.match(await shown.textContent(), /%.*\(.*to.*\)/);
  }
  await page.fill("input[type=search]", "one_tap");
  assert.equal(await page.locator("tbody tr").count(), 1);
  await close();
});

test("On failed health there is no verdict and no highlighted lift", async () => {
  const report = await shop.json("/v1/experiments/coupon_wall/report");
  assert.equal(report.health.ok, false, "the split of this experiment is broken on purpose");
  const { page, wrong, close } = await open(shop, "/experiments/coupon_wall");
  await settled(page);
  assert.match(await page.textContent(".verdict .headline"), /cannot be trusted/);
  assert.doesNotMatch(await page.textContent(".verdict"), /rose|fell/);
  for (const tab of ["results", "segments", "distributions"]) {
    await page.evaluate((to) => (location.hash = `/experiments/coupon_wall/${to}`), tab);
    await settled(page);
    assert.equal(await page.locator(".lift.good, .lift.bad, svg.interval.good, svg.interval.bad").count(), 0, tab);
  }
  // The places where the split is off, in the report's order.
  await page.click('.tabs a[href$="/checks"]');
  const places = page.locator('section[aria-label="Where the split is off"] tbody tr');
  await places.first().waitFor();
  const { causes } = report.health.srm;
  assert.equal(await places.count(), causes.length);
  assert.ok((await places.first().textContent()).startsWith(`${causes[0].dimension} = ${causes[0].value}`));
  await page.evaluate(() => (location.hash = "/"));
  await settled(page);
  const line = page.locator("tbody tr", { has: page.locator('a[href="#/experiments/coupon_wall"]') });
  await line.locator(".pill.bad").waitFor();
  assert.equal(await line.locator(".lift.good, .lift.bad").count(), 0);
  assert.deepEqual(wrong, []);
  await close();
});

test("Switches change what is shown: raw to CUPED, relative to absolute", async () => {
  const report = await shop.json("/v1/experiments/one_tap/report");
  const gmv = report.comparisons.find((c) => c.metric === "gmv");
  assert.ok(gmv.cuped, "gmv has a covariate");
  const { page, close } = await open(shop, "/experiments/one_tap");
  await settled(page);
  const shown = page.locator('[data-id="gmv/on"]');
  const estimate = async () => Number(await shown.getAttribute("data-estimate"));
  assert.equal(await estimate(), gmv.relative.estimate);
  await page.click('.switch button:has-text("CUPED")');
  assert.equal(await estimate(), gmv.cuped.relative.estimate);
  await page.click('.switch button:has-text("Absolute")');
  assert.equal(await estimate(), gmv.cuped.absolute.estimate);
  await page.click('.switch button:has-text("Raw")');
  assert.equal(await estimate(), gmv.absolute.estimate);
  await close();
});

test("Time, funnel, retention and quantiles are drawn, each with its numbers", async () => {
  const { page, wrong, close } = await open(shop, "/experiments/one_tap/time");
  await settled(page);
  await page.waitForSelector(".plot-box svg path", { state: "attached" });
  assert.equal(await page.locator("figure.chart svg.plot").count(), 4);
  await page.locator("figure.chart details summary").first().click();
  const days = (await shop.json("/v1/experiments/one_tap/report")).days.filter((d) => d.cumulative).length;
  assert.equal(await page.locator("figure.chart table").first().locator("tbody tr").count(), days);
  await page.evaluate(() => (location.hash = "/experiments/one_tap/funnel"));
  await page.waitForSelector(".funnel-step");
  assert.deepEqual(await page.locator(".funnel-step h3 bdi").allTextContents(), ["view", "cart", "purchase"]);
  assert.match(await page.textContent(".finding"), /parts from control at the step “(view|purchase)”.*\(/);
  await page.waitForSelector("figure.chart svg.plot path", { state: "attached" });
  assert.deepEqual(wrong, []);
  await close();
});

test("Downloads are the server's own files", async () => {
  const { page, close } = await open(shop, "/experiments/one_tap");
  await settled(page);
  for (const format of ["JSON", "CSV"]) {
    const [file] = await Promise.all([page.waitForEvent("download"), page.click(`.downloads button:has-text("${format}")`)]);
    const text = readFileSync(await file.path(), "utf8");
    if (format === "JSON") assert.equal(JSON.parse(text).experiment, "one_tap");
    else assert.match(text, /^scope,name,variant,metric/);
    assert.equal(file.suggestedFilename(), `one_tap.${format.toLowerCase()}`);
  }
  await close();
});

test("Planning takes its baseline from a real metric and answers as `upswing stats plan`", async () => {
  const { page, wrong, close } = await open(shop, "/planning");
  await settled(page);
  await page.selectOption("select[name=source]", "one_tap");
  await page.selectOption("select[name=metric]", "purchase");
  const control = (await shop.json("/v1/experiments/one_tap/report")).variants[0].metrics.purchase;
  const short = (value) => Number(value.toPrecision(6));
  while ((await page.inputValue("input[name=mean]")) !== String(short(control.mean))) await page.waitForTimeout(50);
  await page.fill("input[name=effect]", "5");
  const [expected] = await shop.json("/v1/plan", {
    method: "POST",
    body: JSON.stringify([{ mean: short(control.mean), variance: short(control.variance), alpha: 0.05, power: 0.8, ratio: 1, relative_effect: 0.05 }]),
  });
  await page.waitForSelector(`.plan-answer:not(.stale) .big[data-units="${expected.units_total}"]`);
  // What the curve promises after twelve weeks takes twelve weeks by the sentence beside it, but for the curve's rounding.
  await page.click("figure.chart summary");
  const last = page.locator("figure.chart tbody tr").last();
  await last.waitFor();
  const [weeks, effect] = await last.locator("td").allTextContents();
  assert.equal(weeks, "12");
  await page.fill("input[name=effect]", String(parseFloat(effect)));
  const days = async () => Number(await page.locator(".plan-answer:not(.stale) [data-days]").getAttribute("data-days"));
  while (Math.abs((await days()) - 7 * 12) > 7) await page.waitForTimeout(50);
  assert.deepEqual(wrong, []);
  await close();
});

test("A live page follows records as they arrive", async () => {
  const server = await Server.start({ flags: ["--insecure-no-auth", "--catalog", "samples/feed_shop/catalog.json"] });
  const { page, wrong, close } = await open(server, "/experiments/one_tap");
  await settled(page);
  const records = () => page.locator(".live-line").getAttribute("data-records").then(Number);
  assert.equal(await records(), 0);
  const simulation = spawn(upswing, ["simulate", "--server", server.url, "--devices", "3000"], { stdio: "ignore" });
  await page.waitForSelector('.live-line:not([data-records="0"])');
  if (simulation.exitCode === null) await new Promise((resolve) => simulation.on("exit", resolve));
  const final = (await server.json("/v1/experiments/one_tap/report")).records;
  await page.waitForSelector(`.live-line[data-records="${final}"]`);
  assert.ok(final >= 3000, `${final} records`);
  // What the clients counted arrives with their records.
  const { stages } = (await server.json("/v1/experiments/one_tap/report")).health;
  await page.click('.tabs a[href$="/checks"]');
  const lines = page.locator('section[aria-label="From decision to record"] tbody tr');
  await lines.first().waitFor();
  const texts = await lines.allTextContents();
  assert.equal(texts.length, 2);
  stages.forEach((stage, i) => {
    assert.ok(stage.exposed > 0 && stage.evaluated >= stage.exposed, stage.variant);
    assert.ok(texts[i].startsWith(stage.variant) && texts[i].replace(/,/g, "").includes(String(stage.exposed)), texts[i]);
  });
  assert.deepEqual(wrong, []);
  await close();
  await server.end();
});

test("A server that goes away and comes back is told and found again", async () => {
  const server = await Server.start({ flags: ["--insecure-no-auth", "--catalog", "samples/feed_shop/catalog.json"] });
  const { page, wrong, close } = await open(server, "/", { expected: [/ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE/] });
  await settled(page);
  await page.waitForSelector('a[href="#/experiments/one_tap"]');
  await server.stop();
  await page.waitForSelector(".connection .notice.bad");
  assert.equal(await page.locator('a[href="#/experiments/one_tap"]').count(), 1, "what was there stays");
  await server.restart();
  await page.waitForSelector(".connection .notice.bad", { state: "detached" });
  assert.deepEqual(wrong, []);
  await close();
  await server.end();
});

test("Names that hold markup, that turn the direction of text or that never end break nothing", async () => {
  const server = await Server.start();
  const evil = `<img src=x onerror="globalThis.broken=1">`;
  const names = { "off": "off", "<script>globalThis.broken=1</script>": "x" };
  await server.editCatalog((catalog) => {
    catalog.project = "default";
    catalog.flags = { f: { type: "bool", default: false } };
    catalog.experiments = {
      hostile: {
        name: `${evil} ${"very-long-".repeat(30)} \u202eright to left\u202c 🙂`,
        hypothesis: `"><svg onload=globalThis.broken=1> ${"long ".repeat(200)}`,
        status: "running",
        unit: "user",
        control: "off",
        variants: Object.fromEntries(Object.keys(names).map((n, i) => [n, i ? { set: { f: true } } : {}])),
        plan: { primary: "m" },
      },
    };
    catalog.metrics = { m: { type: "conversion", event: "<b>event</b>" } };
  });
  await summaries(server);
  for (const width of [1440, 390]) {
    const { page, wrong, close } = await open(server, "/", { width });
    for (const path of ["/", ...tabs.map((tab) => `/experiments/hostile/${tab}`), "/catalog", "/planning"]) {
      await page.evaluate((to) => (location.hash = to), path);
      await settled(page);
      assert.equal(await page.evaluate(() => globalThis.broken), undefined, path);
      assert.equal(await page.locator("main img, main script").count(), 0, path);
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      assert.ok(wide <= 0, `${path} at ${width} px is ${wide} px wider than the window`);
    }
    assert.deepEqual(wrong, []);
    await close();
  }
  await server.end();
});

test("Real data: the mailing of Hillstrom", { skip: existsSync(join(shared, "data/hillstrom_email/hillstrom.csv.gz")) ? false : "../shared/data is absent" }, async (t) => {
  const server = await Server.start();
  const map = join(server.folder, "map.json");
  writeFileSync(
    map,
    JSON.stringify({
      experiment: "spring_email",
      unit: { type: "user" },
      variant: { column: "segment", control: "No E-Mail" },
      attributes: { channel: "channel" },
      metrics: [
        { key: "visit", type: "conversion", column: "visit" },
        { key: "spend", type: "sum", column: "spend" },
      ],
      covariates: [{ metric: "spend", column: "history" }],
    }),
  );
  run("import", join(shared, "data/hillstrom_email/hillstrom.csv.gz"), "--mapping", map, "--server", server.url);
  const compared = await comparePageWithFiles(server, "spring_email");
  t.diagnostic(`${compared} comparisons are the same on the page, in JSON, in CSV and in the HTML file`);
  const { page, wrong, close } = await open(server, "/experiments/spring_email/segments");
  await settled(page);
  assert.ok((await page.locator("table.forest tbody tr:not(.group)").count()) >= 6, "three channels, two mails");
  assert.deepEqual(await accessibility(page), []);
  assert.deepEqual(wrong, []);
  await close();
  await server.end();
});

test("The page comes compressed, with a strong policy, and for ever where its name says so", async (t) => {
  const page = await shop.fetch("/");
  assert.match(page.headers.get("content-security-policy"), /default-src 'none'; script-src 'self'/);
  assert.doesNotMatch(page.headers.get("content-security-policy"), /unsafe/);
  assert.equal(page.headers.get("cache-control"), "no-cache");
  const again = await shop.fetch("/", { headers: { "If-None-Match": page.headers.get("etag") } });
  assert.equal(again.status, 304);
  const html = await page.text();
  assert.doesNotMatch(html, /<script(?![^>]*src=)|<style|\son\w+=|https?:/);
  // Every script, also those that come later, counts.
  const queue = [...html.matchAll(/(?:src|href)="(\/assets\/[^"]+)"/g)].map((m) => m[1]);
  const scripts = new Map();
  while (queue.length > 0) {
    const path = queue.pop();
    if (scripts.has(path)) continue;
    const file = await shop.fetch(path);
    assert.equal(file.status, 200, path);
    assert.match(file.headers.get("cache-control"), /immutable/);
    assert.equal(file.headers.get("content-encoding"), "gzip");
    const text = await file.text();
    scripts.set(path, path.endsWith(".js") ? gzipSync(text).length : 0);
    for (const [, name] of text.matchAll(/["'`](?:\.\/|assets\/)([\w.-]+\.(?:js|css))["'`]/g)) queue.push(`/assets/${name}`);
  }
  const bytes = [...scripts.values()].reduce((a, b) => a + b, 0);
  t.diagnostic(`${scripts.size} files, ${bytes} bytes of JavaScript compressed`);
  assert.ok(bytes <= 400_000 && scripts.size > 5);
});

test("200 experiments: the time to the first useful paint", async (t) => {
  const server = await Server.start({ flags: ["--insecure-no-auth", "--catalog", "samples/feed_shop/catalog.json"] });
  run("simulate", "--server", server.url, "--devices", "2000");
  await server.editCatalog((catalog) => {
    const like = catalog.experiments.one_tap;
    for (let i = 1; i < 200; ++i) {
      catalog.flags[`f${i}`] = { type: "bool", default: false };
      catalog.experiments[`experiment_${String(i).padStart(3, "0")}`] = {
        hypothesis: `Idea number ${i} raises purchases.`,
        status: i % 3 === 0 ? "stopped" : "running",
        unit: like.unit,
        control: "off",
        variants: { off: {}, on: { set: { [`f${i}`]: true } } },
        plan: { primary: like.plan.primary },
      };
    }
  });
  await summaries(server);
  const times = [];
  for (let i = 0; i < 3; ++i) {
    const { page, wrong, close } = await open(server, "/");
    await page.waitForSelector("tbody tr:nth-child(200)");
    // From the request of the document to the frame after the list stands in it.
    times.push(
      await page.evaluate(
        () =>
          new Promise((resolve) => {
            const look = () => {
              const [mark] = performance.getEntriesByName("upswing-list");
              if (mark) resolve(mark.startTime);
              else requestAnimationFrame(look);
            };
            look();
          }),
      ),
    );
    assert.deepEqual(wrong, []);
    await close();
  }
  times.sort((a, b) => a - b);
  t.diagnostic(`first useful paint with 200 experiments: median ${times[1].toFixed(0)} ms, from ${times[0].toFixed(0)} to ${times[2].toFixed(0)} ms`);
  // Generous: what is shared with other jobs may be slow. The bar of 1 s is what the figure above is compared with.
  assert.ok(times[1] < 20_000);
  await server.end();
});
