// The pairs of an app: activated, regenerated after a question, promoted, compared.
"use strict";
const assert = require("node:assert/strict");
const fs = require("node:fs");

module.exports = async (d) => {
  const {page} = d;
  const app = "/setup/saml/wiki";
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
  await d.eventually(app, "active");
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
    await page.getByLabel(/^What the application has/).fill(text);
    await d.press("Compare");
    await d.shows(want);
  };
  await compare(active, "equals active");
  await compare(next, "equals next");
  await compare(fs.readFileSync(d.person("alice"), "utf8"), "unknown certificate");
  await compare("nothing of the kind", /no certificate/);

  await page.goto(app);
  await d.press("Promote the next pair");
  await d.confirmed();
  await d.eventually(app, /\bprevious\b/);
  assert.equal(await certificate(d, "active"), next);
  await compare(active, "equals previous");
  await page.goto("/setup/saml");
  await d.says("people can sign in");
};

async function certificate(d, role) {
  const answer = await d.page.request.get(`/setup/saml/wiki/certificate.pem?role=${role}`);
  assert.equal(answer.status(), 200, `the certificate that is ${role}`);
  return (await answer.text()).trim();
}
