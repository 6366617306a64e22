// node play.js DESK.json SCENARIO SCRIPTS: plays scenarios/SCENARIO.js against the appliance that
// DESK.json names, in Chromium; with SCRIPTS false, pages may not run any. What it finds is printed,
// and makes it fail.
"use strict";
const fs = require("node:fs");
const path = require("node:path");
const {Desk} = require("./desk.js");

const [file, scenario, scripts] = process.argv.slice(2);

(async () => {
  const desk = await Desk.open(JSON.parse(fs.readFileSync(file, "utf8")), scripts !== "false");
  let failed = false;
  try {
    await require(path.join(__dirname, "scenarios", scenario + ".js"))(desk);
  } catch (e) {
    failed = true;
    console.error(e.stack);
    await desk.tellWhere();
  }
  for (const finding of desk.findings) {
    failed = true;
    console.error(finding);
  }
  await desk.close();
  process.exit(failed ? 1 : 0);
})();
