// An access point is added from the ladder: the page waits for it, and tells as it happens that the
// secret is wrong, that the first packet has come, and how a person's sign-in ended.
"use strict";
const assert = require("node:assert/strict");
const {audit, prepare} = require("../audit.js");

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
  assert.match(secret, /^\S{16,}$/);
  const watch = page.url();
  if (d.scripts) await page.getByText("Live", {exact: true}).waitFor();
  await audit(d, page);
  await wait(d, watch, secret);

  await page.goto(watch);
  assert.ok(!(await page.content()).includes(secret), "the secret is shown twice");
  await add(d, "ap-ladder", ladder);
  await d.says("Not done", "already");
  await page.goto("/check/ap");
  assert.match(await d.text("main"), /Access-Accept sent.*ap-ladder/);
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
