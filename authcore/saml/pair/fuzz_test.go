package pair_test

import (
	"encoding/pem"
	"testing"

	"gatehouse/authcore/saml/pair"
)

func seed(f *testing.F) {
	c := newCert(f, ecKey(), certOptions{})
	for _, s := range spoiltTexts(f, certPEM(newCert(f, rsaKeys[0](), certOptions{}))) {
		f.Add([]byte(s.text))
	}
	for _, data := range [][]byte{
		nil, c.Raw, pkcs12DER(f), pkcs7DER(f), encryptedKeyDER(f), {0x30, 0x80}, {0x30}, {0xFF, 0xFE, 0},
		[]byte("<a><X509Certificate>" + oneLine(c) + "</X509Certificate></a>"), []byte(toPEM("PRIVATE KEY", pkcs8(f, ecKey()))),
		[]byte("-----END CERTIFICATE----------BEGIN CERTIFICATE-----"), []byte("&#x41;&&;\\"), []byte("> \n>"),
	} {
		f.Add(data)
	}
}

// FuzzLint wants no panic, every place inside the text, nothing called clean that a service
// provider refuses, and a cleaned copy that is clean.
func FuzzLint(f *testing.F) {
	seed(f)
	f.Fuzz(func(t *testing.T, data []byte) {
		r := pair.Lint(data)
		for _, n := range r.Findings {
			if n.Line < 0 || n.Column < 0 || n.Line > len(data)+1 || n.Column > len(data)+1 || n.Text == "" {
				t.Errorf("a finding out of place: %+v", n)
			}
		}
		if r.Clean() && (r.Certificate == nil || !nodeSAMLTakes(string(data))) {
			t.Errorf("it is called clean: %q", data)
		}
		copies, ok := r.Cleaned()
		if !ok {
			return
		}
		again := pair.Lint([]byte(copies.PEM))
		if again.Certificate == nil || !again.Certificate.Equal(r.Certificate) {
			t.Errorf("the cleaned copy is another certificate: %v", again.Findings)
		}
		for _, n := range again.Findings {
			if n.Code != pair.Altered {
				t.Errorf("the cleaned copy has %v", n)
			}
		}
	})
}

// FuzzParse wants a pair that fits, or findings, and never both.
func FuzzParse(f *testing.F) {
	p := newPair(f, 0, certOptions{})
	f.Add(p.CertificatePEM(), keyPEM(f, p))
	f.Add(p.CertificatePEM(), []byte(toPEM("PRIVATE KEY", pkcs8(f, ecKey()))))
	f.Add([]byte(nil), []byte("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\n\nAAAA\n-----END RSA PRIVATE KEY-----"))
	f.Fuzz(func(t *testing.T, cert, key []byte) {
		parsed, found := pair.Parse(cert, key)
		if (parsed == nil) == (len(found) == 0) {
			t.Fatalf("got %v and %v", parsed, found)
		}
		if parsed == nil {
			return
		}
		again, found := pair.Parse(parsed.CertificatePEM(), keyPEM(t, parsed))
		if again == nil || again.Key.Fingerprint() != parsed.Key.Fingerprint() {
			t.Errorf("what is written is not read back: %v", found)
		}
		if block, rest := pem.Decode(parsed.CertificatePEM()); block == nil || len(rest) > 0 {
			t.Error("what is written is not one PEM block")
		}
	})
}
