package onboard

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"

	"software.sslmate.com/src/go-pkcs12"
)

const (
	// MaxSealed bounds a PKCS #12 of a stranger, in bytes.
	MaxSealed = 256 << 10
	// maxRounds bounds every number that such a file asks work by. What programs write has 600,000
	// rounds at most.
	maxRounds = 1_000_000
	// maxSealedParts bounds the encrypted parts of such a file; programs write one.
	maxSealedParts = 2
	// maxDepth bounds how deep values lie in its parameters.
	maxDepth = 16
	// maxOpening bounds a password, in bytes.
	maxOpening = 256
)

// The parts of a PKCS #12 (RFC 7292 §4) that are read here, and those that go into a new one.
var (
	oidData      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidEncrypted = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 6}
	oidCertBag   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 3}
	oidKeyBag    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 1}
	oidPBMAC1    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 14}
	oidPBKDF2    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}
	oidHMAC256   = asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 9}
)

type (
	sealedFile struct {
		Version int
		Safe    sealedPart
		MAC     asn1.RawValue `asn1:"optional"`
	}
	sealedPart struct {
		Type    asn1.ObjectIdentifier
		Content asn1.RawValue `asn1:"tag:0,explicit,optional"`
	}
	sealedBag struct {
		Type       asn1.ObjectIdentifier
		Value      asn1.RawValue `asn1:"tag:0,explicit"`
		Attributes asn1.RawValue `asn1:"set,optional"`
	}
	encryptedPart struct {
		Version int
		Content struct {
			Type      asn1.ObjectIdentifier
			Algorithm pkix.AlgorithmIdentifier
			Text      asn1.RawValue `asn1:"tag:0,optional"`
		}
	}
	pbkdf2Parameters struct {
		Salt              []byte
		Rounds, KeyLength int
		PRF               pkix.AlgorithmIdentifier
	}
	pbmac1Parameters struct{ KDF, MAC pkix.AlgorithmIdentifier }
	macOfFile        struct {
		Digest struct {
			Algorithm pkix.AlgorithmIdentifier
			Digest    []byte
		}
		Salt   []byte
		Rounds int
	}
)

// errSealed is what is wrong with a file that is understood no further.
var errSealed = fmt.Errorf("%w: this is no .p12 (.pfx) file", ErrInvalid)

// Certificates returns the certificates of a PKCS #12 that may come from anybody, those of people
// and devices first. The private key in it is never decrypted, and how long that works is bounded
// (about a second): the work that a file asks for is looked at before any is done. Whoever calls it
// for strangers lets one in at a time. Errors wrap ErrInvalid, and hold nothing of the password.
func Certificates(file []byte, password string) ([]*x509.Certificate, error) {
	if len(file) > MaxSealed || len(password) > maxOpening {
		return nil, fmt.Errorf("%w: the .p12 or its password is too long", ErrInvalid)
	}
	parts, err := partsOf(file)
	if err != nil {
		return nil, err
	}
	var visible []sealedBag
	var hidden []sealedPart
	for _, part := range parts {
		if part.Type.Equal(oidEncrypted) {
			hidden = append(hidden, part)
			err = checkWork(part)
		} else {
			visible, err = certificateBags(visible, part)
		}
		if err != nil {
			return nil, err
		}
	}
	if len(hidden) > maxSealedParts {
		return nil, fmt.Errorf("%w: the .p12 has %d encrypted parts, which no program writes", ErrInvalid, len(hidden))
	}
	return certificatesIn(visible, hidden, password)
}

// partsOf reads a file down to its parts. Its MAC is not looked at: a certificate proves itself.
func partsOf(file []byte) (parts []sealedPart, err error) {
	var f sealedFile
	var safe []byte
	if !isDER(file, &f) || f.Version != 3 || !f.Safe.Type.Equal(oidData) ||
		!isDER(f.Safe.Content.Bytes, &safe) || !isDER(safe, &parts) {
		return nil, errSealed
	}
	return parts, nil
}

// isDER reads all of data into v.
func isDER(data []byte, v any) bool {
	rest, err := asn1.Unmarshal(data, v)
	return err == nil && len(rest) == 0
}

// certificateBags adds those of a part that is not encrypted, and leaves keys where they are.
func certificateBags(bags []sealedBag, part sealedPart) ([]sealedBag, error) {
	var text []byte
	var all []sealedBag
	if !part.Type.Equal(oidData) || !isDER(part.Content.Bytes, &text) || !isDER(text, &all) {
		return nil, errSealed
	}
	for _, bag := range all {
		if bag.Type.Equal(oidCertBag) {
			bags = append(bags, bag)
		}
	}
	return bags, nil
}

// checkWork refuses an encrypted part that asks for more work than any program writes.
func checkWork(part sealedPart) error {
	var e encryptedPart
	if !isDER(part.Content.Bytes, &e) {
		return errSealed
	}
	return checkNumbers(e.Content.Algorithm.Parameters.FullBytes, 0)
}

// checkNumbers looks at every number in DER, wherever a scheme keeps its rounds.
func checkNumbers(der []byte, depth int) error {
	for len(der) > 0 {
		var v asn1.RawValue
		var n int
		rest, err := asn1.Unmarshal(der, &v)
		switch {
		case err != nil || depth > maxDepth:
			return errSealed
		case v.IsCompound:
			err = checkNumbers(v.Bytes, depth+1)
		case v.Class == asn1.ClassUniversal && v.Tag == asn1.TagInteger && (!isDER(v.FullBytes, &n) || n < 0 || n > maxRounds):
			err = fmt.Errorf("%w: opening this .p12 would take too long (more than %d rounds)", ErrInvalid, maxRounds)
		}
		if err != nil {
			return err
		}
		der = rest
	}
	return nil
}

// certificatesIn decrypts each hidden part beside what is visible.
func certificatesIn(visible []sealedBag, hidden []sealedPart, password string) ([]*x509.Certificate, error) {
	if len(hidden) == 0 {
		hidden = []sealedPart{{}}
	}
	var people, authorities []*x509.Certificate
	for _, part := range hidden {
		file, err := rewrapped(visible, part, password)
		if err != nil {
			return nil, err
		}
		visible = nil // once
		_, leaf, chain, err := pkcs12.DecodeChain(file, password)
		if err != nil { // what the library says is about our file
			return nil, fmt.Errorf("%w: the password is wrong, or the .p12 holds no certificate", ErrInvalid)
		}
		for _, c := range append([]*x509.Certificate{leaf}, chain...) {
			if c.IsCA {
				authorities = append(authorities, c)
			} else {
				people = append(people, c)
			}
		}
	}
	return append(people, authorities...), nil
}

// rewrapped is a file with certificates and one encrypted part, whose first bag is a key that is
// everybody's. The library takes one key only, so that it stops before it does the work for any other,
// and checks a MAC, which is of one round.
func rewrapped(visible []sealedBag, hidden sealedPart, password string) ([]byte, error) {
	key, err := x509.MarshalPKCS8PrivateKey(ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize)))
	bags := append([]sealedBag{{Type: oidKeyBag, Value: explicit(key)}}, visible...)
	parts := []sealedPart{{oidData, explicit(octets(der(bags)))}}
	if hidden.Type != nil {
		parts = append(parts, hidden)
	}
	safe := der(parts)
	mac, err2 := macOf(safe, password)
	out := der(sealedFile{3, sealedPart{oidData, explicit(octets(safe))}, asn1.RawValue{FullBytes: der(mac)}})
	if err := errors.Join(err, err2); err != nil || len(out) == 0 {
		return nil, errSealed
	}
	return out, nil
}

// der is empty for what cannot be written, which then is no file.
func der(v any) []byte {
	b, err := asn1.Marshal(v)
	if err != nil {
		return nil
	}
	return b
}

func octets(b []byte) []byte { return der(b) }

// explicit wraps DER into [0].
func explicit(b []byte) asn1.RawValue {
	return asn1.RawValue{Class: asn1.ClassContextSpecific, Tag: 0, IsCompound: true, Bytes: b}
}

// macOf is the MAC of a file (RFC 9879 §4).
func macOf(safe []byte, password string) (m macOfFile, err error) {
	salt := []byte("none")
	key, err := pbkdf2.Key(sha256.New, password, salt, 1, sha256.Size)
	if err != nil {
		return m, fmt.Errorf("making a MAC: %w", err)
	}
	h := hmac.New(sha256.New, key)
	h.Write(safe)
	kdf := der(pbkdf2Parameters{salt, 1, sha256.Size, pkix.AlgorithmIdentifier{Algorithm: oidHMAC256}})
	m.Digest.Algorithm = pkix.AlgorithmIdentifier{Algorithm: oidPBMAC1, Parameters: asn1.RawValue{FullBytes: der(pbmac1Parameters{
		KDF: pkix.AlgorithmIdentifier{Algorithm: oidPBKDF2, Parameters: asn1.RawValue{FullBytes: kdf}},
		MAC: pkix.AlgorithmIdentifier{Algorithm: oidHMAC256},
	})}}
	m.Digest.Digest, m.Salt, m.Rounds = h.Sum(nil), salt, 1
	return m, nil
}
