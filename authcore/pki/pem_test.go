package pki_test

import (
	"bytes"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/authcore/pki"
	"gatehouse/authcore/pki/lab"
)

func TestParseCertificatesTolerates(t *testing.T) {
	t.Parallel()
	root := newCA(t, lab.CAOptions{})
	inter := below(t, root, lab.CAOptions{})
	plain := inter.CertificatePEM() // two certificates
	tests := map[string][]byte{
		"plain":        plain,
		"crlf":         bytes.ReplaceAll(plain, []byte("\n"), []byte("\r\n")),
		"bom":          append([]byte("\xEF\xBB\xBF"), plain...),
		"text_between": []byte("# Acme\n\n" + strings.ReplaceAll(string(plain), "-----BEGIN", "subject=/CN=x\n-----BEGIN") + "bye\n"),
		"indented":     []byte("  " + strings.ReplaceAll(string(plain), "\n", "\n  ")),
		"no_last_line": bytes.TrimSpace(plain),
		"x509_label":   bytes.ReplaceAll(plain, []byte("CERTIFICATE"), []byte("X509 CERTIFICATE")),
	}
	for name, data := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			certs, err := pki.ParseCertificates(data)
			if err != nil {
				t.Fatalf("ParseCertificates: %v", err)
			}
			if len(certs) != 2 || !certs[0].Equal(inter.Certificate) || !certs[1].Equal(root.Certificate) {
				t.Errorf("got %d certificates, want the two in their order", len(certs))
			}
		})
	}
}

func TestParseCertificatesRefuses(t *testing.T) {
	t.Parallel()
	root := newCA(t, lab.CAOptions{})
	good := string(root.CertificatePEM())
	block := func(kind, body string) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: []byte(body)}))
	}
	lines := strings.Count(good, "\n")
	tests := []struct {
		name, in, text string
		block, line    int
	}{
		{"empty", "", "no certificate", 0, 0},
		{"text", "hello\n", "no certificate", 0, 0},
		{"private_key", good + string(root.KeyPEM()), "private key", 2, lines + 1},
		{"der", string(root.Certificate.Raw), "DER form", 0, 0},
		{"binary", "\x30\x82\x01\x00\xff\xff", "binary", 0, 0},
		{"utf16", "\xff\xfe-\x00-\x00", "UTF-16", 0, 0},
		{"request", block("CERTIFICATE REQUEST", "x"), "request", 1, 1},
		{"pkcs7", block("PKCS7", "x"), "pkcs7 -print_certs", 1, 1},
		{"crl", good + block("X509 CRL", "x"), "X509 CRL", 2, lines + 1},
		{"not_a_certificate", block("CERTIFICATE", "x"), "cannot be read", 1, 1},
		{"bad_base64", "\n" + strings.Replace(good, "M", "*", 1), "damaged", 1, 2},
		{"cut_short", good + good[:len(good)/2], "no END line", 2, lines + 1},
		{"begin_in_block", good[:len(good)/2] + "\n" + good, "before the next BEGIN", 1, 1},
		{"other_end", strings.Replace(good, "END CERTIFICATE", "END PRIVATE KEY", 1), "damaged", 1, 1},
		{"too_many", strings.Repeat(block("CERTIFICATE", ""), 513), "more than 512", 513, 512*2 + 1},
		{"too_large", strings.Repeat("x", 1<<20+1), "at most", 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := pki.ParseCertificates([]byte(tt.in))
			var p *pki.PEMError
			if !errors.As(err, &p) {
				t.Fatalf("got %v, want a PEMError", err)
			}
			if p.Block != tt.block || p.Line != tt.line || !strings.Contains(p.Text, tt.text) {
				t.Errorf("got block %d, line %d, %q; want %d, %d, %q", p.Block, p.Line, p.Text, tt.block, tt.line, tt.text)
			}
		})
	}
}

func TestParsePrivateKeyFormatsOfOpenSSL(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	openssl(t, dir, "ecparam", "-name", "prime256v1", "-genkey", "-out", "sec1.pem") // with EC PARAMETERS
	openssl(t, dir, "pkcs8", "-topk8", "-nocrypt", "-in", "sec1.pem", "-out", "pkcs8.pem")
	openssl(t, dir, "genrsa", "-traditional", "-out", "pkcs1.pem", "2048")
	openssl(t, dir, "genpkey", "-algorithm", "ed25519", "-out", "ed25519.pem")
	openssl(t, dir, "pkcs8", "-topk8", "-passout", "pass:x", "-in", "sec1.pem", "-out", "encrypted.pem")
	openssl(t, dir, "ec", "-aes256", "-passout", "pass:x", "-in", "sec1.pem", "-out", "legacy.pem")
	openssl(t, dir, "genpkey", "-algorithm", "x25519", "-out", "x25519.pem")
	tests := []struct{ file, refused string }{
		{"sec1.pem", ""}, {"pkcs8.pem", ""}, {"pkcs1.pem", ""}, {"ed25519.pem", ""},
		{"encrypted.pem", "the key is encrypted"}, {"legacy.pem", "the key is encrypted"},
		{"x25519.pem", "cannot sign"},
	}
	for _, tt := range tests {
		data, err := os.ReadFile(filepath.Join(dir, tt.file))
		if err != nil {
			t.Fatal(err)
		}
		key, err := pki.ParsePrivateKey(data)
		if tt.refused == "" && (err != nil || key == nil) {
			t.Errorf("ParsePrivateKey(%s): %v", tt.file, err)
		}
		if tt.refused != "" && (err == nil || !strings.Contains(err.Error(), tt.refused)) {
			t.Errorf("ParsePrivateKey(%s): got %v, want %q", tt.file, err, tt.refused)
		}
	}
}

func FuzzParseCertificates(f *testing.F) {
	ca, err := lab.NewCA(lab.CAOptions{})
	if err != nil {
		f.Fatal(err)
	}
	f.Add(ca.CertificatePEM())
	f.Add(ca.KeyPEM())
	f.Add([]byte("-----BEGIN CERTIFICATE-----\n-----BEGIN CERTIFICATE-----\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		certs, err := pki.ParseCertificates(data)
		if (err == nil) != (len(certs) > 0) {
			t.Errorf("got %d certificates and %v", len(certs), err)
		}
		if err == nil {
			if ca, err := pki.NewCA("x", certs); err == nil {
				ca.Warnings(now)
			}
		}
		_, _ = pki.ParsePrivateKey(data) // must not panic
	})
}
