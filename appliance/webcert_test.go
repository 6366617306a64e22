package appliance_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/authcore/pki/lab"
)

// TestInstalledWebCertificate: one that a CA has signed is used, browsers are told to come by HTTPS
// alone, and it is not replaced by the gateway's own, however near its end is.
func TestInstalledWebCertificate(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	leaf := must(s.serverCA.IssueServer(lab.ServerOptions{DNSNames: []string{"gw.acme.example"},
		Options: lab.Options{NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(5 * 24 * time.Hour)}}))(t)
	dir := filepath.Join(s.state, "tls")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string][]byte{"certificate.pem": leaf.CertificatePEM(), "key.pem": leaf.KeyPEM()} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	s.start()
	response := must(s.browser().client.Get("https://" + s.appliance.WebAddr() + "/livez"))(t)
	defer func() { _ = response.Body.Close() }()
	if got := response.Header.Get("Strict-Transport-Security"); got != "max-age=2592000" {
		t.Errorf("Strict-Transport-Security is %q", got)
	}
	if got := response.TLS.PeerCertificates[0].Raw; !bytes.Equal(got, leaf.TLS().Certificate[0]) {
		t.Errorf("served %v", response.TLS.PeerCertificates[0].Subject)
	}
	if kept := must(os.ReadFile(filepath.Join(dir, "certificate.pem")))(t); !bytes.Equal(kept, leaf.CertificatePEM()) {
		t.Error("it was replaced")
	}
	if !strings.Contains(s.log.String(), "the web certificate that was installed ends soon") {
		t.Error("nobody is told that it ends soon")
	}
}
