package pki_test

import (
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/authcore/pki"
	"gatehouse/authcore/pki/lab"
)

func TestNewCASortsAnchors(t *testing.T) {
	t.Parallel()
	root := newCA(t, lab.CAOptions{Name: "Root"})
	inter := below(t, root, lab.CAOptions{Name: "Inter"})
	lower := below(t, inter, lab.CAOptions{Name: "Lower"})
	oldSHA1 := newCA(t, lab.CAOptions{Name: "Old", Options: lab.Options{SHA1: true}})
	tests := []struct {
		name                   string
		in                     []*x509.Certificate
		anchors, intermediates int
	}{
		{"root", chain(root.Certificate), 1, 0},
		{"duplicate", chain(root.Certificate, root.Certificate), 1, 0},
		{"root_and_intermediates", chain(lower.Certificate, inter.Certificate, root.Certificate), 1, 2},
		{"intermediate_alone_is_anchor", chain(inter.Certificate), 1, 0},
		{"none_self_signed", chain(lower.Certificate, inter.Certificate), 1, 1},
		{"sha1_root", chain(oldSHA1.Certificate), 1, 0},
		{"two_roots", chain(root.Certificate, oldSHA1.Certificate, inter.Certificate), 2, 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ca, err := pki.NewCA("acme", tt.in)
			if err != nil {
				t.Fatalf("NewCA: %v", err)
			}
			if len(ca.Anchors) != tt.anchors || len(ca.Intermediates) != tt.intermediates {
				t.Errorf("got %d anchors and %d intermediates, want %d and %d",
					len(ca.Anchors), len(ca.Intermediates), tt.anchors, tt.intermediates)
			}
		})
	}
}

func TestNewCARefuses(t *testing.T) {
	t.Parallel()
	root := newCA(t, lab.CAOptions{})
	leaf := user(t, root, lab.UserOptions{}).Certificate
	tests := []struct {
		name string
		in   []*x509.Certificate
		text string
	}{
		{"empty", nil, "no certificate"},
		{"leaf", chain(root.Certificate, leaf), "certificate 2"},
		{"leaf_text", chain(leaf), "no CA certificate"},
		{"ca_false", chain(newCA(t, lab.CAOptions{NoCA: true}).Certificate), "CA:FALSE"},
		{"no_cert_sign", chain(newCA(t, lab.CAOptions{NoCertSign: true}).Certificate), "keyCertSign"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := pki.NewCA("acme", tt.in)
			var c *pki.CAError
			if !errors.As(err, &c) || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("got %v, want a CAError with %q", err, tt.text)
			}
		})
	}
}

func TestCAWarnings(t *testing.T) {
	t.Parallel()
	at := func(from, to time.Time) lab.CAOptions {
		return lab.CAOptions{Options: lab.Options{NotBefore: from, NotAfter: to}}
	}
	tests := []struct {
		name, want string
		ca         *lab.CA
	}{
		{"good", "", newCA(t, lab.CAOptions{})},
		{"expired", "expired 3 days ago", newCA(t, at(now.AddDate(-1, 0, 0), now.AddDate(0, 0, -3)))},
		{"expiring", "expires in 9 days", newCA(t, at(now.AddDate(-1, 0, 0), now.AddDate(0, 0, 9).Add(time.Hour)))},
		{"weak", "1024 bits", newCA(t, lab.CAOptions{Options: lab.Options{Key: weakRSA()}})},
		{"sha1_on_itself_is_fine", "", newCA(t, lab.CAOptions{Options: lab.Options{SHA1: true}})},
	}
	for _, tt := range tests {
		got := strings.Join(namedCA(t, "acme", tt.ca.Certificate).Warnings(now), "\n")
		if (tt.want == "") != (got == "") || !strings.Contains(got, tt.want) {
			t.Errorf("%s: got warnings %q, want %q", tt.name, got, tt.want)
		}
	}
}

func TestDescribe(t *testing.T) {
	t.Parallel()
	ca := newCA(t, lab.CAOptions{Name: "Acme CA", Organization: "Acme"})
	serial := lab.Options{Serial: big.NewInt(0x1F)}
	tests := []struct {
		name, want string
		o          lab.UserOptions
	}{
		{"common_name", `"alice" (serial 1f, issued by "CN=Acme CA,O=Acme")`,
			lab.UserOptions{Options: serial, Kind: lab.UsernameCN, Identity: "alice"}},
		{"address", `"alice@example.org" (serial 1f, `, lab.UserOptions{Options: serial}},
		{"upn", `"bob@corp" (`, lab.UserOptions{Kind: lab.UserUPN, Identity: "bob@corp"}},
		{"escaped", `"a\\u202eb" (`, lab.UserOptions{Kind: lab.UsernameCN, Identity: "a\u202eb"}},
		{"distinguished_name", `"CN= ,O=Gatehouse lab" (`, lab.UserOptions{Kind: lab.UsernameCN, CommonName: " "}},
		{"nothing", `"no name" (`, lab.UserOptions{Kind: lab.UsernameCN, NoSubject: true}},
		{"huge_serial", "…, issued", lab.UserOptions{Options: lab.Options{Serial: new(big.Int).Lsh(big.NewInt(1), 999)}}},
	}
	for _, tt := range tests {
		if got := pki.Describe(user(t, ca, tt.o).Certificate); !strings.Contains(got, tt.want) {
			t.Errorf("%s: got %s, want %s", tt.name, got, tt.want)
		}
	}
}

func TestNewCredentialErrors(t *testing.T) {
	t.Parallel()
	root := newCA(t, lab.CAOptions{})
	inter := below(t, root, lab.CAOptions{})
	server, err := inter.IssueServer(lab.ServerOptions{DNSNames: []string{"radius.example.org"}})
	if err != nil {
		t.Fatal(err)
	}
	swapped := append(inter.CertificatePEM(), server.CertificatePEM()...)
	tests := []struct {
		name      string
		cert, key []byte
		fault     pki.CredentialFault
		text      string
	}{
		{"good", server.CertificatePEM(), server.KeyPEM(), 0, ""},
		{"no_certificate", nil, server.KeyPEM(), pki.CertificateUnreadable, "no certificate"},
		{"key_in_certificate_file", append(server.CertificatePEM(), server.KeyPEM()...), server.KeyPEM(), pki.CertificateUnreadable, "private key"},
		{"no_key", server.CertificatePEM(), nil, pki.KeyUnreadable, "no private key"},
		{"certificate_as_key", server.CertificatePEM(), server.CertificatePEM(), pki.KeyUnreadable, "no private key"},
		{"two_keys", server.CertificatePEM(), append(server.KeyPEM(), root.KeyPEM()...), pki.KeyUnreadable, "second private key"},
		{"damaged_key", server.CertificatePEM(), []byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), pki.KeyUnreadable, "damaged"},
		{"other_key", server.CertificatePEM(), root.KeyPEM(), pki.KeyMismatch, "does not fit"},
		{"leaf_not_first", swapped, server.KeyPEM(), pki.LeafNotFirst, "certificate 3"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			cred, err := pki.NewCredential("main", tt.cert, tt.key)
			if tt.fault == 0 {
				if err != nil || cred.TLS.Leaf == nil || cred.Name != "main" {
					t.Errorf("got %+v and %v, want a credential", cred, err)
				}
				return
			}
			var c *pki.CredentialError
			if !errors.As(err, &c) || c.Fault != tt.fault || !strings.Contains(err.Error(), tt.text) {
				t.Errorf("got %v, want fault %d with %q", err, tt.fault, tt.text)
			}
		})
	}
}

func TestCredentialWarnings(t *testing.T) {
	t.Parallel()
	root := newCA(t, lab.CAOptions{})
	inter := below(t, root, lab.CAOptions{})
	dns := []string{"radius.example.org"}
	tests := []struct {
		name, want string
		ca         *lab.CA
		o          lab.ServerOptions
	}{
		{"good", "", inter, lab.ServerOptions{DNSNames: dns}},
		{"no_dns_name", "Android", root, lab.ServerOptions{CommonName: "radius"}},
		{"expiring", "expires in 10 days", root, lab.ServerOptions{DNSNames: dns, Options: lab.Options{NotAfter: now.AddDate(0, 0, 10)}}},
		{"expired", "expired 2 days ago", root, lab.ServerOptions{DNSNames: dns, Options: lab.Options{
			NotBefore: now.AddDate(0, 0, -9), NotAfter: now.AddDate(0, 0, -2)}}},
		{"not_yet_valid", "clock", root, lab.ServerOptions{DNSNames: dns, Options: lab.Options{NotBefore: now.AddDate(1, 0, 0)}}},
		{"client_only", "serverAuth", root, lab.ServerOptions{DNSNames: dns, Options: lab.Options{Usages: usage(lab.ClientAuth)}}},
		{"no_usage", "Windows", root, lab.ServerOptions{DNSNames: dns, Options: lab.Options{NoUsages: true}}},
		{"weak_key", "1024 bits", root, lab.ServerOptions{DNSNames: dns, Options: lab.Options{Key: weakRSA()}}},
		{"sha1", "SHA-1", root, lab.ServerOptions{DNSNames: dns, Options: lab.Options{SHA1: true}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.o.Now = now
			server, err := tt.ca.IssueServer(tt.o)
			if err != nil {
				t.Fatal(err)
			}
			cred, err := pki.NewCredential("main", server.CertificatePEM(), server.KeyPEM())
			if err != nil {
				t.Fatal(err)
			}
			got := strings.Join(cred.Warnings(now), "\n")
			if (tt.want == "") != (got == "") || !strings.Contains(got, tt.want) {
				t.Errorf("got warnings %q, want %q", got, tt.want)
			}
		})
	}
}

func TestCredentialWarnsOfDisorderedChain(t *testing.T) {
	t.Parallel()
	root := newCA(t, lab.CAOptions{})
	inter := below(t, root, lab.CAOptions{})
	server, err := inter.IssueServer(lab.ServerOptions{DNSNames: []string{"r.example.org"}, Options: lab.Options{Now: now}})
	if err != nil {
		t.Fatal(err)
	}
	server.Chain = chain(root.Certificate, inter.Certificate)
	cred, err := pki.NewCredential("main", server.CertificatePEM(), server.KeyPEM())
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Join(cred.Warnings(now), "\n"); !strings.Contains(got, "put them in order") {
		t.Errorf("got %q, want a warning about the order", got)
	}
}

func TestSortCredentials(t *testing.T) {
	t.Parallel()
	root := newCA(t, lab.CAOptions{})
	var creds []*pki.Credential
	for name, kind := range map[string]lab.KeyKind{"a-ed": lab.Ed25519, "b-rsa": lab.RSA2048, "d-ec": lab.P384, "c-ec": lab.P256} {
		server, err := root.IssueServer(lab.ServerOptions{Options: lab.Options{KeyKind: kind}, DNSNames: []string{name}})
		if err != nil {
			t.Fatal(err)
		}
		cred, err := pki.NewCredential(name, server.CertificatePEM(), server.KeyPEM())
		if err != nil {
			t.Fatal(err)
		}
		creds = append(creds, cred)
	}
	pki.SortCredentials(creds)
	var got []string
	for _, c := range creds {
		got = append(got, c.Name)
	}
	if want := "c-ec d-ec b-rsa a-ed"; strings.Join(got, " ") != want {
		t.Errorf("got order %q, want %q", got, want)
	}
}

func TestVerifyCertificatesOfOpenSSL(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("ca.cnf", "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\nsubjectKeyIdentifier=hash\n"+
		"nameConstraints=critical,permitted;email:example.org,permitted;email:.example.org,permitted;dirName:dn\n[dn]\nO=Acme\n")
	write("user.cnf", "basicConstraints=CA:FALSE\nkeyUsage=digitalSignature\nextendedKeyUsage=clientAuth\n"+
		"authorityKeyIdentifier=keyid,issuer:always\nsubjectAltName=email:alice@example.org,otherName:1.3.6.1.4.1.311.20.2.3;UTF8:alice@example.org\n"+
		"authorityInfoAccess=OCSP;URI:http://localhost:9000\n")
	openssl(t, dir, "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "root.key", "-out", "root.pem",
		"-subj", "/O=Acme/CN=Root", "-days", "3650")
	openssl(t, dir, "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "inter.key",
		"-out", "inter.csr", "-subj", "/O=Acme/CN=Inter")
	openssl(t, dir, "x509", "-req", "-in", "inter.csr", "-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial",
		"-extfile", "ca.cnf", "-days", "3650", "-out", "inter.pem")
	openssl(t, dir, "req", "-newkey", "rsa:2048", "-nodes", "-keyout", "user.key", "-out", "user.csr",
		"-subj", "/O=Acme/emailAddress=alice@example.org")
	openssl(t, dir, "x509", "-req", "-in", "user.csr", "-CA", "inter.pem", "-CAkey", "inter.key", "-CAcreateserial",
		"-extfile", "user.cnf", "-days", "3650", "-out", "user.pem")
	read := func(name string) *x509.Certificate {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		certs, err := pki.ParseCertificates(data)
		if err != nil {
			t.Fatal(err)
		}
		return certs[0]
	}
	root, inter, leaf := read("root.pem"), read("inter.pem"), read("user.pem")
	opt := pki.Options{Now: leaf.NotBefore.Add(time.Hour), RequireClientAuth: true}
	p, err := trust(t, root, inter).Verify(chain(leaf), opt)
	checkAccepted(t, p, err, leaf, inter, root)

	// OpenSSL wrote the issuer's issuer into the leaf, so what is missing can be told.
	_, err = trust(t, root).Verify(chain(leaf), opt)
	checkRefused(t, err, refusal{"cert_chain", "chain", 0, `its issuer "CN=Inter,O=Acme" is missing`})
}

// usage is a list of one extended key usage.
func usage(id asn1.ObjectIdentifier) []asn1.ObjectIdentifier { return []asn1.ObjectIdentifier{id} }
