// An access point is added from the ladder: its secret is scanned from the page by a reader of QR
// codes that is not ours; then the page waits, and tells as it happens that the secret is wrong, that
// the first packet has come, and how a person's sign-in ended.
"use strict";
const assert = require("node:assert/strict");
const path = require("node:path");
const {audit, prepare} = require("../audit.js");
const {run, phone, desktop} = require("../desk.js");
const {take} = require("../pictures.js");

const ladder = "127.0.0.3"; // of the access point

module.exports = async (d) => {
  const {page} = d;
  await prepare(page);
  await d.signIn();
  await page.goto("/check/ap");
  await audit(d, page);
  await add(d, "ap-ladder", "not an address");
  await d.says("Not done");
  assert.equal(await page.getByLabel("Name of the access point").inputValue(), "ap-ladder");
  await audit(d, page);
  await add(d, "ap-ladder", ladder);
  await page.getByRole("heading", {name: "ap-ladder", level: 1}).waitFor();
  await d.says("No packet yet", "For the access point", d.Auth.split(":")[1]);
  const secret = await page.locator("dd code").first().innerText();
  assert.match(secret, /^[A-Z2-7]{26}$/);
  await scanned(d, secret);
  if (d.scripts) await take(d, page, "ap-added");
  const watch = page.url();
  if (d.scripts) await page.getByText("Live", {exact: true}).waitFor();
  await audit(d, page);
  await wait(d, watch, secret);

  await page.goto(watch);
  assert.ok(!(await page.content()).includes(secret), "the secret is shown twice");
  assert.equal(await page.getByRole("img", {name: "QR code"}).count(), 0, "the code is shown twice");
  await d.says("it was shown once, when it was made");
  await add(d, "ap-ladder", ladder);
  await d.says("Not done", "already");
  await page.goto("/check/ap");
  assert.match(await d.text("main"), /ap-ladder.*Access-Accept sent/);
};

async function add(d, name, address) {
  const {page} = d;
  await page.goto("/check/ap");
  await page.getByLabel("Name of the access point").fill(name);
  await page.getByLabel("Its address, or a prefix").fill(address);
  await d.press("Make a secret and wait for it");
}

// wait has the access point do one thing after the other. Nobody reloads the page, unless it may not
// run scripts.
async function wait(d, watch, secret) {
  const {page} = d;
  await page.evaluate(() => { document.body.dataset.same = "yes"; });
  const turns = async (...texts) => {
    if (d.scripts) {
      await d.shows(texts[0], "ol.rows");
      assert.equal(await page.evaluate(() => document.body.dataset.same), "yes", "the page was loaded again");
    } else {
      await d.eventually(watch, texts[0]);
    }
    await d.says(...texts);
    await audit(d, page);
  };
  await d.tryWiFi("alice", "reject", {from: ladder, secret: secret + "x", wait: 2});
  await turns("Wrong secret", "Type the secret anew");
  await d.radclient(["User-Name = anonymous", "EAP-Message = 0x0201000e01616e6f6e796d6f7573", "Message-Authenticator = 0x00"],
    {from: ladder, secret});
  await turns("First packet seen", `From ${ladder}, and the secret is right.`);
  await d.tryWiFi("mallory", "reject", {from: ladder, secret});
  await turns("Access-Reject sent: cert_unknown_ca", "The access point is set up right.");
  await d.tryWiFi("alice", "accept", {from: ladder, secret});
  await turns("Access-Accept sent", "For alice");
  await d.leads(() => page.getByRole("link", {name: "See this sign-in"}).first().click()); // the newest
  await d.says("alice", "ap-ladder", "What was checked");
}

// scanned demands that the code alone, and the whole page, are read as the secret in every size and
// colour.
async function scanned(d, secret) {
  const {page} = d;
  await d.says("The shared secret as a QR code, and nothing else");
  const code = page.getByRole("img", {name: "QR code of the shared secret"});
  for (const [name, size, colorScheme] of [["phone", phone, "light"], ["dark", phone, "dark"], ["desktop", desktop, "dark"]]) {
    await page.setViewportSize(size);
    await page.emulateMedia({colorScheme});
    assert.equal(await scan(d, code, `code-${name}`), secret, name);
    assert.equal(await scan(d, page, `page-${name}`, {fullPage: true}), secret, `${name}, the whole page`);
  }
  await page.setViewportSize(phone);
  await page.emulateMedia({colorScheme: "light"});
}

// scan returns what zbarimg reads in a picture of a page or of a part of it.
async function scan(d, what, name, options = {}) {
  const file = path.join(d.Scratch, `${name}.png`);
  await what.screenshot({path: file, ...options});
  const {stdout} = await run("zbarimg", ["--quiet", "--raw", "-Sdisable", "-Sqrcode.enable", file]);
  return stdout.trim();
}
