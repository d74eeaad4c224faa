// Takes a picture of every page in both languages, both themes and both widths, for people to look
// at: the tests say that nothing overflows, not that it looks good.
//
// usage: pictures.mjs FOLDER [PATTERN]     (in the folder of a test run, with UPSWING set; PATTERN
//                                          chooses among the files' names)
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { closeBrowser, endServers, open, run, Server } from "./support.mjs";
import { fillShop } from "./shop.mjs";

const [folder, pattern = "."] = process.argv.slice(2);
mkdirSync(folder, { recursive: true });
const tabs = ["results", "time", "funnel", "distributions", "segments", "checks", "plan"];
const looks = [
  { locale: "en-GB", colorScheme: "light", width: 1440 },
  { locale: "zh-CN", colorScheme: "dark", width: 390 },
  { locale: "zh-CN", colorScheme: "dark", width: 1440 },
  { locale: "en-GB", colorScheme: "light", width: 390 },
  { locale: "en-GB", colorScheme: "dark", width: 1440 },
  { locale: "en-GB", colorScheme: "dark", width: 390 },
  { locale: "zh-CN", colorScheme: "light", width: 1440 },
  { locale: "zh-CN", colorScheme: "light", width: 390 },
];

async function settled(page) {
  await page.waitForSelector("main h1");
  await page.waitForSelector(".loading", { state: "detached" });
  await page.waitForTimeout(400); // Charts are drawn a frame later.
}

async function take(server, prefix, pages) {
  for (const look of looks) {
    const { page, wrong, close } = await open(server, "/", look);
    await settled(page);
    for (const [name, path, act] of pages) {
      const file = `${prefix}-${name}-${look.locale.slice(0, 2)}-${look.colorScheme}-${look.width}.png`;
      if (!new RegExp(pattern).test(file)) continue;
      await page.evaluate((to) => (location.hash = to), path);
      await settled(page);
      await act?.(page);
      await page.waitForTimeout(300);
      await page.screenshot({ path: join(folder, file), fullPage: true });
    }
    if (wrong.length > 0) console.error(prefix, wrong);
    await close();
  }
}

async function lookUp(page) {
  await page.fill("input[name=type]", "user");
  await page.fill("input[name=id]", "u-11-7");
  await page.click("form button[type=submit]");
  await page.locator(".decisions summary").first().click();
  await page.waitForSelector("table.records");
}

const shop = await Server.start();
await fillShop(shop);
while (!(await shop.json("/v1/overview")).experiments.every((e) => e.summary)) await new Promise((resolve) => setTimeout(resolve, 200));
await take(shop, "shop", [
  ["list", "/"],
  ...tabs.map((tab) => [tab, `/experiments/one_tap/${tab}`]),
  ["three-variants", "/experiments/cover_style"],
  ["looks", "/experiments/cover_style/plan"],
  ["not-trustworthy", "/experiments/coupon_wall"],
  ["details", "/experiments/one_tap/results?", (page) => page.locator("button.expand").first().click()],
  ["planning", "/planning"],
  ["catalog", "/catalog"],
  ["units", "/units", lookUp],
  ["audit", "/audit"],
]);
const feed = await Server.start({ flags: ["--insecure-no-auth", "--catalog", "samples/feed_shop/catalog.json"] });
run("simulate", "--server", feed.url, "--users", "20000");
await take(feed, "feed", [
  ["list", "/"],
  ...tabs.map((tab) => [tab, `/experiments/one_tap/${tab}`]),
  ["ship", "/experiments/one_tap", (page) => page.locator(".lifecycle button").last().click()],
]);
await closeBrowser();
await endServers();
