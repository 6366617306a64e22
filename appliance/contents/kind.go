package contents

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"io/fs"
	"path"

	"gatehouse/authcore/pki"
)

// Names of files that mean the same in every folder.
const (
	policyFile      = "policy.yaml"
	certificateFile = "certificate.pem"
	keyFile         = "key.pem"
)

// kinds say in words what files are, the first pattern that fits.
var kinds = []struct {
	pattern, kind string
	open          bool // no secret has any business there
}{
	{policyFile, "policy", false},
	{"admins.yaml", "accounts and tokens", false},
	{"users/*", "users file", false},
	{"radius/*.yaml", "RADIUS server", false},
	{"ca/*.pem", "CA chain", true},
	{"ca/*.yaml", "settings of a CA", true},
	{"ca/*.crl", "revocation list", true},
	{"server/*/certificate.pem", "server certificate", true},
	{"server/*/key.pem", "key of a server certificate", false},
	{"saml/idp.yaml", "identity provider", true},
	{"saml/*/app.yaml", "SAML app", true},
	{"saml/*/*.xml", "metadata of a SAML app", true},
	{"saml/*/certificate.pem", "certificate of a pair", true},
	{"saml/*/*/certificate.pem", "certificate of a pair", true},
	{"saml/*/key.pem", "key of a pair", false},
	{"saml/*/*/key.pem", "key of a pair", false},
	{"fleet/trusted_keys/*", "key that may sign bundles", true},
	{"secrets/*", "encrypted secrets", true},
}

// kindOf says in words what the file of that path is, and whether no secret has any business there.
func kindOf(name string) (kind string, open bool) {
	for i := range kinds {
		if ok, _ := path.Match(kinds[i].pattern, name); ok { // the patterns are right
			return kinds[i].kind, kinds[i].open
		}
	}
	return "file", false
}

// fingerprint returns that of a file's first certificate. Of a key it is that of the certificate
// beside it, if they belong together: nothing of the key itself. "": there is none.
func fingerprint(fsys fs.FS, name string, data []byte) string {
	if path.Ext(name) != ".pem" {
		return ""
	}
	var key []byte
	if isKey(name, data) {
		signer, err := pki.ParsePrivateKey(data)
		if err != nil {
			return ""
		}
		if key, err = x509.MarshalPKIXPublicKey(signer.Public()); err != nil {
			return ""
		}
		data, _ = fs.ReadFile(fsys, path.Join(path.Dir(name), certificateFile)) // nil: there is none
	}
	certs, err := pki.ParseCertificates(data)
	if err != nil || key != nil && !bytes.Equal(key, certs[0].RawSubjectPublicKeyInfo) {
		return ""
	}
	sum := sha256.Sum256(certs[0].Raw)
	return hex.EncodeToString(sum[:])
}
