// crawl opens every page that a link leads to, from the first page on: those too that nobody has
// listed anywhere. Of addresses that differ in a number or a hash it opens two.
"use strict";

const perKind = 2;

async function crawl(d, page, visit) {
  const seen = new Set(), kinds = new Map(), todo = ["/"];
  while (todo.length) {
    const address = todo.shift();
    const kind = kindOf(address);
    if (seen.has(address) || (kinds.get(kind) || 0) >= perKind) continue;
    seen.add(address);
    const answer = await page.request.get(address, {maxRedirects: 0});
    if (answer.status() !== 200) {
      d.findings.push(`${address}: a link leads there, and the answer is ${answer.status()}`);
      continue;
    }
    if (!(answer.headers()["content-type"] || "").startsWith("text/html") || answer.headers()["content-disposition"]) continue;
    kinds.set(kind, (kinds.get(kind) || 0) + 1);
    await page.goto(address);
    for (const next of await page.evaluate(() => [...document.querySelectorAll("a[href]:not([download])")]
      .filter((a) => a.origin === location.origin).map((a) => a.pathname + a.search))) {
      if (!next.startsWith("/static/") && !next.startsWith("/api/")) todo.push(next);
    }
    await visit(address, kind, kinds.get(kind));
  }
  return seen.size;
}

// kindOf is an address without what differs between pages of one kind.
function kindOf(address) {
  const [path, query = ""] = address.split("?");
  const names = [...new URLSearchParams(query).keys()].sort().join("&");
  return path.replace(/[0-9a-f]{64}/g, "HASH").replace(/\/\d+/g, "/N") + (names && "?" + names);
}

module.exports = {crawl, kindOf};
