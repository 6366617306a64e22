package revocation

import (
	"bytes"
	"crypto"
	_ "crypto/sha1" // identifies an issuer, RFC 6960 §4.3; nothing relies on its strength
	_ "crypto/sha256"
	_ "crypto/sha512"
	"crypto/x509"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// certIDHashes are the hashes that a CertID may be made with, by object identifier.
var certIDHashes = []struct {
	hash crypto.Hash
	oid  string // content octets
}{
	{crypto.SHA1, "\x2b\x0e\x03\x02\x1a"},                   // 1.3.14.3.2.26
	{crypto.SHA256, "\x60\x86\x48\x01\x65\x03\x04\x02\x01"}, // 2.16.840.1.101.3.4.2.1
	{crypto.SHA384, "\x60\x86\x48\x01\x65\x03\x04\x02\x02"}, // … .2
	{crypto.SHA512, "\x60\x86\x48\x01\x65\x03\x04\x02\x03"}, // … .3
}

// A certID is the CertID of RFC 6960 §4.1.1 for one certificate, with every hash there is.
type certID struct {
	names  [][]byte // the issuer's name: as the certificate has it and as the issuer has it
	key    []byte   // the issuer's public key: content of the BIT STRING
	serial []byte   // as Key.Serial

	// byHash holds what was computed already, in the order of certIDHashes.
	byHash [4]*hashedIssuer
}

type hashedIssuer struct{ names, key [][]byte }

// newCertID describes cert. RFC 6960 §4.1.1 hashes the name that stands in cert; responders
// that take the issuer's own differ if the two are encoded differently, and are understood.
func newCertID(cert, issuer *x509.Certificate) (*certID, error) {
	key, ok := publicKeyBits(issuer)
	if !ok {
		return nil, unusable("the CA's public key cannot be read")
	}
	id := &certID{names: [][]byte{cert.RawIssuer}, key: key}
	if !bytes.Equal(cert.RawIssuer, issuer.RawSubject) {
		id.names = append(id.names, issuer.RawSubject)
	}
	id.serial = appendSerial(nil, cert.SerialNumber)
	return id, nil
}

// publicKeyBits returns what key hashes are made of: the subjectPublicKey without tag, length
// and unused bits (RFC 6960 §4.1.1).
func publicKeyBits(c *x509.Certificate) ([]byte, bool) {
	input := cryptobyte.String(c.RawSubjectPublicKeyInfo)
	var spki cryptobyte.String
	var bits []byte
	ok := input.ReadASN1(&spki, cbasn1.SEQUENCE) && spki.SkipASN1(cbasn1.SEQUENCE) &&
		spki.ReadASN1BitStringAsBytes(&bits) && spki.Empty()
	return bits, ok
}

// hashed returns the hashes of names and key with the i-th of certIDHashes.
func (id *certID) hashed(i int) *hashedIssuer {
	if id.byHash[i] == nil {
		sum := func(data []byte) []byte {
			h := certIDHashes[i].hash.New()
			h.Write(data)
			return h.Sum(nil)
		}
		v := &hashedIssuer{key: [][]byte{sum(id.key)}}
		for _, name := range id.names {
			v.names = append(v.names, sum(name))
		}
		id.byHash[i] = v
	}
	return id.byHash[i]
}

// match is how far a CertID fits: an answer about another certificate deserves another word
// than one of another CA about the same serial number.
type match uint8

const (
	otherSerial match = iota
	otherIssuer       // the serial fits and the issuer does not
	sameCertificate
)

// match compares a CertID off the wire: name hash, key hash and serial number must all fit. It
// reports false if der is malformed; a hash that is not known fits nothing.
func (id *certID) match(der cryptobyte.String) (match, bool) {
	var algorithm, oid, serial, name, key cryptobyte.String
	if !der.ReadASN1(&algorithm, cbasn1.SEQUENCE) ||
		!algorithm.ReadASN1(&oid, cbasn1.OBJECT_IDENTIFIER) ||
		!der.ReadASN1(&name, cbasn1.OCTET_STRING) || !der.ReadASN1(&key, cbasn1.OCTET_STRING) ||
		!der.ReadASN1(&serial, cbasn1.INTEGER) || len(serial) == 0 || !der.Empty() {
		return otherSerial, false
	}
	if !bytes.Equal(appendWireSerial(nil, serial), id.serial) {
		return otherSerial, true
	}
	for i := range certIDHashes {
		if string(oid) != certIDHashes[i].oid {
			continue
		}
		want := id.hashed(i)
		if contains(want.names, name) && contains(want.key, key) {
			return sameCertificate, true
		}
	}
	return otherIssuer, true
}

func contains(list [][]byte, b []byte) bool {
	for _, l := range list {
		if bytes.Equal(l, b) {
			return true
		}
	}
	return false
}
