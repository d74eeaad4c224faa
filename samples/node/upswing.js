'use strict';
// Upswing for Node.js over addon.c.
//
//   const { Client, Subject } = require('./upswing')('/usr/lib/upswing.node');
//   const client = new Client({ serverUrl: 'https://ab.example.com', apiKey });
//   const user = new Subject({ user: 'u-42' }).set('country', 'CN');
//   if (client.flag('checkout.one_tap', user, false)) { ... }
//   client.track(user, 'purchase', 129.0, { category: 'beauty' });
//
// Integers of 64 bits are BigInt; a number that is whole and safe is taken as an integer too.

const CONSENT = { unknown: 0, granted: 1, denied: 2 };
const NETWORK = { unknown: 0, offline: 1, metered: 2, unmetered: 3 };
const integer = (value) => (Number.isSafeInteger(value) && !Object.is(value, -0) ? BigInt(value) : value);

module.exports = (addonPath) => {
  const native = require(addonPath);

  class Subject {
    constructor(units = {}) {
      this.handle = native.createSubject();
      for (const [type, id] of Object.entries(units)) this.setUnit(type, id);
    }
    setUnit(type, id) {
      native.setUnit(this.handle, type, id);
      return this;
    }
    /** boolean, bigint, number, string, Date or an array of strings. */
    set(name, value) {
      native.setAttribute(this.handle, name, integer(value));
      return this;
    }
  }

  class Client {
    constructor(options = {}) {
      const consent = options.consent === undefined ? undefined : CONSENT[options.consent];
      this.handle = native.createClient({ ...options, consent });
    }
    /** The flag's value, of the type of `otherwise`: boolean, bigint, number or string. */
    flag(key, subject, otherwise) {
      return native.readFlag(this.handle, subject.handle, key, otherwise, false);
    }
    json(key, subject, otherwise) {
      return native.readFlag(this.handle, subject.handle, key, otherwise, true);
    }
    decide(experiment, subject) {
      return native.decide(this.handle, subject.handle, experiment, 'decide');
    }
    decideFlag(flag, subject) {
      return native.decide(this.handle, subject.handle, flag, 'decideFlag');
    }
    peek(experiment, subject) {
      return native.decide(this.handle, subject.handle, experiment, 'peek');
    }
    peekFlag(flag, subject) {
      return native.decide(this.handle, subject.handle, flag, 'peekFlag');
    }
    /** Logs a decision that was peeked at, when it is shown. */
    expose(decision, subject) {
      native.expose(this.handle, subject.handle, decision.handle);
    }
    explain(key, subject) {
      return native.explain(this.handle, subject.handle, key);
    }
    track(subject, name, value = 1, properties = {}, { eventId = '', refId = '' } = {}) {
      const list = Object.entries(properties).map(([key, v]) => [key, integer(v)]);
      native.track(this.handle, subject.handle, name, value, { properties: list, eventId, refId });
    }
    setConsent(consent) {
      native.setConsent(this.handle, CONSENT[consent]);
    }
    setNetwork(network) {
      native.setNetwork(this.handle, NETWORK[network]);
    }
    supplyCatalog(bytes) {
      native.supplyCatalog(this.handle, bytes);
    }
    /** Of the catalog in force; 0: none. */
    get catalogVersion() {
      return native.catalogVersion(this.handle);
    }
    /** A promise of {sent, kept, dropped}. */
    flush(timeoutMs) {
      return native.wait(this.handle, timeoutMs, false);
    }
    async close(timeoutMs) {
      const result = await native.wait(this.handle, timeoutMs, true);
      this.destroy();
      return result;
    }
    destroy() {
      native.destroyClient(this.handle);
    }
  }

  return { Client, Subject };
};
