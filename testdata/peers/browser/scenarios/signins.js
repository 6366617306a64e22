// Why was this laptop rejected? Devices try, and the page says as it happens; each row leads to the
// ladder and to what is to be done.
"use strict";
const assert = require("node:assert/strict");
const {mac} = require("../desk.js");

const tries = [
  ["alice", "accept", "accepted"],
  ["otto", "reject", "cert_expired", "Dates: failed"],
  ["mallory", "reject", "cert_unknown_ca", "Certificate chain: failed"],
  ["wanda", "reject", "cert_purpose", "Purpose: failed"],
  ["erin", "reject", "user_unknown", "User: failed"],
  ["sven", "reject", "user_suspended", "User: failed"],
  ["rita", "reject", "cert_revoked", "Not revoked: failed"],
];

module.exports = async (d) => {
  const {page} = d;
  await d.signIn();
  await d.follow("Sign-ins");
  const rows = page.locator("ol.rows > li");
  await d.shows("No sign-in like that has happened since the start.");
  if (d.scripts) await page.getByText("Live", {exact: true}).waitFor();

  for (const [name, want, code] of tries) {
    await d.tryWiFi(name, want);
    const {sentence} = await d.explained(code);
    if (d.scripts) {
      await rows.filter({hasText: sentence}).first().waitFor(); // by itself: nobody reloads
    } else {
      await d.eventually("/sign-ins", sentence);
    }
  }
  assert.equal(await rows.count(), tries.length);
  assert.equal(await page.locator("#none").count(), 0);

  for (const [name, , code, failed] of tries) {
    const {sentence, nextStep} = await d.explained(code);
    await page.goto("/sign-ins?q=" + encodeURIComponent(mac(name).toUpperCase()));
    assert.equal(await rows.count(), 1, `sign-ins of ${name}`);
    await rows.getByRole("link").click();
    await d.shows(sentence);
    await d.says("What was checked", "For the ticket", ...(failed ? [failed, "What to do", nextStep] : []));
    assert.ok((await d.text("#ticket")).includes(code));
  }
  await d.follow("All sign-ins of this device");
  assert.equal(await rows.count(), 1);
  await d.follow("Show all");
  await page.getByLabel("Reason").selectOption("cert_revoked");
  await d.press("Filter");
  await page.waitForURL(/reason=cert_revoked/);
  assert.equal(await rows.count(), 1);
  await d.says("has been revoked");

  if (d.scripts) await pause(d, rows);
  await page.goto("/");
  await d.says(/\b[12] accepted, 6 rejected/);
};

// pause holds the rows still while somebody reads, and brings what came meanwhile afterwards.
async function pause(d, rows) {
  const {page} = d;
  await page.goto("/sign-ins");
  await page.getByText("Live", {exact: true}).waitFor();
  await d.click("Pause");
  await page.getByText("Paused", {exact: true}).waitFor();
  await d.tryWiFi("alice", "accept");
  assert.equal(await rows.count(), tries.length);
  await d.click("Go on");
  await rows.nth(tries.length).waitFor();
}
