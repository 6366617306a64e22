// An access point is set up: its secret is scanned from the page by a reader of QR codes that is not
// ours, then typed wrong, then right, while the page waits.
"use strict";
const assert = require("node:assert/strict");
const path = require("node:path");
const {run, phone, desktop} = require("../desk.js");

// lift is the address of the access point.
const lift = "127.0.0.3";

module.exports = async (d) => {
  const {page} = d;
  await d.signIn();
  await page.goto("/check/ap");
  await page.getByLabel("Name of the access point").fill("lift");
  await page.getByLabel("Its address, or a prefix").fill(lift);
  await d.press("Make a secret and wait for it");
  await d.says("lift is a client of demo", "No packet yet", "The shared secret as a QR code, and nothing else");
  const [, secret] = (await page.locator("#openwrt").textContent()).match(/^auth_server_shared_secret=(\S+)$/m);
  assert.match(secret, /^[A-Z2-7]{26}$/);

  const code = page.getByRole("img", {name: "QR code of the shared secret"});
  for (const [name, size, colorScheme] of [["phone", phone, "light"], ["dark", phone, "dark"], ["desktop", desktop, "dark"]]) {
    await page.setViewportSize(size);
    await page.emulateMedia({colorScheme});
    assert.equal(await scan(d, code, `code-${name}`), secret, name);
    assert.equal(await scan(d, page, `page-${name}`, {fullPage: true}), secret, `${name}, the whole page`);
  }
  await page.setViewportSize(phone);
  await page.emulateMedia({colorScheme: "light"});

  const shows = (text) => (d.scripts ? d.shows(text, "ol.rows") : d.eventually(page.url(), text));
  await d.tryWiFi("alice", "reject", {from: lift, secret: secret.slice(1), wait: 2});
  await shows("Wrong secret");
  await d.tryWiFi("alice", "accept", {from: lift, secret});
  await shows("Access-Accept sent");
  await page.reload();
  assert.equal(await code.count(), 0, "the code is shown twice");
  await d.says("it was shown once, when it was made");
};

// scan returns what zbarimg reads in a picture of a page or of a part of it.
async function scan(d, what, name, options = {}) {
  const file = path.join(d.Scratch, `${name}.png`);
  await what.screenshot({path: file, ...options});
  const {stdout} = await run("zbarimg", ["--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", file]);
  return stdout.trim();
}
