package appliance_test

import (
	"encoding/asn1"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/authcore/pki/lab"
)

// rejectSite has a CA for anyone and one for partner.example only, and users of all states.
func rejectSite(t *testing.T) (s *site, partner *lab.CA) {
	s = newSite(t)
	partner = must(lab.NewCA(lab.CAOptions{Name: "Partner CA"}))(t)
	s.write("ca/partner.pem", string(partner.CertificatePEM()))
	s.write("ca/partner.yaml", "scope: {domains: [partner.example]}\n")
	s.replace("radius/wifi.yaml", "ca: [acme]", "ca: [acme, partner]")
	s.replace("radius/wifi.yaml", "clients:", "users: {groups: [staff]}\nclients:")
	s.write("users/more.yaml", `- {username: sam, email: sam@acme.example, groups: [staff], state: suspended}
- {username: gus, email: gus@acme.example, groups: [guests]}
- {username: pat, email: pat@partner.example, groups: [staff]}
`)
	return s.start(), partner
}

// TestEapolTestRejects produces every reason by a real client, each followed by a good one.
func TestEapolTestRejects(t *testing.T) {
	t.Parallel()
	s, partner := rejectSite(t)
	now := time.Now()
	stranger := must(lab.NewCA(lab.CAOptions{Name: "Stranger CA"}))(t)
	user := func(ca *lab.CA, o lab.UserOptions) station {
		if o.Identity == "" {
			o.Identity = "alice@acme.example"
		}
		return station{leaf: must(ca.IssueUser(o))(t)}
	}
	serverAuth := asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 1}
	weak := user(s.ca, lab.UserOptions{Options: lab.Options{KeyKind: lab.WeakRSA1024}})
	weak.settings = map[string]string{"openssl_ciphers": `"DEFAULT@SECLEVEL=0"`}
	old := s.alice()
	old.phase1 = "tls_disable_tlsv1_2=1 tls_disable_tlsv1_1=0 tls_disable_tlsv1_0=0"
	old.noTLS13 = true
	old.settings = weak.settings
	distrusting := s.alice()
	distrusting.serverCA = stranger.CertificatePEM()
	tests := []struct {
		name    string
		station station
		reason  string
		detail  string // part of it
	}{
		{"expired", user(s.ca, lab.UserOptions{Options: lab.Options{
			NotBefore: now.AddDate(-1, 0, 0), NotAfter: now.AddDate(0, 0, -3)}}), "cert_expired", "expired"},
		{"not_yet_valid", user(s.ca, lab.UserOptions{Options: lab.Options{
			NotBefore: now.AddDate(1, 0, 0), NotAfter: now.AddDate(2, 0, 0)}}), "cert_not_yet_valid", "clock"},
		{"untrusted", user(stranger, lab.UserOptions{}), "cert_unknown_ca", "Stranger CA"},
		{"wrong_purpose", user(s.ca, lab.UserOptions{Options: lab.Options{
			Usages: []asn1.ObjectIdentifier{serverAuth}}}), "cert_purpose", ""},
		{"unknown_extension", user(s.ca, lab.UserOptions{
			CriticalExtension: asn1.ObjectIdentifier{1, 2, 3, 4, 5}}), "cert_critical_extension", "1.2.3.4.5"},
		{"weak_key", weak, "cert_weak", "1024"},
		{"unknown", user(s.ca, lab.UserOptions{Identity: "nobody@acme.example"}), "user_unknown", "nobody@acme.example"},
		{"suspended", user(s.ca, lab.UserOptions{Identity: "sam@acme.example"}), "user_suspended", "sam"},
		{"wrong_group", user(s.ca, lab.UserOptions{Identity: "gus@acme.example"}), "user_not_in_group", "guests"},
		{"out_of_scope", user(partner, lab.UserOptions{}), "ca_out_of_scope", "partner.example"},
		{"ambiguous", user(s.ca, lab.UserOptions{Names: []lab.GeneralName{
			lab.Email("pat@partner.example")}}), "identity_ambiguous", "pat"},
		{"no_certificate", noCertificate(t, s), "cert_missing", ""},
		{"tls_1_1_only", old, "tls_version", "TLS 1.1"},
		{"client_distrusts_us", distrusting, "tls_peer_alert", "unknown_ca"},
	}
	for _, tt := range tests {
		for _, noTLS13 := range []bool{true, false} {
			if noTLS13 != old.noTLS13 && tt.name == "tls_1_1_only" {
				continue
			}
			st := tt.station
			st.noTLS13 = noTLS13
			d := s.reject(st, tt.reason)
			if !strings.Contains(d.Detail, tt.detail) {
				t.Errorf("%s: got detail %q, want it to name %q", tt.name, d.Detail, tt.detail)
			}
		}
	}
	if d := s.accept(user(partner, lab.UserOptions{Identity: "pat@partner.example"})); d.User != "pat" {
		t.Errorf("inside the scope: got %+v, want pat", d)
	}
}

// noCertificate is a real client that presents none: OpenSSL has an Ed448 key, for which the
// server asks no signature, and so sends an empty list.
func noCertificate(t *testing.T, s *site) station {
	t.Helper()
	openssl := peerProgram(t, "openssl")
	dir := t.TempDir()
	key, cert := filepath.Join(dir, "key.pem"), filepath.Join(dir, "cert.pem")
	out, err := exec.Command(openssl, "req", "-x509", "-newkey", "ed448", "-nodes", "-days", "2",
		"-subj", "/CN=alice", "-keyout", key, "-out", cert).CombinedOutput()
	if err != nil {
		t.Fatalf("openssl req: %v\n%s", err, out)
	}
	return station{certFile: cert, keyFile: key}
}

// TestEapolTestGoesSilent cuts a real client off once it has our certificate: what it looks
// like when a person is asked whether to trust it, and looks away.
func TestEapolTestGoesSilent(t *testing.T) {
	t.Parallel()
	s := newSite(t).start()
	for _, noTLS13 := range []bool{true, false} {
		st := s.alice()
		// Identity, ClientHello, and nothing after: the certificate fits one packet.
		st.port, st.noTLS13, st.shortWait = cutAfter(t, s.port, 2), noTLS13, true
		if ok, output := s.eapol(st); ok {
			t.Fatalf("eapol_test succeeded through a cut line\n%s", tail(output))
		}
		s.clock.move(time.Minute)
		d := s.decision()
		if d.Reason != "peer_timeout" || !strings.Contains(d.Detail, "our certificate was sent") {
			t.Errorf("no TLS 1.3 %v: got %+v, want peer_timeout after our certificate was sent", noTLS13, d)
		}
		s.accept(s.alice())
	}
}

// TestReloadRefusesAtOnce suspends a user and reloads: the next sign-in is refused, and so is a
// user of a CA that was taken away.
func TestReloadRefusesAtOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t).start()
	s.accept(s.alice())
	s.replace("users/staff.yaml", "groups: [staff]", "groups: [staff], state: suspended")
	s.reload()
	ok, output := s.eapol(s.alice())
	if d := s.decision(); ok || d.Reason != "user_suspended" || d.Generation != 2 {
		t.Fatalf("got ok %v, %+v, want user_suspended by generation 2\n%s", ok, d, tail(output))
	}
}

// replace changes a file of the configuration directory.
func (s *site) replace(name, old, new string) {
	s.t.Helper()
	data, err := os.ReadFile(filepath.Join(s.dir, filepath.FromSlash(name)))
	if err != nil {
		s.t.Fatal(err)
	}
	if !strings.Contains(string(data), old) {
		s.t.Fatalf("%s has no %q", name, old)
	}
	s.write(name, strings.ReplaceAll(string(data), old, new))
}

func (s *site) remove(name string) {
	s.t.Helper()
	if err := os.RemoveAll(filepath.Join(s.dir, filepath.FromSlash(name))); err != nil {
		s.t.Fatal(err)
	}
}
