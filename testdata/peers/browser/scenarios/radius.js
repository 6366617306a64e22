// A RADIUS server as the administrator meets it: Save waits for a CA; a CA is uploaded, replaced,
// looked at as a chain, and the last one is not deleted; what is saved counts at once.
"use strict";
const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");

// guests is the address of an access point of the server that is made here.
const guests = "127.0.0.2";

module.exports = async (d) => {
  const {page} = d;
  await d.signIn();
  await d.follow("Setup");
  await d.follow(/^RADIUS servers/);
  assert.match(await page.getByRole("row", {name: /demo/}).innerText(), /Certificate/);
  await d.says("Primary authentication");

  await d.follow("Add a server");
  await add(d);
  await page.getByRole("row", {name: /guests/}).waitFor();
  await d.says("guests is saved", "live, generation");
  await d.tryWiFi("mallory", "reject", {from: guests});
  await newest(d, "ocsp_no_responder"); // her CA is known there, and nobody is to ask
  await d.tryWiFi("alice", "reject", {from: guests});
  await newest(d, "cert_unknown_ca");

  await open(d);
  await page.getByText("Replace guest-ca.pem").click();
  await page.getByLabel("The file that takes its place").setInputFiles(path.join(d.Config, "demo", "ca.pem"));
  await d.press("Save");
  await d.says("guests is saved");
  await d.tryWiFi("mallory", "reject", {from: guests});
  await newest(d, "cert_unknown_ca");

  await open(d);
  await d.follow(/^View full chain/);
  await page.getByText(/^Details/).first().click();
  await d.says("demo user CA", "valid", "ECDSA P-256", "Subject", "Issuer", "Who relies on it", "guests");
  await open(d);
  await d.press(/^Delete/);
  await d.says("Not done", "guest-ca.pem");
  await open(d);
  await page.getByRole("checkbox", {name: "demo.pem"}).check();
  await d.press("Save");
  await open(d);
  await d.press("Delete guest-ca");
  await d.says("is no longer one of guests");
  await d.tryWiFi("alice", "accept", {from: guests});

  // A save that takes the last CA away is refused by the server, too.
  await open(d);
  if (!d.scripts) {
    await page.getByRole("checkbox", {name: "demo.pem"}).uncheck();
    await d.press("Save");
    await d.says("Not done");
  }
  await page.goto("/setup/radius/guests");
  await page.getByText("Remove this server").click();
  await d.press("Remove guests");
  await d.says("guests is removed");
  assert.equal(await page.getByRole("row", {name: /guests/}).count(), 0);
};

// add fills the form for a new server in.
async function add(d) {
  const {page} = d;
  const save = page.getByRole("button", {name: "Save"}), file = page.getByLabel("Choose a file");
  await page.getByLabel("Name", {exact: true}).first().fill("guests");
  await page.locator("[name=client]").first().fill("ap2");
  await page.locator("[name=address]").first().fill(guests);
  await page.locator("[name=secret]").first().fill(d.Secret);
  if (d.scripts) {
    await page.getByRole("radio", {name: /^Password /}).check();
    assert.ok(await save.isEnabled());
    assert.ok(await file.isHidden());
    await page.getByRole("radio", {name: /^Passwordless/}).check();
    assert.ok(await save.isDisabled());
    await d.says("Save is off");
  } else {
    await d.press("Save");
    await d.says("Not done");
    assert.equal(await page.locator("[name=client]").first().inputValue(), "ap2");
    await page.getByLabel("Name", {exact: true}).first().fill("guests");
    await page.locator("[name=secret]").first().fill(d.Secret);
  }
  await d.says("Allow password authentication as an alternative method", "not yet available");
  const ca = path.join(d.Scratch, "guest-ca.pem");
  fs.copyFileSync(path.join(d.People, "other-ca.pem"), ca);
  await file.setInputFiles(ca);
  if (d.scripts) assert.ok(await save.isEnabled());
  await d.press("Save");
}

async function open(d) {
  await d.page.goto("/setup/radius");
  await d.follow("guests");
}

// newest demands what the last decision was.
async function newest(d, code) {
  const {sentence} = await d.explained(code);
  await d.page.goto("/sign-ins");
  assert.ok((await d.page.locator("ol.rows > li").first().innerText()).includes(sentence), `not ${code}: ${await d.text("main")}`);
}
