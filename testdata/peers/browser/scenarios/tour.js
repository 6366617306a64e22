// Every page, as axe-core, a narrow phone and a keyboard alone see it: those that links lead to, and
// those that come of forms. First with loose files, then with a bundle in force.
"use strict";
const assert = require("node:assert/strict");
const fs = require("node:fs");
const {audit, auditUnfolded, inspect, prepare} = require("../audit.js");
const {crawl} = require("../crawl.js");
const {take} = require("../pictures.js");
const bundle = require("./bundle.js");

module.exports = async (d) => {
  const {page} = d;
  await prepare(page);
  const look = async (name) => {
    await audit(d, page);
    await take(d, page, name);
  };
  await page.goto("/sign-in");
  await look("sign-in");
  await judge(page);
  await page.getByLabel("Account").fill("nobody");
  await page.getByLabel("Password").fill("nothing");
  await d.press("Sign in");
  await d.shows("Not done");
  await look("sign-in-refused");

  for (const name of ["alice", "otto", "mallory", "erin", "rita"]) {
    await d.tryWiFi(name, name === "alice" ? "accept" : "reject");
  }
  await d.signIn();
  await answers(d, look);
  const tour = (name) => crawl(d, page, async (address, kind, nth) => {
    await look(`${name}${kind}${nth > 1 ? "-" + nth : ""}`);
    if (nth === 1) await auditUnfolded(d, page);
  });
  await tour("loose");
  await bundle(d);
  await tour("bundle");
};

// judge damages the page, and demands that each damage is found: a judge who never finds anything
// may be asleep.
async function judge(page) {
  await page.evaluate(() => {
    document.querySelector("main").insertAdjacentHTML("beforeend", `<img src="data:,"><p id="pale">pale</p><h5>deep</h5>
      <input name="unlabelled"><div id="wide">wide</div><button id="tiny">x</button><button id="veiled">veiled</button>
      <a id="past" href="/" tabindex="-1">past</a>`);
    const style = (id, key, value) => document.getElementById(id).style.setProperty(key, value, "important");
    style("pale", "color", "#aaa"); // against either background
    style("pale", "background", "#bbb");
    style("wide", "width", "900px");
    style("tiny", "min-height", "10px");
    style("tiny", "padding", "0");
    style("tiny", "width", "10px");
    style("veiled", "outline", "0");
    style("veiled", "box-shadow", "none");
  });
  const found = (await inspect(page)).join("\n");
  for (const want of [/axe image-alt/, /axe color-contrast: #pale/, /axe heading-order/, /axe label: input\[name/,
    /phone: \d+ px are beyond the right edge/, /phone: div “wide” juts out/, /“x” is 10 × /, /no focus can be seen on button “veiled”/,
    /Tab never reaches a “past”/]) {
    assert.match(found, want);
  }
}

// answers are the pages that come of forms, and those of mistakes.
async function answers(d, look) {
  const {page} = d;
  for (const name of ["alice", "rita"]) {
    await page.goto("/check");
    await page.getByLabel(/^File/).setInputFiles(d.person(name));
    await d.press("Check");
    await d.shows("Would be");
    await look(`check-${name}`);
  }
  await page.goto("/setup/saml/wiki");
  await d.press("Activate");
  await d.confirmed();
  await d.offers("/setup/saml/wiki", "Regenerate");
  await d.press("Regenerate");
  await d.shows("What follows");
  await look("saml-confirm");
  await d.confirmed();
  await d.eventually("/setup/saml/wiki", /\bnext\b/);
  await d.unfold("Compare with");
  await page.getByLabel(/^What the application has/).fill("nothing");
  await d.press("Compare");
  await d.shows("no certificate");
  await look("saml-compare");
  await d.unfold("Compare with");
  await page.getByLabel(/^What the application has/).fill(fs.readFileSync(d.person("alice"), "utf8"));
  await d.press("Compare");
  await d.shows("The same certificate, clean");
  await look("saml-copies");
  await d.unfold("Test a sign-in");
  await page.getByLabel(/^A person's certificate/).setInputFiles(d.person("alice"));
  await d.press("Test");
  await d.shows("Would be signed in as");
  await look("saml-test");
  await page.goto("/no/such/page");
  await page.goto("/sign-ins/999999");
  await d.shows("No such sign-in");
  await look("no-such-sign-in");
}
