//go:build e2e

package main

import (
	"bytes"
	"encoding/base64"
	"encoding/pem"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestE2ESA15TakenButNotPromoted makes the most common fault: somebody regenerates, hands the new
// certificate over, and forgets to promote it. mod_auth_mellon, which then has that one alone, refuses
// the answers of the old one; saml status and compare say why, and promote mends it. Its requests come by
// POST, which is all that its copy of our metadata offers.
func TestE2ESA15TakenButNotPromoted(t *testing.T) {
	i := newIDP(t)
	sp, metadata := newMellon(t)
	i.app(metadata, "want_signed_requests: true\n")
	private := "http://" + sp.address + "/private/"
	i.saml("regenerate", "wiki")
	both := i.metadata(signingKeys(2))
	next := filepath.Join(t.TempDir(), "certificate.pem")
	execute(t, nil, i.program, "saml", "export", "wiki", "--role", "next", "--state", i.state, "-o", next)
	if both = redirectPattern.ReplaceAllString(both, ""); strings.Contains(both, "HTTP-Redirect") {
		t.Fatalf("metadata has another shape\n%s", both)
	}
	sp.write("idp.xml", onlyKey(t, both, next))
	sp.start()

	if p := i.newBrowser(true).open(private); p.header.Get("X-Signed-In") != "" || !strings.Contains(sp.log(), "Lasso error") {
		t.Fatalf("signed in, although the application has next and active signs: %d\n%s", p.status, sp.log())
	}
	i.shows("WARNING      unsaved change: the service provider probably has next, we still sign with active")
	if out := i.compare(next); !strings.Contains(out, "equals next") {
		t.Errorf("compare does not tell why: %s", out)
	}
	if log, err := os.ReadFile(i.log.Name()); err != nil || !bytes.Contains(log, []byte(`"certificate downloaded that does not sign"`)) {
		t.Errorf("the log has no word of it: %v\n%s", err, log)
	}
	i.saml("promote", "wiki")
	i.shows("previous")
	sp.signedIn(i.newBrowser(true), "promoted", private)
	if out, err := exec.Command(i.program, "saml", "status", "--state", i.state).Output(); err != nil || bytes.Contains(out, []byte("WARNING")) {
		t.Errorf("still a warning after it was promoted: %v\n%s", err, out)
	}
	if out := i.compare(next); !strings.Contains(out, "equals active") {
		t.Errorf("compare after it was promoted: %s", out)
	}
}

// compare asks which of our certificates a file has.
func (i *idp) compare(file string) string {
	out, _ := exec.Command(i.program, "saml", "compare", "wiki", file, "--state", i.state).CombinedOutput() // its code answers too
	return string(out)
}

var redirectPattern = regexp.MustCompile(`(?s)<md:SingleSignOnService [^>]*HTTP-Redirect"[^>]*>(</md:SingleSignOnService>)?`)
var keyPattern = regexp.MustCompile(`(?s)<md:KeyDescriptor use="signing">.*?</md:KeyDescriptor>`)

// onlyKey leaves of the keys in metadata the one of the certificate in file.
func onlyKey(t *testing.T, metadata, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	block, _ := pem.Decode(data)
	if err != nil || block == nil {
		t.Fatalf("%s: no certificate: %v\n%s", file, err, data)
	}
	want, left := base64.StdEncoding.EncodeToString(block.Bytes), 0
	only := keyPattern.ReplaceAllStringFunc(metadata, func(key string) string {
		if !strings.Contains(strings.Join(strings.Fields(key), ""), want) {
			return ""
		}
		left++
		return key
	})
	if left != 1 {
		t.Fatalf("the certificate stands %d times in the metadata\n%s", left, metadata)
	}
	return only
}
