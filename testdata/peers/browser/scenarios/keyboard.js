// Somebody without a mouse signs in, skips the navigation, looks at a sign-in, regenerates a pair
// and brings themselves out again. (That Tab reaches everything on every page, tour looks at.)
"use strict";
const assert = require("node:assert/strict");

module.exports = async (d) => {
  const {page} = d;
  await d.tryWiFi("otto", "reject");
  const press = (key) => page.keyboard.press(key);
  // to presses Tab until the thing with this name has the focus.
  const to = async (name) => {
    for (let n = 0; n < 80; n++) {
      await press("Tab");
      const at = await page.evaluate(() => {
        const e = document.activeElement;
        return (e.labels && e.labels[0] ? e.labels[0].innerText : e.innerText || "").trim();
      });
      if (at.startsWith(name)) return;
    }
    assert.fail(`Tab never came to ${name} at ${page.url()}`);
  };
  const heading = (text) => page.getByRole("heading", {level: 1}).filter({hasText: text}).waitFor();

  await page.goto("/sign-in");
  await to("Account");
  await page.keyboard.type(d.Account);
  await to("Password");
  await page.keyboard.type(d.Password);
  await press("Enter");
  await heading("Status");

  await press("Tab");
  await press("Enter"); // the first stop skips the navigation
  assert.ok(page.url().endsWith("#main"), page.url());
  await press("Tab");
  assert.ok(await page.evaluate(() => document.querySelector("main").contains(document.activeElement)), "the skip link skips nothing");

  await page.goto("/");
  await to("Sign-ins");
  await press("Enter");
  await heading("Sign-ins");
  await to("Name or MAC");
  await page.keyboard.type("otto");
  await press("Enter");
  await page.waitForURL(/q=otto/);
  await to("✖ Rejected");
  await press("Enter");
  await page.waitForURL(/sign-ins\/\d+/);
  await to("✖ Dates: failed");
  await press("Enter"); // closes what was open
  assert.equal(await page.locator(".ladder details[open]").count(), 0);

  await page.goto("/setup/saml/wiki");
  await to("Activate");
  await d.leads(() => press("Enter"));
  await d.confirmed();
  await d.offers("/setup/saml/wiki", "Regenerate");
  await to("Regenerate");
  await press("Enter");
  await heading("Regenerate?");
  await to("Regenerate");
  await d.leads(() => press("Space"));
  await d.eventually("/setup/saml/wiki", /\bnext\b/);

  await page.goto("/more");
  await to("Sign out");
  await press("Enter");
  await heading("Sign in");
};
