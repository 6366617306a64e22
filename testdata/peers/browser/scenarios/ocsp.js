// Do the responders answer? One of openssl does, is asked for a sign-in, and is killed: the page
// says so, says what to do, and shows what is remembered. Addresses that are odd are named as such.
"use strict";
const assert = require("node:assert/strict");
const {audit, prepare} = require("../audit.js");

module.exports = async (d) => {
  const {page} = d;
  await prepare(page);
  const url = `http://${d.Spare}`;
  const alice = await d.issue("asked", ["--ocsp", url]), again = await d.issue("later", ["--ocsp", url]);
  const responder = await d.openssl([alice.certificate, again.certificate]);
  await d.signIn();
  await page.goto("/check/ocsp");
  await d.says("Asked since the start None.", "Answers kept None.");
  await audit(d, page);
  try {
    await ask(d, alice.certificate);
    await d.says("Asked just now", "Answers: good", url, "Signature valid: passed", "Up to date: passed");
    assert.match(await page.locator(".panel").first().getAttribute("class"), /ok/);
    await d.says("localhost: It means this gateway itself"); // a loopback address that is allowed is named all the same
    await audit(d, page);
    assert.equal((await d.eapol(alice.certificate, alice.key)).code, 0);
    await d.eventually("/check/ocsp", "1 good");
    await d.says("Asked 2 times, 0 failed.", "alice", "runs out");
    await audit(d, page);
  } finally {
    await responder.end();
  }
  await killed(d, url, alice, again);
  await odd(d);
};

// killed is how the page tells that nobody answers any more.
async function killed(d, url, alice, again) {
  const {page} = d;
  const {sentence, nextStep} = await d.explained("ocsp_unavailable");
  await ask(d, again.certificate);
  await d.says("Its answer does not count", url, "TCP: failed", nextStep);
  assert.match(await page.locator(".panel").first().getAttribute("class"), /bad/);
  await audit(d, page);
  assert.notEqual((await d.eapol(again.certificate, again.key)).code, 0);
  await d.eventually("/sign-ins?reason=ocsp_unavailable", sentence);
  await d.eventually("/check/ocsp", /The last try failed|Does not answer/);
  await d.says("What to do: Let the gateway out to that address and port", "TCP: failed", "1 good", "last good answer");
  await audit(d, page);
  assert.equal((await d.eapol(alice.certificate, alice.key)).code, 0); // by the answer that is kept
}

// odd are certificates of which nobody can be asked, and what is no certificate.
async function odd(d) {
  const {page} = d;
  const localhost = await d.issue("localhost", ["--pilot"]);
  await ask(d, localhost.certificate);
  await d.says("http://localhost:9000", "localhost: It means this gateway itself", "Nearly always the CA was set up with a wrong address");
  await audit(d, page);
  const none = await d.issue("none", []);
  await ask(d, none.certificate);
  await d.says("Nobody to ask", "Neither the certificate nor its CA names a responder.");
  await audit(d, page);
  await ask(d, d.person("mallory"));
  await d.says("Not done", "Its issuer is in no CA");
  await audit(d, page);
  await page.goto("/check/ocsp");
  await d.press("Ask now");
  await d.says("Not done", "Choose a file");
  const private10 = await d.issue("private", ["--ocsp", "http://10.255.255.1:9"]);
  await ask(d, private10.certificate);
  await d.says("private address: It is asked. It has to be reachable from this gateway", "What to do");
  await audit(d, page);
}

async function ask(d, certificate) {
  await d.page.goto("/check/ocsp");
  await d.page.getByLabel(/^File/).setInputFiles(certificate);
  await d.press("Ask now");
}
