//go:build e2e

package main

import (
	"context"
	"encoding/base64"
	"fmt"
	"html"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// A chromium is the browser of many, with a home of its own.
type chromium struct {
	t    *testing.T
	home string
}

// newChromium makes its home; with the demo user's certificate, if it is to have one. A policy has
// it choose that without a question, which nobody is there to answer.
func newChromium(t *testing.T, i *idp, certificate bool) *chromium {
	t.Helper()
	c := &chromium{t: t, home: t.TempDir()}
	db, policies := filepath.Join(c.home, ".pki", "nssdb"), filepath.Join(c.home, "etc", "policies", "managed")
	for _, dir := range []string{db, policies} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	rule := `{"AutoSelectCertificateForUrls": ["{\"pattern\":\"https://` + i.host + `\",\"filter\":{}}"]}`
	if err := os.WriteFile(filepath.Join(policies, "choose.json"), []byte(rule), 0o644); err != nil {
		t.Fatal(err)
	}
	execute(t, nil, "certutil", "-d", "sql:"+db, "-N", "--empty-password")
	if certificate {
		file := filepath.Join(c.home, "user.p12")
		execute(t, nil, "openssl", "pkcs12", "-export", "-in", i.demo("user.pem"), "-inkey", i.demo("user-key.pem"), "-passout", "pass:x", "-out", file)
		execute(t, nil, "pk12util", "-d", "sql:"+db, "-i", file, "-W", "x", "-K", "")
	}
	return c
}

// open returns the text of the page that address leads to.
func (c *chromium) open(address string) string {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), time.Minute)
	defer cancel()
	// In a mount namespace, the directory of its policies is ours.
	cmd := exec.CommandContext(ctx, "unshare", "--mount", "--kill-child", "sh", "-c", `mount --bind "$HOME/etc" /etc/chromium && exec "$@"`, "sh",
		"chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run", "--ignore-certificate-errors",
		"--user-data-dir="+filepath.Join(c.home, "data"), "--enable-logging=stderr", "--virtual-time-budget=15000", "--dump-dom", address)
	cmd.Env = append(os.Environ(), "HOME="+c.home)
	var errs strings.Builder
	cmd.Stderr = &errs
	out, err := cmd.Output()
	if err != nil {
		c.t.Fatalf("chromium, of chromium: %v\n%s", err, consolePattern.FindAllString(errs.String(), -1))
	}
	return html.UnescapeString(tagPattern.ReplaceAllString(string(out), " "))
}

var (
	tagPattern     = regexp.MustCompile(`(?s)<style.*?</style>|<script.*?</script>|<[^>]*>`)
	consolePattern = regexp.MustCompile(`(?m)^.*:CONSOLE:.*$`) // what the page may not do
	nameIDPattern  = regexp.MustCompile(`<saml:NameID[^>]*>([^<]*)<`)
)

// A movingSP is a service provider that takes people on to another host when they are signed in, as
// those do whose sign-in is central.
type movingSP struct {
	address string
	origin  chan string // of whoever posted to it
}

func newMovingSP(t *testing.T) *movingSP {
	t.Helper()
	landing := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = fmt.Fprintf(w, "behind the door: %s", html.EscapeString(r.URL.Query().Get("who")))
	}))
	t.Cleanup(landing.Close)
	_, port, err := net.SplitHostPort(landing.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	sp := &movingSP{origin: make(chan string, 1)}
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer, err := base64.StdEncoding.DecodeString(r.PostFormValue("SAMLResponse"))
		m := nameIDPattern.FindSubmatch(answer)
		if err != nil || m == nil {
			http.Error(w, "no assertion", http.StatusForbidden)
			return
		}
		sp.origin <- r.Header.Get("Origin")
		http.Redirect(w, r, "https://localhost:"+port+"/?who="+string(m[1]), http.StatusSeeOther)
	}))
	t.Cleanup(server.Close)
	sp.address = server.URL
	return sp
}

func (sp *movingSP) metadata() []byte {
	return fmt.Appendf(nil, `<EntityDescriptor entityID="%[1]s" xmlns="urn:oasis:names:tc:SAML:2.0:metadata">
<SPSSODescriptor protocolSupportEnumeration="urn:oasis:names:tc:SAML:2.0:protocol">
<AssertionConsumerService index="0" Binding="urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST" Location="%[1]s/acs"/>
</SPSSODescriptor></EntityDescriptor>`, sp.address)
}

// TestE2ESAMLChromium has a real browser sign in: its certificate is asked for, the form sends itself
// under the page's policy, and the policy lets it follow where the application leads. Without a
// certificate it shows the page that says what to do.
func TestE2ESAMLChromium(t *testing.T) {
	i := newIDP(t)
	sp := newMovingSP(t)
	i.app(sp.metadata(), "")
	start := "https://" + i.host + "/saml/wiki/start"
	if text := newChromium(t, i, true).open(start); !strings.Contains(text, "behind the door: demo") {
		t.Fatalf("not signed in:\n%s", text)
	}
	// Some service providers refuse whoever has the origin null.
	if origin := <-sp.origin; origin != "https://"+i.host {
		t.Errorf("the application was told the origin %q", origin)
	}
	text := newChromium(t, i, false).open(start)
	for _, want := range []string{"Your browser showed no certificate", "choose the certificate when it asks", "cert_missing"} {
		if !strings.Contains(text, want) {
			t.Errorf("without a certificate, no word of %q:\n%s", want, text)
		}
	}
}
