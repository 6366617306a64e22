package supplicant_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/authcore/supplicant"

	"github.com/google/go-cmp/cmp"
)

// hostapd is an independent RADIUS and EAP server: what the peer derives must fit what it
// sends.
type hostapd struct {
	addr   string
	secret []byte
	pki    *testPKI
}

// hostapdOptions are lines of hostapd.conf and the OpenSSL configuration it runs under.
type hostapdOptions struct {
	lines   []string
	openssl string
	rsa     bool
}

func hostapdPath(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"hostapd", "/usr/sbin/hostapd"} {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("hostapd is not installed, and CI=true")
	}
	t.Skip("hostapd is not installed")
	return ""
}

func startHostapd(t testing.TB, opts hostapdOptions) *hostapd {
	t.Helper()
	path, dir := hostapdPath(t), t.TempDir()
	h := &hostapd{secret: []byte("hostapd-testing-secret"), pki: newTestPKI(t, opts.rsa)}
	h.pki.write(t, dir)
	port := freePort(t)
	h.addr = fmt.Sprintf("127.0.0.1:%d", port)
	file := func(name, text string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	conf := []string{
		"driver=none", "eap_server=1",
		"eap_user_file=" + file("users", "* TLS\n"),
		"radius_server_clients=" + file("clients", "127.0.0.1 "+string(h.secret)+"\n"),
		fmt.Sprintf("radius_server_auth_port=%d", port),
		"ca_cert=" + filepath.Join(dir, "ca.pem"),
		"server_cert=" + filepath.Join(dir, "server.pem"),
		"private_key=" + filepath.Join(dir, "server.key"),
	}
	conf = append(conf, opts.lines...)
	cmd := exec.Command(path, file("hostapd.conf", strings.Join(conf, "\n")+"\n"))
	if opts.openssl != "" {
		cmd.Env = append(os.Environ(), "OPENSSL_CONF="+file("openssl.cnf", opts.openssl))
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = cmd.Process.Kill(), cmd.Wait() })
	waitEnabled(t, bufio.NewScanner(out))
	return h
}

// waitEnabled reads hostapd's output until its sockets are open. The rest is drained, so that
// hostapd never waits for us; the drain ends with the process.
func waitEnabled(t testing.TB, lines *bufio.Scanner) {
	t.Helper()
	for lines.Scan() {
		if strings.Contains(lines.Text(), "AP-ENABLED") {
			go func() {
				for lines.Scan() {
				}
			}()
			return
		}
		t.Log("hostapd: " + lines.Text())
	}
	t.Fatal("hostapd did not start")
}

func freePort(t testing.TB) int {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).Port
}

func (h *hostapd) config() supplicant.Config {
	return supplicant.Config{
		Server: h.addr, Secret: h.secret, Identity: "anonymous@probe.example",
		Certificate: &h.pki.peer, RootCAs: h.pki.roots(), ServerName: "radius.probe.example",
		SSID: "probe", FramedMTU: 1400, EAPKeyName: true, Timeout: 3 * time.Second,
	}
}

// ma3 is what hostapd 2.10 does not do yet: it sends Message-Authenticator last.
var ma3 = []string{
	"MA-3: Message-Authenticator is not the first attribute of the Access-Challenge",
	"MA-3: Message-Authenticator is not the first attribute of the Access-Accept",
}

var ma3Reject = []string{
	"MA-3: Message-Authenticator is not the first attribute of the Access-Challenge",
	"MA-3: Message-Authenticator is not the first attribute of the Access-Reject",
}

// noAlert is what hostapd 2.10 leaves out when it refuses a peer.
var noAlert = append([]string{"TL-6: Access-Reject without a TLS alert before it"}, ma3Reject...)

const noEMS = `openssl_conf = conf
[conf]
ssl_conf = ssl
[ssl]
system_default = defaults
[defaults]
Options = -ExtendedMasterSecret
CipherString = DEFAULT:@SECLEVEL=1
`

func TestHostapdAccepts(t *testing.T) {
	tls13 := []string{"tls_flags=[ENABLE-TLSv1.3]"}
	tests := []struct {
		name    string
		hostapd hostapdOptions
		edit    func(*supplicant.Config)
		version string
		suite   string
	}{
		{name: "TL10 TLS 1.3", hostapd: hostapdOptions{lines: tls13}, version: "1.3"},
		{name: "TL9 TLS 1.2", version: "1.2"},
		{name: "TL9 without extended master secret", version: "1.2",
			hostapd: hostapdOptions{openssl: noEMS}},
		{name: "TL9 without extended master secret SHA-256", version: "1.2",
			hostapd: hostapdOptions{openssl: noEMS},
			edit: func(c *supplicant.Config) {
				c.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}
			}, suite: "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256"},
		{name: "TL9 without extended master secret SHA-384", version: "1.2",
			hostapd: hostapdOptions{openssl: noEMS},
			edit: func(c *supplicant.Config) {
				c.CipherSuites = []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384}
			}, suite: "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384"},
		{name: "RSA server", version: "1.2", hostapd: hostapdOptions{
			rsa: true, lines: []string{"fragment_size=1300"}, // its default exceeds the MTU
		}},
		{name: "TL2 small fragments both ways", version: "1.3",
			hostapd: hostapdOptions{lines: append([]string{"fragment_size=200"}, tls13...)},
			edit:    func(c *supplicant.Config) { c.FragmentSize = 100 }},
		{name: "TL2 length on every message", version: "1.2",
			edit: func(c *supplicant.Config) { c.AlwaysLength = true }},
		{name: "HelloRetryRequest", version: "1.3",
			hostapd: hostapdOptions{lines: append([]string{"openssl_ecdh_curves=P-384"}, tls13...)},
			edit: func(c *supplicant.Config) {
				c.CurvePreferences = []tls.CurveID{tls.X25519, tls.CurveP384}
			}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			h := startHostapd(t, tt.hostapd)
			cfg := h.config()
			if tt.edit != nil {
				tt.edit(&cfg)
			}
			r, err := supplicant.Run(context.Background(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			if r.Result != supplicant.ResultAccept || !r.KeysOK || r.TLSVersion != tt.version {
				t.Errorf("got %s (%s), keys %v, TLS %s; want accept, keys, TLS %s\n%+v",
					r.Result, r.Reason, r.KeysOK, r.TLSVersion, tt.version, r.Steps)
			}
			if want := tt.hostapd.openssl != noEMS; r.ExtendedMasterSecret != want {
				t.Errorf("extended master secret %v, want %v", r.ExtendedMasterSecret, want)
			}
			if tt.suite != "" && r.CipherSuite != tt.suite {
				t.Errorf("suite %s, want %s", r.CipherSuite, tt.suite)
			}
			if diff := cmp.Diff(ma3, r.Violations); diff != "" {
				t.Errorf("violations (-want +got):\n%s", diff)
			}
			for _, s := range r.Steps {
				if s.State != supplicant.StepPassed {
					t.Errorf("step %q %s: %s", s.Name, s.State, s.Detail)
				}
			}
		})
	}
}

// TestHostapdRejects has every reject followed by an accept of the same server.
func TestHostapdRejects(t *testing.T) {
	foreign := newTestPKI(t, false)
	tests := []struct {
		name  string
		edit  func(*testing.T, *hostapd, *supplicant.Config)
		want  supplicant.Report
		rungs map[supplicant.StepName]supplicant.StepState
	}{
		{"TL19 no certificate", func(_ *testing.T, _ *hostapd, c *supplicant.Config) {
			c.Certificate = nil
		}, supplicant.Report{
			Reason:     "server rejected after we presented no certificate",
			Violations: noAlert,
		}, map[supplicant.StepName]supplicant.StepState{
			supplicant.StepTLS:             supplicant.StepPassed,
			supplicant.StepOurCertificate:  supplicant.StepFailed,
			supplicant.StepProtectedResult: supplicant.StepFailed,
			supplicant.StepEAPSuccess:      supplicant.StepFailed,
		}},
		{"TL7 untrusted certificate", func(_ *testing.T, _ *hostapd, c *supplicant.Config) {
			c.Certificate = &foreign.peer
		}, supplicant.Report{
			Reason:     "server rejected after our certificate",
			Violations: noAlert,
		}, nil},
		{"GA1 foreign key", func(t *testing.T, h *hostapd, c *supplicant.Config) {
			stolen := h.pki.peer
			stolen.PrivateKey = newECKey(t)
			c.Certificate = &stolen
		}, supplicant.Report{
			Reason:     "server rejected after our certificate",
			Violations: noAlert,
		}, nil},
		{"foreign key under TLS 1.2", func(t *testing.T, h *hostapd, c *supplicant.Config) {
			stolen := h.pki.peer
			stolen.PrivateKey, c.TLSMax = newECKey(t), tls.VersionTLS12
			c.Certificate = &stolen
		}, supplicant.Report{
			Reason:     "server rejected after our certificate",
			Violations: noAlert,
		}, nil},
		{"peer distrusts server", func(_ *testing.T, _ *hostapd, c *supplicant.Config) {
			c.RootCAs = foreign.roots()
		}, supplicant.Report{
			Reason: "we refused the server's certificate: x509: certificate signed by " +
				"unknown authority",
			Violations: ma3Reject,
		}, map[supplicant.StepName]supplicant.StepState{
			supplicant.StepServerCertificate: supplicant.StepFailed,
			supplicant.StepTLS:               supplicant.StepFailed,
			supplicant.StepOurCertificate:    supplicant.StepNotRun,
		}},
		{"TL13 old TLS only", func(_ *testing.T, _ *hostapd, c *supplicant.Config) {
			c.TLSMin, c.TLSMax = tls.VersionTLS10, tls.VersionTLS11
		}, supplicant.Report{
			Reason:     "server rejected after our ClientHello",
			Violations: noAlert,
		}, nil},
	}
	h := startHostapd(t, hostapdOptions{lines: []string{"tls_flags=[ENABLE-TLSv1.3]"}})
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			cfg := h.config()
			tt.edit(t, h, &cfg)
			r, err := supplicant.Run(context.Background(), cfg)
			if err != nil {
				t.Fatal(err)
			}
			got := supplicant.Report{Result: r.Result, Reason: r.Reason, Violations: r.Violations}
			tt.want.Result = supplicant.ResultReject
			if !strings.HasPrefix(got.Reason, tt.want.Reason) {
				t.Errorf("reason %q, want %q", got.Reason, tt.want.Reason)
			}
			got.Reason = tt.want.Reason
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("report (-want +got):\n%s", diff)
			}
			for name, state := range tt.rungs {
				if s, _ := r.Step(name); s.State != state {
					t.Errorf("step %q %s (%s), want %s", name, s.State, s.Detail, state)
				}
			}
			if r, err := supplicant.Run(context.Background(), h.config()); err != nil ||
				r.Result != supplicant.ResultAccept {
				t.Errorf("next good peer: %+v, %v", r, err)
			}
		})
	}
}
