package appliance_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/authcore/pki/lab"
)

// TestEapolTestAccepts signs real clients in: TLS version by key kind of either side.
func TestEapolTestAccepts(t *testing.T) {
	t.Parallel()
	keys := map[string]lab.KeyKind{"ecdsa": lab.P256, "rsa": lab.RSA2048}
	for _, serverKey := range []string{"ecdsa", "rsa"} {
		t.Run("server_"+serverKey, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			if serverKey == "rsa" {
				s.remove("server/ecdsa")
				s.writeServer("rsa", lab.RSA2048)
			}
			s.start()
			for _, userKey := range []string{"ecdsa", "rsa"} {
				for _, version := range []string{"1.2", "1.3"} {
					leaf := s.user(lab.UserOptions{Options: lab.Options{KeyKind: keys[userKey]}})
					d := s.accept(station{leaf: leaf, noTLS13: version == "1.2"})
					if d.TLSVersion != version || d.User != "alice" || d.Method != "eap-tls" {
						t.Errorf("client %s: got %+v, want TLS %s as alice", userKey, d, version)
					}
				}
			}
		})
	}
}

// TestEapolTestIdentityKinds signs in with every kind of user certificate, with the quirks
// that pilots arrive with.
func TestEapolTestIdentityKinds(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.write("policy.yaml", "revocation: {ocsp: off}\nidentity: {order: [san_email, san_upn, dn_email, cn, san_dns]}\n")
	s.write("users/machines.yaml", "- {username: host/laptop7.acme.example}\n- {username: \"bjørn\", email: \"bjørn@acme.example\"}\n")
	s.start()
	tests := []struct {
		name string
		user lab.UserOptions
		want string
	}{
		{"email_san", lab.UserOptions{Kind: lab.EmailSAN, Identity: "alice@acme.example"}, "alice"},
		{"email_san_upper_case", lab.UserOptions{Kind: lab.EmailSAN, Identity: "Alice@ACME.example"}, "alice"},
		{"email_dn", lab.UserOptions{Kind: lab.EmailDN, Identity: "alice@acme.example"}, "alice"},
		{"email_dn_beside_other_san", lab.UserOptions{Kind: lab.EmailDN, Identity: "alice@acme.example",
			Names: []lab.GeneralName{lab.DNS("unrelated.example")}}, "alice"},
		{"username_cn", lab.UserOptions{Kind: lab.UsernameCN, Identity: "alice"}, "alice"},
		{"username_cn_utf8", lab.UserOptions{Kind: lab.UsernameCN, Identity: "bjørn"}, "bjørn"},
		{"upn", lab.UserOptions{Kind: lab.UserUPN, Identity: "alice@acme.example"}, "alice"},
		{"machine", lab.UserOptions{Kind: lab.MachineDNS, Identity: "laptop7.acme.example"}, "host/laptop7.acme.example"},
		{"localhost_ocsp_and_org_id", lab.UserOptions{Kind: lab.EmailDN, Identity: "alice@acme.example",
			Organization: "5f3759df", Options: lab.Options{OCSP: []string{"http://localhost:9000"}}}, "alice"},
	}
	for _, tt := range tests {
		if d := s.accept(station{leaf: s.user(tt.user)}); d.User != tt.want {
			t.Errorf("%s: got user %q, want %q", tt.name, d.User, tt.want)
		}
	}
}

// TestEapolTestFragments runs fragment sizes 200, 500 and 1400 on either side, over a chain of
// four certificates on either side.
func TestEapolTestFragments(t *testing.T) {
	t.Parallel()
	for _, size := range []int{200, 500, 1400} {
		t.Run(fmt.Sprint(size), func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.write("policy.yaml", fmt.Sprintf("revocation: {ocsp: off}\neap: {fragment_size: %d}\n", size))
			s.ca = chainOf(t, s.ca, 2)
			s.serverCA = chainOf(t, s.serverCA, 2)
			s.writeServer("ecdsa", lab.P256)
			s.start()
			serverRoot := rootOf(s.serverCA)
			for _, noTLS13 := range []bool{true, false} {
				leaf := s.user(lab.UserOptions{})
				if n := len(leaf.Presented()); n != 3 {
					t.Fatalf("got a chain of %d before the anchor, want 3", n)
				}
				d := s.accept(station{leaf: leaf, serverCA: serverRoot, noTLS13: noTLS13,
					settings: map[string]string{"fragment_size": fmt.Sprint(size)}})
				if size == 200 && d.Rounds < 15 {
					t.Errorf("got %d rounds with fragments of 200, want many", d.Rounds)
				}
			}
		})
	}
}

// TestEA14EapolTestKeyName asks for EAP-Key-Name, which eapol_test compares with its Session-Id.
func TestEA14EapolTestKeyName(t *testing.T) {
	t.Parallel()
	s := newSite(t).start()
	for _, noTLS13 := range []bool{true, false} {
		st := s.alice()
		st.noTLS13, st.args = noTLS13, []string{"-e"}
		ok, output := s.eapol(st)
		if !ok || !strings.Contains(output, "Session-Id matches EAP-Key-Name from server") {
			t.Errorf("no TLS 1.3 %v: ok %v, want a Session-Id that matches\n%s", noTLS13, ok, tail(output))
		}
	}
}

// TestTL9EapolTestWithoutExtendedMasterSecret takes the extension away from OpenSSL.
func TestTL9EapolTestWithoutExtendedMasterSecret(t *testing.T) {
	t.Parallel()
	conf := withoutExtendedMasterSecret(t)
	for name, kind := range map[string]lab.KeyKind{"ecdsa": lab.P256, "rsa": lab.RSA2048} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.remove("server/ecdsa")
			s.writeServer(name, kind)
			s.start()
			for _, ciphers := range []string{"ECDHE+AES128", "ECDHE+AES256", "ECDHE+CHACHA20"} {
				st := s.alice()
				st.noTLS13, st.env = true, []string{"OPENSSL_CONF=" + conf}
				st.settings = map[string]string{"openssl_ciphers": fmt.Sprintf("%q", ciphers)}
				s.accept(st)
			}
		})
	}
}

// TestTwoServerCredentials loads ECDSA and RSA together: a client that can verify only one of
// them gets that one.
func TestTwoServerCredentials(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.writeServer("rsa", lab.RSA2048)
	s.start()
	for _, tt := range []struct{ ciphers, want string }{
		{"ECDHE-ECDSA-AES128-GCM-SHA256", "ecdsa"}, {"ECDHE-RSA-AES128-GCM-SHA256", "rsa"},
		{"ECDHE+AESGCM", "ecdsa"},
	} {
		st := s.alice()
		got := filepath.Join(t.TempDir(), "server.pem")
		st.noTLS13, st.args = true, []string{"-o", got}
		st.settings = map[string]string{"openssl_ciphers": fmt.Sprintf("%q", tt.ciphers)}
		s.accept(st)
		if kind := keyKindOf(t, got); kind != tt.want {
			t.Errorf("ciphers %s: got the %s credential, want %s", tt.ciphers, kind, tt.want)
		}
	}
	// With TLS 1.3 the signature algorithms say what a client can verify.
	for algorithms, want := range map[string]string{
		"rsa_pss_rsae_sha256": "rsa", "ECDSA+SHA256": "ecdsa", "rsa_pss_rsae_sha256:ECDSA+SHA256": "ecdsa",
	} {
		st := s.alice()
		if want == "rsa" {
			st.leaf = s.user(lab.UserOptions{Options: lab.Options{KeyKind: lab.RSA2048}})
		}
		got := filepath.Join(t.TempDir(), "server.pem")
		st.args = []string{"-o", got}
		st.env = []string{"OPENSSL_CONF=" + opensslDefault(t, "SignatureAlgorithms = "+algorithms)}
		if d := s.accept(st); d.TLSVersion != "1.3" {
			t.Errorf("algorithms %s: got TLS %s, want 1.3", algorithms, d.TLSVersion)
		}
		if kind := keyKindOf(t, got); kind != want {
			t.Errorf("algorithms %s: got the %s credential, want %s", algorithms, kind, want)
		}
	}
}
