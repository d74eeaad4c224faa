'use strict';
// Decision vectors over the Node sample.   driver.js ADDON < input > answers
const fs = require('fs');
const path = require('path');
const { Client, Subject } = require(path.join(__dirname, '../../samples/node/upswing.js'))(process.argv[2]);

const fromHex = (hex) => (hex === '.' ? Buffer.alloc(0) : Buffer.from(hex, 'hex'));
const text = (hex) => fromHex(hex).toString();
const toHex = (string) => Buffer.from(string).toString('hex') || '.';
const double = (bits) => Buffer.from(bits, 'hex').readDoubleBE();
const bits = (value) => {
  const buffer = Buffer.alloc(8);
  buffer.writeDoubleBE(value);
  return buffer.toString('hex');
};
const showValue = (d) =>
  [
    () => 'none',
    () => `bool:${d.value ? 1 : 0}`,
    () => `int:${d.value}`,
    () => `double:${bits(d.value)}`,
    () => `string:${toHex(d.value)}`,
    () => `json:${toHex(d.value)}`,
  ][d.valueType]();
const show = (letter, d) =>
  [
    letter, toHex(d.key), d.reason, toHex(d.experiment), toHex(d.variant), d.bucket < 0 ? '-' : d.bucket, d.ruleIndex,
    d.iteration, d.phase, d.catalogVersion, toHex(d.unitType), showValue(d),
  ].join(' ');

let client = null;
let subject = null;
const out = [];
for (const line of fs.readFileSync(0, 'latin1').split('\n')) {
  if (!line) continue;
  const [letter, ...words] = line.split(' ');
  const key = letter === 'U' || letter === 'C' || letter === 'S' ? '' : text(words[0]);
  switch (letter) {
    case 'C':
      if (client) client.destroy();
      client = new Client({ bundledCatalog: fromHex(words[0]) });
      break;
    case 'S': client.supplyCatalog(fromHex(words[0])); break;
    case 'U': subject = new Subject(); break;
    case 'u': subject.setUnit(key, text(words[1])); break;
    case 's': subject.set(key, text(words[1])); break;
    case 'i': subject.set(key, BigInt(words[1])); break;
    case 'd': subject.set(key, double(words[1])); break;
    case 'b': subject.set(key, words[1] === '1'); break;
    case 't': subject.set(key, new Date(Number(words[1]))); break;
    case 'l': subject.set(key, words.slice(1).map(text)); break;
    case 'E': out.push(show(letter, client.decide(key, subject))); break;
    case 'F': out.push(show(letter, client.decideFlag(key, subject))); break;
    case 'P': out.push(show(letter, client.peek(key, subject))); break;
    case 'p': out.push(show(letter, client.peekFlag(key, subject))); break;
    case 'B': out.push(`B ${words[0]} ${client.flag(key, subject, words[1] === '1') ? 1 : 0}`); break;
    case 'I': out.push(`I ${words[0]} ${client.flag(key, subject, BigInt(words[1]))}`); break;
    case 'D': out.push(`D ${words[0]} ${bits(client.flag(key, subject, double(words[1])))}`); break;
    case 'T': out.push(`T ${words[0]} ${toHex(client.flag(key, subject, text(words[1])))}`); break;
    case 'J': out.push(`J ${words[0]} ${toHex(client.json(key, subject, text(words[1])))}`); break;
    default: throw new Error(`unknown line ${letter}`);
  }
}
fs.writeFileSync(1, out.join('\n') + '\n');
client.destroy();
