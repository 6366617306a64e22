package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"filippo.io/age"

	"gatehouse/sync/bundle"
)

// TestNoCommandSaysASecret plants secrets wherever one may stand (clients, keys, hashes, mail,
// addresses, identities, passwords of keys) and breaks the files around them in every way that is
// known, loose, in bundles and sealed in bundles. Then it reads what every command printed, what
// the gateway logged at debug level, and its metrics.
func TestNoCommandSaysASecret(t *testing.T) {
	s := newSecrecy(t)
	s.plantAll()
	s.makeKeys()
	wounds := s.wounds()
	s.makeBundles()
	s.makeMistakes()
	for _, w := range wounds {
		s.breakDirectory(w)
	}
	s.listen()
	s.askGateway()
	s.changePairs()
	s.changeServers()
	s.changePasswords()
	s.logged(`"channel":"webhook"`, `"channel":"mail"`)
	for _, w := range wounds {
		s.breakLoose(w)
	}
	s.runs(0, "bundle", "push", "{one.tar.gz}", "--state", "{state}")
	s.askGateway()
	for i, w := range append(wounds, s.sealedWounds()...) {
		s.breakBundle(i, w)
	}
	s.askGateway()
	s.both(0, "bundle", "trust", "reset", "--state", "{state}")
	s.runs(0, "bundle", "rollback", "--loose", "--reason", "it is over", "--state", "{state}")
	s.stop()
	s.check()
}

// makeKeys makes signing keys and identities, and looks for what stands in them.
func (s *secrecy) makeKeys() {
	s.t.Helper()
	s.runs(0, "bundle", "keygen", "--no-password", "-o", "{fleet.key}")
	s.runs(0, "bundle", "keygen", "--no-password", "-o", "{other.key}", "--json")
	s.plant("signing key", strings.TrimSpace(strings.Split(s.read("fleet.key"), "\n")[1]))
	s.write("conf/fleet.pub", s.read("fleet.pub"))
	for _, dir := range []string{"recovery", "state"} {
		if err := os.Mkdir(s.path(dir), 0o700); err != nil {
			s.t.Fatal(err)
		}
		s.both(0, "bundle", "identity", "--state", "{"+dir+"}")
		text := s.read(dir + "/" + bundle.IdentityFile)
		s.plant("identity in "+dir, strings.TrimSpace(text[strings.Index(text, "AGE-SECRET-KEY"):]))
	}
	// Made by minisign under this password, with less work than usual.
	s.write("locked.key", "untrusted comment: minisign encrypted secret key\n"+
		"RWRTY0Iymk3LCrIRfCcs/sHMnC7MJBEMGLJUuehvA/PyIA05QywAgAAAAAAAAAAAAAEAAAAAVXB+VrmQTrb4/jhK2wMxJ7kuY+3bCxJOS6sMhKM8zvBoIx0ihB+d"+
		"wXVeZkscc17YRTGLmZ5B/AW4wT02W7P8MHsamQtGhsFtb9DlyPp57HaRLo/J1UVc48ITgU2iA9utlcfnYNW6J1g=\n")
	s.write("password.txt", s.plant("password of a key", "open sesame")+"\n")
}

// makeBundles goes the way from a directory to a bundle, {one.tar.gz}, with every command.
func (s *secrecy) makeBundles() {
	s.t.Helper()
	for name, content := range filesOf(s.t, s.path("fleet")) {
		s.write("sealed/"+name, content)
	}
	recipient := func(dir string) string {
		id, _, err := bundle.OpenIdentity(s.path(dir))
		if err != nil {
			s.t.Fatal(err)
		}
		return id.Recipient()
	}
	s.both(0, "check", "{conf}")
	s.runs(3, "bundle", "build", "{fleet}", "--id", "emea", "--serial", "1", "--key", "{fleet.key}")
	s.both(0, "bundle", "seal", "{sealed}", "--recipient", "oslo-1="+recipient("state"), "--recipient", "recovery="+recipient("recovery"),
		"--identity", "{recovery/identity}")
	build := []string{"bundle", "build", "{sealed}", "--id", "emea", "--serial", "1", "--identity", "{recovery/identity}"}
	s.both(0, append(build, "--key", "{fleet.key}", "-o", "{one.tar.gz}")...)
	s.both(0, append(build, "--key", "{locked.key}", "--password-file", "{password.txt}", "-o", "{locked.tar.gz}")...)
	s.both(0, "bundle", "verify", "{one.tar.gz}", "--key", "{fleet.pub}")
	s.both(0, "bundle", "verify", "{one.tar.gz}", "--key", "{fleet.pub}", "--identity", "{state/identity}", "--as", "oslo-1")
	s.both(0, "bundle", "inspect", "{one.tar.gz}")
	s.both(0, "bundle", "diff", "{one.tar.gz}", "{fleet}", "--identity", "{recovery/identity}")
	s.both(0, "bundle", "diff", "{one.tar.gz}", "{locked.tar.gz}")
	s.both(0, "bundle", "test", "{one.tar.gz}", "--cert", "{user.pem}", "--identity", "{state/identity}")
	s.both(exitNo, "bundle", "test", "{one.tar.gz}", "--cert", "{user.pem}")
	s.types(s.plant("password that is hashed", "planted-to-be-hashed"), 0, "admin", "hash")
	s.types("planted", exitNo, "admin", "hash")
	s.runs(0, "admin", "token", "ci")
	s.runs(0, "admin", "token", "ci", "--out", "{ci.token}")
	s.plant("token that was made", strings.TrimSpace(s.read("ci.token")))
	for i, json := range []string{"", " --json"} { // nothing is made twice
		for _, line := range []string{"init {starter%d}", "init {demo%d} --demo", "pki ca {lab%d}",
			"pki issue {lab%d} --kind email-san --name a@b.example", "explain cert_expired", "version"} {
			s.runs(0, strings.Fields(strings.ReplaceAll(line, "%d", fmt.Sprint(i))+json)...)
		}
		s.runs(0, strings.Fields(fmt.Sprintf("pki revoke {lab%d} {lab%d/a@b.example.pem}%s", i, i, json))...)
	}
	for what, file := range map[string]string{"key of a lab CA": "lab0/ca-key.pem", "key of a lab user": "lab0/a@b.example-key.pem",
		"key of a demo server": "demo0/server/rsa/key.pem", "secret of a demo": "demo0/demo/secret"} {
		s.plant(what, strings.TrimSpace(s.read(file)))
	}
}

// makeMistakes gives commands the wrong files, with secrets in them.
func (s *secrecy) makeMistakes() {
	s.t.Helper()
	s.t.Setenv("GATEHOUSE_KEY_PASSWORD", s.plant("wrong password of a key", "planted-wrong-password"))
	s.t.Setenv("GATEHOUSE_TOKEN", s.plant("token", "planted-push-token"))
	s.write("token", s.plant("token in a file", "planted-token-in-a-file")+"\n")
	s.write("broken.key", strings.Replace(s.read("fleet.key"), "\nRW", "\nR!", 1))
	s.write("broken.id", strings.Replace(s.read("recovery/identity"), "AGE-SECRET-KEY-1", "AGE-SECRET-KEY-1O", 1))
	build := "bundle build {sealed} --id emea --serial 2 "
	for line, code := range map[string]int{
		build + "--key {locked.key}":                                             exitTrust,
		build + "--key {broken.key}":                                             exitUnreadable,
		build + "--key {recovery/identity}":                                      exitUnreadable,
		build + "--key {fleet.key} --identity {broken.id}":                       exitUnreadable,
		build + "--key {fleet.key} --identity {fleet.key}":                       exitUnreadable,
		"bundle verify {one.tar.gz} --key {fleet.key}":                           exitTrust,
		"bundle verify {one.tar.gz} --key {fleet.pub} --signature {fleet.key}":   exitTrust,
		"bundle verify {one.tar.gz} --key {fleet.pub} --identity {fleet.key}":    exitUnreadable,
		"bundle test {one.tar.gz} --cert {user-key.pem}":                         exitUnreadable,
		"bundle inspect {fleet.key}":                                             exitUnreadable,
		"bundle diff {fleet.key} {one.tar.gz}":                                   exitUnreadable,
		"bundle push {one.tar.gz} --to https://127.0.0.1:1":                      exitUnreachable,
		"bundle push {one.tar.gz} --to https://127.0.0.1:1 --token-file {token}": exitUnreachable,
		"cert test {user-key.pem} --config {conf}":                               exitUnreadable,
		"onboard --ssid Acme --out {onboard} --config {conf} --ca {server-ca.pem} --certificate {user.pem} --key {user-key.pem} --password-file {password.txt}": exitOK,
		"onboard --ssid Acme --out {onboard} --config {conf} --certificate {user-key.pem} --key {user-key.pem}":                                                 exitUnreadable,
		"probe --server 127.0.0.1:1 --secret-file {password.txt} --timeout 10ms --retry 0":                                                                      exitUsage,
	} {
		s.runs(code, strings.Fields(line)...)
	}
	boot := func(name, text string) {
		s.write(name+"/gatehouse.yaml", text)
		s.runs(exitUnreadable, "serve", "--config", "{"+name+"}", "--state", "{nowhere}")
		s.run("check", "{"+name+"}")
	}
	bad := func(what string) string { return s.plant(what, "planted-"+strings.ReplaceAll(what, " ", "-")) }
	boot("boot1", "fleet: {pull: {url: \"http://fleet.example/a.tar.gz?sig="+bad("permission without TLS")+"\"}}\n")
	boot("boot2", "fleet: {pull: {url: \"https://u:"+bad("password for pulling")+"@fleet.example/%zz\", interval: 1s}}\n")
	boot("boot3", "fleet: {pull: {url: [\""+bad("permission in a list")+"\"]}}\n")
	boot("boot4", "fleet: {pull: {ulr: \""+bad("permission behind a typo")+"\"}}\n")
	boot("boot5", "fleet: {pull: {url: \"https://x.example/a\", proxy: \"htp://u:"+bad("password of a proxy")+"@p.example:1\"}}\n")
	boot("boot6", "fleet: {pull: {url: \""+bad("permission in an open quote")+"\n")
}

// askGateway asks the gateway everything.
func (s *secrecy) askGateway() {
	s.t.Helper()
	var status struct{ RADIUS struct{ Address string } }
	_, text, _ := gatehouse("status", "--json", "--state", s.path("state"))
	if err := json.Unmarshal([]byte(text), &status); err != nil {
		s.t.Fatal(err)
	}
	s.t.Setenv("GATEHOUSE_SECRET", s.planted["shared secret"])
	probe := []string{"probe", "--server", status.RADIUS.Address, "--identity", demoUser, "--cert", "{user.pem}",
		"--key", "{user-key.pem}", "--ca", "{server-ca.pem}", "--server-name", demoServerName}
	s.both(0, slices.Clone(probe)...)
	s.t.Setenv("GATEHOUSE_SECRET", s.plant("wrong shared secret", "planted-wrong-secret"))
	s.both(exitUnreachable, append(slices.Clone(probe), "--timeout", "50ms")...)
	for _, args := range []string{"health", "status", "tail --follow=false", "user find demo", "user find listed", "user find more",
		"clock", "clock reset", "cert test {user.pem}", "ocsp list", "bundle trust", "radius list", "ca list", "ca users demo",
		"admin sessions", "admin end-session --all"} {
		s.both(0, append(strings.Fields(args), "--state", "{state}")...)
	}
	s.both(exitNo, "setup-code", "--state", "{state}") // there is an account
	s.run("bundle", "history", "--state", "{state}")
	s.run("bundle", "history", "--state", "{state}", "--json")
	for _, args := range []string{"contents", "contents 1", "changes", "changes 1 1", "changes --json", "changes 1 1 --json"} {
		s.run(append(strings.Fields("bundle "+args), "--state", "{state}")...) // there may be no bundle
	}
	s.both(0, "bundle", "contents", "--state", "{state}")
	s.run("bundle", "rollback", "--state", "{state}", "--reason", "there is none", "--json")
	s.run("ocsp", "check", "{user.pem}", "--state", "{state}")
	s.run("ocsp", "purge", "--all", "--state", "{state}")
	s.run("clock", "flips", "--off-by", "1y", "--state", "{state}")
	s.run("clock", "ask", "127.0.0.1", "--state", "{state}")
	s.run("cert", "test", "{user.pem}", "--config", "{conf}")
	s.packSupport("--state", "{state}")
	s.scrape()
}

// packSupport makes a support bundle, and reads what stands in it.
func (s *secrecy) packSupport(args ...string) {
	s.t.Helper()
	name := fmt.Sprintf("support-%d.tar.gz", len(s.told))
	s.runs(0, append([]string{"support-bundle", "-o", "{" + name + "}"}, args...)...)
	text := unpackSupport(s.t, []byte(s.read(name)))
	for _, want := range []string{"gatehouse-support/README.txt", "gatehouse-support/check.txt", "gatehouse-support/config/radius/"} {
		if !strings.Contains(text, want) {
			s.t.Errorf("the support bundle of %v lacks %s", args, want)
		}
	}
	s.told = append(s.told, told{"the support bundle of " + strings.Join(args, " "), text})
}

// unpackSupport returns the names and the text of everything in an archive.
func unpackSupport(t *testing.T, data []byte) string {
	t.Helper()
	packed, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	archive, all := tar.NewReader(packed), strings.Builder{}
	for {
		header, err := archive.Next()
		if err == io.EOF {
			return all.String()
		}
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&all, "== %s\n", header.Name)
		if _, err := io.Copy(&all, archive); err != nil {
			t.Fatal(err)
		}
	}
}

// changeServers makes a RADIUS server with a secret typed by hand, changes it and removes it, with
// mistakes.
func (s *secrecy) changeServers() {
	s.t.Helper()
	s.write("ap.secret", s.plant("secret of a client made by command", "planted: # \"by command\"")+"\n")
	radius := func(args ...string) []string {
		return append(append([]string{"radius"}, args...), "--state", "{state}")
	}
	client := []string{"--client", "lab=203.0.113.0/24", "--secret-file", "{ap.secret}"}
	s.runs(0, radius(append([]string{"add", "lab", "--ca-file", "{conf/ca/demo.pem}", "--ca-name", "lab"}, client...)...)...)
	s.both(0, radius("show", "lab")...)
	s.both(0, radius(append([]string{"set", "lab"}, client...)...)...)
	s.runs(exitRefused, radius(append([]string{"add", "lab", "--ca", "lab"}, client...)...)...)
	s.runs(exitUnreadable, radius(append([]string{"set", "lab", "--ca", "nobody"}, client...)...)...)
	s.runs(exitUnreadable, radius("set", "lab", "--ca-file", "{ca-key.pem}")...)
	s.runs(exitUnreadable, radius("set", "lab", "--client", "other=no address", "--secret-file", "{ap.secret}")...)
	ap := func(args ...string) []string { return append(append([]string{"ap"}, args...), "--state", "{state}") }
	point := []string{"add", "lift", "203.0.113.7", "--server", "lab", "--for", "all", "--secret-file", "{ap.secret}"}
	s.both(exitNo, ap("watch", "203.0.113.7", "--timeout", "10ms")...)
	s.runs(0, ap(point...)...)
	s.both(exitRefused, ap(point...)...)
	s.both(0, ap("list")...)
	s.runs(0, ap("remove", "lift")...)
	s.runs(0, append(ap(point...), "--json")...)
	s.runs(exitUnreadable, ap("add", "roof", "no address", "--server", "lab", "--secret-file", "{ap.secret}")...)
	s.runs(exitUsage, ap("add", "roof", "203.0.113.8", "--qr", "--secret-file", "{ap.secret}")...)
	lab := s.read("conf/radius/lab.yaml")
	s.write("conf/radius/lab.yaml", lab+"clients: [\n")
	s.runs(exitRefused, radius(append([]string{"set", "lab"}, client...)...)...)
	s.runs(0, radius("remove", "lab")...)
	ca := func(args ...string) []string { return append(append([]string{"ca"}, args...), "--state", "{state}") }
	s.runs(0, ca("add", "short-lived", "{conf/ca/demo.pem}")...)
	s.both(0, ca("show", "short-lived")...)
	s.runs(exitUnreadable, ca("add", "keys", "{ca-key.pem}")...)
	s.runs(0, ca("add", "short-lived", "{conf/ca/demo.pem}", "--replace")...)
	s.runs(0, ca("remove", "short-lived")...)
	s.runs(exitUnreadable, radius("remove", "demo")...)
	if err := os.Remove(s.path("conf/ca/lab.pem")); err != nil {
		s.t.Fatal(err)
	}
	s.hangUp()
}

// changePasswords sets that of an administrator, with mistakes.
func (s *secrecy) changePasswords() {
	s.t.Helper()
	s.write("web.password", s.plant("password of an administrator by command", "planted for the pages")+"\n")
	s.write("short.password", s.plant("password that is too short", "planted-web")+"\n")
	set := func(name, file string) []string {
		return []string{"admin", "password", name, "--password-file", "{" + file + "}", "--state", "{state}"}
	}
	before := s.read("conf/admins.yaml")
	s.both(0, set("root", "web.password")...)
	hash := s.read("conf/admins.yaml")
	s.plant("hash of a password by command", hash[strings.LastIndex(hash, "$")+1:][:40])
	s.runs(exitNo, set("root", "short.password")...)
	s.runs(exitNo, set("nobody", "web.password")...)
	s.write("conf/admins.yaml", before+"accounts: [\n")
	s.runs(exitRefused, set("root", "web.password")...)
	s.write("conf/admins.yaml", before)
	s.hangUp()
}

// changePairs takes an app's pair through its life, with mistakes.
func (s *secrecy) changePairs() {
	s.t.Helper()
	s.write("conf/saml/blog/app.yaml", strings.ReplaceAll(plantedApp, "wiki", "blog"))
	s.hangUp()
	change := func(args ...string) []string {
		return append(append([]string{"saml"}, args...), "--yes", "--config", "{conf}", "--state", "{state}", "--json")
	}
	grow := func(what, file string) {
		s.eventually(file+" there", func() bool { _, err := os.Stat(s.path("conf/saml/blog/" + file)); return err == nil })
		s.plant(what, s.read("conf/saml/blog/"+file))
	}
	s.runs(0, change("activate", "blog")...)
	grow("first key of an app", "key.pem")
	s.eventually("signing", func() bool {
		code, _ := s.run("saml", "export", "blog", "--state", "{state}", "-o", "{blog.pem}")
		return code == 0
	})
	s.runs(0, change("regenerate", "blog")...)
	grow("second key of an app", "next/key.pem")
	s.runs(0, change("promote", "blog")...)
	s.run(change("regenerate", "blog")...)
	s.run(change("discard", "blog")...)
	s.run(change("retire", "blog")...)
	s.run(change("import", "blog", "--cert", "{user-key.pem}", "--key", "{user.pem}")...)
	s.run(change("import", "blog", "--cert", "{user.pem}", "--key", "{ca-key.pem}")...)
	s.run(change("import", "blog", "--cert", "{user.pem}", "--key", "{user-key.pem}")...)
	s.run("saml", "metadata", "blog", "--state", "{state}")
	s.run("saml", "test", "blog", "{user.pem}", "--state", "{state}")
	s.run("saml", "test", "blog", "{user.pem}", "--state", "{state}", "--json")
	s.run("saml", "test", "blog", "{user-key.pem}", "--state", "{state}")
	s.run("saml", "status", "--state", "{state}")
	s.run("saml", "status", "--state", "{state}", "--json")
	s.run("saml", "status", "--config", "{conf}", "--state", "{nowhere}")
	for _, file := range []string{"user-key.pem", "user.pem", "fleet.key", "blog.pem"} {
		s.run("saml", "compare", "blog", "{"+file+"}", "--state", "{state}")
		s.run("saml", "lint", "{"+file+"}")
		s.run("saml", "lint", "{"+file+"}", "--json")
	}
	s.write("both.pem", s.read("user-key.pem")+s.read("user.pem"))
	s.run("saml", "lint", "{both.pem}")
	s.write("pasted.txt", "\u201c"+damaged(s.read("user-key.pem"))+"\u201d")
	s.run("saml", "lint", "{pasted.txt}")
	s.runs(0, "saml", "explain", "signature")
}

// types runs a command that reads standard input.
func (s *secrecy) types(stdin string, code int, args ...string) {
	s.t.Helper()
	s.used["gatehouse "+strings.Join(args, " ")] = true
	var out, errs bytes.Buffer
	if got := run(args, strings.NewReader(stdin+"\n"), &out, &errs); got != code {
		s.t.Errorf("%v: exit code %d, want %d", args, got, code)
	}
	s.told = append(s.told, told{strings.Join(args, " "), out.String() + errs.String()})
}

// breakDirectory has the commands for directories look at a wound.
func (s *secrecy) breakDirectory(w wound) {
	s.t.Helper()
	dir := "wound-" + strings.ReplaceAll(w.name, " ", "-") + fmt.Sprint(len(s.told))
	for name, content := range s.wounded(w) {
		s.write(dir+"/"+name, content)
	}
	dir = "{" + dir + "}"
	if out := s.runs(exitNo, "check", dir); !strings.Contains(out, w.where) {
		s.t.Errorf("%s: nothing is said about %s: %s", w.name, w.where, out)
	}
	s.run("check", dir, "--json")
	s.run("bundle", "diff", "{fleet}", dir)
	s.run("bundle", "build", dir, "--id", "a", "--serial", "3", "--key", "{fleet.key}")
	s.run("bundle", "build", dir, "--id", "a", "--serial", "3", "--key", "{fleet.key}", "--plain-secrets")
	s.run("cert", "test", "{user.pem}", "--config", dir)
	s.packSupport("--config", dir, "--state", "{state}")
	s.run("bundle", "seal", dir, "--recipient", "r="+s.recipient())
	s.run("bundle", "build", dir, "--id", "a", "--serial", "3", "--key", "{fleet.key}", "--identity", "{recovery/identity}")
}

func (s *secrecy) recipient() string {
	s.t.Helper()
	id, _, err := bundle.OpenIdentity(s.path("recovery"))
	if err != nil {
		s.t.Fatal(err)
	}
	return id.Recipient()
}

// breakLoose has the gateway look at a wound in its loose files, which it then mends.
func (s *secrecy) breakLoose(w wound) {
	s.t.Helper()
	for name, content := range w.files {
		s.write("conf/"+name, content)
	}
	s.hangUp()
	told := fmt.Sprintf(`"file": %q`, w.where)
	status := func() string { _, out, _ := gatehouse("status", "--json", "--state", s.path("state")); return out }
	s.eventually(w.name+" told", func() bool { return strings.Contains(status(), told) })
	s.packSupport("--state", "{state}")
	s.both(0, "status", "--state", "{state}")
	for name := range w.files {
		if content, ok := filesOf(s.t, s.path("fleet"))[name]; ok {
			s.write("conf/"+name, content)
		} else if err := os.Remove(s.path("conf/" + name)); err != nil {
			s.t.Fatal(err)
		}
	}
	s.hangUp()
}

// breakBundle brings a signed bundle with a wound to the gateway, and has commands look at it.
func (s *secrecy) breakBundle(i int, w wound) {
	s.t.Helper()
	key, err := bundle.ParseSigningKey([]byte(s.read("fleet.key")), "")
	if err != nil {
		s.t.Fatal(err)
	}
	files := s.wounded(w)
	for _, name := range loose(files) {
		delete(files, name)
	}
	archive := (&forge{files: files}).archive(s.t)
	name := fmt.Sprintf("wound-%d.tar.gz", i)
	s.write(name, string(archive))
	s.write(name+signatureExt, string(sign(s.t, key, archive)))
	file := "{" + name + "}"
	if code, out := s.run("bundle", "verify", file, "--key", "{fleet.pub}", "--identity", "{state/identity}"); code == 0 || !strings.Contains(out, w.where) {
		s.t.Errorf("%s: exit code %d, and nothing about %s: %s", w.name, code, w.where, out)
	}
	s.run("bundle", "verify", file, "--key", "{fleet.pub}", "--identity", "{state/identity}", "--json")
	s.run("bundle", "inspect", file)
	s.run("bundle", "test", file, "--cert", "{user.pem}", "--identity", "{state/identity}")
	s.run("bundle", "diff", "{one.tar.gz}", file, "--identity", "{state/identity}")
	if i%11 == 0 {
		s.run("bundle", "push", file, "--state", "{state}")
		s.run("bundle", "push", file, "--state", "{state}", "--json")
		return
	}
	s.write("state/incoming/"+name, string(archive))
	s.write("state/incoming/"+name+signatureExt, string(sign(s.t, key, archive)))
	s.hangUp()
	s.logged(fmt.Sprintf(`"bundle refused","part":"reconcile","file":%q`, name))
	s.both(0, "status", "--state", "{state}")
	s.run("bundle", "history", "--state", "{state}")
	for _, end := range []string{"", signatureExt} {
		if err := os.Remove(s.path("state/incoming/" + name + end)); err != nil {
			s.t.Fatal(err)
		}
	}
}

// sealedWounds are wounds in what only the gateway can open.
func (s *secrecy) sealedWounds() []wound {
	s.t.Helper()
	bad := func(what string) string { return s.plant(what, "planted-"+strings.ReplaceAll(what, " ", "-")) }
	fleet := filesOf(s.t, s.path("fleet"))
	maps.DeleteFunc(fleet, func(name, _ string) bool { return !strings.HasSuffix(name, "key.pem") })
	text := func(values, files map[string]string) string {
		data, err := json.Marshal(map[string]any{"format": 1, "values": values, "files": files})
		if err != nil {
			s.t.Fatal(err)
		}
		return string(data)
	}
	in := func(name, where, text string) wound {
		return wound{name, map[string]string{"secrets/oslo-1.age": s.encrypt(text)}, where}
	}
	return []wound{
		in("sealed cut off", "secrets/oslo-1.age", `{"format": 1, "values": {"a": "`+bad("sealed value cut off")),
		in("sealed number", "secrets/oslo-1.age", `{"format": 1, "values": {"a": ["`+bad("sealed value in a list")+`"]}}`),
		in("sealed field", "secrets/oslo-1.age", `{"format": 1, "vlues": {"a": "`+bad("sealed value behind a typo")+`"}}`),
		in("sealed text", "secrets/oslo-1.age", bad("sealed text")),
		in("sealed path", "secrets/oslo-1.age", text(nil, map[string]string{"policy.yaml": bad("sealed policy")})),
		in("sealed twice", "server/short/key.pem", text(nil, map[string]string{"server/short/key.pem": fleet["server/rsa/key.pem"]})),
		in("sealed users", "users/x.yaml", text(nil, map[string]string{"users/x.yaml": "- {username: x, password: [" + bad("sealed password in a list") + "]}\n"})),
		in("sealed CSV", "users/x.csv", text(nil, map[string]string{"users/x.csv": "username,password\nx,\"" + bad("sealed quote in CSV") + "\n"})),
		in("sealed pair", "server/new/key.pem", text(nil, map[string]string{"server/new/key.pem": fleet["server/rsa/key.pem"]})),
		in("sealed value", "radius/demo.yaml", text(map[string]string{"radius/demo/x": bad("sealed value of nobody")}, nil)),
	}
}

// encrypt seals a text for the gateway.
func (s *secrecy) encrypt(text string) string {
	s.t.Helper()
	id, _, err := bundle.OpenIdentity(s.path("state"))
	if err != nil {
		s.t.Fatal(err)
	}
	recipient, err := age.ParseX25519Recipient(id.Recipient())
	if err != nil {
		s.t.Fatal(err)
	}
	var b bytes.Buffer
	w, err := age.Encrypt(&b, recipient)
	if err == nil {
		_, err = w.Write([]byte(text))
	}
	if err == nil {
		err = w.Close()
	}
	if err != nil {
		s.t.Fatal(err)
	}
	return b.String()
}
