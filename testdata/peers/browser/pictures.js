// take makes a picture of the page in both sizes and colours, if somebody wants to look at them.
"use strict";
const fs = require("node:fs");
const path = require("node:path");
const {phone, desktop} = require("./desk.js");

async function take(d, page, name) {
  if (!d.Pictures) return;
  fs.mkdirSync(d.Pictures, {recursive: true});
  const file = name.replace(/[^A-Za-z0-9]+/g, "-").replace(/^-|-$/g, "") || "status";
  await page.evaluate(() => document.activeElement.blur());
  for (const viewport of [phone, desktop]) {
    await page.setViewportSize(viewport);
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({colorScheme, reducedMotion: "reduce"});
      // As high as the page, so that the bar at the bottom of a phone hides nothing.
      if (viewport === phone) {
        const height = await page.evaluate(() => document.documentElement.scrollHeight);
        await page.setViewportSize({...phone, height: Math.max(phone.height, height)});
      }
      await page.screenshot({path: path.join(d.Pictures, `${file}-${viewport.width}x${viewport.height}-${colorScheme}.png`)});
    }
  }
}

module.exports = {take};
