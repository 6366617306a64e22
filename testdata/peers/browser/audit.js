// What every page has to stand: axe-core, a narrow phone, a keyboard alone.
"use strict";
const fs = require("node:fs");
const {phone, desktop} = require("./desk.js");

const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

// prepare has axe on every page that is opened from here on, in spite of the page's policy.
async function prepare(page) { await page.context().addInitScript({content: axe}); }

// audit looks at the page that is open, and files what is wrong with it. Where pages may not run
// scripts, axe-core may not either: there it is measured only.
async function audit(d, page) {
  for (const text of await (d.scripts ? inspect(page) : measure(page))) d.found(page, text);
}

// measure returns what does not fit on the page that is open.
async function measure(page) {
  const found = [];
  for (const [size, viewport] of Object.entries({desktop, phone})) {
    await page.setViewportSize(viewport);
    found.push(...(await page.evaluate(misfits)).map((text) => `${size}: ${text}`));
  }
  return found;
}

// inspect returns what is wrong with the page that is open, in every size and colour.
async function inspect(page) {
  const found = new Set();
  let rules = null; // all of them, once
  for (const [size, viewport] of Object.entries({phone, desktop})) {
    await page.setViewportSize(viewport);
    for (const colorScheme of ["light", "dark"]) {
      await page.emulateMedia({colorScheme, reducedMotion: "reduce"});
      for (const text of await violations(page, rules)) found.add(text);
      rules = ["color-contrast", "target-size"]; // what size and colour change
    }
    for (const text of await page.evaluate(misfits)) found.add(`${size}: ${text}`);
  }
  await page.setViewportSize(phone);
  for (const text of await walk(page)) found.add(`keyboard: ${text}`);
  return [...found];
}

// auditUnfolded looks at what is folded on the page that is open, and leaves it unfolded.
async function auditUnfolded(d, page) {
  if (!(await page.evaluate(unfold))) return;
  await page.setViewportSize(phone);
  const found = [...(await violations(page, null)), ...(await page.evaluate(misfits)), ...(await walk(page))];
  for (const text of new Set(found)) d.found(page, `unfolded: ${text}`);
}

// unfold runs in the page.
function unfold() {
  const closed = [...document.querySelectorAll("details:not([open])")];
  for (const e of document.querySelectorAll("details")) {
    e.removeAttribute("name"); // of which one alone may be open
    e.open = true;
  }
  return closed.length;
}

// violations are those that axe-core finds, by all of its rules or by some.
async function violations(page, rules) {
  const {violations} = await page.evaluate((rules) => window.axe.run(document, {
    resultTypes: ["violations"], ...(rules ? {runOnly: rules} : {rules: {"target-size": {enabled: true}}}),
  }), rules);
  return violations.flatMap((v) => v.nodes.map((n) => `axe ${v.id}: ${n.target.join(" ")}: ${
    (n.failureSummary || v.help).replace(/\s+/g, " ")}`));
}

// misfits runs in the page: what is wider than it, and what a thumb would miss.
function misfits() {
  const found = [], wide = document.scrollingElement;
  const name = (e) => `${e.tagName.toLowerCase()}${e.className && e.className.trim ? "." + e.className : ""} “${
    (e.innerText || e.value || e.name || "").trim().slice(0, 40)}”`;
  if (wide.scrollWidth > wide.clientWidth) found.push(`${wide.scrollWidth - wide.clientWidth} px are beyond the right edge`);
  for (const e of document.querySelectorAll("main *")) {
    const box = e.getBoundingClientRect();
    if (box.width && box.right > wide.clientWidth + 1 && !e.closest(".scroll")) found.push(`${name(e)} juts out`);
  }
  for (const e of document.querySelectorAll("a[href],button,input:not([type=hidden]),select,summary,textarea")) {
    if (!e.checkVisibility() || e.disabled) continue;
    // A link within a sentence is as high as its line, and a box that is ticked is as large as its label.
    if (e.tagName === "A" && getComputedStyle(e).display === "inline") {
      const words = [...e.parentElement.childNodes].some((n) => n !== e && n.nodeType === 3 && n.data.trim().length > 2);
      if (words) continue;
    }
    if (e.classList.contains("skip")) continue;
    const label = /^(checkbox|radio)$/.test(e.type) && e.closest("label");
    const box = (label || e).getBoundingClientRect();
    if (box.height < 43.5 || box.width < 43.5) {
      found.push(`${name(e)} is ${Math.round(box.width)} × ${Math.round(box.height)} px, a thumb needs 44`);
    }
  }
  return [...new Set(found)];
}

// walk goes through the page by Tab, and demands that everything is reached, can be seen when it is,
// and that the first thing leads past the navigation.
async function walk(page) {
  const found = [];
  await page.evaluate(mark);
  const want = new Set(await page.evaluate(() => [...document.querySelectorAll("[data-stop]")].map((e) => e.dataset.stop)));
  const limit = 2 * want.size + 20;
  for (let n = 0; n < limit; n++) {
    await page.keyboard.press("Tab");
    const at = await page.evaluate(look);
    if (!at) break;
    want.delete(at.stop);
    if (!at.seen) found.push(`no focus can be seen on ${at.name}`);
    if (at.covered) found.push(`${at.name} has the focus and is hidden behind ${at.covered}`);
    if (n === 0 && at.skip === false) found.push(`the first stop is ${at.name}, and not a way to skip the navigation`);
  }
  const names = await page.evaluate(() => Object.fromEntries([...document.querySelectorAll("[data-stop]")].map((e) =>
    [e.dataset.stop, `${e.tagName.toLowerCase()} “${(e.innerText || e.name || e.value || "").trim().slice(0, 40)}”`])));
  for (const stop of want) found.push(`Tab never reaches ${names[stop]}`);
  return found;
}

// mark runs in the page and numbers what Tab has to reach.
function mark() {
  let n = 0;
  document.body.tabIndex = -1;
  document.body.focus(); // from here on Tab begins at the top
  document.body.removeAttribute("tabindex");
  for (const e of document.querySelectorAll("a[href],button,input:not([type=hidden]),select,summary,textarea,[tabindex='0']")) {
    const passive = e.disabled || !e.checkVisibility() || (e.type === "radio" && !e.checked);
    if (!passive) e.dataset.stop = String(n++);
  }
}

// look runs in the page and tells where the focus is; null: it has left the page.
function look() {
  const e = document.activeElement;
  if (!e || e === document.body || e === document.documentElement) return null;
  const style = getComputedStyle(e), box = e.getBoundingClientRect();
  const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  let covered = "";
  if (box.width && box.height) {
    const points = [[box.left + box.width / 2, box.top + Math.min(box.height / 2, 20)],
      [box.left + 5, box.top + 5], [box.right - 5, box.bottom - 5]];
    const over = points.map(([x, y]) => document.elementFromPoint(x, y)).map((o) => o && !e.contains(o) && !o.contains(e) && o.closest("nav"));
    if (!e.closest("nav") && over.every(Boolean)) covered = "the bar of tabs";
    if (box.bottom <= 0 || box.top >= innerHeight) covered = "the edge of the window";
  }
  const nav = document.querySelector("nav");
  return {
    stop: e.dataset.stop, covered,
    seen: outlined || style.boxShadow !== "none",
    skip: nav ? e.matches("a[href^='#']") : undefined,
    name: `${e.tagName.toLowerCase()} “${(e.innerText || e.name || "").trim().slice(0, 40)}”`,
  };
}

module.exports = {audit, auditUnfolded, inspect, prepare};
