//go:build e2e

package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

// A nodeSP is a service provider on node-saml.
type nodeSP struct {
	t       *testing.T
	dir     string
	address string
	cmd     *exec.Cmd
}

func newNodeSP(t *testing.T) *nodeSP {
	t.Helper()
	n := &nodeSP{t: t, dir: t.TempDir(), address: freePort(t, "tcp")}
	t.Cleanup(n.stop)
	execute(t, nil, "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=node",
		"-keyout", filepath.Join(n.dir, "sp.key"), "-out", filepath.Join(n.dir, "sp.pem"))
	return n
}

func (n *nodeSP) metadata() []byte {
	n.t.Helper()
	data, err := os.ReadFile(filepath.Join(n.dir, "sp.pem"))
	if err != nil {
		n.t.Fatal(err)
	}
	block, _ := pem.Decode(data)
	return fmt.Appendf(nil, `<EntityDescriptor entityID="http://%[1]s/" xmlns="urn:oasis:names:tc:SAML:2.0:metadata">
 <SPSSODescriptor AuthnRequestsSigned="true" WantAssertionsSigned="true" protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
  <KeyDescriptor use="signing"><KeyInfo xmlns="http://www.w3.org/2000/09/xmldsig#"><X509Data><X509Certificate>%[2]s</X509Certificate></X509Data></KeyInfo></KeyDescriptor>
  <AssertionConsumerService index="0" isDefault="true" Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="http://%[1]s/acs"/>
 </SPSSODescriptor>
</EntityDescriptor>`, n.address, base64.StdEncoding.EncodeToString(block.Bytes))
}

// start runs it with the identity provider's certificates; always says whether an answer must name
// a request.
func (n *nodeSP) start(i *idp, always string, certificates ...string) {
	n.t.Helper()
	n.stop()
	key, err := os.ReadFile(filepath.Join(n.dir, "sp.key"))
	if err != nil {
		n.t.Fatal(err)
	}
	origin := "http://" + n.address
	settings, err := json.Marshal(map[string]any{"address": n.address, "origin": origin, "saml": map[string]any{
		"callbackUrl": origin + "/acs", "issuer": origin + "/", "audience": origin + "/",
		"entryPoint": "https://" + i.host + "/saml/wiki/sso", "idpIssuer": "https://sso.demo.example/saml",
		"idpCert": certificates, "privateKey": string(key), "signatureAlgorithm": "sha256", "digestAlgorithm": "sha256",
		"wantAssertionsSigned": true, "wantAuthnResponseSigned": true, "validateInResponseTo": always,
		"acceptedClockSkewMs": 60_000, "identifierFormat": nil, "disableRequestedAuthnContext": true,
	}})
	if err == nil {
		err = os.WriteFile(filepath.Join(n.dir, "settings.json"), settings, 0o600)
	}
	if err != nil {
		n.t.Fatal(err)
	}
	n.cmd = exec.Command("node", "../../testdata/peers/nodesaml/sp.js", filepath.Join(n.dir, "settings.json"))
	var out bytes.Buffer
	n.cmd.Stdout, n.cmd.Stderr = &out, &out
	n.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := n.cmd.Start(); err != nil {
		n.t.Fatalf("node, of nodejs: %v", err)
	}
	i.until("node-saml answers", 20*time.Second, func() error {
		response, err := http.Get(origin + "/")
		if err != nil {
			return errors.Join(err, errors.New(out.String()))
		}
		return response.Body.Close()
	})
}

func (n *nodeSP) stop() {
	if n.cmd != nil && n.cmd.Process != nil {
		_ = n.cmd.Process.Kill() // it may have ended
		_ = n.cmd.Wait()         // how does not matter
		n.cmd = nil
	}
}

// TestE2ESAMLNodeSAML signs a person in at node-saml: signed requests by redirect and POST, and without
// a request; with an array of certificates during a rotation; and finds out by compare why it fails
// with the old one alone.
func TestE2ESAMLNodeSAML(t *testing.T) {
	i := newIDP(t)
	sp := newNodeSP(t)
	i.app(sp.metadata(), "want_signed_requests: true\n")
	certificate := func(role string) string {
		t.Helper()
		var out []byte
		i.until("a certificate", 20*time.Second, func() (err error) {
			out, err = exec.Command(i.program, "saml", "export", "wiki", "--role", role, "--state", i.state).Output()
			return err
		})
		return string(out)
	}
	signedIn := func(how, path string, want bool) {
		t.Helper()
		p := i.newBrowser(true).open(path)
		if got := p.header.Get("X-Signed-In") == "demo"; got != want {
			t.Errorf("%s: %d at %s, signed in %t\n%.500s", how, p.status, p.url, got, p.body)
		}
	}
	origin := "http://" + sp.address
	old := certificate("active")
	sp.start(i, "always", old)
	signedIn("by redirect", origin+"/private/", true)
	signedIn("by POST", origin+"/post/", true)
	signedIn("an answer that nobody asked for, where one must have", "https://"+i.host+"/saml/wiki/start", false)
	sp.start(i, "ifPresent", old)
	signedIn("started here", "https://"+i.host+"/saml/wiki/start", true)

	i.saml("regenerate", "wiki")
	next := certificate("next")
	signedIn("with next waiting", origin+"/private/", true)
	i.saml("promote", "wiki")
	i.until("promoted", 20*time.Second, func() error {
		if certificate("active") != next {
			return errors.New("not yet")
		}
		return nil
	})
	signedIn("promoted, and the application has the old one", origin+"/private/", false)
	file := filepath.Join(t.TempDir(), "old.pem")
	if err := os.WriteFile(file, []byte(old), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, _ := exec.Command(i.program, "saml", "compare", "wiki", file, "--state", i.state).Output(); !bytes.Contains(out, []byte("equals previous")) {
		t.Errorf("compare does not tell why: %s", out)
	}
	sp.start(i, "ifPresent", old, next)
	signedIn("with both", origin+"/private/", true)
	i.saml("retire", "wiki")
	sp.start(i, "ifPresent", next)
	signedIn("with the new one", origin+"/private/", true)
}
