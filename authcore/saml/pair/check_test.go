package pair_test

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/authcore/saml/pair"
)

// withAlgorithm makes a certificate say that it is signed by another algorithm of RSA's
// family: the last number of 1.2.840.113549.1.1.x, in both places.
func withAlgorithm(t testing.TB, c *x509.Certificate, last byte) *x509.Certificate {
	t.Helper()
	sha256WithRSA := []byte{0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x0B}
	other := append(bytes.Clone(sha256WithRSA[:8]), last)
	if n := bytes.Count(c.Raw, sha256WithRSA); n != 2 {
		t.Fatalf("the algorithm stands in it %d times", n)
	}
	return parseDER(t, bytes.ReplaceAll(c.Raw, sha256WithRSA, other))
}

// TestSA07Mismatch names the fingerprints of both keys.
func TestSA07Mismatch(t *testing.T) {
	t.Parallel()
	a, b := newPair(t, 0, certOptions{}), newPair(t, 1, certOptions{})
	p, found := pair.Check(a.CertificatePEM(), keyPEM(t, b), now)
	if p != nil || len(found) != 1 || found[0].Code != pair.Mismatch || found[0].Part != pair.PartPair {
		t.Fatalf("got %v, %v, want a mismatch", p, found)
	}
	for _, fingerprint := range []string{a.Key.Fingerprint(), b.Key.Fingerprint()} {
		if !strings.Contains(found[0].Text, fingerprint) {
			t.Errorf("%q does not name %s", found[0].Text, fingerprint)
		}
	}
	if _, err := pair.New(a.Certificate, b.Key); err == nil {
		t.Error("New joins them")
	}
	if _, err := pair.New(a.Certificate, nil); err == nil {
		t.Error("New makes a pair of one half")
	}
}

// TestSA08Certificates hands in every certificate that must not be used.
func TestSA08Certificates(t *testing.T) {
	t.Parallel()
	key := rsaKeys[0]()
	caKey := rsaKeys[3]()
	ca := newCert(t, caKey, certOptions{name: "ca", ca: true})
	leaf := newCert(t, key, certOptions{parent: ca, parentKey: caKey})
	good := newCert(t, key, certOptions{})
	end := strings.LastIndex(certPEM(good), "-----END")
	for _, tt := range []struct {
		name string
		text string
		want []pair.Code
	}{
		{"good", certPEM(good), nil},
		{"good_from_windows", "\uFEFF" + strings.ReplaceAll(certPEM(good), "\n", "\r\n"), nil},
		{"good_with_bag_attributes", "Bag Attributes\n" + certPEM(good) + "\n\n", nil},
		{"good_from_a_ca", certPEM(leaf), nil},
		{"empty", "", []pair.Code{pair.Empty}},
		{"oversized", certPEM(good) + strings.Repeat("\n", 64<<10), []pair.Code{pair.Oversized}},
		{"der", string(good.Raw), []pair.Code{pair.DER}},
		{"pkcs12", string(pkcs12DER(t)), []pair.Code{pair.PKCS12}},
		{"pkcs7", toPEM("PKCS7", pkcs7DER(t)), []pair.Code{pair.PKCS7}},
		{"request", toPEM("CERTIFICATE REQUEST", requestDER(t)), []pair.Code{pair.Request}},
		{"chain", certPEM(leaf) + certPEM(ca), []pair.Code{pair.Chain}},
		{"two", certPEM(good) + certPEM(leaf), []pair.Code{pair.TwoCertificates}},
		{"key", toPEM("PRIVATE KEY", pkcs8(t, key)), []pair.Code{pair.KeyForCertificate}},
		{"damaged_base64", certPEM(good)[:100] + certPEM(good)[101:], []pair.Code{pair.Damaged}},
		{"cut_short", certPEM(good)[:400], []pair.Code{pair.Damaged, pair.Footer}},
		{"altered", certPEM(good)[:end-20] + "AAAAAAAA" + certPEM(good)[end-12:], []pair.Code{pair.Altered}},
		{"no_header", bodyOf(certPEM(good)), []pair.Code{pair.Header, pair.Footer}},
		{"prose", "see attachment", []pair.Code{pair.NoCertificate}},
		{"expired", certPEM(newCert(t, key, certOptions{notBefore: now.Add(-9 * day), notAfter: now.Add(-time.Second)})), []pair.Code{pair.Expired}},
		{"not_yet_valid", certPEM(newCert(t, key, certOptions{notBefore: now.Add(time.Second)})), []pair.Code{pair.NotYetValid}},
		{"rsa_1024", certPEM(newCert(t, shortRSA(), certOptions{})), []pair.Code{pair.RSAShort}},
		{"sha1", certPEM(withAlgorithm(t, good, 5)), []pair.Code{pair.WeakSignature}},
		{"md5", certPEM(withAlgorithm(t, good, 4)), []pair.Code{pair.WeakSignature}},
		{"ecdsa", certPEM(newCert(t, ecKey(), certOptions{})), []pair.Code{pair.KeyKind}},
		{"ed25519", certPEM(newCert(t, edKey(), certOptions{})), []pair.Code{pair.KeyKind}},
		{"all_at_once", certPEM(withAlgorithm(t, newCert(t, shortRSA(), certOptions{notBefore: now.Add(-9 * day), notAfter: now.Add(-day)}), 5)),
			[]pair.Code{pair.Expired, pair.RSAShort, pair.WeakSignature}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, found := pair.CheckCertificate([]byte(tt.text), now)
			if d := cmp.Diff(tt.want, codes(found), cmpEmpty); d != "" {
				t.Errorf("CheckCertificate findings (-want +got):\n%s\n%v", d, found)
			}
			if len(tt.want) == 0 && c == nil {
				t.Error("got no certificate")
			}
			checkFindings(t, found, pair.PartCertificate)
		})
	}
}

var cmpEmpty = cmp.Transformer("empty", func(list []pair.Code) string {
	words := make([]string, 0, len(list))
	for _, c := range list {
		words = append(words, string(c))
	}
	return strings.Join(words, " ")
})

// checkFindings wants a text and a remedy of each, and no piece of a key.
func checkFindings(t *testing.T, found pair.Findings, part pair.Part) {
	t.Helper()
	for _, f := range found {
		if f.Part != part || f.Text == "" || f.Remedy == "" {
			t.Errorf("an incomplete finding: %+v", f)
		}
	}
	leaks(t, found.Error(), rsaKeys[0]())
}

// TestSA08Keys hands in every key that must not be used.
func TestSA08Keys(t *testing.T) {
	t.Parallel()
	key := rsaKeys[0]()
	good := toPEM("PRIVATE KEY", pkcs8(t, key))
	cert := newCert(t, key, certOptions{})
	ec, err := x509.MarshalECPrivateKey(ecKey())
	if err != nil {
		t.Fatal(err)
	}
	old := string(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: make([]byte, 300), Headers: map[string]string{
		"Proc-Type": "4,ENCRYPTED", "DEK-Info": "AES-128-CBC,00000000000000000000000000000000",
	}}))
	for _, tt := range []struct {
		name string
		text string
		want []pair.Code
	}{
		{"pkcs8", good, nil},
		{"pkcs1", toPEM("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key)), nil},
		{"from_windows", "\uFEFF" + strings.ReplaceAll(good, "\n", "\r\n") + "\r\n\r\n", nil},
		{"empty", "\n", []pair.Code{pair.Empty}},
		{"oversized", good + strings.Repeat(" ", 64<<10), []pair.Code{pair.Oversized}},
		{"utf16", "\xFF\xFE-\x00", []pair.Code{pair.UTF16}},
		{"der", string(pkcs8(t, key)), []pair.Code{pair.DER}},
		{"pkcs12", string(pkcs12DER(t)), []pair.Code{pair.PKCS12}},
		{"encrypted", toPEM("ENCRYPTED PRIVATE KEY", encryptedKeyDER(t)), []pair.Code{pair.KeyEncrypted}},
		{"encrypted_der", string(encryptedKeyDER(t)), []pair.Code{pair.KeyEncrypted}},
		{"encrypted_under_a_false_header", toPEM("PRIVATE KEY", encryptedKeyDER(t)), []pair.Code{pair.KeyEncrypted}},
		{"encrypted_as_of_old", old, []pair.Code{pair.KeyEncrypted}},
		{"openssh", toPEM("OPENSSH PRIVATE KEY", make([]byte, 300)), []pair.Code{pair.OpenSSHKey}},
		{"certificate", certPEM(cert), []pair.Code{pair.CertificateForKey}},
		{"certificate_der", string(cert.Raw), []pair.Code{pair.CertificateForKey}},
		{"certificate_without_header", oneLine(cert), []pair.Code{pair.CertificateForKey}},
		{"certificate_beside", good + certPEM(cert), []pair.Code{pair.BothInOne}},
		{"two", good + good, []pair.Code{pair.TwoKeys}},
		{"ecdsa", toPEM("PRIVATE KEY", pkcs8(t, ecKey())), []pair.Code{pair.KeyKind}},
		{"ecdsa_with_parameters", toPEM("EC PARAMETERS", []byte{6, 1, 0}) + toPEM("EC PRIVATE KEY", ec), []pair.Code{pair.KeyKind}},
		{"ed25519", toPEM("PRIVATE KEY", pkcs8(t, edKey())), []pair.Code{pair.KeyKind}},
		{"rsa_1024", toPEM("PRIVATE KEY", pkcs8(t, shortRSA())), []pair.Code{pair.RSAShort}},
		{"public_key", toPEM("PUBLIC KEY", cert.RawSubjectPublicKeyInfo), []pair.Code{pair.NoKey}},
		{"request", toPEM("CERTIFICATE REQUEST", requestDER(t)), []pair.Code{pair.NoKey}},
		{"no_header", good[strings.Index(good, "\n")+1:], []pair.Code{pair.Header}},
		{"no_footer", good[:strings.Index(good, "-----END")], []pair.Code{pair.Footer}},
		{"base64_alone", strings.ReplaceAll(bodyOf(good), "\n", ""), []pair.Code{pair.OneLine}},
		{"a_letter_missing", good[:200] + good[201:], []pair.Code{pair.Damaged}},
		{"letters_swapped", good[:600] + "AAAAAAAA" + good[608:], []pair.Code{pair.Damaged}},
		{"prose", "see attachment", []pair.Code{pair.NoKey}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			k, found := pair.CheckKey([]byte(tt.text))
			if d := cmp.Diff(tt.want, codes(found), cmpEmpty); d != "" {
				t.Errorf("CheckKey findings (-want +got):\n%s\n%v", d, found)
			}
			if got := k != nil; got != (len(tt.want) == 0) {
				t.Errorf("got a key: %t", got)
			}
			checkFindings(t, found, pair.PartKey)
		})
	}
}

// TestSA08MessagesAreDistinct lets nobody read the same sentence for two defects.
func TestSA08MessagesAreDistinct(t *testing.T) {
	t.Parallel()
	seen := map[string]pair.Code{}
	for code, text := range pair.WordingTexts() {
		if other, ok := seen[text]; ok {
			t.Errorf("%s and %s both say %q", code, other, text)
		}
		seen[text] = code
	}
	if len(seen) < 45 {
		t.Errorf("got %d texts", len(seen))
	}
}

// TestSA08Check gathers what is wrong with both halves.
func TestSA08Check(t *testing.T) {
	t.Parallel()
	p, found := pair.Check(nil, []byte("no key"), now)
	if d := cmp.Diff([]pair.Code{pair.Empty, pair.NoKey}, codes(found)); d != "" || p != nil {
		t.Errorf("Check findings (-want +got):\n%s", d)
	}
	good := newPair(t, 0, certOptions{})
	if p, found := pair.Check(good.CertificatePEM(), keyPEM(t, good), now); p == nil || len(found) > 0 {
		t.Errorf("got %v, %v, want the pair", p, found)
	}
	late := good.Certificate.NotAfter.Add(time.Hour)
	if p, found := pair.Check(good.CertificatePEM(), keyPEM(t, good), late); p != nil || !found.Has(pair.Expired) {
		t.Errorf("got %v, %v, want it expired", p, found)
	}
	if p, found := pair.Parse(good.CertificatePEM(), keyPEM(t, good)); p == nil || len(found) > 0 {
		t.Errorf("Parse: got %v, %v, want the pair whatever its dates", p, found)
	}
}
