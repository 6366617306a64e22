package lab

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	tag "golang.org/x/crypto/cryptobyte/asn1"
)

// What a Responder reads of one request, at most.
const (
	maxRequestBytes = 16 << 10
	maxRequestItems = 64
)

var (
	oidBasicOCSP = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 1}
	oidNonce     = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 2}
	oidNoCheck   = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 5}
)

var errOCSPRequest = errors.New("parsing an OCSP request")

// certIDHashes are the hash algorithms that a CertID may be made with.
var certIDHashes = []struct {
	id   asn1.ObjectIdentifier
	hash crypto.Hash
}{
	{asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}, crypto.SHA1},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}, crypto.SHA256},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 2}, crypto.SHA384},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 3}, crypto.SHA512},
}

// certID names a certificate by its issuer and serial number (RFC 6960 §4.1.1).
type certID struct {
	raw      []byte      // as it came, its tag included
	hash     crypto.Hash // 0: an algorithm unknown here
	nameHash []byte
	keyHash  []byte
	serial   *big.Int
}

// names reports whether the CertID is about a certificate that issuer issued.
func (id certID) names(issuer *x509.Certificate) bool {
	if id.hash == 0 {
		return false
	}
	name, key, err := issuerHashes(issuer, id.hash)
	return err == nil && bytes.Equal(name, id.nameHash) && bytes.Equal(key, id.keyHash)
}

// issuerHashes returns the hashes of a CertID: over the issuer's name in DER, and over its
// public key without algorithm, tag and length.
func issuerHashes(issuer *x509.Certificate, hash crypto.Hash) (name, key []byte, err error) {
	bits, err := publicKeyBits(issuer)
	if err != nil {
		return nil, nil, err
	}
	n, k := hash.New(), hash.New()
	n.Write(issuer.RawSubject)
	k.Write(bits)
	return n.Sum(nil), k.Sum(nil), nil
}

// publicKeyBits is the BIT STRING of the public key, without tag, length and unused bits.
func publicKeyBits(c *x509.Certificate) ([]byte, error) {
	var info, algorithm cryptobyte.String
	var bits []byte
	der := cryptobyte.String(c.RawSubjectPublicKeyInfo)
	if !der.ReadASN1(&info, tag.SEQUENCE) || !info.ReadASN1(&algorithm, tag.SEQUENCE) ||
		!info.ReadASN1BitStringAsBytes(&bits) {
		return nil, errors.New("reading a public key: it is not in DER")
	}
	return bits, nil
}

// ocspRequest is what a Responder wants to know of a request.
type ocspRequest struct {
	ids   []certID
	nonce []byte // the value of the nonce extension, as it came; nil: none
}

// parseOCSPRequest reads a request (RFC 6960 §4.1.1). Who asks, and a signature, do not matter.
func parseOCSPRequest(der []byte) (ocspRequest, error) {
	if len(der) > maxRequestBytes {
		return ocspRequest{}, errOCSPRequest
	}
	in := cryptobyte.String(der)
	var outer, tbs, list cryptobyte.String
	if !in.ReadASN1(&outer, tag.SEQUENCE) || !in.Empty() ||
		!outer.ReadASN1(&tbs, tag.SEQUENCE) ||
		!tbs.SkipOptionalASN1(explicit(0)) || !tbs.SkipOptionalASN1(explicit(1)) ||
		!tbs.ReadASN1(&list, tag.SEQUENCE) {
		return ocspRequest{}, errOCSPRequest
	}
	var r ocspRequest
	for !list.Empty() {
		var item cryptobyte.String
		if len(r.ids) == maxRequestItems || !list.ReadASN1(&item, tag.SEQUENCE) {
			return ocspRequest{}, errOCSPRequest
		}
		id, err := parseCertID(&item)
		if err != nil {
			return ocspRequest{}, err
		}
		r.ids = append(r.ids, id)
	}
	if len(r.ids) == 0 {
		return ocspRequest{}, errOCSPRequest
	}
	var err error
	r.nonce, err = parseNonce(tbs)
	return r, err
}

func parseCertID(in *cryptobyte.String) (certID, error) {
	var whole, id, algorithm, name, key cryptobyte.String
	var oid asn1.ObjectIdentifier
	serial := new(big.Int)
	if !in.ReadASN1Element(&whole, tag.SEQUENCE) {
		return certID{}, errOCSPRequest
	}
	raw := []byte(whole)
	if !whole.ReadASN1(&id, tag.SEQUENCE) || !id.ReadASN1(&algorithm, tag.SEQUENCE) ||
		!algorithm.ReadASN1ObjectIdentifier(&oid) ||
		!id.ReadASN1(&name, tag.OCTET_STRING) || !id.ReadASN1(&key, tag.OCTET_STRING) ||
		!id.ReadASN1Integer(serial) || !id.Empty() {
		return certID{}, errOCSPRequest
	}
	c := certID{raw: raw, nameHash: name, keyHash: key, serial: serial}
	for _, h := range certIDHashes {
		if h.id.Equal(oid) {
			c.hash = h.hash
		}
	}
	return c, nil
}

// parseNonce finds the nonce among the extensions behind a request's list (RFC 9654 §2.1).
func parseNonce(in cryptobyte.String) ([]byte, error) {
	var wrapped, list cryptobyte.String
	var there bool
	if !in.ReadOptionalASN1(&wrapped, &there, explicit(2)) || !in.Empty() {
		return nil, errOCSPRequest
	}
	if !there {
		return nil, nil
	}
	if !wrapped.ReadASN1(&list, tag.SEQUENCE) {
		return nil, errOCSPRequest
	}
	var nonce []byte
	for !list.Empty() {
		var extension, value cryptobyte.String
		var oid asn1.ObjectIdentifier
		if !list.ReadASN1(&extension, tag.SEQUENCE) ||
			!extension.ReadASN1ObjectIdentifier(&oid) ||
			!extension.SkipOptionalASN1(tag.BOOLEAN) ||
			!extension.ReadASN1(&value, tag.OCTET_STRING) {
			return nil, errOCSPRequest
		}
		if oid.Equal(oidNonce) {
			nonce = value
		}
	}
	return nonce, nil
}

// explicit is a context-specific tag that holds another element.
func explicit(n uint8) tag.Tag { return tag.Tag(n).ContextSpecific().Constructed() }
