// Would this certificate be accepted, and is the clock right?
"use strict";
const assert = require("node:assert/strict");
const fs = require("node:fs");

module.exports = async (d) => {
  const {page} = d;
  await d.signIn();
  await d.follow("Check");
  const check = async ({file, text}, ...want) => {
    await page.goto("/check");
    if (file) await page.getByLabel(/^File/).setInputFiles(file);
    if (text) await page.getByLabel("Or paste it").fill(text);
    await d.press("Check");
    await page.locator(".panel").first().waitFor();
    await d.says(...want);
  };
  await check({file: d.person("alice")}, "Would be accepted", "alice");
  await check({text: fs.readFileSync(d.person("alice"), "utf8")}, "Would be accepted");
  for (const [name, code] of [["otto", "cert_expired"], ["mallory", "cert_unknown_ca"], ["erin", "user_unknown"],
    ["rita", "cert_revoked"], ["sven", "user_suspended"]]) {
    const {sentence, nextStep} = await d.explained(code);
    await check({file: d.person(name)}, "Would be rejected", sentence, nextStep, /: failed/);
  }
  await check({}, "Not done");
  await check({text: "no certificate at all"}, "Not done");
  await page.goto("/check");
  assert.deepEqual(await page.getByLabel("RADIUS server").locator("option").allInnerTexts(), ["all of them", "demo"]);
  await d.follow("Clock");
  await d.shows(/Believed|Not believed/);
};
