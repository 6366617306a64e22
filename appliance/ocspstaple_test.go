package appliance_test

import (
	"testing"
	"time"

	"gatehouse/authcore/pki/lab"
)

// newStaplingSite is a site whose server credential names a responder at route, if it names one.
func newStaplingSite(t *testing.T, odd lab.Oddities, named bool) (*site, *responder) {
	t.Helper()
	s, r := newOCSPSite(t, "")
	s.serverCA = chainOf(t, s.serverCA, 1)
	s.write("ca/servers.pem", string(rootOf(s.serverCA))+string(s.serverCA.CertificatePEM()))
	s.write("ca/servers.yaml", "revocation: {allow_addresses: [127.0.0.1/32]}\n")
	options := lab.ServerOptions{DNSNames: []string{"radius.acme.example"}}
	if named {
		options.OCSP = []string{r.serve("servers", s.serverCA, lab.ResponderOptions{Revocations: &r.revoked, Odd: odd})}
	}
	leaf := must(s.serverCA.IssueServer(options))(t)
	s.write("server/ecdsa/certificate.pem", string(leaf.CertificatePEM()))
	s.write("server/ecdsa/key.pem", string(leaf.KeyPEM()))
	return s.start(), r
}

// stapleStatus is what status says of the only credential that names a responder.
func (s *site) stapleStatus() string {
	if staples := s.standing().Staples; len(staples) == 1 {
		return staples[0].Status
	}
	return ""
}

// demanding is a real client that demands a stapled answer about the server.
func (s *site) demanding(noTLS13 bool) station {
	st := s.alice()
	st.serverCA, st.noTLS13 = rootOf(s.serverCA), noTLS13
	st.settings = map[string]string{"ocsp": "2"}
	return st
}

// TestTL17Stapling satisfies real clients that demand the standing of the server in the
// handshake.
func TestTL17Stapling(t *testing.T) {
	t.Parallel()
	s, r := newStaplingSite(t, lab.Oddities{}, true)
	s.eventually("stapled", func() bool { return s.stapleStatus() == "good" })
	for _, noTLS13 := range []bool{true, false} {
		s.accept(s.demanding(noTLS13))
	}
	if n := r.count("servers"); n != 1 {
		t.Errorf("the responder was asked %d times for two handshakes, want 1", n)
	}
	s.replace("policy.yaml", "500ms", "600ms")
	s.reload()
	s.accept(s.demanding(false))
	s.clock.move(3 * time.Hour) // the answer is renewed
	s.accept(station{leaf: s.user(lab.UserOptions{}), serverCA: rootOf(s.serverCA)})
	s.eventually("renewed", func() bool { return r.count("servers") > 1 })
}

// TestTL17NewCredential has an answer about a credential that comes with a reload fetched without
// anybody at the door.
func TestTL17NewCredential(t *testing.T) {
	t.Parallel()
	s, r := newStaplingSite(t, lab.Oddities{}, false)
	options := lab.ServerOptions{DNSNames: []string{"radius.acme.example"}}
	options.OCSP = []string{r.serve("servers", s.serverCA, lab.ResponderOptions{})}
	leaf := must(s.serverCA.IssueServer(options))(t)
	s.write("server/ecdsa/certificate.pem", string(leaf.CertificatePEM()))
	s.write("server/ecdsa/key.pem", string(leaf.KeyPEM()))
	s.reload()
	s.eventually("stapled", func() bool { return s.stapleStatus() == "good" })
	s.accept(s.demanding(false))
}

// TestTL17NothingToStaple fails a client that demands it where there is no good answer; whoever
// does not insist gets in.
func TestTL17NothingToStaple(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		odd    lab.Oddities
		named  bool
		status string
	}{
		{"no_responder", lab.Oddities{}, false, ""},
		{"stale", lab.Oddities{Age: 3 * time.Hour}, true, "none"},
		{"wrong_signature", lab.Oddities{Damaged: true}, true, "none"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, r := newStaplingSite(t, tt.odd, tt.named)
			if tt.named {
				s.eventually("asked", func() bool { return r.count("servers") > 0 })
			}
			if got := s.stapleStatus(); got != tt.status {
				t.Errorf("got status %q, want %q", got, tt.status)
			}
			for _, noTLS13 := range []bool{true, false} {
				ok, output := s.eapol(s.demanding(noTLS13))
				if d := s.decision(); ok || d.Result != "reject" || d.Reason != "tls_peer_alert" {
					t.Errorf("got ok %v, %+v, want an alert of the client\n%s", ok, d, tail(output))
				}
				st := s.demanding(noTLS13)
				st.settings = map[string]string{"ocsp": "1"}
				s.accept(st)
			}
		})
	}
}
