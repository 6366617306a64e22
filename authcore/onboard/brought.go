package onboard

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"fmt"
)

// IsSealed reports whether a file that somebody brought is to be opened by OpenSealed: it is
// neither PEM nor a certificate, and begins as every PKCS #12 does, with a SEQUENCE.
func IsSealed(file []byte) bool {
	if len(file) == 0 || file[0] != 0x30 || bytes.Contains(file, []byte(beginPEM)) {
		return false
	}
	_, err := x509.ParseCertificate(file)
	return err != nil
}

// OpenSealed returns what Certificates does, as PEM. Errors wrap ErrInvalid.
func OpenSealed(file []byte, password string) ([]byte, error) {
	chain, err := Certificates(file, password)
	if err != nil {
		return nil, err
	}
	var b bytes.Buffer
	for _, c := range chain {
		_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}) // a buffer takes all
	}
	return b.Bytes(), nil
}

// WithoutKeys is PEM without its private keys, which are of no use to who judges certificates.
// A key without an end goes with all that follows. What is no PEM stays as it is. Error: ErrInvalid,
// if nothing but keys is in it.
func WithoutKeys(text []byte) ([]byte, error) {
	kept := withoutKeys(text)
	if len(kept) < len(text) && !bytes.Contains(kept, []byte(beginPEM)) {
		return nil, fmt.Errorf("%w: there is a private key in it, and no certificate", ErrInvalid)
	}
	return kept, nil
}

const beginPEM = "-----BEGIN "

// maxLabel bounds what stands between BEGIN and the dashes, in bytes (RFC 7468 §4 to §13 have 21 at
// most): whoever sends a file of beginnings without ends must not have it read once for each.
const maxLabel = 64

func withoutKeys(text []byte) (kept []byte) {
	const end, key = "-----END ", "PRIVATE KEY-----"
	for {
		at := bytes.Index(text, []byte(beginPEM))
		if at < 0 {
			return append(kept, text...)
		}
		after := at + len(beginPEM)
		label, _, closed := bytes.Cut(text[after:min(len(text), after+maxLabel)], []byte("-----"))
		if !closed || !bytes.HasSuffix(label, []byte("PRIVATE KEY")) {
			kept, text = append(kept, text[:after]...), text[after:]
			continue
		}
		kept = append(kept, text[:at]...)
		stop := bytes.Index(text[after:], []byte(end))
		if stop < 0 {
			return kept
		}
		_, text, _ = bytes.Cut(text[after+stop:], []byte(key))
	}
}
