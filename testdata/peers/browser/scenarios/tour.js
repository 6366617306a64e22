// Every page, as axe-core, a narrow phone and a keyboard alone see it: those that links lead to, and
// those that come of forms. First with loose files, then with a bundle in force.
"use strict";
const {audit, prepare} = require("../audit.js");
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
  await page.getByLabel("Account").fill("nobody");
  await page.getByLabel("Password").fill("nothing");
  await d.click("Sign in");
  await d.shows("Not done");
  await look("sign-in-refused");

  for (const name of ["alice", "otto", "mallory", "erin", "rita"]) {
    await d.tryWiFi(name, name === "alice" ? "accept" : "reject");
  }
  await d.signIn();
  await answers(d, look);
  const tour = (name) => crawl(d, page, (address, kind, nth) => look(`${name}${kind}${nth > 1 ? "-" + nth : ""}`));
  await tour("loose");
  await bundle(d);
  await tour("bundle");
};

// answers are the pages that come of forms, and those of mistakes.
async function answers(d, look) {
  const {page} = d;
  for (const name of ["alice", "rita"]) {
    await page.goto("/check");
    await page.getByLabel(/^File/).setInputFiles(d.person(name));
    await d.click("Check");
    await d.shows("Would be");
    await look(`check-${name}`);
  }
  await page.goto("/setup/saml/wiki");
  await d.click("Activate");
  await d.confirmed();
  await d.eventually("/setup/saml/wiki", "active");
  await d.click("Regenerate");
  await d.shows("What follows");
  await look("saml-confirm");
  await d.confirmed();
  await d.eventually("/setup/saml/wiki", /\bnext\b/);
  await page.getByLabel(/^What the application has/).fill("nothing");
  await d.click("Compare");
  await d.shows("no certificate");
  await look("saml-compare");
  await page.goto("/no/such/page");
  await page.goto("/sign-ins/999999");
  await d.shows("No such sign-in");
  await look("no-such-sign-in");
}
