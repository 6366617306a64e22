// Head office's bundle: brought on a phone, refused when it is another's, taken back with a reason.
"use strict";
const fs = require("node:fs");
const path = require("node:path");

module.exports = async (d) => {
  const {page} = d;
  const bundles = await build(d);
  await d.signIn();
  await page.goto("/setup/config");
  await d.says("No bundle: the loose files");

  await bring(d, bundles.first);
  await settled(d, "In force");
  await d.follow("To the configuration");
  await d.says("branch", "Serial 1", "Signed by fleet", "loose files do not count");
  await d.tryWiFi("alice", "accept");

  await bring(d, bundles.stranger);
  await settled(d, "Refused");
  await d.follow("To the configuration");
  await d.says("Refused last", "unknown_key", "Serial 1");

  await bring(d, bundles.second);
  await settled(d, "In force");
  await page.goto("/setup/config");
  await d.says("Serial 2", "History", "Zoe joined");
  await d.follow("What changed against serial 1");
  await d.says("From serial 1 to 2", "Added 1", "users/more.csv");
  await d.follow("What is in serial 2");
  await d.says("the signature and every hash are right", "users/more.csv", "no hash, it could give a secret away");
  await page.goto("/setup/saml");
  await d.says("No app is in force");

  await page.goto("/setup/config");
  await page.getByText("Go back to this").first().click();
  await page.getByLabel("Why").first().fill("zoe has not come yet");
  await d.press("Go back to serial 1");
  await page.waitForURL("**/setup/config");
  await d.eventually("/setup/config", /In force Hash begins .{1,60} Bundle branch Serial 1/);
  await d.says("zoe has not come yet");
  await page.goto("/setup");
  await d.says("A signed bundle is in force", "serial 1");
};

async function build(d) {
  const office = path.join(d.Scratch, "office");
  fs.cpSync(path.join(d.Fleet, "office"), office, {recursive: true});
  const make = async (name, serial, key) => {
    const out = path.join(d.Scratch, name + ".tar.gz");
    const log = d.file("changelog", serial === 2 ? "Zoe joined\n" : "The first one\n");
    await d.gatehouse("bundle", "build", office, "--id", "branch", "--serial", String(serial), "--key", key,
      "--plain-secrets", "--changelog-file", log, "--out", out);
    return out;
  };
  const key = path.join(d.Fleet, "fleet.key"), thief = path.join(d.Scratch, "thief.key");
  await d.gatehouse("bundle", "keygen", "--no-password", "-o", thief);
  const first = await make("first", 1, key), stranger = await make("stranger", 9, thief);
  fs.writeFileSync(path.join(office, "users", "more.csv"), "username\nzoe\n");
  return {first, stranger, second: await make("second", 2, key)};
}

async function bring(d, archive) {
  await d.page.goto("/setup/config");
  await d.page.getByLabel(/^Signature/).setInputFiles(archive + ".minisig");
  await d.page.getByLabel(/^Bundle, ends/).setInputFiles(archive);
  await d.press("Check and apply");
  await d.page.waitForURL("**/pushes/*");
}

// settled waits for what became of a bundle, by looking again as people do.
async function settled(d, want) { await d.eventually(d.page.url(), new RegExp(`. ${want}\\b`)); }
