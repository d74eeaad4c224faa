// The official OpenFeature clients against a real server.
// usage: node clients.mjs URL ADMIN_KEY EVALUATE_KEY LIMITED_KEY      (LIMITED_KEY: one request a second)
import assert from "node:assert/strict";
import { OpenFeature as Server } from "@openfeature/server-sdk";
import { OFREPProvider } from "@openfeature/ofrep-provider";
import { OpenFeature as Web, ProviderEvents } from "@openfeature/web-sdk";
import { OFREPWebProvider } from "@openfeature/ofrep-web-provider";

const [baseUrl, admin, evaluate, limited] = process.argv.slice(2);
const bearer = (key) => [["Authorization", `Bearer ${key}`]];

const catalog = (onWeight) => JSON.stringify({
  project: "shop",
  attributes: { country: "string", age: "int" },
  flags: {
    tap: { type: "bool", default: false },
    color: { type: "string", default: "red",
             rules: [{ key: "cn", when: { attribute: "country", is: "CN" }, value: "gold" }] },
    limit: { type: "int", default: 7 },
    ratio: { type: "double", default: 0.5 },
    layout: { type: "json", default: { columns: [1, 2] } },
  },
  experiments: {
    one_tap: { status: "running", iteration: 2 - onWeight, unit: "user", control: "off",
               variants: { off: { weight: 1 - onWeight }, on: { weight: onWeight, set: { tap: true } } } },
  },
});

async function publish(text) {
  const answer = await fetch(`${baseUrl}/v1/catalog`, {
    method: "PUT", headers: Object.fromEntries(bearer(admin)), body: text });
  assert.equal(answer.status, 200, await answer.text());
}

async function serverClient(name, key) {
  await Server.setProviderAndWait(name, new OFREPProvider({ baseUrl, headers: bearer(key) }));
  return Server.getClient(name);
}

await publish(catalog(1));

{
  const client = await serverClient("right", evaluate);
  const tap = await client.getBooleanDetails("tap", false, { targetingKey: "u-1" });
  assert.equal(tap.value, true);
  assert.equal(tap.variant, "on");
  assert.equal(tap.reason, "SPLIT");
  assert.equal(tap.flagMetadata.experiment, "one_tap");
  assert.equal(await client.getStringValue("color", "x", { targetingKey: "u-1" }), "red");
  assert.equal(await client.getStringValue("color", "x", { targetingKey: "u-1", country: "CN" }), "gold");
  assert.equal(await client.getNumberValue("limit", 0, { targetingKey: "u-1" }), 7);
  assert.equal(await client.getNumberValue("ratio", 0, { targetingKey: "u-1" }), 0.5);
  assert.deepEqual(await client.getObjectValue("layout", {}, { targetingKey: "u-1" }), { columns: [1, 2] });
  const wrong = await client.getStringDetails("limit", "mine", { targetingKey: "u-1" });
  assert.equal(wrong.errorCode, "TYPE_MISMATCH");
  assert.equal(wrong.value, "mine");
  const unknown = await client.getBooleanDetails("unknown", true, { targetingKey: "u-1" });
  assert.equal(unknown.errorCode, "FLAG_NOT_FOUND");
  assert.equal(unknown.value, true);
  const nobody = await client.getBooleanDetails("tap", false, {});
  assert.equal(nobody.errorCode, "TARGETING_KEY_MISSING");
}
{
  const client = await serverClient("wrong", "upsk_0000000000000000_" + "0".repeat(64));
  const refused = await client.getBooleanDetails("tap", false, { targetingKey: "u-1" });
  assert.equal(refused.value, false);
  assert.equal(refused.reason, "ERROR");
}
{
  const client = await serverClient("limited", limited);
  let refused;
  for (let i = 0; i < 1000 && !refused?.errorCode; ++i) {
    refused = await client.getBooleanDetails("tap", false, { targetingKey: "u-1" });
  }
  assert.equal(refused.reason, "ERROR", "1,000 requests by a key that may send one a second");
  // A second may have passed since, and one more request is let through.
  let answer;
  for (let i = 0; i < 1000 && answer?.status !== 429; ++i) {
    answer = await fetch(`${baseUrl}/v1/whoami`, { headers: Object.fromEntries(bearer(limited)) });
    await answer.text();
  }
  assert.equal(answer.status, 429);
  assert.ok(Number(answer.headers.get("retry-after")) >= 1);
}
{
  let notModified = 0;
  const watched = async (...request) => {
    const answer = await fetch(...request);
    notModified += answer.status === 304 ? 1 : 0;
    return answer;
  };
  const provider = new OFREPWebProvider({
    baseUrl, headers: bearer(evaluate), pollInterval: 50, cacheMode: "disabled", fetchImplementation: watched });
  await Web.setContext({ targetingKey: "u-1", country: "CN" });
  await Web.setProviderAndWait(provider);
  const client = Web.getClient();
  assert.equal(client.getBooleanValue("tap", false), true);
  assert.equal(client.getStringValue("color", "x"), "gold");
  assert.equal(client.getStringDetails("unknown", "x").errorCode, "FLAG_NOT_FOUND");
  while (notModified < 2) await new Promise((resolve) => setTimeout(resolve, 20));
  const changed = new Promise((resolve) => client.addHandler(ProviderEvents.ConfigurationChanged, resolve));
  await publish(catalog(0));
  await changed;
  assert.equal(client.getBooleanValue("tap", true), false, "the new catalog is seen");
  await Web.close();
}
await Server.close();
console.log("OpenFeature clients: passed");
process.exit(0);
