package eaptls_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"testing"

	"gatehouse/authcore/eap"
	"gatehouse/authcore/eap/eaptls"
)

var versions = map[string]uint16{"1.2": tls.VersionTLS12, "1.3": tls.VersionTLS13}

func TestTL1StartIsTheSBitAlone(t *testing.T) {
	t.Parallel()
	m := eaptls.New(server(t))
	defer m.Close()
	if got := m.Start(); !bytes.Equal(got, []byte{flagS}) {
		t.Errorf("got %x, want 20", got)
	}
	if m.Type() != eap.TypeTLS || m.Stage() != "EAP-TLS was proposed" || m.Failure() != nil {
		t.Errorf("got %v, %q, %v", m.Type(), m.Stage(), m.Failure())
	}
}

func TestTL9TL10TL11KeysOnBothSides(t *testing.T) {
	t.Parallel()
	for name, version := range versions {
		for _, serverKind := range []string{"ecdsa", "rsa"} {
			for _, userKind := range []string{"ecdsa", "rsa"} {
				t.Run(name+"-"+serverKind+"-"+userKind, func(t *testing.T) {
					t.Parallel()
					config := server(t)
					config.Certificates = []tls.Certificate{lab(t).server[serverKind]}
					peer := client(t, userKind)
					peer.MaxVersion = version
					d := newDialogue(t, config, peer)
					step := d.run()
					if step.Status != eap.Done {
						t.Fatalf("got %+v, want Done", step)
					}
					checkKeys(t, d, step.Keys)
				})
			}
		}
	}
}

// checkKeys derives the keys from the device's end.
func checkKeys(t *testing.T, d *dialogue, keys *eap.Keys) {
	t.Helper()
	cs := d.device.conn.ConnectionState()
	if cs.Version == tls.VersionTLS12 {
		msk, err := cs.ExportKeyingMaterial("client EAP encryption", nil, 64)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(keys.MSK[:], msk) {
			t.Errorf("got MSK %x, want %x", keys.MSK, msk)
		}
		if len(keys.SessionID) != 65 || keys.SessionID[0] != 0x0d {
			t.Errorf("got Session-Id %x", keys.SessionID)
		}
		return
	}
	material, err := cs.ExportKeyingMaterial("EXPORTER_EAP_TLS_Key_Material", []byte{0x0d}, 128)
	if err != nil {
		t.Fatal(err)
	}
	id, err := cs.ExportKeyingMaterial("EXPORTER_EAP_TLS_Method-Id", []byte{0x0d}, 64)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(keys.MSK[:], material[:64]) {
		t.Errorf("got MSK %x, want %x", keys.MSK, material[:64])
	}
	if want := append([]byte{0x0d}, id...); !bytes.Equal(keys.SessionID, want) {
		t.Errorf("got Session-Id %x, want %x", keys.SessionID, want)
	}
}

func TestTL11SessionIDOfTLS12IsBothRandoms(t *testing.T) {
	t.Parallel()
	peer := client(t, "ecdsa")
	peer.MaxVersion = tls.VersionTLS12
	d := newDialogue(t, server(t), peer)
	hello := d.device.flight(nil)
	step := d.send(hello)
	first := d.receive(step)
	answer := d.device.flight(first)
	step = d.finish(d.send(answer))
	if step.Status != eap.Done {
		t.Fatalf("got %+v, want Done", step)
	}
	want := append([]byte{0x0d}, hello[11:43]...)
	want = append(want, first[11:43]...)
	if !bytes.Equal(step.Keys.SessionID, want) {
		t.Errorf("got %x, want %x", step.Keys.SessionID, want)
	}
}

// The suites of TLS 1.2 differ in the hash of their PRF.
func TestTL9EverySuite(t *testing.T) {
	t.Parallel()
	for _, suite := range tls.CipherSuites() {
		if suite.SupportedVersions[0] == tls.VersionTLS13 {
			continue
		}
		t.Run(suite.Name, func(t *testing.T) {
			t.Parallel()
			config := server(t)
			config.Certificates = append(config.Certificates, lab(t).server["rsa"])
			peer := client(t, "ecdsa")
			peer.MaxVersion, peer.CipherSuites = tls.VersionTLS12, []uint16{suite.ID}
			d := newDialogue(t, config, peer)
			step := d.run()
			if step.Status != eap.Done {
				t.Fatalf("got %+v (%v), want Done", step, step.Failure)
			}
			checkKeys(t, d, step.Keys)
		})
	}
}

// TL-8: the commitment comes after the device's Finished, alone, and Success only after its
// acknowledgement.
func TestTL8CommitmentOfTLS13(t *testing.T) {
	t.Parallel()
	d := newDialogue(t, server(t), client(t, "ecdsa"))
	answer := d.device.flight(d.receive(d.begin()))
	if !d.device.done {
		t.Fatal("the device did not complete its handshake")
	}
	if len(d.device.data) != 0 {
		t.Fatalf("got %x from the server before our Finished", d.device.data)
	}
	step := d.send(answer)
	flight := d.receive(step)
	if out := d.device.flight(flight); len(out) != 0 {
		t.Errorf("the device answers %x to the commitment", out)
	}
	if !bytes.Equal(d.device.data, []byte{0}) || d.device.err != nil {
		t.Errorf("got %x and %v, want one zero octet", d.device.data, d.device.err)
	}
	// One record: 5 of header, 1 + 1 of content and type, 16 of tag.
	if len(flight) != 23 {
		t.Errorf("the last flight has %d octets, want the commitment alone, 23", len(flight))
	}
	if step = d.step([]byte{0}); step.Status != eap.Done {
		t.Errorf("got %+v after the acknowledgement, want Done", step)
	}
}

func TestTL8NoCommitmentOnRefusal(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]func(*eaptls.Config, *tls.Config){
		"verdict": func(c *eaptls.Config, _ *tls.Config) { c.Verify = refuse },
		"possession": func(_ *eaptls.Config, p *tls.Config) {
			p.GetClientCertificate = client(t, "foreign-ecdsa").GetClientCertificate
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, p := server(t), client(t, "ecdsa")
			config(&c, p)
			d := newDialogue(t, c, p)
			d.failure()
			if len(d.device.data) != 0 {
				t.Errorf("the device got %x, want nothing", d.device.data)
			}
		})
	}
}

func TestTL8AnythingButTheAcknowledgementFails(t *testing.T) {
	t.Parallel()
	for name, version := range versions {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for what, data := range map[string]func(*device) []byte{
				"application-data": func(d *device) []byte {
					d.conn.Write([]byte("hello"))
					return d.flight(nil)
				},
				"close-notify": func(d *device) []byte { d.conn.CloseWrite(); return d.flight(nil) },
				"garbage":      func(*device) []byte { return []byte("garbage") },
				"nothing-more": func(*device) []byte { return []byte{23, 3, 3} },
			} {
				peer := client(t, "ecdsa")
				peer.MaxVersion = version
				d := newDialogue(t, server(t), peer)
				answer := d.device.flight(d.receive(d.begin()))
				d.device.flight(d.receive(d.send(answer)))
				step := d.send(data(d.device))
				for step.Status == eap.Continue { // our alert
					step = d.step([]byte{0})
				}
				if step.Status != eap.Failed {
					t.Errorf("%s: got %+v, want a failure", what, step)
				}
			}
		})
	}
}

// What resumption, renegotiation and early data would need is never there.
func TestTL14NoTicketsNoCompression(t *testing.T) {
	t.Parallel()
	for _, version := range versions {
		cache := tls.NewLRUClientSessionCache(1)
		for range 2 {
			peer := client(t, "ecdsa")
			peer.MaxVersion, peer.ClientSessionCache = version, cache
			d := newDialogue(t, server(t), peer)
			if step := d.run(); step.Status != eap.Done {
				t.Fatalf("got %+v, want Done", step)
			}
			if d.device.conn.ConnectionState().DidResume {
				t.Error("the session was resumed")
			}
		}
	}
	d := newDialogue(t, server(t), client(t, "ecdsa"))
	hello := d.device.flight(nil)
	compression := 5 + 4 + 2 + 32
	compression += 1 + int(hello[compression])
	compression += 2 + int(hello[compression])<<8 + int(hello[compression+1])
	if !bytes.Equal(hello[compression:compression+2], []byte{1, 0}) {
		t.Fatalf("no compression methods at %d", compression)
	}
	hello[compression+1] = 1 // DEFLATE alone
	if step := d.finish(d.send(hello)); step.Status != eap.Failed {
		t.Errorf("got %+v for a hello that insists on compression, want a failure", step)
	}
}

func TestTL17StapleIsSent(t *testing.T) {
	t.Parallel()
	for _, version := range versions {
		config, peer := server(t), client(t, "ecdsa")
		config.Certificates[0].OCSPStaple = []byte("staple")
		peer.MaxVersion = version
		d := newDialogue(t, config, peer)
		if step := d.run(); step.Status != eap.Done {
			t.Fatalf("got %+v, want Done", step)
		}
		if got := d.device.conn.OCSPResponse(); string(got) != "staple" {
			t.Errorf("got staple %q", got)
		}
	}
}

func TestTL18CAHints(t *testing.T) {
	t.Parallel()
	for _, hints := range []bool{false, true} {
		config, peer := server(t), client(t, "ecdsa")
		if hints {
			config.ClientCAs = x509.NewCertPool()
			config.ClientCAs.AddCert(lab(t).ca)
		}
		var got [][]byte
		answer := peer.GetClientCertificate
		peer.GetClientCertificate = func(r *tls.CertificateRequestInfo) (*tls.Certificate, error) {
			got = r.AcceptableCAs
			return answer(r)
		}
		if step := newDialogue(t, config, peer).run(); step.Status != eap.Done {
			t.Fatalf("got %+v, want Done", step)
		}
		switch {
		case !hints && len(got) != 0:
			t.Errorf("got %d hints, want none", len(got))
		case hints && (len(got) != 1 || !bytes.Equal(got[0], lab(t).ca.RawSubject)):
			t.Errorf("got hints %x, want the CA's subject", got)
		}
	}
}

func TestTL20PostQuantumIsASwitch(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		on   bool
		want tls.CurveID
	}{{false, tls.X25519}, {true, tls.X25519MLKEM768}} {
		config, peer := server(t), client(t, "ecdsa")
		config.PostQuantum = c.on
		peer.CurvePreferences = nil // Go's own, which offers both
		d := newDialogue(t, config, peer)
		if step := d.run(); step.Status != eap.Done {
			t.Fatalf("got %+v, want Done", step)
		}
		if got := d.device.conn.ConnectionState().CurveID; got != c.want {
			t.Errorf("post-quantum %v: got %v, want %v", c.on, got, c.want)
		}
	}
}

// A device gets the credential that it can verify, and ECDSA where it can verify both.
func TestCredentialChoice(t *testing.T) {
	t.Parallel()
	config := server(t)
	config.Certificates = append(config.Certificates, lab(t).server["rsa"])
	for _, c := range []struct {
		name   string
		suites []uint16
		rsa    bool
	}{
		{"both", nil, false},
		{"ecdsa-only", []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}, false},
		{"rsa-only", []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}, true},
	} {
		peer := client(t, "ecdsa")
		peer.MaxVersion, peer.CipherSuites = tls.VersionTLS12, c.suites
		d := newDialogue(t, config, peer)
		if step := d.run(); step.Status != eap.Done {
			t.Fatalf("%s: got %+v, want Done", c.name, step)
		}
		leaf := d.device.conn.ConnectionState().PeerCertificates[0]
		_, isRSA := leaf.PublicKey.(*rsa.PublicKey)
		_, isECDSA := leaf.PublicKey.(*ecdsa.PublicKey)
		if isRSA != c.rsa || isECDSA == c.rsa {
			t.Errorf("%s: got a key of type %T", c.name, leaf.PublicKey)
		}
	}
}

func TestVersionBounds(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ min, max, want uint16 }{
		{0, 0, tls.VersionTLS13}, {0, tls.VersionTLS12, tls.VersionTLS12},
		{tls.VersionTLS13, 0, tls.VersionTLS13}, {tls.VersionTLS10, tls.VersionTLS12, tls.VersionTLS12},
	} {
		config := server(t)
		config.TLSMin, config.TLSMax = c.min, c.max
		d := newDialogue(t, config, client(t, "ecdsa"))
		if step := d.run(); step.Status != eap.Done {
			t.Fatalf("got %+v, want Done", step)
		}
		if got := d.device.conn.ConnectionState().Version; got != c.want {
			t.Errorf("%x to %x: got %x, want %x", c.min, c.max, got, c.want)
		}
	}
}
