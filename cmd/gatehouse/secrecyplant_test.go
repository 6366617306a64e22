package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"gatehouse/authcore/pki/lab"
)

const (
	plantedBcrypt = "$2y$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy"
	plantedArgon  = "$argon2id$v=19$m=65536,t=3,p=4$c29tZXNhbHRzb21lc2FsdA$" +
		"iWh06vD8Fy27wf9npn6FXWiCX4K6pW6Ue1Bnzz07Z8A"
)

const plantedApp = "name: Wiki\nactivated: true\nentity_id: https://wiki.demo.example/sp\nacs: [https://wiki.demo.example/acs]\n"

// plantAll makes {fleet}, a directory to build bundles from with a secret wherever one may stand,
// {conf}, the same with gatehouse.yaml, and the material around it: {user.pem}, {fleet.key} …
func (s *secrecy) plantAll() {
	s.t.Helper()
	m, err := newDemoMaterial()
	if err != nil {
		s.t.Fatal(err)
	}
	const day = 24 * time.Hour
	// It ends soon, so that there is something to notify of.
	short, err := m.serverCA.IssueServer(lab.ServerOptions{DNSNames: []string{demoServerName},
		Options: lab.Options{NotBefore: time.Now().Add(-300 * day), NotAfter: time.Now().Add(5 * day)}})
	if err != nil {
		s.t.Fatal(err)
	}
	app, err := m.serverCA.IssueServer(lab.ServerOptions{DNSNames: []string{"saml.demo.example"},
		Options: lab.Options{KeyKind: lab.RSA2048}})
	if err != nil {
		s.t.Fatal(err)
	}
	listener, err := m.serverCA.IssueServer(lab.ServerOptions{DNSNames: []string{"sso.demo.example"}})
	if err != nil {
		s.t.Fatal(err)
	}
	files := map[string]string{
		"policy.yaml": fmt.Sprintf(`revocation: {ocsp: off}
notices:
  webhook: "http://127.0.0.1:1/hook?token=%s"
  smtp: {address: "127.0.0.1:1", from: gw@demo.example, to: [ops@demo.example], username: gw, password_file: smtp.txt}
`, s.plant("token of the webhook", "planted-webhook-token-1a")),
		"smtp.txt":                     s.plant("SMTP password", "planted-smtp-password-2b") + "\n",
		"radius/ap.txt":                s.plant("secret of a file", "planted-secret-of-a-file-3c") + "\n",
		"radius/coa.txt":               s.plant("CoA secret of a file", "planted-coa-of-a-file-4d") + "\n",
		"radius/demo.yaml":             s.plantedServer(),
		"ca/demo.pem":                  string(m.userCA.CertificatePEM()),
		"users/demo.yaml":              s.plantedUsers(),
		"users/list.csv":               "username,email,nt_hash\nlisted,listed@demo.example," + s.plant("nt_hash in CSV", "0cb6948805f797bf2a82807973b89537") + "\n",
		"users/more.jsonl":             `{"username":"more","email":"more@demo.example","totp":"` + s.plant("TOTP in JSON", "KRSXG5CTMVRXEZLUKRSXG5CTMVRXEZLU") + "\"}\n",
		"admins.yaml":                  "accounts: [{username: root, role: admin, password: \"" + s.plant("hash of an administrator", plantedArgon) + "\"}]\n",
		"saml/idp.yaml":                "host: sso.demo.example\nca: [demo]\ncertificate: listener.pem\nkey: sign-in.pem\n",
		"saml/listener.pem":            string(listener.CertificatePEM()),
		"saml/sign-in.pem":             s.plant("key of the sign-in listener", string(listener.KeyPEM())),
		"saml/wiki/app.yaml":           plantedApp,
		"saml/wiki/key.pem":            s.plant("key of an app", string(app.KeyPEM())),
		"saml/wiki/certificate.pem":    string(app.CertificatePEM()),
		"server/rsa/certificate.pem":   string(m.rsa.CertificatePEM()),
		"server/rsa/key.pem":           s.plant("RSA key", string(m.rsa.KeyPEM())),
		"server/short/certificate.pem": string(short.CertificatePEM()),
		"server/short/key.pem":         s.plant("ECDSA key", string(short.KeyPEM())),
	}
	for name, content := range files {
		s.write("fleet/"+name, content)
		s.write("conf/"+name, content)
	}
	for name, data := range map[string][]byte{"user.pem": m.user.CertificatePEM(), "user-key.pem": m.user.KeyPEM(),
		"server-ca.pem": m.serverCA.CertificatePEM()} {
		s.write(name, string(data))
	}
	s.plant("key of a user", string(m.user.KeyPEM()))
	s.write("ca-key.pem", s.plant("key of a CA", string(m.userCA.KeyPEM())))
	s.metrics = spareAddress(s.t)
	s.write("conf/gatehouse.yaml", fmt.Sprintf(`schema: 1
node: {id: oslo-1}
listen: {auth: "127.0.0.1:0", acct: "", ui: "127.0.0.1:0", metrics: %q}
fleet: {pull: {url: "https://127.0.0.1:1/{id}.tar.gz?X-Amz-Signature=%s", interval: 1m}}
log: {level: debug, format: json}
`, s.metrics, s.plant("presigned address", "planted-presigned-5e")))
}

// plantedServer is a RADIUS server with secrets of every kind.
func (s *secrecy) plantedServer() string {
	return fmt.Sprintf(`authentication: {method: passwordless, ca: [demo]}
clients:
  - {name: loopback, address: 127.0.0.0/8, secret: %q, coa: {secret: %q}}
  - {name: ap2, address: 192.0.2.0/24, secret_file: ap.txt, coa: {secret_file: coa.txt}}
`, s.plant("shared secret", "planted-shared-secret-6f"), s.plant("CoA secret", "planted-coa-secret-7a"))
}

func (s *secrecy) plantedUsers() string {
	return fmt.Sprintf("- {username: %s, email: %s, password: %q, nt_hash: %q, totp: %q}\n", demoUser, demoEmail,
		s.plant("password hash", plantedBcrypt), s.plant("nt_hash", "8846f7eaee8fb117ad06bdd830b7586c"),
		s.plant("TOTP", "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"))
}

// A wound breaks files of a directory right where a secret stands. The empty content removes one.
type wound struct {
	name  string
	files map[string]string
	where string // what is told of it holds this
}

// wounds returns every way to break {fleet}.
func (s *secrecy) wounds() []wound {
	server := s.plantedServer()
	key, other := s.read("fleet/server/short/key.pem"), s.read("fleet/server/rsa/key.pem")
	bad := func(what string) string { return s.plant(what, "planted-"+strings.ReplaceAll(what, " ", "-")) }
	client := func(name, rest string) wound {
		return wound{name, map[string]string{"radius/demo.yaml": "authentication: {ca: [demo]}\nclients:\n" + rest}, "radius/demo.yaml"}
	}
	one := func(file, name, content string) wound { return wound{name, map[string]string{file: content}, file} }
	policy := func(name, rest string) wound { return one("policy.yaml", name, rest) }
	users := func(name, rest string) wound { return one("users/demo.yaml", name, rest) }
	admins := func(name, rest string) wound { return one("admins.yaml", name, "accounts: [{"+rest+"}]\n") }
	return []wound{
		client("open quote", "  - {name: a, address: 10.0.0.1, secret: \""+bad("secret in an open quote")+"\n"),
		client("list", "  - {name: a, address: 10.0.0.1, secret: ["+bad("secret in a list")+"]}\n"),
		client("map", "  - {name: a, address: 10.0.0.1, secret: {"+bad("secret as a key")+": 1}}\n"),
		client("typo", "  - {name: a, address: 10.0.0.1, secrett: "+bad("secret behind a typo")+"}\n"),
		client("twice", "  - {name: a, address: 10.0.0.1, secret: "+bad("first of two secrets")+", secret: "+bad("second of two secrets")+"}\n"),
		client("indented", "  - name: a\n    address: 10.0.0.1\n      secret: "+bad("secret indented wrongly")+"\n"),
		client("tab", "  - name: a\n    address: 10.0.0.1\n\tsecret: "+bad("secret behind a tab")+"\n"),
		client("no blank", "  - name: a\n    address: 10.0.0.1\n    secret:"+bad("secret without a blank")+"\n"),
		client("no colon", "  - {name: a, address: 10.0.0.1, secret "+bad("secret without a colon")+"}\n"),
		client("no colon in a block", "  - name: a\n    address: 10.0.0.1\n    secret "+bad("secret without a colon in a block")+"\n"),
		client("no key", "  - {name: a, address: 10.0.0.1, "+bad("secret without a key")+"}\n"),
		client("as a key", "  - {name: a, address: 10.0.0.1, "+bad("secret in the place of a key")+": secret}\n"),
		client("in address", "  - {name: a, address: "+bad("secret in the place of an address")+"}\n"),
		client("in mode", "  - {name: a, address: 10.0.0.1, secret: x1x2x3x4x5x6, message_authenticator: "+bad("secret in the wrong line")+"}\n"),
		client("tag", "  - {name: a, address: 10.0.0.1, secret: !!binary "+bad("secret with a tag")+"}\n"),
		client("anchor", "  - {name: a, address: 10.0.0.1, secret: &x "+bad("secret with an anchor")+"}\n  - {name: b, address: 10.0.0.2, secret: *x}\n"),
		client("alias", "  - {name: a, address: 10.0.0.1, secret: *"+bad("secret with a star")+"}\n"),
		client("escape", "  - {name: a, address: 10.0.0.1, secret: \"\\q"+bad("secret with an escape")+"\"}\n"),
		client("block", "  - name: a\n    address: 10.0.0.1\n    secret: |\n   "+bad("secret in a block")+"\n"),
		client("in ref", "  - {name: a, address: 10.0.0.1, secret_ref: \""+bad("secret in ref")+"?!\"}\n"),
		client("in file", "  - {name: a, address: 10.0.0.1, secret_file: \""+bad("secret in file")+"?!\"}\n"),
		client("coa typo", "  - {name: a, address: 10.0.0.1, secret: x1x2x3x4x5x6, coa: {scret: "+bad("CoA secret behind a typo")+"}}\n"),
		client("coa text", "  - {name: a, address: 10.0.0.1, secret: x1x2x3x4x5x6, coa: "+bad("CoA secret in the wrong place")+"}\n"),
		client("reused", "  - {name: a, address: 10.0.0.1, secret: "+bad("secret of an overlap")+"}\n  - {name: b, address: 10.0.0.1, secret: "+bad("other secret of an overlap")+"}\n"),
		one("radius/twice.yaml", "overlap", server),
		policy("webhook", "notices: {webhook: \"ht!tp://x.example/?token="+bad("token behind a bad scheme")+"\"}\n"),
		policy("webhook host", "notices: {webhook: \"https://%zz/?token="+bad("token behind a bad host")+"\"}\n"),
		policy("webhook list", "notices: {webhook: ["+bad("token in a list")+"]}\n"),
		policy("webhook user", "notices: {webhook: \"https://user:"+bad("password in an address")+"@x.example/%zz\"}\n"),
		policy("smtp", "notices: {smtp: {address: \"m.example:25\", from: a@x.example, to: [b@x.example], password: "+bad("SMTP password in plain")+"}}\n"),
		policy("smtp quote", "notices: {smtp: {password: \""+bad("SMTP password in an open quote")+"\n"),
		users("plain password", "- {username: bob, password: "+bad("password in plain")+"}\n"),
		users("no hash", "- {username: bob, nt_hash: "+bad("nt_hash that is none")+", totp: \""+bad("TOTP that is none")+"!\"}\n"),
		users("open quote", "- {username: bob, password: \""+bad("password in an open quote")+"\n- {username: al}\n"),
		users("typo", "- {username: bob, passwrod: "+bad("password behind a typo")+"}\n"),
		users("no colon", "- {username: bob, password "+bad("password without colon")+"}\n"),
		users("in address", "- {username: bob, email: "+bad("password as an address")+"}\n"),
		users("in state", "- {username: bob, state: "+bad("password as a state")+"}\n"),
		users("list", "- {username: bob, password: ["+bad("password in a list")+"]}\n"),
		users("half a hash", "- {username: bob, password: \"$2y$10$"+bad("half a hash")+"\"}\n"),
		one("users/list.csv", "columns", "username,nt_hash\nbob,x,"+bad("column too many")+"\n"),
		one("users/list.csv", "column missing", "username,email,nt_hash\nbob,"+bad("hash in the place of an address")+"\n"),
		one("users/list.csv", "columns swapped", "username,groups,state,nt_hash\nbob,staff,"+bad("hash in the place of a state")+",active\n"),
		one("users/list.csv", "quote", "username,password\nbob,\""+bad("quote in CSV")+"\n"),
		one("users/list.csv", "bare quote", "username,password\nbob,x\""+bad("bare quote in CSV")+"\n"),
		one("users/list.csv", "no header", "bob,"+bad("password in the place of a header")+"\n"),
		one("users/more.jsonl", "cut off", `{"username":"bob","password":"`+bad("password cut off")+"\n"),
		one("users/more.jsonl", "list", `{"username":"bob","password":["`+bad("password in a JSON list")+"\"]}\n"),
		one("users/more.jsonl", "typo", `{"username":"bob","passwrd":"`+bad("password behind a JSON typo")+"\"}\n"),
		one("users/more.jsonl", "no colon", `{"username":"bob","password" "`+bad("password without a colon")+"\"}\n"),
		one("users/more.jsonl", "no key", `{"username":"bob","`+bad("password in the place of a key")+"\":1}\n"),
		one("users/more.jsonl", "in address", `{"username":"bob","email":"`+bad("password in the place of an address")+"\"}\n"),
		one("users/more.jsonl", "no JSON", `{"username":"bob","password":`+bad("password without quotes")+"}\n"),
		one("server/short/key.pem", "key damaged", damaged(key)),
		one("server/short/key.pem", "key cut off", key[:len(key)/2]),
		one("server/short/key.pem", "key without its first line", key[strings.IndexByte(key, '\n')+1:]),
		one("server/short/key.pem", "other key", other),
		one("server/short/certificate.pem", "key for certificate", key),
		one("server/short/certificate.pem", "key beside certificate", key+s.read("fleet/server/short/certificate.pem")),
		one("ca/demo.pem", "key of the CA", s.read("ca-key.pem")+s.read("fleet/ca/demo.pem")),
		one("ca/demo.yaml", "key in settings", other),
		one("radius/key.yaml", "key in a server", key),
		one("users/key.yaml", "key among users", key),
		admins("plain password", "username: al, role: admin, password: "+bad("password of an administrator")),
		admins("list", "username: al, role: admin, password: ["+bad("password of an administrator in a list")+"]"),
		admins("typo", "username: al, role: admin, passwrod: "+bad("password of an administrator behind a typo")),
		admins("no colon", "username: al, role: admin, password "+bad("password of an administrator without a colon")),
		admins("open quote", "username: al, role: admin, password: \""+bad("password of an administrator in an open quote")),
		admins("half a hash", "username: al, role: admin, password: \"$argon2id$v=19$m=19456,t=2,p=1$"+bad("salt of an administrator")+"\""),
		admins("in role", "username: al, role: "+bad("password in the place of a role")),
		one("admins.yaml", "token for hash", "tokens: [{name: ci, sha256: ght_"+bad("token in the place of its hash")+", scopes: [read]}]\n"),
		one("admins.yaml", "token as scope", "tokens: [{name: ci, sha256: x, scopes: [ght_"+bad("token in the place of a scope")+"]}]\n"),
		one("saml/idp.yaml", "key in idp.yaml", "host: a.example\nca: [demo]\ncertificate: listener.pem\nkey: |\n  "+strings.ReplaceAll(key, "\n", "\n  ")+"\n"),
		one("saml/idp.yaml", "key in one line", "host: a.example\nca: [demo]\ncertificate: listener.pem\nkey: \""+strings.ReplaceAll(key, "\n", "\\n")+"\"\n"),
		one("saml/idp.yaml", "other key", "host: a.example\nca: [demo]\ncertificate: listener.pem\nkey: wiki/key.pem\n"),
		one("saml/wiki/app.yaml", "key in app.yaml", "name: Wiki\nactivated: true\nkey: |\n  "+strings.ReplaceAll(key, "\n", "\n  ")+"\n"),
		one("saml/wiki/sp-metadata.xml", "key for metadata", key),
		one("saml/wiki/key.pem", "key of an app damaged", damaged(s.read("fleet/saml/wiki/key.pem"))),
		one("saml/wiki/key.pem", "other key of an app", other),
		one("saml/wiki/certificate.pem", "key of an app for its certificate", s.read("fleet/saml/wiki/key.pem")),
		one("users/key.csv", "key in CSV", key),
	}
}

// damaged returns text with a character in its middle that is none of base64.
func damaged(text string) string { return text[:len(text)/2] + "!" + text[len(text)/2+1:] }

// wounded returns the files of {fleet} with a wound.
func (s *secrecy) wounded(w wound) map[string]string {
	files := filesOf(s.t, s.path("fleet"))
	maps.Copy(files, w.files)
	return files
}

// names of files that no bundle has.
func loose(files map[string]string) []string {
	return slices.DeleteFunc(slices.Collect(maps.Keys(files)), func(name string) bool { return !strings.HasSuffix(name, ".txt") })
}
