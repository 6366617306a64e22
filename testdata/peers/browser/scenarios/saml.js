// The pairs of an app: activated, regenerated after a question, promoted, compared.
"use strict";
const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const {run} = require("../desk.js");

const app = "/setup/saml/wiki";

module.exports = async (d) => {
  const {page} = d;
  await d.signIn();
  await d.follow("Setup");
  await d.follow(/^SAML apps/);
  await d.says("not ready");
  await d.follow(/^Wiki/);
  await d.says("Nobody can sign in there");

  // What needs a confirmation says what follows from it; leaving it changes nothing.
  const act = async (label, title) => {
    await d.press(label);
    await page.getByRole("heading", {level: 1}).filter({hasText: title}).waitFor();
  };
  await d.press("Activate");
  await d.confirmed();
  await d.offers(app, "Regenerate");
  const active = await certificate(d, "active");

  await act("Regenerate", "Regenerate?");
  await d.says("What follows");
  await d.follow("Leave it as it is");
  await page.waitForURL("**" + app);
  assert.equal(await page.getByText("next", {exact: true}).count(), 0);
  await act("Regenerate", "Regenerate?");
  await d.press("Regenerate");
  await d.eventually(app, /\bnext\b/);
  const next = await certificate(d, "next");
  assert.notEqual(active, next);

  const compare = async (text, want) => {
    await page.goto(app);
    await d.unfold("Compare with");
    await page.getByLabel(/^What the application has/).fill(text);
    await d.press("Compare");
    await d.shows(want);
  };
  await compare(active, "equals active");
  await compare(next, "equals next");
  await compare(fs.readFileSync(d.person("alice"), "utf8"), "unknown certificate");
  await compare("nothing of the kind", /no certificate/);

  await d.offers(app, "Promote the next pair");
  await d.press("Promote the next pair");
  await d.confirmed();
  await d.eventually(app, /\bprevious\b/);
  assert.equal(await certificate(d, "active"), next);
  await compare(active, "equals previous");
  await page.goto("/setup/saml");
  await d.says("people can sign in");
  await test(d);
  await upload(d);
};

// test decodes what the application would be told, without telling it.
async function test(d) {
  for (const [name, want] of [["alice", ["NameID", "alice", "alice@demo.example", "verifies", "A test"]], ["rita", ["revoked", "What to do"]]]) {
    await d.page.goto(app);
    await d.unfold("Test a sign-in");
    await d.page.getByLabel("A person's certificate, PEM or DER").setInputFiles(d.person(name));
    await d.press("Test");
    await d.says("The test", ...want);
  }
}

// upload brings a pair that was made elsewhere, in two halves: one half is held and never signs;
// when both are there, they are a pair.
async function upload(d) {
  const {page} = d;
  const key = path.join(d.Scratch, "elsewhere-key.pem"), cert = path.join(d.Scratch, "elsewhere.pem");
  await run("openssl", ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "300", "-subj", "/CN=elsewhere",
    "-keyout", key, "-out", cert]);
  const active = await certificate(d, "active");
  const bring = async (label, file) => {
    await page.goto(app);
    await page.getByText("Upload a pair").click();
    await page.getByLabel(label).setInputFiles(file);
    await d.press("Save");
    await d.confirmed();
  };
  await bring("Certificate, a file", cert);
  await d.eventually(app, "half pair: the private key is missing");
  assert.equal(await page.getByRole("button", {name: "Promote the next pair"}).count(), 0);
  assert.equal(await certificate(d, "active"), active, "half a pair signs");
  await bring("Private key, a file", key);
  await d.eventually(app, "Promote the next pair");
  assert.equal(await certificate(d, "next"), fs.readFileSync(cert, "utf8").trim());
  assert.ok(!(await page.content()).includes("PRIVATE KEY-----\nMII"), "the key is shown again");
}

async function certificate(d, role) {
  const answer = await d.page.request.get(`/setup/saml/wiki/certificate.pem?role=${role}`);
  assert.equal(answer.status(), 200, `the certificate that is ${role}`);
  return (await answer.text()).trim();
}
