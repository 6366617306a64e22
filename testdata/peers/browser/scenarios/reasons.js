// Real devices and access points are refused, each for a reason of its own; whoever looks finds the
// sentence and the next step of docs/reasons.md on the screen, and the ladder.
"use strict";
const assert = require("node:assert/strict");
const fs = require("node:fs");
const path = require("node:path");
const {audit, prepare} = require("../audit.js");
const {patience, run} = require("../desk.js");

const old = {openssl_ciphers: '"DEFAULT@SECLEVEL=0"'}; // what openssl itself is ashamed of

module.exports = async (d) => {
  const {page} = d;
  await prepare(page);
  const partner = await configure(d);
  const answered = ["--ocsp", d.Responder], spare = ["--ocsp", `http://${d.Spare}`];
  const own = (name, ...odd) => d.issue(name, [...answered, ...odd]);
  const of = (identity) => d.issue(identity, answered, {identity});
  const tries = {
    cert_not_yet_valid: {device: await own("early", "--not-yet-valid")},
    cert_chain: {device: await own("damaged", "--damaged")},
    cert_weak: {device: await own("weak", "--key", "weak-rsa1024"), settings: old},
    cert_critical_extension: {device: await own("critical", "--unknown-critical")},
    cert_unreadable: {device: await own("unreadable", "--negative-serial")},
    cert_name_constraint: {device: await constrained(d)},
    cert_missing: {device: await silent(d)},
    ca_out_of_scope: {device: await d.issue("foreign", answered, {ca: partner})},
    identity_none: {device: await d.issue("machine", ["--kind", "machine", ...answered], {identity: "pc.demo.example"})},
    identity_ambiguous: {device: await own("two", "--san", "email:pat@partner.example")},
    user_not_in_group: {device: await of("gus@demo.example")},
    ocsp_no_responder: {device: await d.issue("nobody", [])},
    ocsp_unknown: {device: await d.issue("unknown", spare), responder: {}},
    ocsp_unauthorized: {device: await d.issue("unauthorized", spare),
      responder: {signer: path.join(partner, "ca.pem"), key: path.join(partner, "ca-key.pem")}},
    tls_version: {device: await own("tls"), settings: {...old,
      phase1: '"tls_disable_tlsv1_3=1 tls_disable_tlsv1_2=1 tls_disable_tlsv1_1=0 tls_disable_tlsv1_0=0"'}},
    tls_peer_alert: {device: await own("distrust"), settings: {ca_cert: `"${path.join(d.People, "other-ca.pem")}"`}},
    eap_no_common_method: {device: await own("peap"), settings: {eap: "PEAP", password: '"x"', phase2: '"auth=MSCHAPV2"'}},
    eap_invalid: {packet: ["EAP-Message = 0x0201004001616c696365", "Message-Authenticator = 0x00"]},
    session_unknown: {packet: ["State = 0x00112233445566778899aabbccddeeff", "EAP-Message = 0x020200060d00",
      "Message-Authenticator = 0x00"]},
  };
  await d.signIn();
  for (const [code, {device, settings, packet, responder}] of Object.entries(tries)) {
    const server = responder && await d.openssl([], responder);
    try {
      if (packet) await d.radclient(["User-Name = anonymous", ...packet]);
      else assert.notEqual((await d.eapol(device.certificate, device.key, {settings})).code, 0, code);
    } finally {
      if (server) await server.end();
    }
  }
  for (const code of Object.keys(tries)) {
    await explained(d, code, code === "eap_invalid" ? ["Discarded"] : ["Rejected", "What was checked"]);
  }
};

// explained demands that the page of a decision says what the documents say of its reason.
async function explained(d, code, more) {
  const {page} = d;
  const [, sentence, nextStep] = reasons(d).get(code);
  await d.eventually("/sign-ins?reason=" + code, sentence);
  const rows = page.locator("ol.rows > li");
  assert.equal(await rows.count(), 1, code);
  await d.leads(() => rows.getByRole("link").click());
  await d.says(sentence, "What to do", nextStep, "For the ticket", ...more);
  assert.ok((await d.text("#ticket")).includes(code));
  await audit(d, page);
}

// reasons are the rows of docs/reasons.md, as they are read.
function reasons(d) {
  const plain = (cell) => cell.trim().replace(/`/g, "").replace(/&lt;/g, "<").replace(/&gt;/g, ">").replace(/&amp;/g, "&");
  const rows = fs.readFileSync(d.Reasons, "utf8").split("\n").filter((line) => line.startsWith("| `"));
  return new Map(rows.map((line) => line.split("|").slice(1, 4).map(plain)).map((row) => [row[0], row]));
}

// configure has a second CA vouch for partner.example only, and admits one group.
async function configure(d) {
  const partner = path.join(d.Scratch, "partner"), at = (name) => path.join(d.Config, name);
  await d.gatehouse("pki", "ca", partner, "--name", "Partner CA");
  fs.writeFileSync(at("ca/partner.yaml"), "scope: {domains: [partner.example]}\n");
  fs.copyFileSync(path.join(partner, "ca.pem"), at("ca/partner.pem"));
  fs.writeFileSync(at("users/more.yaml"), "- {username: gus, email: gus@demo.example, groups: [guests]}\n" +
    "- {username: pat, email: pat@partner.example, groups: [demo]}\n");
  const server = fs.readFileSync(at("radius/demo.yaml"), "utf8");
  fs.writeFileSync(at("radius/demo.yaml"), server.replace("ca: [demo]", "ca: [demo, partner]") + "users: {groups: [demo]}\n");
  const end = Date.now() + patience;
  while (!(await d.json("radius", "show", "demo", "--state", d.State)).ca.includes("partner")) {
    assert.ok(Date.now() < end, "the second CA never counted");
  }
  return partner;
}

// constrained is a device whose CA may issue for partner.example only.
async function constrained(d) {
  const key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
  const file = (name) => path.join(d.Scratch, name);
  const extensions = {
    sub: "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign\nnameConstraints=critical,permitted;email:partner.example\n",
    leaf: "extendedKeyUsage=clientAuth\nkeyUsage=critical,digitalSignature\nsubjectAltName=email:alice@demo.example\n",
  };
  const issue = async (name, ca, caKey) => {
    await run("openssl", ["req", ...key, "-subj", `/O=${name}`, "-keyout", file(name + "-key.pem"), "-out", file(name + ".csr")]);
    await run("openssl", ["x509", "-req", "-in", file(name + ".csr"), "-CA", ca, "-CAkey", caKey, "-days", "2", "-set_serial", "77",
      "-extfile", d.file(name + ".ext", extensions[name]), "-out", file(name + ".pem")]);
  };
  await issue("sub", path.join(d.Lab, "ca.pem"), path.join(d.Lab, "ca-key.pem"));
  await issue("leaf", file("sub.pem"), file("sub-key.pem"));
  const chain = ["leaf.pem", "sub.pem"].map((name) => fs.readFileSync(file(name), "utf8")).join("");
  return {certificate: d.file("constrained.pem", chain), key: file("leaf-key.pem")};
}

// silent is a device that presents no certificate: its key is one for which nobody asks a signature.
async function silent(d) {
  const certificate = path.join(d.Scratch, "ed448.pem"), key = path.join(d.Scratch, "ed448-key.pem");
  await run("openssl", ["req", "-x509", "-newkey", "ed448", "-nodes", "-days", "2", "-subj", "/CN=alice", "-keyout", key, "-out", certificate]);
  return {certificate, key};
}
