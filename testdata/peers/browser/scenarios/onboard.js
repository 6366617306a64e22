// A person brings a new device: a tech makes its files in the browser, and the device gets in with
// nothing but these. Then the pages that the person is given.
"use strict";
const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const {audit, prepare} = require("../audit.js");
const {run} = require("../desk.js");

const password = "word of the key";

module.exports = async (d) => {
  const {page} = d;
  await prepare(page);
  await d.signIn(page, "theo");
  await d.follow("Setup");
  await d.follow(/^A person's device/);
  await audit(d, page);
  await mistakes(d);

  const p12 = path.join(d.Scratch, "alice.p12");
  await run("openssl", ["pkcs12", "-export", "-in", d.person("alice"), "-inkey", path.join(d.People, "alice-key.pem"),
    "-passout", `file:${d.file("word", password + "\n")}`, "-out", p12]);
  const want = {ios: ["wifi.mobileconfig"], windows: ["install-wifi.ps1", "wifi-profile.xml"], android: ["ca.crt", "user.p12"],
    chromeos: ["wifi.onc"], linux: ["eapol_test.conf", "wifi.nmconnection", "ca.crt", "user.p12"]};
  const devices = await page.getByLabel(/^Device/).locator("option").evaluateAll((all) => all.map((o) => o.value));
  assert.deepEqual(devices, [...Object.keys(want), "all"]);
  for (const device of devices) {
    const dir = await made(d, device, p12);
    const got = fs.readdirSync(dir), all = want[device] || Object.values(want).flat();
    for (const name of all) assert.ok(got.includes(name), `${device} lacks ${name}: ${got}`);
    if (got.includes("eapol_test.conf")) await getsIn(d, dir);
  }
  await guides(d);
};

async function fill(d, device, p12) {
  const {page} = d;
  await page.goto("/setup/onboard");
  await page.getByLabel("Network name (SSID)").fill("branch");
  await page.getByLabel("User name or e-mail address of the person").fill("alice@demo.example");
  await page.getByLabel(/^Device/).selectOption(device);
  await page.getByLabel("The person's certificate with key").setInputFiles(p12);
}

// mistakes are told on the form, which keeps what was typed: nobody here knows the CA of the server's
// certificate, and a certificate without its key is no use.
async function mistakes(d) {
  const {page} = d;
  await fill(d, "linux", []);
  await d.press("Make the files");
  await d.says("Not done", "The root CA of the RADIUS server's certificate is not at hand");
  assert.equal(await page.getByLabel("Network name (SSID)").inputValue(), "branch");
  assert.equal(await page.getByLabel(/^Device/).inputValue(), "linux");
  assert.ok(await page.getByLabel(/^Root CA/).isVisible(), "what is missing is folded away");
  await audit(d, page);
  await page.getByLabel(/^Root CA/).fill(fs.readFileSync(d.ServerCA, "utf8"));
  await page.getByLabel("The person's certificate with key").setInputFiles(d.person("alice"));
  await d.press("Make the files");
  await d.says("Not done");
  assert.match(await page.getByLabel(/^Root CA/).inputValue(), /BEGIN CERTIFICATE/);
  await audit(d, page);
}

// made returns the directory of the files that the page has made for a device.
async function made(d, device, p12) {
  const {page} = d, dir = path.join(d.Scratch, "made-" + device);
  await fill(d, device, p12);
  await page.locator("summary", {hasText: "More"}).click();
  await page.getByLabel(/^Root CA/).fill(fs.readFileSync(d.ServerCA, "utf8"));
  const [got] = await Promise.all([page.waitForEvent("download"), d.click("Make the files")]);
  fs.mkdirSync(dir);
  const file = path.join(dir, got.suggestedFilename());
  await got.saveAs(file);
  if (file.endsWith(".zip")) {
    await run("python3", ["-m", "zipfile", "-e", file, dir]);
    fs.unlinkSync(file);
  }
  return dir;
}

// getsIn has a device sign in by the files alone, and the password that it was told.
async function getsIn(d, dir) {
  const conf = path.join(dir, "eapol_test.conf");
  fs.writeFileSync(conf, fs.readFileSync(conf, "utf8").replace(/^(\s*private_key_passwd)=.*$/m, `$1="${password}"`));
  const got = await d.device(conf);
  assert.equal(got.code, 0, got.stdout.slice(-2000));
  await d.eventually("/sign-ins?q=alice", "Accepted");
}

// guides are the pages for people, one for each system.
async function guides(d) {
  const {page} = d;
  await page.goto("/people");
  await audit(d, page);
  const list = page.locator("main ul.rows a"), count = await list.count();
  assert.equal(count, 5);
  for (let i = 0; i < count; i++) {
    await d.leads(() => list.nth(i).click());
    assert.match(await d.text("main"), /choose|tap|click|press/i);
    await audit(d, page);
    await page.goto("/people");
  }
}
