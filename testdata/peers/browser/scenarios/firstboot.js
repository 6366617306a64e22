// From the first boot to the first accepted laptop, and every mistake on the way.
"use strict";
const assert = require("node:assert/strict");
const {audit, prepare} = require("../audit.js");
const {take} = require("../pictures.js");

module.exports = async (d) => {
  const {page} = d;
  await prepare(page);
  const {code, fingerprint} = await d.json("setup-code", "--state", d.State);
  await page.goto("/");
  await page.waitForURL("**/first-boot");
  await d.says("Set up this gateway", fingerprint);
  await look(d, "first-boot");

  await mistakes(d, code);
  await fill(d, code, d.Password, d.Password);
  await page.getByRole("heading", {name: "Status", level: 1}).waitFor();
  await d.says(/RADIUS/, /OCSP/, /Clock/, /Config/, "0 accepted, 0 rejected");
  await look(d, "first-boot-done");

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
  await audit(d, page);
  await d.signIn();

  await d.tryWiFi("alice", "accept");
  await d.eventually("/", "1 accepted, 0 rejected");
  await page.goto("/sign-ins");
  await d.says("Accepted", "alice");
  await audit(d, page);
};

// look has the page that is open audited, and a picture taken of it.
async function look(d, name) {
  await audit(d, d.page);
  if (d.scripts) await take(d, d.page, name);
}

async function fill(d, code, password, again) {
  const {page} = d;
  await page.getByLabel("Set-up code").fill(code);
  await page.getByLabel("Password", {exact: false}).first().fill(password);
  await page.getByLabel("The same password again").fill(again);
  await d.press("Make the account");
}

// mistakes are told each in its own words, and none of them makes an account.
async function mistakes(d, code) {
  const {page} = d, short = "only eleven";
  await fill(d, "AAAAA-AAAAA", d.Password, d.Password);
  await d.shows("This is not the set-up code.");
  await look(d, "first-boot-refused");
  await fill(d, code, d.Password, d.Password + "!");
  await d.shows("These were two different passwords.");
  await audit(d, page);

  // The browser holds a short password back, and so does the gateway, which nobody's browser binds.
  await page.goto("/first-boot");
  await page.getByLabel("Set-up code").fill(code);
  const password = page.getByLabel("Password", {exact: false}).first();
  await password.pressSequentially(short);
  await page.getByLabel("The same password again").pressSequentially(short);
  await d.click("Make the account");
  assert.ok(await password.evaluate((e) => e.validity.tooShort));
  assert.equal(await page.getByRole("alert").count(), 0);
  await page.locator("form").evaluate((e) => { e.noValidate = true; });
  await d.press("Make the account");
  await d.shows("Not done");
  await d.says(/12 characters/);
  await audit(d, page);
  assert.equal(await page.getByLabel("Set-up code").getAttribute("required"), "");
  await page.goto("/sign-ins");
  await page.waitForURL("**/first-boot"); // still nobody's
}
