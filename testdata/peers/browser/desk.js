// What scenarios have in common: a browser, the appliance beside it, and people with devices.
"use strict";
const assert = require("node:assert/strict");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const {X509Certificate} = require("node:crypto");
const {execFile, spawn} = require("node:child_process");
const {chromium} = require("playwright-core");

// The machine is slow and shared: this is how long a thing may take that happens by itself.
const patience = 30_000;

const phone = {width: 360, height: 740};
const desktop = {width: 1280, height: 800};

class Desk {
  // open starts the browser. What pages say on their consoles is a finding: a page under a strict
  // policy has nothing to say there.
  static async open(settings, scripts) {
    const d = Object.assign(new Desk(), settings, {scripts, findings: []});
    d.browser = await chromium.launch({executablePath: "/usr/bin/chromium",
      args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"]});
    d.page = await d.newPage();
    return d;
  }

  async newPage(options = {}) {
    const context = await this.browser.newContext({baseURL: this.URL, ignoreHTTPSErrors: true,
      javaScriptEnabled: this.scripts, viewport: phone, ...options});
    context.setDefaultTimeout(patience);
    const page = await context.newPage();
    page.on("pageerror", (e) => this.found(page, `script: ${e.message}`));
    page.on("console", (m) => {
      // That an answer was 4xx is what some scenarios are about.
      if (m.type() === "error" && !/Failed to load resource.*status of 4\d\d/.test(m.text())) {
        this.found(page, `console: ${m.text()}`);
      }
    });
    return page;
  }

  found(page, text) { this.findings.push(`${page.url().replace(this.URL, "")}: ${text}`); }

  async close() { await this.browser.close(); }

  async tellWhere() {
    try {
      console.error(`at ${this.page.url()}:\n${await this.text()}`);
      if (this.Pictures) {
        fs.mkdirSync(this.Pictures, {recursive: true});
        await this.page.screenshot({path: path.join(this.Pictures, "failed.png"), fullPage: true});
      }
    } catch (e) {
      console.error(`(no page: ${e.message})`);
    }
  }

  // text is what the page shows, blanks as one.
  async text(where = "body") { return (await this.page.locator(where).innerText()).replace(/\s+/g, " "); }

  // shows waits until the page has a text.
  async shows(text, where = "body") {
    await this.page.locator(where).filter({hasText: text}).first().waitFor();
  }

  // says demands texts that have to be there by now.
  async says(...texts) {
    const all = await this.text();
    for (const t of texts) {
      assert.ok(t instanceof RegExp ? t.test(all) : all.includes(t), `the page lacks ${t}:\n${all}`);
    }
  }

  async click(name, role = "button") { await this.page.getByRole(role, {name, exact: typeof name === "string"}).click(); }

  async signIn(page = this.page, account = this.Account) {
    await page.goto("/sign-in");
    await page.getByLabel("Account").fill(account);
    await page.getByLabel("Password").fill(this.Password);
    await page.getByRole("button", {name: "Sign in"}).click();
    await page.getByRole("heading", {name: "Status", level: 1}).waitFor();
  }

  // leads waits for the page that act leads to.
  async leads(act) {
    await Promise.all([this.page.waitForEvent("domcontentloaded"), act()]);
  }

  // unfold opens what is folded under a text.
  async unfold(text) {
    const fold = this.page.locator("details", {has: this.page.locator("summary", {hasText: text})}).first();
    if (!(await fold.evaluate((e) => e.open))) await fold.locator("summary").first().click();
  }

  // press leads to another page by a button.
  press(name) { return this.leads(() => this.click(name)); }

  // follow leads to another page by a link.
  follow(name, role = "link") { return this.leads(() => this.click(name, role)); }

  // confirmed answers the question whether somebody knows what follows, if there is one.
  async confirmed() {
    if (/\?$/.test(await this.page.locator("h1").innerText())) {
      await this.leads(() => this.page.locator("main form button[type=submit]").click());
    }
  }

  // eventually looks at an address again and again until it shows a text, as people without scripts do.
  async eventually(address, text) {
    const end = Date.now() + patience;
    for (;;) {
      await this.page.goto(address);
      const all = await this.text();
      if (text instanceof RegExp ? text.test(all) : all.includes(text)) return;
      assert.ok(Date.now() < end, `${address} never showed ${text}:\n${all}`);
    }
  }

  // offers waits until an address has a button, as people do who wait for a change to count.
  async offers(address, name) {
    const end = Date.now() + patience;
    do {
      await this.page.goto(address);
      if (await this.page.getByRole("button", {name, exact: true}).count()) return;
    } while (Date.now() < end);
    assert.fail(`${address} never offered ${name}:\n${await this.text()}`);
  }

  // gatehouse runs the program at a shell on the device.
  gatehouse(...args) { return run(this.Program, args); }

  async json(...args) { return JSON.parse((await this.gatehouse(...args, "--json")).stdout); }

  // explained is what the program says of a reason, as a page shows it: without the marks of code.
  async explained(code) {
    const {sentence, next_step: nextStep} = await this.json("explain", code);
    return {sentence, nextStep: nextStep.replaceAll("`", "")};
  }

  file(name, content) {
    const p = path.join(this.Scratch, name);
    fs.writeFileSync(p, content);
    return p;
  }

  person(name) { return path.join(this.People, name + ".pem"); }

  // tryWiFi has a device sign in by eapol_test, as the person, and demands how that ends.
  async tryWiFi(name, want, {wait = 10, ...more} = {}) {
    const got = await this.eapol(this.person(name), path.join(this.People, name + "-key.pem"), {wait, station: mac(name), ...more});
    assert.equal(got.code === 0, want === "accept", `eapol_test of ${name}: want ${want}\n${got.stdout.slice(-2000)}`);
  }

  // eapol runs eapol_test with a certificate and its key. Settings are those of wpa_supplicant, beside
  // or instead of the usual ones; null leaves one out.
  async eapol(certificate, key, {settings = {}, ...more} = {}) {
    const all = {key_mgmt: "WPA-EAP", eap: "TLS", identity: '"anonymous@demo.example"', ca_cert: `"${this.ServerCA}"`,
      client_cert: `"${certificate}"`, private_key: `"${key}"`, ...settings};
    const lines = Object.entries(all).filter(([, v]) => v !== null).map(([k, v]) => `  ${k}=${v}\n`).join("");
    this.devices = (this.devices || 0) + 1;
    return this.device(this.file(`device-${this.devices}.conf`, `network={\n${lines}}\n`), more);
  }

  // device runs eapol_test with a configuration, in its directory.
  device(conf, {secret = this.Secret, wait = 10, from = "127.0.0.1", station = "02:00:00:00:00:01"} = {}) {
    const [host, port] = this.Auth.split(":");
    return run("eapol_test", ["-c", conf, "-a", host, "-p", port, "-s", secret, "-t", String(wait), "-A", from, "-M", station],
      {mayFail: true, cwd: path.dirname(conf)});
  }

  // radclient sends one packet, without waiting for what comes of it.
  radclient(attributes, {secret = this.Secret, from = "127.0.0.1", kind = "auth"} = {}) {
    this.packets = (this.packets || 0) + 1;
    const file = this.file(`packet-${this.packets}`, `Packet-Src-IP-Address = ${from}\n${attributes.join("\n")}\n`);
    return run("radclient", ["-f", file, "-r", "1", "-t", "1", this.Auth, kind, secret], {mayFail: true});
  }

  // openssl answers at the spare address for the demo CA: good, for the certificates in the files, and
  // unknown for others. Another CA's certificate may sign instead. It ends with end.
  async openssl(files, {signer = path.join(this.Lab, "ca.pem"), key = path.join(this.Lab, "ca-key.pem")} = {}) {
    const serials = files.map((file) => new X509Certificate(fs.readFileSync(file)).serialNumber);
    const index = this.file("index.txt", serials.map((s) => ["V", "491231235959Z", "", s, "unknown", "/CN=x"].join("\t") + "\n").join(""));
    this.file("index.txt.attr", "unique_subject = no\n");
    const port = this.Spare.split(":")[1];
    const child = spawn("openssl", ["ocsp", "-index", index, "-port", port, "-CA", path.join(this.Lab, "ca.pem"),
      "-rsigner", signer, "-rkey", key, "-nmin", "60"], {stdio: "ignore"});
    await listening(Number(port));
    const ended = new Promise((resolve) => child.once("exit", resolve));
    return {end: () => { child.kill("SIGKILL"); return ended; }};
  }

  // issue makes a certificate of a CA, as gatehouse pki issue does, and returns its files.
  async issue(name, more, {ca = this.Lab, identity = "alice@demo.example"} = {}) {
    const out = path.join(this.Scratch, "of-" + path.basename(ca));
    await this.gatehouse("pki", "issue", ca, "--kind", "email-san", "--name", identity, "--file", name, "--out", out, ...more);
    return {certificate: path.join(out, name + ".pem"), key: path.join(out, name + "-key.pem")};
  }
}

// mac is the address of a person's device.
function mac(name) { return "02:00:00:" + [...name].slice(0, 3).map((c) => c.charCodeAt(0).toString(16)).join(":"); }

// listening looks into the kernel's tables: a connection that is closed without a request sends
// openssl ocsp into an endless loop.
async function listening(port) {
  const want = ":" + port.toString(16).toUpperCase().padStart(4, "0"), end = Date.now() + patience;
  do {
    for (const table of ["/proc/net/tcp", "/proc/net/tcp6"].filter(fs.existsSync)) {
      const lines = fs.readFileSync(table, "utf8").split("\n").map((line) => line.trim().split(/\s+/));
      if (lines.some((f) => f.length > 3 && f[1].endsWith(want) && f[3] === "0A")) return;
    }
    await new Promise((resolve) => setTimeout(resolve, 20));
  } while (Date.now() < end);
  throw new Error("openssl ocsp never listened");
}

function run(program, args, {mayFail = false, cwd} = {}) {
  return new Promise((resolve, reject) => {
    execFile(program, args, {cwd, maxBuffer: 16 << 20, env: {...process.env, HOME: os.tmpdir()}}, (e, stdout, stderr) => {
      if (e && !(mayFail && typeof e.code === "number")) {
        reject(new Error(`${program} ${args.join(" ")}: ${e.message}\n${stdout}${stderr}`));
      } else {
        resolve({code: e ? e.code : 0, stdout, stderr});
      }
    });
  });
}

module.exports = {Desk, mac, run, phone, desktop, patience};
