// From the first boot to the first accepted laptop.
"use strict";
const assert = require("node:assert/strict");
const {audit, prepare} = require("../audit.js");
const {take} = require("../pictures.js");

module.exports = async (d) => {
  const {page} = d;
  const look = async (name) => {
    if (!d.scripts) return; // axe is one
    await audit(d, page);
    await take(d, page, name);
  };
  if (d.scripts) await prepare(page);
  const {code, fingerprint} = await d.json("setup-code", "--state", d.State);
  await page.goto("/");
  await page.waitForURL("**/first-boot");
  await d.says("Set up this gateway", fingerprint);
  await look("first-boot");

  const fill = async (code, password, again) => {
    await page.getByLabel("Set-up code").fill(code);
    await page.getByLabel("Password", {exact: false}).first().fill(password);
    await page.getByLabel("The same password again").fill(again);
    await d.press("Make the account");
  };
  await fill("AAAAA-AAAAA", d.Password, d.Password);
  await d.shows("This is not the set-up code.");
  await look("first-boot-refused");
  await fill(code, d.Password, d.Password + "!");
  await d.shows("These were two different passwords.");
  assert.equal(await page.getByLabel("Set-up code").getAttribute("required"), "");
  await fill(code, d.Password, d.Password);
  await page.getByRole("heading", {name: "Status", level: 1}).waitFor();
  await d.says(/RADIUS/, /OCSP/, /Clock/, /Config/, "0 accepted, 0 rejected");
  await look("first-boot-done");

  // The code has died, and the password counts.
  await page.goto("/more");
  await d.press("Sign out");
  await page.getByRole("heading", {name: "Sign in", level: 1}).waitFor();
  await page.goto("/first-boot");
  await page.waitForURL("**/sign-in");
  await page.getByLabel("Account").fill("admin");
  await page.getByLabel("Password").fill("something else");
  await d.press("Sign in");
  await d.shows("No account has this name and this password.");
  await d.signIn();

  await d.tryWiFi("alice", "accept");
  await d.eventually("/", "1 accepted, 0 rejected");
  await page.goto("/sign-ins");
  await d.says("Accepted", "alice");
};
