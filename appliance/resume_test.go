package appliance_test

import (
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/authcore/pki/lab"
	"gatehouse/authcore/supplicant"
)

// TestTL15EapolTestResumes lets wpa_supplicant's own peer come back three times: with TLS 1.3
// as it is, with TLS 1.2 once its tickets are switched on.
func TestTL15EapolTestResumes(t *testing.T) {
	t.Parallel()
	conf := withoutExtendedMasterSecret(t)
	for _, tt := range []struct {
		name    string
		noTLS13 bool
		phase1  string
		env     []string
		want    bool
	}{
		{"tls_1_3", false, "", nil, true},
		{"tls_1_2_with_tickets", true, "tls_disable_session_ticket=0", nil, true},
		{"tls_1_2_without_ems", true, "tls_disable_session_ticket=0", []string{"OPENSSL_CONF=" + conf}, true},
		{"tls_1_2_as_it_is", true, "", nil, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t).start()
			st := s.alice()
			st.noTLS13, st.phase1, st.env, st.args = tt.noTLS13, tt.phase1, tt.env, []string{"-r", "3"}
			ok, output := s.eapol(st)
			if !ok || !strings.Contains(output, "MPPE keys OK: 4") {
				t.Fatalf("eapol_test -r 3: ok %v\n%s", ok, tail(output))
			}
			first := s.decision()
			if first.Result != "accept" || first.Resumed {
				t.Fatalf("got %+v, want a full handshake first", first)
			}
			for range 3 {
				d := s.decision()
				if d.Result != "accept" || d.Resumed != tt.want || d.User != "alice" {
					t.Errorf("got %+v, want accept, resumed %v", d, tt.want)
				}
				if tt.want && d.Rounds > first.Rounds {
					t.Errorf("got %d rounds resumed, %d in full", d.Rounds, first.Rounds)
				}
			}
		})
	}
}

// TestTL15SessionOff resumes nothing where the policy says so.
func TestTL15SessionOff(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.write("policy.yaml", "revocation: {ocsp: off}\neap: {session_lifetime: 0s}\n")
	s.start()
	st := s.alice()
	st.args = []string{"-r", "1"}
	if ok, output := s.eapol(st); !ok {
		t.Fatal(tail(output))
	}
	for range 2 {
		if d := s.decision(); d.Result != "accept" || d.Resumed {
			t.Errorf("got %+v, want a full handshake", d)
		}
	}
}

// TestTL16ResumptionIsJudgedAnew changes the configuration between two sign-ins of a device
// that resumes: what decides about trust makes its session useless, what decides about the
// person is judged on the spot, and anything else changes nothing.
func TestTL16ResumptionIsJudgedAnew(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name    string
		change  func(*site)
		reason  string
		resumed bool
	}{
		{"unrelated_user", func(s *site) {
			s.write("users/more.yaml", "- {username: bob, email: bob@acme.example}\n")
		}, "accepted", true},
		{"suspended", func(s *site) {
			s.replace("users/staff.yaml", "groups: [staff]", "groups: [staff], state: suspended")
		}, "user_suspended", true},
		{"removed_user", func(s *site) {
			s.write("users/staff.yaml", "- {username: bob, email: bob@acme.example}\n")
		}, "user_unknown", true},
		{"scope", func(s *site) {
			s.write("ca/acme.yaml", "scope: {domains: [globex.example]}\n")
		}, "ca_out_of_scope", false},
		{"ca_removed", func(s *site) {
			other := must(lab.NewCA(lab.CAOptions{Name: "Other CA"}))(s.t)
			s.write("ca/other.pem", string(other.CertificatePEM()))
			s.replace("radius/wifi.yaml", "ca: [acme]", "ca: [other]")
		}, "cert_unknown_ca", false},
		{"ca_added", func(s *site) {
			other := must(lab.NewCA(lab.CAOptions{Name: "Other CA"}))(s.t)
			s.write("ca/other.pem", string(other.CertificatePEM()))
			s.replace("radius/wifi.yaml", "ca: [acme]", "ca: [acme, other]")
		}, "accepted", false},
		{"eap_policy", func(s *site) {
			s.replace("policy.yaml", "reject_delay: 500ms", "reject_delay: 600ms")
		}, "accepted", false},
	} {
		for _, version := range []string{"1.2", "1.3"} {
			t.Run(tt.name+"_tls_"+version, func(t *testing.T) {
				t.Parallel()
				s := newSite(t).start()
				device := s.device(version)
				s.signIn(device, "accepted", false)
				s.signIn(device, "accepted", true)
				tt.change(s)
				s.reload()
				s.signIn(device, tt.reason, tt.resumed)
			})
		}
	}
}

// TestTL15SessionExpires is as old as its full handshake, however often it is resumed.
func TestTL15SessionExpires(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.write("policy.yaml", "revocation: {ocsp: off}\neap: {session_lifetime: 1h}\n")
	s.start()
	device := s.device("1.3")
	s.signIn(device, "accepted", false)
	s.clock.move(40 * 60e9)
	s.signIn(device, "accepted", true)
	s.clock.move(40 * 60e9)
	s.signIn(device, "accepted", false)
	s.signIn(device, "accepted", true)
}

// device returns a built-in client that resumes and checks both MPPE keys.
func (s *site) device(version string) supplicant.Config {
	s.t.Helper()
	certificate := s.user(lab.UserOptions{}).TLS()
	versions := map[string]uint16{"1.2": 0x0303, "1.3": 0x0304}
	return supplicant.Config{
		Server: s.appliance.AuthAddr().String(), Secret: []byte(sharedSecret), Identity: "anonymous",
		Certificate: &certificate, TLSMax: versions[version], EAPKeyName: true,
		SessionCache: tls.NewLRUClientSessionCache(1),
	}
}

// signIn demands a result for reason, keys that fit, and a session resumed or not.
func (s *site) signIn(device supplicant.Config, reason string, resumed bool) {
	s.t.Helper()
	report, err := supplicant.Run(s.t.Context(), device)
	if err != nil {
		s.t.Fatal(err)
	}
	d := s.decision()
	if d.Reason != reason || d.Resumed != resumed {
		s.t.Errorf("got %+v, want %s, resumed %v", d, reason, resumed)
	}
	if accepted := reason == "accepted"; report.OK() != accepted {
		s.t.Errorf("got report %+v, want ok %v", report, accepted)
	}
}

// withoutExtendedMasterSecret returns an OpenSSL configuration that takes it away.
func withoutExtendedMasterSecret(t *testing.T) string {
	t.Helper()
	return opensslDefault(t, "Options = -ExtendedMasterSecret")
}

// opensslDefault is a configuration file that makes line the default of every TLS connection.
func opensslDefault(t *testing.T, line string) string {
	t.Helper()
	conf := filepath.Join(t.TempDir(), "openssl.cnf")
	text := fmt.Sprintf("openssl_conf = init\n[init]\nssl_conf = ssl\n[ssl]\nsystem_default = %s\n[%[1]s]\n"+
		"%s\n", "defaults", line)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return conf
}
