package appliance_test

import (
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/authcore/pki/lab"
)

// An opensslResponder is `openssl ocsp` with a database of certificates: one good, one revoked
// and one on hold. A fourth is not in it.
type opensslResponder struct {
	s       *site
	dir     string
	url     string
	serials map[string]*big.Int // good, revoked, held, absent
}

// startOpenSSL serves for s.ca, signed by the CA or by whom it delegates to, until the test ends.
func (s *site) startOpenSSL(signer *lab.Leaf, args ...string) *opensslResponder {
	s.t.Helper()
	peerProgram(s.t, "openssl")
	o := &opensslResponder{s: s, dir: s.t.TempDir(), serials: map[string]*big.Int{}}
	for _, name := range []string{"good", "revoked", "held", "absent"} {
		o.serials[name] = must(rand.Int(rand.Reader, new(big.Int).Lsh(big.NewInt(1), 127)))(s.t)
	}
	o.write("index.txt", o.line("V", "", "good")+o.line("R", "260101000000Z,keyCompromise", "revoked")+
		o.line("R", "260101000000Z,certificateHold", "held"))
	o.write("index.txt.attr", "unique_subject = no\n")
	o.credential("ca", s.ca.Certificate, s.ca.Key)
	if signer == nil {
		signer = &lab.Leaf{Certificate: s.ca.Certificate, Key: s.ca.Key}
	}
	o.credential("signer", signer.Certificate, signer.Key)
	o.start(args)
	return o
}

// device is a real client whose certificate names the responder.
func (o *opensslResponder) device(name string) station {
	o.s.t.Helper()
	return station{leaf: o.s.user(lab.UserOptions{Options: lab.Options{
		Serial: o.serials[name], OCSP: []string{o.url},
	}})}
}

// line is one of the database: state V or R, and when and why it was revoked.
func (o *opensslResponder) line(state, revoked, name string) string {
	serial := fmt.Sprintf("%X", o.serials[name])
	if len(serial)%2 != 0 {
		serial = "0" + serial
	}
	return strings.Join([]string{state, "491231235959Z", revoked, serial, "unknown", "/CN=x"}, "\t") + "\n"
}

func (o *opensslResponder) write(name, content string) {
	o.s.t.Helper()
	if err := os.WriteFile(filepath.Join(o.dir, name), []byte(content), 0o600); err != nil {
		o.s.t.Fatal(err)
	}
}

// credential writes a certificate and its key, to sign with.
func (o *opensslResponder) credential(name string, c *x509.Certificate, key crypto.Signer) {
	o.s.t.Helper()
	o.write(name+".pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})))
	o.write(name+".key", string(pem.EncodeToMemory(&pem.Block{
		Type: "PRIVATE KEY", Bytes: must(x509.MarshalPKCS8PrivateKey(key))(o.s.t),
	})))
}

func (o *opensslResponder) start(args []string) {
	o.s.t.Helper()
	l := must(net.Listen("tcp4", "127.0.0.1:0"))(o.s.t)
	port := l.Addr().(*net.TCPAddr).Port
	_ = l.Close() // openssl takes it from here
	if !slices.Contains(args, "-nmin") {
		args = append(args, "-ndays", "1")
	}
	cmd := exec.Command("openssl", append([]string{"ocsp", "-port", fmt.Sprint(port),
		"-index", "index.txt", "-CA", "ca.pem", "-rsigner", "signer.pem", "-rkey", "signer.key"}, args...)...)
	cmd.Dir = o.dir
	if err := cmd.Start(); err != nil {
		o.s.t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	o.s.t.Cleanup(func() {
		_ = cmd.Process.Kill() // it may have ended
		<-ended
	})
	o.waitListening(port, ended)
	o.url = fmt.Sprintf("http://127.0.0.1:%d", port)
}

// waitListening looks into the kernel's tables: a connection that is closed without a request
// sends `openssl ocsp` into an endless loop.
func (o *opensslResponder) waitListening(port int, ended chan error) {
	o.s.t.Helper()
	want := fmt.Sprintf(":%04X", port)
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for range 1000 {
		for _, table := range []string{"/proc/net/tcp", "/proc/net/tcp6"} {
			content, err := os.ReadFile(table)
			if err != nil {
				continue // no IPv6, say
			}
			for line := range strings.Lines(string(content)) {
				f := strings.Fields(line)
				if len(f) > 3 && strings.HasSuffix(f[1], want) && f[3] == "0A" {
					return
				}
			}
		}
		select {
		case err := <-ended:
			ended <- err
			o.s.t.Fatalf("openssl ocsp ended: %v", err)
		case <-tick.C:
		}
	}
	o.s.t.Fatalf("openssl ocsp does not listen on port %d", port)
}

// newIntermediateSite is a site that validates good standing, whose users are vouched for by an
// intermediate that names no responder for itself.
func newIntermediateSite(t *testing.T) (s *site, root *lab.CA) {
	t.Helper()
	s = newSite(t)
	s.write("policy.yaml", "eap: {reject_delay: 500ms}\n")
	s.write("ca/acme.yaml", "revocation: {allow_addresses: [127.0.0.1/32]}\n")
	root = s.ca
	s.ca = chainOf(t, root, 1)
	return s.start(), root
}

// TestOpenSSLOCSP lets real devices in and turns them away by the word of `openssl ocsp`, whoever
// signs for it of those who may: the CA, which is an intermediate and embeds its certificate, or
// those it delegates to.
func TestOpenSSLOCSP(t *testing.T) {
	t.Parallel()
	s, _ := newIntermediateSite(t)
	for _, tt := range []struct {
		name   string
		signer *lab.Leaf
		args   []string
	}{
		{"intermediate", nil, nil},
		{"intermediate_by_key_without_certificate", nil, []string{"-resp_key_id", "-resp_no_certs"}},
		{"delegate", must(s.ca.IssueOCSPSigner(lab.SignerOptions{}))(t), nil},
	} {
		o := s.startOpenSSL(tt.signer, tt.args...)
		for _, noTLS13 := range []bool{true, false} { // asked the first time only
			st, source := o.device("good"), "cache"
			if st.noTLS13 = noTLS13; noTLS13 {
				source = "responder"
			}
			s.wantOCSP(s.accept(st), "good", source)
			s.clock.move(10 * time.Second)
		}
		s.ocsp = []string{o.url}
		for _, bad := range []struct{ who, reason, detail, status string }{
			{"revoked", "cert_revoked", "revoked on 2026-01-01T00:00:00Z (keyCompromise)", "revoked"},
			{"held", "cert_revoked", "certificateHold", "revoked"},
			{"absent", "ocsp_unknown", "unknown as of", "unknown"},
		} {
			d := s.rejected(o.device(bad.who), bad.reason)
			if !strings.Contains(d.Detail, bad.detail) {
				t.Errorf("%s, %s: got detail %q, want %q in it", tt.name, bad.who, d.Detail, bad.detail)
			}
			s.wantOCSP(d, bad.status, "responder")
			s.accept(o.device("good"))
		}
	}
}

// TestOpenSSLOCSPRefused turns a device away when its responder is `openssl ocsp` with a signer
// who may not speak for the CA, or with an answer that proves nothing.
func TestOpenSSLOCSPRefused(t *testing.T) {
	t.Parallel()
	s, root := newIntermediateSite(t)
	good := s.startOpenSSL(nil)
	sister := must(root.NewIntermediate(lab.CAOptions{Name: "Sister CA"}))(t)
	for _, tt := range []struct {
		name           string
		signer         *lab.Leaf
		args           []string
		reason, detail string
	}{
		{"without_ocsp_signing", must(s.ca.IssueOCSPSigner(lab.SignerOptions{Options: lab.Options{NoUsages: true}}))(t),
			nil, "ocsp_unauthorized", "lacks the extended key usage id-kp-OCSPSigning"},
		{"another_users_certificate", s.user(lab.UserOptions{Identity: "mallory@acme.example"}),
			nil, "ocsp_unauthorized", "lacks the extended key usage id-kp-OCSPSigning"},
		{"sister_ca", &lab.Leaf{Certificate: sister.Certificate, Key: sister.Key},
			nil, "ocsp_unauthorized", "was not issued by the CA"},
		{"sisters_delegate", must(sister.IssueOCSPSigner(lab.SignerOptions{}))(t),
			nil, "ocsp_unauthorized", "was not issued by the CA"},
		{"unchecked_delegate", must(s.ca.IssueOCSPSigner(lab.SignerOptions{MustCheck: true}))(t),
			nil, "ocsp_unauthorized", "no id-pkix-ocsp-nocheck"},
		{"wrong_signature", nil, []string{"-badsig"}, "ocsp_unauthorized", "does not verify"},
		{"signed_with_sha1", nil, []string{"-rmd", "sha1"}, "ocsp_unauthorized", "SHA-1"},
	} {
		o := s.startOpenSSL(tt.signer, tt.args...)
		d := s.rejected(o.device("good"), tt.reason)
		if !strings.Contains(d.Detail, tt.detail) {
			t.Errorf("%s: got detail %q, want %q in it", tt.name, d.Detail, tt.detail)
		}
		s.wantOCSP(d, "none", "")
		s.accept(good.device("good"))
	}
	brief := s.startOpenSSL(nil, "-nmin", "1")
	s.clock.move(time.Hour)
	d := s.rejected(brief.device("good"), "ocsp_stale")
	if !strings.Contains(d.Detail, "expired") {
		t.Errorf("stale: got detail %q", d.Detail)
	}
	s.accept(good.device("good"))
}

// rejected demands that st is refused for reason.
func (s *site) rejected(st station, reason string) decision {
	s.t.Helper()
	ok, output := s.eapol(st)
	d := s.decision()
	if ok || d.Result != "reject" || d.Reason != reason {
		s.t.Fatalf("eapol_test: ok %v, decision %+v; want reject for %s\n%s", ok, d, reason, tail(output))
	}
	return d
}
