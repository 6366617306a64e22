// A viewer looks and presses nothing, a tech tests, an admin changes; whoever types an address that
// is not theirs is told which role it needs.
"use strict";
const assert = require("node:assert/strict");
const {audit, prepare} = require("../audit.js");

const closed = { // what each may not open
  vera: {"/check": "tech", "/setup/onboard": "tech", "/setup/add-radius": "admin"},
  theo: {"/setup/add-radius": "admin"},
};
const buttons = { // on whose pages each of them is
  "/check/ap": {name: "Make a secret and wait for it", for: ["admin"]},
  "/check/clock": {name: "Ask it", for: ["theo", "admin"]},
  "/check/ocsp": {name: "Ask now", for: ["theo", "admin"]},
  "/setup/radius/demo": {name: "Save", for: ["admin"]},
  "/more": {name: "Sign out", for: ["vera", "theo", "admin"]},
};

module.exports = async (d) => {
  const {page} = d;
  await prepare(page);
  for (const account of ["vera", "theo", "admin"]) {
    await d.signIn(page, account);
    for (const [address, button] of Object.entries(buttons)) {
      assert.equal((await page.goto(address)).status(), 200, `${account} ${address}`);
      const there = await page.getByRole("button", {name: button.name, exact: true}).count() > 0;
      assert.equal(there, button.for.includes(account), `${account} ${address} ${button.name}`);
    }
    for (const [address, role] of Object.entries(closed[account] || {})) {
      assert.equal((await page.goto(address)).status(), 403, `${account} ${address}`);
      await d.says(`role ${role}`);
      await audit(d, page);
    }
    await page.goto("/more");
    await d.press("Sign out");
  }
};
