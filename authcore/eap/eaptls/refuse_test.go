package eaptls_test

import (
	"bytes"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"math/big"
	"strings"
	"testing"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/eap"
	"gatehouse/authcore/eap/eaptls"
)

var suspended = &eap.Failure{Reason: audit.UserSuspended, Detail: "user alice is suspended"}

func refuse(*tls.ConnectionState) eaptls.Verdict { return eaptls.Verdict{Failure: suspended} }

// TL-6: our alert is sent in a Request and the answer awaited before the failure, whose reason
// is known from the alert on.
func TestTL6AlertIsSentAndItsAnswerAwaited(t *testing.T) {
	t.Parallel()
	for name, version := range versions {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config, peer := server(t), client(t, "ecdsa")
			config.Verify, peer.MaxVersion = refuse, version
			d := newDialogue(t, config, peer)
			step := d.send(d.device.flight(d.receive(d.begin())))
			if step.Status != eap.Continue {
				t.Fatalf("got %+v, want the alert in a Request", step)
			}
			if got := d.method.Failure(); got != suspended {
				t.Errorf("got Failure %v while the answer is awaited, want %v", got, suspended)
			}
			if got := d.method.Stage(); got != "our TLS alert was sent" {
				t.Errorf("got stage %q", got)
			}
			d.device.flight(d.receive(step))
			var alert tls.AlertError
			if !errors.As(d.device.err, &alert) && !strings.Contains(d.device.err.Error(), "bad certificate") {
				t.Errorf("the device saw %v, want bad_certificate", d.device.err)
			}
			for _, answer := range [][]byte{{0}, {}, {0, 1, 2}, {flagM}} {
				if step = d.step(answer); step.Status != eap.Failed || step.Failure != suspended {
					t.Errorf("got %+v after answer %x, want the verdict's failure", step, answer)
				}
			}
		})
	}
}

// TL-7: what the device says about our certificate is told.
func TestTL7PeerAlert(t *testing.T) {
	t.Parallel()
	for name, version := range versions {
		for what, change := range map[string]func(*tls.Config){
			"unknown-ca": func(c *tls.Config) { c.RootCAs = x509.NewCertPool() },
			"wrong-name": func(c *tls.Config) { c.ServerName = "other.example" },
		} {
			t.Run(name+"-"+what, func(t *testing.T) {
				t.Parallel()
				peer := client(t, "ecdsa")
				peer.MaxVersion = version
				change(peer)
				d := newDialogue(t, server(t), peer)
				const want = "the device rejected our certificate: bad_certificate"
				if got := d.failure(); got.Reason != audit.TLSPeerAlert || got.Detail != want {
					t.Errorf("got %v, want tls_peer_alert: %s", got, want)
				}
			})
		}
	}
}

// crypto/tls as a client sends few alerts, and encrypted ones; real devices send these, and
// some of them unencrypted even with TLS 1.3.
func TestTL7EveryAlertIsNamed(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		level, alert byte
		want         string
	}{
		{2, 48, "the device rejected our certificate: unknown_ca"},
		{2, 42, "the device rejected our certificate: bad_certificate"},
		{2, 43, "the device rejected our certificate: unsupported_certificate"},
		{2, 44, "the device rejected our certificate: certificate_revoked"},
		{2, 45, "the device rejected our certificate: certificate_expired"},
		{2, 46, "the device rejected our certificate: certificate_unknown"},
		{2, 40, "the device broke off: handshake_failure"},
		{2, 49, "the device broke off: access_denied"},
		{2, 80, "the device broke off: internal_error"},
		{2, 200, "the device broke off: alert 200"},
	} {
		for name, version := range versions {
			peer := client(t, "ecdsa")
			peer.MaxVersion = version
			d := newDialogue(t, server(t), peer)
			d.receive(d.begin())
			step := d.send([]byte{21, 3, 3, 0, 2, c.level, c.alert})
			if step.Status != eap.Failed || step.Failure.Reason != audit.TLSPeerAlert ||
				step.Failure.Detail != c.want {
				t.Errorf("alert %d, TLS %s: got %+v (%v), want tls_peer_alert: %s",
					c.alert, name, step, step.Failure, c.want)
			}
		}
	}
}

// An alert may come in place of the final acknowledgement, too.
func TestTL7PeerAlertAtTheEnd(t *testing.T) {
	t.Parallel()
	for name, version := range versions {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			peer := client(t, "ecdsa")
			peer.MaxVersion = version
			d := newDialogue(t, server(t), peer)
			flight := d.receive(d.send(d.device.flight(d.receive(d.begin()))))
			flight[len(flight)-1] ^= 1 // our last record does not decrypt
			step := d.finish(d.send(d.device.flight(flight)))
			if step.Status != eap.Failed || step.Failure.Reason != audit.TLSPeerAlert ||
				!strings.HasSuffix(step.Failure.Detail, ": bad_record_mac") {
				t.Errorf("got %+v (%v), want the peer's bad_record_mac", step, step.Failure)
			}
		})
	}
}

// GA-1: a copied certificate is admitted by Verify and fails by its proof.
func TestGA1PossessionFailed(t *testing.T) {
	t.Parallel()
	for name, version := range versions {
		for _, kind := range []string{"ecdsa", "rsa"} {
			t.Run(name+"-"+kind, func(t *testing.T) {
				t.Parallel()
				config, peer := server(t), client(t, "foreign-"+kind)
				peer.MaxVersion = version
				asked := 0
				config.Verify = func(cs *tls.ConnectionState) eaptls.Verdict {
					asked++
					return accept(cs)
				}
				d := newDialogue(t, config, peer)
				got := d.failure()
				if got.Reason != audit.PossessionFailed {
					t.Errorf("got %v, want possession_failed", got)
				}
				if asked != 1 {
					t.Errorf("Verify was asked %d times, want once", asked)
				}
			})
		}
	}
}

// A device whose certificate was refused has no proof to fail: the refusal is what counts.
func TestRefusalBeforePossession(t *testing.T) {
	t.Parallel()
	config := server(t)
	config.Verify = refuse
	if got := newDialogue(t, config, client(t, "foreign-ecdsa")).failure(); got != suspended {
		t.Errorf("got %v, want %v", got, suspended)
	}
}

func TestVerdictWithoutReasonRefuses(t *testing.T) {
	t.Parallel()
	config := server(t)
	config.Verify = func(*tls.ConnectionState) eaptls.Verdict { return eaptls.Verdict{} }
	if got := newDialogue(t, config, client(t, "ecdsa")).failure(); got.Reason != audit.Internal {
		t.Errorf("got %v, want internal", got)
	}
}

func TestTL13OldVersions(t *testing.T) {
	t.Parallel()
	grease := func(hello []byte) []byte { // 1.1, 1.0 → grease, 1.0
		return bytes.Replace(hello, []byte{0, 43, 0, 5, 4, 3, 2, 3, 1},
			[]byte{0, 43, 0, 5, 4, 0x7a, 0x7a, 3, 1}, 1)
	}
	for _, c := range []struct {
		name   string
		max    uint16
		server uint16 // TLSMin
		mangle func([]byte) []byte
		want   string
	}{
		{"1.0", tls.VersionTLS10, 0, nil, "the device only offers TLS 1.0; allowed here: TLS 1.2 to TLS 1.3"},
		{"1.1", tls.VersionTLS11, 0, nil,
			"the device only offers TLS 1.1, TLS 1.0; allowed here: TLS 1.2 to TLS 1.3"},
		{"grease", tls.VersionTLS11, 0, grease,
			"the device only offers TLS 1.0; allowed here: TLS 1.2 to TLS 1.3"},
		{"1.2-where-1.3-is-wanted", tls.VersionTLS12, tls.VersionTLS13, nil,
			"the device only offers TLS 1.2; allowed here: TLS 1.3"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			config, peer := server(t), client(t, "ecdsa")
			config.TLSMin = c.server
			peer.MaxVersion = c.max
			if c.max < tls.VersionTLS12 {
				peer.MinVersion = tls.VersionTLS10
			}
			d := newDialogue(t, config, peer)
			hello := d.device.flight(nil)
			if c.mangle != nil {
				mangled := c.mangle(hello)
				if bytes.Equal(mangled, hello) {
					t.Fatal("the hello has no supported_versions to grease")
				}
				hello = mangled
			}
			step := d.send(hello)
			alert := d.receive(step)
			if len(alert) != 7 || alert[0] != 21 || alert[6] != 70 {
				t.Errorf("got %x, want the alert protocol_version", alert)
			}
			step = d.step([]byte{0})
			if step.Status != eap.Failed || step.Failure.Reason != audit.TLSVersion ||
				step.Failure.Detail != c.want {
				t.Errorf("got %v, want tls_version: %s", step.Failure, c.want)
			}
		})
	}
}

func TestTL19NoCertificateReachesVerify(t *testing.T) {
	t.Parallel()
	missing := &eap.Failure{Reason: audit.CertMissing, Detail: "the device sent no certificate"}
	for name, version := range versions {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config, peer := server(t), client(t, "")
			peer.MaxVersion = version
			config.Verify = func(cs *tls.ConnectionState) eaptls.Verdict {
				if len(cs.PeerCertificates) == 0 {
					return eaptls.Verdict{Failure: missing}
				}
				return accept(cs)
			}
			if got := newDialogue(t, config, peer).failure(); got != missing {
				t.Errorf("got %v, want %v", got, missing)
			}
		})
	}
}

// The texts of crypto/tls that tell certificate troubles from others are pinned here.
func TestCertificateThatTheLibraryRefuses(t *testing.T) {
	t.Parallel()
	w := lab(t)
	key := w.user["rsa"].PrivateKey.(crypto.Signer)
	huge := new(big.Int).Lsh(big.NewInt(1), 8200)
	public, _, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	agreement := w.issueFor(t, public, key) // whose key is then called an X25519 one
	agreement.Certificate[0] = bytes.Replace(agreement.Certificate[0],
		[]byte{0x06, 0x03, 0x2b, 0x65, 0x70}, []byte{0x06, 0x03, 0x2b, 0x65, 0x6e}, 1)
	for _, c := range []struct {
		name        string
		certificate tls.Certificate
		reason      audit.Reason
		detail      string
	}{
		{"malformed", tls.Certificate{Certificate: [][]byte{[]byte("no certificate")}, PrivateKey: key},
			audit.CertUnreadable, "failed to parse client certificate"},
		{"rsa-over-8192", w.issueFor(t, &rsa.PublicKey{N: huge.Add(huge, big.NewInt(1)), E: 65537}, key),
			audit.CertWeak, "RSA key larger than 8192 bits"},
		{"key-agreement-only", agreement,
			audit.CertWeak, "unsupported public key"},
	} {
		for name, version := range versions {
			t.Run(c.name+"-"+name, func(t *testing.T) {
				t.Parallel()
				peer := client(t, "")
				peer.MaxVersion = version
				peer.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
					return &c.certificate, nil
				}
				got := newDialogue(t, server(t), peer).failure()
				if got.Reason != c.reason || !strings.Contains(got.Detail, c.detail) {
					t.Errorf("got %v, want %s with %q", got, c.reason, c.detail)
				}
			})
		}
	}
}

func TestNothingInCommon(t *testing.T) {
	t.Parallel()
	peer := client(t, "ecdsa") // whose suites need an RSA credential
	peer.MaxVersion, peer.CipherSuites = tls.VersionTLS12,
		[]uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}
	got := newDialogue(t, server(t), peer).failure()
	if got.Reason != audit.TLSHandshake || !strings.Contains(got.Detail, "cipher suite") {
		t.Errorf("got %v, want tls_handshake about cipher suites", got)
	}
}

func TestGarbageInsteadOfTLS(t *testing.T) {
	t.Parallel()
	for name, garbage := range map[string][]byte{
		"text":            []byte("GET / HTTP/1.1\r\n\r\n"),
		"ssl2":            {0x80, 0x2e, 1, 0, 2, 0, 0x15, 0, 0, 0, 0x10},
		"half-record":     {22, 3, 1, 0, 200, 1, 0, 0},
		"huge-record":     {22, 3, 1, 255, 255, 1},
		"application":     {23, 3, 3, 0, 1, 0},
		"control-in-text": []byte("\x16\x03\x01\x00\x05\x1b[31m"),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDialogue(t, server(t), client(t, "ecdsa"))
			step := d.send(garbage)
			for range 5 {
				if step.Status != eap.Continue {
					break
				}
				step = d.step([]byte{0})
			}
			if step.Status != eap.Failed {
				t.Fatalf("got %+v, want a failure", step)
			}
			if step.Failure.Detail == "" || strings.ContainsAny(step.Failure.Detail, "\x1b\r\n") {
				t.Errorf("got detail %q", step.Failure.Detail)
			}
		})
	}
}
