// Experiments of a shop over two weeks, as rows for `upswing import`: several rows per unit, one for
// each day on which it came, so that windows, retention and novelty have something to show.
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { run } from "./support.mjs";

/** mulberry32: small, fast, the same everywhere. */
function random(seed) {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = a;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

const TIERS = ["gold", "silver", "new"];

export function writeRows(file, { seed, units, days, variants, effects, weights = variants.map(() => 1), skew = 1 }) {
  const next = random(seed);
  const rows = ["unit,variant,at,tier,view,cart,purchase,gmv,dwell,history"];
  const total = weights.reduce((a, b) => a + b, 0);
  for (let i = 0; i < units; ++i) {
    let pick = next() * total * skew;
    let v = 0;
    while (v < variants.length - 1 && pick >= weights[v]) pick -= weights[v++];
    const effect = effects[v];
    const first = Math.floor(next() ** 1.3 * days);
    const tier = TIERS[Math.floor(next() ** 1.4 * 3)];
    const taste = next();
    const history = Math.round(800 * taste ** 4) / 10;
    for (let day = first; day < days; ++day) {
      const back = day > first;
      if (back && next() > (0.45 / (day - first) ** 0.5) * (1 + effect / 3)) continue;
      const hour = Math.floor(next() * 24);
      const at = new Date(Date.UTC(2026, 10, 2 + day, hour, Math.floor(next() * 60))).toISOString().slice(0, 19).replace("T", " ");
      const view = next() < 0.8 ? 1 : 0;
      const cart = view && next() < 0.25 + 0.2 * taste ? 1 : 0;
      const purchase = cart && next() < (0.25 + 0.35 * taste) * (1 + effect) ? 1 : 0;
      const gmv = purchase ? Math.round((20 + 380 * taste ** 2 * (0.5 + next())) * 100) / 100 : 0;
      const dwell = Math.round(-Math.log(1 - next()) * 90 * (1 + taste) * (1 + effect / 2));
      rows.push(`u-${seed}-${i},${variants[v]},${at},${tier},${view},${cart},${purchase},${gmv},${dwell},${back ? "" : history}`);
    }
  }
  writeFileSync(file, rows.join("\n") + "\n");
}

export function mapping(experiment, variants, weights) {
  return {
    experiment,
    unit: { type: "user", column: "unit" },
    variant: { column: "variant", control: variants[0], weights: Object.fromEntries(variants.map((v, i) => [v, weights?.[i] ?? 1])) },
    time: { column: "at", format: "%Y-%m-%d %H:%M:%S" },
    attributes: { tier: "tier" },
    metrics: [
      { key: "view", type: "conversion", column: "view" },
      { key: "cart", type: "conversion", column: "cart" },
      { key: "purchase", type: "conversion", column: "purchase" },
      { key: "gmv", type: "sum", column: "gmv" },
      { key: "dwell", type: "sum", column: "dwell" },
    ],
    covariates: [{ metric: "gmv", column: "history" }],
  };
}

/** Metrics over the events of an imported experiment, for every part of its page. */
export function metricsOf(experiment, own) {
  const event = (name) => `${experiment}.${name}`;
  return {
    ...own,
    purchase_3d: { type: "conversion", event: event("purchase"), window: "3d" },
    shopping: { type: "funnel", steps: [{ event: event("view") }, { event: event("cart") }, { event: event("purchase") }] },
    d1_retention: { type: "retention", event: event("dwell"), days: [1, 1] },
    d3_retention: { type: "retention", event: event("dwell"), days: [3, 3] },
    d7_retention: { type: "retention", event: event("dwell"), days: [7, 7] },
    dwell_p50: { type: "quantile", event: event("dwell"), quantile: 0.5 },
    dwell_p90: { type: "quantile", event: event("dwell"), quantile: 0.9 },
  };
}

/** The shop of the screenshots and of most tests: a win, a loss, an open one, a broken split. */
export const experiments = [
  {
    key: "one_tap",
    hypothesis: "One-tap checkout raises purchases.",
    rows: { seed: 11, units: 12_000, days: 14, variants: ["off", "on"], effects: [0, 0.12] },
  },
  {
    key: "cover_style",
    hypothesis: "Covers with a price bring more people into the product page.",
    // Planned looks need a window that closes; all of them are over.
    plan: {
      primary: "purchase_3d",
      mde: { relative: 0.1 },
      sequential: { type: "group_sequential", looks: [5, 8, 11] },
    },
    rows: { seed: 12, units: 9_000, days: 10, variants: ["plain", "price", "badge"], effects: [0, 0.02, -0.01] },
  },
  {
    key: "autoplay_sound",
    hypothesis: "Sound on by default keeps people in the room.",
    rows: { seed: 13, units: 8_000, days: 12, variants: ["muted", "sound"], effects: [0, -0.18] },
  },
  {
    key: "coupon_wall",
    hypothesis: "A wall of coupons before the product page.",
    rows: { seed: 14, units: 6_000, days: 9, variants: ["none", "wall"], effects: [0, 0.05], weights: [1, 1], skew: 1.1 },
  },
];

export async function fillShop(server, list = experiments) {
  for (const { key, rows } of list) {
    const csv = join(server.folder, `${key}.csv`);
    const map = join(server.folder, `${key}.json`);
    writeRows(csv, rows);
    writeFileSync(map, JSON.stringify(mapping(key, rows.variants, undefined)));
    run("import", csv, "--mapping", map, "--server", server.url);
  }
  await server.editCatalog((catalog) => {
    for (const { key, hypothesis, plan } of list) {
      const experiment = catalog.experiments[key];
      experiment.hypothesis = hypothesis;
      experiment.metrics = metricsOf(key, experiment.metrics ?? {});
      experiment.report_by = ["tier"];
      experiment.plan = {
        primary: "purchase",
        guardrails: { d1_retention: { margin: { relative: 0.1 } } },
        secondary: Object.keys(experiment.metrics).filter((m) => m !== (plan?.primary ?? "purchase") && m !== "d1_retention"),
        min_days: 7,
        ...plan,
      };
    }
  });
}
