// Who is alice, does her account count, and when was she here last? From her page lead the ways to
// her sign-ins and to what her next device needs.
"use strict";
const assert = require("node:assert/strict");
const {audit, prepare} = require("../audit.js");

module.exports = async (d) => {
  const {page} = d;
  await prepare(page);
  await d.signIn();
  await d.follow("Setup");
  await d.follow(/^Users/);
  await audit(d, page);

  const find = async (name) => {
    await page.getByLabel("Name, e-mail or alias").fill(name);
    await d.press("Find");
  };
  await find("nobody@demo.example");
  await d.says("Not done");
  assert.equal(await page.locator("dl").count(), 0);
  await audit(d, page);
  await find("alice@demo.example");
  await d.says("Alice Adams", "active", "alice@demo.example", "Groups demo", "users/staff.yaml", "None is remembered");
  assert.equal(await page.getByLabel("Name, e-mail or alias").inputValue(), "alice@demo.example");
  await audit(d, page);

  await d.tryWiFi("alice", "accept");
  await d.tryWiFi("rita", "reject");
  await d.eventually("/setup/users?q=alice", "Look at it");
  await lastSignIn(d);
  await page.goto("/setup/users?q=rita");
  const {sentence} = await d.explained("cert_revoked");
  await d.says("rita@demo.example", "rejected", sentence);
  await audit(d, page);
  await find("sven");
  await d.says("suspended", "None is remembered");
  assert.match(await page.locator(".mark").first().getAttribute("class"), /bad/);
  await audit(d, page);
};

// lastSignIn looks at what is remembered of a device that was here, and follows where it leads.
async function lastSignIn(d) {
  const {page} = d;
  await d.says("Last sign-in", "accepted", "Certificates that name this user", "alice@demo.example", "Seen lately", "CA demo");
  const seen = await page.locator("ul.rows code").innerText();
  assert.match(seen, /^[0-9a-f]{64}$/i);
  await audit(d, page);
  await d.follow("Look at it");
  await d.says("alice", "What was checked");
  assert.ok((await d.text("#ticket")).includes("accepted"));
  await page.goBack();
  await d.follow("All sign-ins");
  assert.equal(await page.getByLabel("Name or MAC").inputValue(), "alice");
  assert.equal(await page.locator("ol.rows > li").count(), 1); // rita's is not hers
  await page.goBack();
  await d.follow("Set up a device", "button").catch(() => d.follow("Set up a device"));
  await page.getByRole("heading", {name: "A person's device", level: 1}).waitFor();
  assert.equal(await page.getByLabel("User name or e-mail address of the person").inputValue(), "alice");
}
