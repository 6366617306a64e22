package pair

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
)

// A binaryKind is what DER can be here.
type binaryKind uint8

const (
	notBinary binaryKind = iota
	binaryCertificate
	binaryCertificates
	binaryKey
	binaryEncryptedKey
	binaryRequest
	binaryPKCS7
	binaryPKCS12
	binaryOther
)

const tagSequence = 0x30 // of an ASN.1 SEQUENCE, with which all of them begin

var (
	oidPKCS7     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7}
	oidPasswords = []asn1.ObjectIdentifier{ // whose keys are encrypted by a passphrase
		{1, 2, 840, 113549, 1, 5}, {1, 2, 840, 113549, 1, 12, 1},
	}
)

// binaryOf says what DER data is; text is notBinary. PKCS #12 comes as BER too.
func binaryOf(data []byte) binaryKind {
	if len(data) < 2 || data[0] != tagSequence {
		return notBinary
	}
	if isText(data) {
		return notBinary
	}
	if certs, err := x509.ParseCertificates(data); err == nil && len(certs) > 0 {
		if len(certs) > 1 {
			return binaryCertificates
		}
		return binaryCertificate
	}
	if _, err := parsePrivateKey(data); err == nil {
		return binaryKey
	}
	if _, err := x509.ParseCertificateRequest(data); err == nil {
		return binaryRequest
	}
	return containerOf(data)
}

// isText reports whether data begins like text: DER has control characters early on.
func isText(data []byte) bool {
	for _, b := range data[:min(len(data), 16)] {
		if b < ' ' && b != '\n' && b != '\r' && b != '\t' || b >= 0x7F {
			return false
		}
	}
	return true
}

// containerOf looks at the first elements of an outer SEQUENCE: INTEGER 3 opens PKCS #12
// (RFC 7292 §4), an OBJECT IDENTIFIER of PKCS #7 a ContentInfo (RFC 5652 §3), an algorithm
// that takes a passphrase an encrypted key (RFC 5958 §3).
func containerOf(data []byte) binaryKind {
	body := data
	if data[1] == 0x80 { // BER, of indefinite length
		body = data[2:]
	} else {
		var outer asn1.RawValue
		if _, err := asn1.Unmarshal(data, &outer); err != nil {
			return binaryOther
		}
		body = outer.Bytes
	}
	if bytes.HasPrefix(body, []byte{0x02, 0x01, 0x03}) {
		return binaryPKCS12
	}
	var oid asn1.ObjectIdentifier
	if _, err := asn1.Unmarshal(body, &oid); err == nil && below(oid, oidPKCS7) {
		return binaryPKCS7
	}
	var algorithm struct {
		OID        asn1.ObjectIdentifier
		Parameters asn1.RawValue `asn1:"optional"`
	}
	if _, err := asn1.Unmarshal(body, &algorithm); err == nil {
		for _, p := range oidPasswords {
			if below(algorithm.OID, p) {
				return binaryEncryptedKey
			}
		}
	}
	return binaryOther
}

func below(oid, parent asn1.ObjectIdentifier) bool {
	return len(oid) > len(parent) && oid[:len(parent)].Equal(parent)
}

// parsePrivateKey tries the three encodings of a key that is not encrypted. The error is not
// for showing: it might quote the key.
func parsePrivateKey(der []byte) (any, error) {
	if key, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		return key, nil
	}
	if key, err := x509.ParsePKCS1PrivateKey(der); err == nil {
		return key, nil
	}
	return x509.ParseECPrivateKey(der)
}
