// RADIUS servers, as the administrator meets them: the six steps, but for those of passwords.
"use strict";
const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");

module.exports = async (d) => {
  const {page} = d;
  const save = page.getByRole("button", {name: "Save"});
  const otherCA = path.join(d.People, "other-ca.pem");
  await d.signIn();
  await d.follow("Setup");
  await d.follow(/^RADIUS servers/);
  await d.says("Primary authentication", "Certificate", "Alternative");

  // Save is off until there is a CA, and says why; the server refuses such a save, too.
  await d.follow("Add");
  await page.getByLabel("Name", {exact: true}).first().fill("corp");
  const client = page.getByRole("group", {name: "Client"});
  await client.getByLabel("Name").fill("loop");
  await client.getByLabel("Address or prefix").fill("127.0.0.1");
  if (d.scripts) {
    assert.ok(await save.isDisabled(), "Save is on without a CA");
    await d.shows("Save is off: choose a file for the CA");
    await page.getByLabel(/^Password \(/).check();
    assert.ok(await save.isEnabled(), "Save is off for a password server");
    assert.ok(!await page.getByLabel("Choose a file").isVisible(), "the CA is asked for a password server");
    await page.getByLabel(/^Passwordless/).check();
    assert.ok(await save.isDisabled(), "Save is on again");
    await page.getByLabel("demo.pem").check();
    assert.ok(await save.isEnabled(), "Save is off although a CA is picked");
    await page.getByLabel("demo.pem").uncheck();
  } else {
    await d.press("Save");
    await d.says("Not done", "at least one CA");
    assert.equal(await page.getByRole("group", {name: /client$/i}).first().getByLabel("Address").inputValue(), "127.0.0.1");
    await page.getByLabel("Name", {exact: true}).first().fill("corp");
  }
  await d.says("Allow password authentication as an alternative method", "not yet available");
  await page.getByLabel("Choose a file").setInputFiles(otherCA);
  if (d.scripts) assert.ok(await save.isEnabled(), "Save is off although a file is chosen");
  await d.press("Save");

  // Back at the list it is live, and the secret is told once.
  await page.waitForURL("**/setup/radius");
  await d.says(/corp is saved: live, generation \d+\./, "Secret of loop");
  const secret = await page.locator("dd code").innerText();
  assert.match(secret, /^[A-Z2-7]{26}$/);
  await d.tryWiFi("mallory", "reject", {secret}); // whom this CA vouches for, and who is no member
  assert.ok(fs.existsSync(path.join(d.Config, "ca", "other-ca.pem")));
  await page.goto("/setup/radius");
  assert.ok(!(await page.content()).includes(secret), "the secret is told twice");

  // The file is there to be replaced and deleted; the last CA stays.
  await d.follow("corp");
  await d.says("other-ca.pem", "View full chain", "Replace other-ca.pem");
  await d.press(/^Delete other-ca/);
  await d.says("Not done", "last CA of the server");
  await page.getByText("Replace other-ca.pem").click();
  await page.getByLabel("The file that takes its place").first().setInputFiles(path.join(d.Config, "ca", "demo.pem"));
  await page.getByLabel("demo.pem").check();
  await d.press("Save");
  await d.says("corp is saved");
  await d.follow("corp");
  await d.press(/^Delete other-ca/);
  await d.says("The CA other-ca is no longer one of corp");
  assert.ok(!fs.existsSync(path.join(d.Config, "ca", "other-ca.pem")), "nobody names the CA, and its file is there");
  await d.tryWiFi("alice", "accept", {secret});

  // A client's new secret counts at once.
  await page.getByLabel("Generate a new secret").first().check();
  await d.press("Save");
  const fresh = await page.locator("dd code").innerText();
  assert.notEqual(fresh, secret);
  await d.tryWiFi("alice", "accept", {secret: fresh});
  await d.tryWiFi("alice", "reject", {secret, wait: 2});

  await d.follow("corp");
  await page.getByText("Remove this server").click();
  await d.press("Remove corp");
  await d.says(/corp is removed: live, generation \d+\./);
  await d.tryWiFi("alice", "accept");
};
