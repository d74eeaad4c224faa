'use strict';
// The SDK from Node.js in one screen: decide, show, track, and say what was delivered.
//
//   upswing serve --data data --catalog samples/feed_shop/catalog.json --insecure-no-auth
//   node samples/node/first_exposure.js build/upswing.node http://127.0.0.1:8080 d-1

const [addon, serverUrl, deviceId] = process.argv.slice(2);
if (!deviceId) {
  console.error('usage: first_exposure.js ADDON SERVER_URL DEVICE_ID');
  process.exit(2);
}
const { Client, Subject } = require('./upswing')(require('path').resolve(addon));

async function main() {
  const client = new Client({ serverUrl });
  // An app would show its defaults meanwhile; this program waits, at most ten seconds, for the first catalog.
  for (let i = 0; i < 100 && client.catalogVersion === 0; ++i) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const device = new Subject({ device: deviceId }).set('member_tier', 'gold');
  console.log('one-tap checkout:', client.flag('checkout.one_tap', device, false) ? 'on' : 'off');
  const decision = client.peek('one_tap', device);
  console.log(`variant: ${decision.variant || 'none'}, ${decision.reason}`);
  client.track(device, 'purchase', 129.0, { category: 'beauty' });

  const { sent, kept, dropped } = await client.close(10_000);
  console.log(`${sent} records delivered, ${kept} kept, ${dropped} dropped`);
  return sent > 0 && dropped === 0 ? 0 : 1;
}

main().then((status) => process.exit(status));
