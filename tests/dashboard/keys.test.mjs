// What needs API keys: signing in, a key that ends, changes and their audit entries, publishing,
// looking up a unit. Run by run.sh.
import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { accessibility, closeBrowser, endServers, open, run, Server, temporaryFolder } from "./support.mjs";

let server;
const keys = {};
before(async () => {
  const folder = temporaryFolder();
  for (const [name, scope] of [
    ["ada", "admin"],
    ["rita", "read"],
    ["brief", "read"],
    ["app", "client"],
  ]) {
    keys[name] = run("keys", "create", name, "--data", join(folder, "data"), "--scope", scope).trim();
  }
  server = await Server.start({ folder, flags: ["--catalog", "samples/feed_shop/catalog.json"] });
});
after(async () => {
  await closeBrowser();
  await endServers();
});

/** A page with a key typed in, as a person does it. The first refusal is the server asking. */
async function signedIn(key, path = "/", more = {}) {
  const opened = await open(server, path, { expected: [/401/], ...more });
  await opened.page.fill(".key-form input", key);
  await opened.page.click(".key-form button");
  await opened.page.waitForSelector(".key-form", { state: "detached" });
  await opened.page.waitForSelector(".loading", { state: "detached" });
  // Whose key it is, is asked separately; what depends on it is drawn anew then.
  await opened.page.waitForSelector('.settings button:has-text("Key: ")');
  return opened;
}

test("The page asks for a key, says that a wrong one is refused, and opens with a right one", async () => {
  const { page, wrong, close } = await open(server, "/", { expected: [/401/] });
  await page.waitForSelector(".key-form");
  assert.deepEqual(await accessibility(page), []);
  assert.equal(await page.locator(".key-form .notice").count(), 0);
  await page.fill(".key-form input", "not-a-key");
  await page.click(".key-form button");
  await page.waitForSelector(".key-form .notice.bad");
  await page.fill(".key-form input", keys.rita);
  await page.click(".key-form button");
  await page.waitForSelector('a[href="#/experiments/one_tap"]');
  await page.waitForSelector('.settings button:has-text("rita")');
  assert.equal(await page.evaluate(() => Object.keys(localStorage).some((name) => localStorage[name].length > 20)), false, "the key is in sessionStorage alone");
  assert.deepEqual(wrong, []);
  await close();
});

test("A key that is made while the page asks for one opens it at the first try", async () => {
  const { page, wrong, close } = await open(server, "/", { expected: [/401/] });
  await page.waitForSelector(".key-form");
  const key = run("keys", "create", "fresh", "--data", join(server.folder, "data"), "--scope", "read").trim();
  await page.fill(".key-form input", key);
  await page.click(".key-form button");
  await page.waitForSelector('.settings button:has-text("fresh")');
  assert.equal(await page.locator(".key-form").count(), 0);
  assert.deepEqual(wrong, []);
  await close();
});

// The shortest time that a key may have, 86 s, is waited out beside the other file's tests.
test("A key that expires while the page is open brings the question back", async () => {
  const data = join(server.folder, "data");
  const key = run("keys", "create", "short", "--data", data, "--scope", "read", "--expires-days", "0.001").trim();
  const { page, wrong, close } = await signedIn(key);
  await page.waitForSelector('a[href="#/experiments/one_tap"]');
  await page.waitForSelector(".key-form .notice.bad");
  assert.match(await page.textContent(".key-form .notice.bad"), /expired/);
  assert.match(run("keys", "list", "--data", data), /short.*expired/);
  assert.deepEqual(wrong, []);
  await close();
});

test("A key that has ended brings the question back, and the page does not stay on stale numbers in silence", async () => {
  const { page, wrong, close } = await signedIn(keys.brief);
  await page.waitForSelector('a[href="#/experiments/one_tap"]');
  run("keys", "revoke", "brief", "--data", join(server.folder, "data"));
  await page.waitForSelector(".key-form .notice.bad");
  assert.match(await page.textContent(".key-form .notice.bad"), /expired|revoked/);
  assert.deepEqual(wrong, []);
  await close();
});

test("A key that may only read cannot change anything", async () => {
  const { page, close } = await signedIn(keys.rita, "/experiments/one_tap");
  await page.waitForSelector(".lifecycle button");
  assert.equal(await page.locator(".lifecycle button:not(:disabled)").count(), 0);
  await close();
});

/** Opens a change of the lifecycle, looks at its dialog, lets `fill` answer it, and sends it. */
async function change(page, button, fill) {
  await page.click(`.lifecycle button:has-text("${button}")`);
  await page.waitForSelector("dialog[open]");
  assert.match(await page.textContent("dialog"), /In the name of ada/);
  assert.deepEqual(await accessibility(page), []);
  await fill();
  await page.click("dialog button[type=submit]");
  await page.waitForSelector("dialog", { state: "detached" });
  await page.waitForSelector('.lifecycle [role=status]:has-text("Done")');
}

test("A draft is started and its variant shipped: the flag has its value, the audit log both reasons", async () => {
  const headers = { Authorization: `Bearer ${keys.ada}` };
  await server.editCatalog((catalog) => {
    catalog.flags["cart.reminder"] = { type: "bool", default: false };
    catalog.experiments.reminder = {
      hypothesis: "A reminder in the cart brings orders.",
      status: "draft",
      unit: "device",
      when: { attribute: "member_tier", in: ["gold"] },
      control: "off",
      variants: { off: {}, on: { set: { "cart.reminder": true } } },
    };
  }, headers);
  const { page, wrong, close } = await signedIn(keys.ada, "/experiments/reminder");
  await page.waitForSelector(".pill.status-draft");
  await change(page, "Start", async () => {
    await page.fill("dialog textarea", "The design is final.");
    await page.check("dialog input[name=sure]");
  });
  await page.waitForSelector(".pill.status-running");
  await change(page, "Ship a variant", async () => {
    await page.selectOption("dialog select[name=variant]", "on");
    await page.fill("dialog textarea", "Asked for by all teams.");
    await page.check("dialog input[name=sure]");
  });
  await page.waitForSelector(".pill.status-stopped");
  const catalog = await server.json("/v1/catalog/source", { headers });
  assert.equal(catalog.experiments.reminder.status, "stopped");
  // Those whom it was for see the variant's value now, outside of any experiment.
  const explained = await server.json("/v1/units/explain?type=device&id=d-1&attr.member_tier=gold", { headers });
  assert.equal(explained.decisions.find((d) => d.key === "cart.reminder").value, true);
  await page.click('nav a[href="#/audit"]');
  await page.waitForSelector("table.audit");
  const rows = await page.locator("table.audit tbody tr").allTextContents();
  const shipped = rows.findIndex((row) => row.includes("experiment.ship"));
  const started = rows.findIndex((row) => row.includes("experiment.start"));
  assert.ok(shipped >= 0 && started > shipped, "newest first");
  assert.match(rows[shipped], /ada.*reminder.*Asked for by all teams\./s);
  assert.match(rows[started], /ada.*reminder.*The design is final\./s);
  assert.deepEqual(wrong, []);
  await close();
});

test("Traffic is changed and the experiment stopped, with a reason, and the audit log has both", async () => {
  const { page, wrong, close } = await signedIn(keys.ada, "/experiments/one_tap");
  await change(page, "Change traffic", async () => {
    await page.fill("dialog input[name=share]", "40");
    await page.fill("dialog textarea", "Half a day without complaints; 慢慢来.");
    await page.check("dialog input[name=sure]");
  });
  await change(page, "Stop", async () => {
    // Without a reason and the confirmation nothing is sent.
    await page.click("dialog button[type=submit]");
    assert.equal(await page.locator("dialog[open]").count(), 1);
    await page.fill("dialog textarea", "The supplier is out of stock.");
    await page.check("dialog input[name=sure]");
  });
  await page.waitForSelector(".pill.status-stopped");
  const headers = { Authorization: `Bearer ${keys.ada}` };
  const catalog = await server.json("/v1/catalog/source", { headers });
  assert.equal(catalog.experiments.one_tap.status, "stopped");
  await page.click('nav a[href="#/audit"]');
  await page.waitForSelector("table.audit");
  const rows = await page.locator("table.audit tbody tr").allTextContents();
  const stop = rows.findIndex((row) => row.includes("experiment.stop"));
  const ramp = rows.findIndex((row) => row.includes("experiment.ramp"));
  assert.ok(stop >= 0 && ramp > stop, "newest first");
  assert.match(rows[stop], /ada.*experiment\.stop.*one_tap.*The supplier is out of stock\./s);
  assert.match(rows[ramp], /慢慢来/);
  assert.deepEqual(await accessibility(page), []);
  assert.deepEqual(wrong, []);
  await close();
});

test("A change on a catalog that somebody replaced meanwhile is refused and says so", async () => {
  const { page, close } = await signedIn(keys.ada, "/catalog", { expected: [/401|412/] });
  const headers = { Authorization: `Bearer ${keys.ada}` };
  const published = () => server.json("/v1/catalog/source", { headers });
  const shown = async () => JSON.parse(await page.inputValue("textarea[name=source]"));
  const check = async () => {
    const source = await shown();
    source.experiments.one_tap.hypothesis = "One tap, fewer doubts.";
    await page.fill("textarea[name=source]", JSON.stringify(source, null, 2));
    await page.click('button:has-text("Check and compare")');
    await page.waitForSelector('.items:has-text("hypothesis")');
  };
  const publish = async () => {
    await page.click('button.primary:has-text("Publish")');
    await page.fill("dialog textarea", "Clearer words.");
    await page.click("dialog button[type=submit]");
  };
  await page.waitForSelector("textarea[name=source]");
  await check();
  // Somebody else is quicker, and the page has heard of it.
  const heard = page.waitForResponse((response) => response.url().endsWith("/v1/catalog/source"));
  await server.editCatalog((catalog) => (catalog.experiments.one_tap.owner = "growth"), headers);
  await heard;
  const { catalog } = await server.json("/v1/live", { headers });
  await page.waitForSelector(`table.plain td:text-is("${catalog.version}")`);
  await publish();
  await page.waitForSelector(".notice.bad");
  assert.match(await page.textContent(".notice.bad"), /another catalog/);
  assert.equal((await published()).experiments.one_tap.owner, "growth");
  // What is made from the version in force is published.
  await page.click('button:has-text("Back to the version in force")');
  while ((await shown()).experiments.one_tap.owner !== "growth") await page.waitForTimeout(20);
  await check();
  await publish();
  await page.waitForSelector('[role=status]:has-text("Published")');
  const { one_tap } = (await published()).experiments;
  assert.equal(one_tap.owner, "growth");
  assert.equal(one_tap.hypothesis, "One tap, fewer doubts.");
  await close();
});

test("Publishing shows problems, then what changes and what would move, and lands in the history", async () => {
  const { page, wrong, close } = await signedIn(keys.ada, "/catalog");
  await page.waitForSelector("textarea[name=source]");
  const text = await page.inputValue("textarea[name=source]");
  const source = JSON.parse(text);
  await page.fill("textarea[name=source]", text.replace('"experiments"', '"experimentz"'));
  await page.click('button:has-text("Check and compare")');
  await page.waitForSelector('.items.bad:has-text("experimentz")');
  assert.equal(await page.locator('button.primary:has-text("Publish")').count(), 0, "a file with errors cannot be published");
  source.experiments.one_tap.status = "running";
  source.experiments.one_tap.iteration = 2;
  await page.fill("textarea[name=source]", JSON.stringify(source, null, 2));
  await page.click('button:has-text("Check and compare")');
  await page.waitForSelector('.items:has-text("iteration")');
  await page.click('button.primary:has-text("Publish")');
  await page.fill("dialog textarea", "Second round, 第二轮.");
  await page.click("dialog button[type=submit]");
  await page.waitForSelector('[role=status]:has-text("Published")');
  await page.waitForSelector('table.plain:has-text("第二轮")');
  assert.deepEqual(await accessibility(page), []);
  assert.deepEqual(wrong, []);
  await close();
});

test("A unit's decisions and records can be looked up", async () => {
  run("simulate", "--server", server.url, "--api-key", keys.app, "--devices", "50");
  const { page, wrong, close } = await signedIn(keys.ada, "/units");
  await page.fill("input[name=type]", "device");
  await page.fill("input[name=id]", "d-1-7");
  await page.click("form button[type=submit]");
  const line = page.locator(".decisions li", { hasText: "one_tap" }).first();
  await line.locator("code").waitFor();
  const explained = await server.json("/v1/units/explain?type=device&id=d-1-7", { headers: { Authorization: `Bearer ${keys.ada}` } });
  const expected = explained.decisions.find((d) => d.key === "one_tap" && (d.kind ?? "experiment") === "experiment");
  assert.equal(await line.locator(".pill").textContent(), expected.variant ?? "–");
  assert.equal(await line.locator("code").textContent(), expected.reason);
  await line.locator("summary").click();
  assert.equal(await line.locator(".trace li").count(), expected.trace.length);
  // The page shows every record of the unit that the server has, the exposure first.
  const { records } = await server.json("/v1/units/records?type=device&id=d-1-7", { headers: { Authorization: `Bearer ${keys.ada}` } });
  await page.waitForSelector("table.records tbody tr");
  assert.equal(await page.locator("table.records tbody tr").count(), records.length);
  assert.ok(records.length > 2);
  const first = await page.locator("table.records tbody tr").first().textContent();
  assert.match(first, /2026.*exposure.*one_tap.*(on|off)/);
  assert.deepEqual(await accessibility(page), []);
  assert.deepEqual(wrong, []);
  await close();
});
