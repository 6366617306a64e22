package appliance_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"runtime"
	"strings"
	"testing"
	"time"

	"gatehouse/appliance"
	"gatehouse/authcore/pki/lab"
	"gatehouse/authcore/supplicant"
)

// secondServer is a RADIUS server for people in groups, on the clients of the first.
const secondServer = `authentication: {method: passwordless, ca: [acme]}
match: {ssid: [staff-only]}
clients:
  - {name: ap2, address: 127.0.0.0/8, secret: another secret of the tests}
users: {groups: [staff, guests]}
reply:
  - {groups: [staff], vlan: "30", attributes: {Filter-Id: staff}}
`

// TestTrialPasses tries configurations that work, by every credential, TLS version and RADIUS
// server.
func TestTrialPasses(t *testing.T) {
	t.Parallel()
	policyOf := func(text string) func(*site) {
		return func(s *site) { s.write("policy.yaml", text) }
	}
	tests := []struct {
		name     string
		prepare  func(*site)
		attempts int
	}{
		{"defaults", func(*site) {}, 2},
		{"ecdsa_and_rsa", func(s *site) { s.writeServer("rsa", lab.RSA2048) }, 4},
		{"odd_keys", func(s *site) {
			s.writeServer("p384", lab.P384)
			s.writeServer("p521", lab.P521)
			s.writeServer("ed25519", lab.Ed25519)
		}, 8},
		{"tls_1_2_only", policyOf(`eap: {tls_max: "1.2"}`), 1},
		{"tls_1_3_only", policyOf(`eap: {tls_min: "1.3"}`), 1},
		{"several_servers", func(s *site) {
			s.write("radius/staff.yaml", secondServer)
			s.writeServer("rsa", lab.RSA2048)
		}, 8},
		{"revocation_required", policyOf("revocation: {ocsp: require}"), 2},
		{"no_sessions_small_fragments_hints", policyOf(
			"eap: {session_lifetime: 0s, fragment_size: 100, ca_hints: true, methods: [peap, tls]}"), 2},
		{"post_quantum", policyOf("eap: {post_quantum: true}"), 2},
		{"expired_credential", func(s *site) {
			s.writeCredential("old", s.serverCA, lab.ServerOptions{Options: lab.Options{
				NotBefore: time.Now().AddDate(-2, 0, 0), NotAfter: time.Now().AddDate(-1, 0, 0)}})
		}, 4},
		{"chain_of_four", func(s *site) {
			s.serverCA = chainOf(t, s.serverCA, 3)
			s.writeServer("ecdsa", lab.P256)
		}, 2},
		{"ca_of_our_name", func(s *site) {
			s.write("ca/trial.pem", string(s.serverCA.CertificatePEM()))
		}, 2},
	}
	for _, order := range []string{"san_email", "san_upn", "dn_email", "cn", "san_dns",
		"san_dns, cn, dn_email, san_upn, san_email"} {
		tests = append(tests, struct {
			name     string
			prepare  func(*site)
			attempts int
		}{"identity_" + order, policyOf(fmt.Sprintf(
			"identity: {order: [%s], fold_local_part: false}", order)), 2})
	}
	for _, tt := range tests {
		t.Run(strings.ReplaceAll(tt.name, ", ", "_"), func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			tt.prepare(s)
			s.start()
			if n := must(s.appliance.Attempts())(t); n != tt.attempts {
				t.Errorf("got %d sign-ins to try, want %d", n, tt.attempts)
			}
			if err := s.trial(); err != nil {
				t.Errorf("trial = %v, want nil", err)
			}
		})
	}
}

// trial tries for as long as an activation gives it.
func (s *site) trial() error {
	ctx, cancel := context.WithTimeout(s.t.Context(), 30*time.Second)
	defer cancel()
	return s.appliance.Trial(ctx)
}

// writeCredential writes a server credential of the given kind.
func (s *site) writeCredential(name string, ca *lab.CA, o lab.ServerOptions) *lab.Leaf {
	s.t.Helper()
	o.DNSNames = []string{"radius.acme.example"}
	leaf := must(ca.IssueServer(o))(s.t)
	s.write("server/"+name+"/certificate.pem", string(leaf.CertificatePEM()))
	s.write("server/"+name+"/key.pem", string(leaf.KeyPEM()))
	return leaf
}

// TestTrialFindsWhatCannotWork tries configurations that are valid and at which no device, or
// not every device, can sign in.
func TestTrialFindsWhatCannotWork(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		prepare func(*site)
		want    []string // what every finding holds
		not     string   // what none holds
		count   int
	}{
		{"EA15_long_chain_in_small_fragments", func(s *site) {
			s.write("policy.yaml", "eap: {fragment_size: 100}\n")
			s.writeServer("short", lab.P256)
			s.serverCA = chainOf(t, s.serverCA, 10)
			s.writeServer("ecdsa", lab.P256)
		}, []string{`RADIUS server "wifi"`, `credential "ecdsa"`, "bytes of certificates",
			"fragments of 100", `step "tls"`, "no end after", "TLS 1."}, `"short"`, 2},
		{"EA15_many_ca_hints_in_small_fragments", func(s *site) {
			s.write("policy.yaml", "eap: {fragment_size: 100, ca_hints: true, tls_max: \"1.2\"}\n")
			var many strings.Builder
			for i := range 60 {
				ca := must(lab.NewCA(lab.CAOptions{Name: fmt.Sprintf("Subsidiary %d of a conglomerate", i)}))(t)
				many.Write(ca.CertificatePEM())
			}
			s.write("ca/acme.pem", many.String())
		}, []string{`RADIUS server "wifi"`, "TLS 1.2", "no end after"}, "TLS 1.3", 1},
		{"no_method_that_is_offered", func(s *site) {
			s.write("policy.yaml", "eap: {methods: [ttls, peap]}\n")
		}, []string{`step "identity"`, "eap_no_common_method"}, "", 2},
		{"curve_without_tls", func(s *site) {
			s.writeServer("p224", lab.WeakP224)
		}, []string{`credential "p224"`, "TLS 1.3", `step "tls"`, "tls_handshake", "P-224"}, `"ecdsa"`, 1},
		{"another_ca_in_the_certificate_file", func(s *site) {
			leaf := s.writeCredential("mixed", s.serverCA, lab.ServerOptions{})
			other := chainOf(t, must(lab.NewCA(lab.CAOptions{Name: "Another root"}))(t), 1)
			s.write("server/mixed/certificate.pem",
				string(leaf.CertificatePEM())+string(other.CertificatePEM()))
			s.remove("server/ecdsa")
		}, []string{`credential "mixed"`, `step "server certificate"`,
			"none of the certificates sent with it has issued"}, "", 2},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			tt.prepare(s)
			s.start()
			err := s.trial()
			if !errors.Is(err, appliance.ErrNoSignIn) || errors.Is(err, appliance.ErrListenerSilent) {
				t.Fatalf("trial = %v, want that nobody can sign in", err)
			}
			texts := s.appliance.TrySignIns(t.Context())
			if len(texts) != tt.count {
				t.Errorf("got %d findings, want %d: %q", len(texts), tt.count, texts)
			}
			for _, text := range texts {
				for _, want := range tt.want {
					if !strings.Contains(text, want) {
						t.Errorf("got %q, want %q in it", text, want)
					}
				}
				if tt.not != "" && strings.Contains(text, tt.not) {
					t.Errorf("got %q, want no %q in it", text, tt.not)
				}
				if !strings.Contains(err.Error(), text[:40]) {
					t.Errorf("got %q, want %q in it", err, text)
				}
			}
		})
	}
}

// TestTrialLeavesNoTrace tries good and bad configurations while people sign in, and finds
// nothing changed, counted, told or left running. It counts the goroutines of the process, so it
// does not run in parallel.
func TestTrialLeavesNoTrace(t *testing.T) {
	s := newSite(t)
	s.write("radius/staff.yaml", secondServer)
	s.start()
	sn := s.appliance.InForce()
	draft, hash := *sn.Draft(), sn.Server("wifi").TrustHash
	before, goroutines := s.scrapeDecisions(), runtime.NumGoroutine()
	for range 3 {
		if err := s.trial(); err != nil {
			t.Errorf("trial = %v, want nil", err)
		}
	}
	if s.appliance.InForce() != sn || sn.Server("wifi").TrustHash != hash ||
		len(sn.Server("wifi").Trust.CAs()) != 1 || len(sn.Draft().CAs) != len(draft.CAs) ||
		len(sn.Draft().Servers[0].CAs) != 1 {
		t.Error("the configuration in force was changed")
	}
	if n := s.appliance.LastDecision(); n != 0 || len(s.log.decisions()) != 0 {
		t.Errorf("%d decisions were told, want none", n)
	}
	if after := s.scrapeDecisions(); after != before {
		t.Errorf("counted:\n%s\nwant:\n%s", after, before)
	}
	s.write("policy.yaml", "revocation: {ocsp: off}\neap: {methods: [peap]}\n")
	s.reload()
	if err := s.trial(); !errors.Is(err, appliance.ErrNoSignIn) {
		t.Errorf("trial = %v, want that nobody can sign in", err)
	}
	s.eventually("rid of goroutines", func() bool { return runtime.NumGoroutine() <= goroutines })
}

// scrapeDecisions returns the counters of decisions and discards.
func (s *site) scrapeDecisions() string {
	var b strings.Builder
	for line := range strings.Lines(s.scrape()) {
		if strings.HasPrefix(line, "gatehouse_auth") || strings.Contains(line, "discard") ||
			strings.Contains(line, "unknown") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// TestTrialUnderTraffic tries again and again while people sign in, none of whom notices.
func TestTrialUnderTraffic(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.writeServer("rsa", lab.RSA2048)
	s.start()
	certificate := s.user(lab.UserOptions{}).TLS()
	load := must(supplicant.NewLoad(supplicant.LoadConfig{
		Config: supplicant.Config{
			Server: s.appliance.AuthAddr().String(), Secret: []byte(sharedSecret),
			Identity: "anonymous", Certificate: &certificate,
		},
		Duration: time.Minute, Parallel: 2, Resume: true,
	}))(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan *supplicant.LoadReport, 1)
	go func() { done <- load.Run(ctx) }()
	for i := range 5 {
		if err := s.trial(); err != nil {
			t.Errorf("trial = %v, want nil", err)
		}
		s.write("users/more.yaml", fmt.Sprintf("- {username: newcomer%d}\n", i))
		s.reload()
	}
	s.eventually("busy", func() bool { return load.Progress().Accepted > 20 })
	cancel()
	if r := <-done; r.Accepted == 0 || r.Accepted != r.Finished || r.KeysWrong > 0 {
		t.Errorf("got %+v, want everybody accepted", r)
	}
}

// TestTrialWaitsForListeners has a web listener that answers nobody, until it does.
func TestTrialWaitsForListeners(t *testing.T) {
	t.Parallel()
	s := newSite(t).start()
	var crowd []net.Conn
	for range 64 { // as many as are let in
		crowd = append(crowd, must(net.Dial("tcp", s.appliance.WebAddr()))(t))
	}
	leave := func() {
		for _, c := range crowd {
			_ = c.Close()
		}
	}
	defer leave()
	s.eventually("crowded", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		err := s.appliance.Trial(ctx)
		return errors.Is(err, appliance.ErrListenerSilent) && strings.Contains(err.Error(), "listen.ui")
	})
	done := make(chan error, 1)
	go func() { done <- s.trial() }()
	leave()
	if err := <-done; err != nil {
		t.Errorf("trial = %v, want nil once there is room", err)
	}
}

// TestTrialWithoutTime tries no sign-in, which it says, and holds that against nobody.
func TestTrialWithoutTime(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.write("policy.yaml", "eap: {methods: [peap]}\n")
	s.start()
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	if texts := s.appliance.TrySignIns(ctx); len(texts) != 0 {
		t.Errorf("got %q, want nothing found", texts)
	}
	if !strings.Contains(s.log.String(), "no time for all sign-ins") {
		t.Error("nobody says that nothing was tried")
	}
}

// TestTrialWithoutConfiguration has nothing to try.
func TestTrialWithoutConfiguration(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.remove("server")
	s.run()
	s.eventually("reporting", func() bool { return s.appliance.Report().Errors > 0 })
	if err := s.trial(); !errors.Is(err, appliance.ErrNoConfiguration) {
		t.Errorf("trial = %v, want no configuration", err)
	}
}

// TestTrialOfListenersThatAreOff asks nobody.
func TestTrialOfListenersThatAreOff(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.boot.Listen.UI, s.boot.Listen.Metrics, s.boot.Listen.Auth = "", "", ""
	s.run()
	s.eventually("in force", func() bool { return s.appliance.InForce() != nil })
	if err := s.trial(); err != nil {
		t.Errorf("trial = %v, want nil", err)
	}
}

// TestTrialOfListenersEverywhere asks listeners that name no address.
func TestTrialOfListenersEverywhere(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"", "0.0.0.0", "[::]"} {
		s := newSite(t)
		s.boot.Listen.UI, s.boot.Listen.Metrics, s.boot.Listen.Auth = host+":0", host+":0", host+":0"
		s.start()
		if err := s.trial(); err != nil {
			t.Errorf("trial on %q = %v, want nil", host, err)
		}
	}
}

// TestTrialOfMemory compares what is in use with the limit.
func TestTrialOfMemory(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		limit int64
		live  uint64
		want  error
	}{
		{"no_limit", math.MaxInt64, math.MaxUint64, nil},
		{"room", 256 << 20, 200 << 20, nil},
		{"short", 256 << 20, 240 << 20, appliance.ErrMemoryShort},
		{"no_room_at_all", 0, 1, appliance.ErrMemoryShort},
	}
	for _, tt := range tests {
		err := appliance.JudgeMemory(tt.limit, func() uint64 { return tt.live })
		if !errors.Is(err, tt.want) {
			t.Errorf("%s: got %v, want %v", tt.name, err, tt.want)
		}
	}
	held := bytes.Repeat([]byte("x"), 8<<20)
	if live := appliance.LiveHeap(); live < uint64(len(held)) {
		t.Errorf("got %d bytes in use, want %d at least", live, len(held))
	}
	runtime.KeepAlive(held)
}

// BenchmarkTrial is what a trial costs: an ECDSA and an RSA credential, two RADIUS servers, both
// TLS versions, all listeners.
func BenchmarkTrial(b *testing.B) {
	s := newSite(b)
	s.write("radius/staff.yaml", secondServer)
	s.writeServer("rsa", lab.RSA2048)
	s.start()
	b.ReportAllocs()
	for b.Loop() {
		if err := s.trial(); err != nil {
			b.Fatal(err)
		}
	}
}
