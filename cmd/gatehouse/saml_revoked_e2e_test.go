//go:build e2e

package main

import (
	"fmt"
	"net/http"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// revocable gives the demo user a certificate whose responder runs, until the test ends.
func (i *idp) revocable() (certificate string) {
	i.t.Helper()
	address, dir := freePort(i.t, "tcp"), i.t.TempDir()
	responder := exec.Command(i.program, "pki", "ocsp", i.demo("."), "--listen", address)
	responder.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := responder.Start(); err != nil {
		i.t.Fatal(err)
	}
	i.t.Cleanup(func() {
		_ = responder.Process.Kill() // it may have ended
		_ = responder.Wait()         // how does not matter
	})
	execute(i.t, nil, i.program, "pki", "issue", i.demo("."), "--kind", "email-san", "--name", demoEmail, "--file", "user",
		"--ocsp", "http://"+address, "--out", dir)
	i.write("policy.yaml", "revocation: {ocsp: require}\n")
	i.write("ca/demo.yaml", "revocation: {allow_addresses: [127.0.0.1/32]}\n")
	var err error
	certificate = filepath.Join(dir, "user.pem")
	if i.device.Certificate, err = readCredential(certificate, filepath.Join(dir, "user-key.pem"), nil); err != nil {
		i.t.Fatal(err)
	}
	return certificate
}

// TestE2ESAMLRevoked revokes the certificate of a person who was signed in at both doors: the web
// refuses as the Wi-Fi does, with the same reason, and the application is told that it did not work.
func TestE2ESAMLRevoked(t *testing.T) {
	i := newIDP(t)
	certificate := i.revocable()
	sp, metadata := newMellon(t)
	i.app(metadata, "")
	private := "http://" + sp.address + "/private/"
	sp.write("idp.xml", i.metadata(signingKeys(1)))
	sp.start()
	i.until("let in by RADIUS", 20*time.Second, func() error { return i.signIn(5 * time.Second) })
	sp.signedIn(i.newBrowser(true), "before it is revoked", private)

	execute(t, nil, i.program, "pki", "revoke", i.demo("."), certificate)
	execute(t, nil, i.program, "ocsp", "purge", "--all", "--state", i.state)
	b := i.newBrowser(true)
	response, err := b.client.Get(private)
	p := b.read(response, err)
	if p.status != http.StatusForbidden || !strings.Contains(p.body, "<code>cert_revoked</code>") {
		t.Errorf("revoked, at the web: %d\n%s", p.status, p.body)
	}
	if err := i.signIn(5 * time.Second); err == nil {
		t.Error("revoked, and let in by RADIUS")
	}
	for _, method := range []string{"saml-cert", "eap-tls"} {
		i.logged(fmt.Sprintf(`"method":%q`, method), `"reason":"cert_revoked"`, `"ocsp":"revoked"`, `"user":"demo"`)
	}
	back, ok := formOf(p.body)
	if !ok {
		t.Fatalf("no way back to the application:\n%s", p.body)
	}
	response, err = b.client.PostForm(back.action, back.values)
	if p := b.read(response, err); p.header.Get("X-Signed-In") != "" || p.status < 400 {
		t.Errorf("the application, told that it did not work: %d\n%s", p.status, p.body)
	}
	if log := sp.log(); !strings.Contains(log, "AuthnFailed") {
		t.Errorf("the application did not understand why:\n%s", log)
	}
}
