package lab

import (
	"crypto"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"math/big"
	"time"
)

// CRLOptions say how a CRL is made. Those below the line make odd ones.
type CRLOptions struct {
	Revocations *Revocations // nil: nothing is revoked
	ThisUpdate  time.Time    // zero: the wall clock
	NextUpdate  time.Time    // zero: the list names none, against RFC 5280 §5.1.2.5
	Number      int64

	Key        crypto.Signer    // signs instead of the CA's
	NoKeyID    bool             // no authority key identifier
	SHA1       bool             // signed with SHA-1
	Damaged    bool             // a spoilt signature
	Extensions []pkix.Extension // further ones of the list, as they are
}

var (
	oidCRLNumber  = asn1.ObjectIdentifier{2, 5, 29, 20}
	oidCRLReason  = asn1.ObjectIdentifier{2, 5, 29, 21}
	oidAuthorityK = asn1.ObjectIdentifier{2, 5, 29, 35}
)

// tbsCertList is RFC 5280 §5.1, for encoding/asn1.
type tbsCertList struct {
	Version    int
	Algorithm  pkix.AlgorithmIdentifier
	Issuer     asn1.RawValue
	ThisUpdate time.Time
	NextUpdate time.Time        `asn1:"optional"`
	Revoked    []revokedEntry   `asn1:"optional,omitempty"`
	Extensions []pkix.Extension `asn1:"optional,omitempty,explicit,tag:0"`
}

type revokedEntry struct {
	Serial     *big.Int
	At         time.Time
	Extensions []pkix.Extension `asn1:"optional,omitempty"`
}

// CRL makes the CA's certificate revocation list (RFC 5280 §5) in DER, good from now until
// next.
func (ca *CA) CRL(revoked *Revocations, now, next time.Time, number int64) ([]byte, error) {
	return ca.NewCRL(CRLOptions{
		Revocations: revoked, ThisUpdate: now, NextUpdate: next, Number: number,
	})
}

// NewCRL makes a CRL as the options have it, in DER.
func (ca *CA) NewCRL(o CRLOptions) ([]byte, error) {
	key := o.Key
	if key == nil {
		key = ca.Key
	}
	algorithm, hash, err := algorithmOf(key, o.SHA1)
	if err != nil {
		return nil, fmt.Errorf("making a CRL: %w", err)
	}
	if o.ThisUpdate.IsZero() {
		o.ThisUpdate = time.Now()
	}
	list := tbsCertList{
		Version: 1, Algorithm: algorithm, ThisUpdate: wireTime(o.ThisUpdate),
		Issuer: asn1.RawValue{FullBytes: ca.Certificate.RawSubject},
	}
	if !o.NextUpdate.IsZero() {
		list.NextUpdate = wireTime(o.NextUpdate)
	}
	var b extensionBuilder
	for _, r := range o.Revocations.All() {
		list.Revoked = append(list.Revoked, r.entry(list.ThisUpdate, &b))
	}
	list.Extensions = ca.listExtensions(o, &b)
	if b.err != nil {
		return nil, fmt.Errorf("making a CRL: %w", b.err)
	}
	body, err := asn1.Marshal(list)
	if err != nil {
		return nil, fmt.Errorf("making a CRL: %w", err)
	}
	signature, err := sign(key, hash, body)
	if err != nil {
		return nil, fmt.Errorf("making a CRL: %w", err)
	}
	if o.Damaged {
		signature[len(signature)-1] ^= 1
	}
	return wrapSigned(body, algorithm, signature)
}

// entry is the revocation as a CRL has it; one without a time was revoked at now.
func (r Revocation) entry(now time.Time, b *extensionBuilder) revokedEntry {
	e := revokedEntry{Serial: r.Serial, At: now}
	if !r.At.IsZero() {
		e.At = wireTime(r.At)
	}
	if r.Reason != Unspecified {
		one := extensionBuilder{err: b.err}
		one.add(oidCRLReason, false, asn1.Enumerated(r.Reason))
		e.Extensions, b.err = one.list, one.err
	}
	return e
}

func (ca *CA) listExtensions(o CRLOptions, b *extensionBuilder) []pkix.Extension {
	if id := ca.Certificate.SubjectKeyId; len(id) > 0 && !o.NoKeyID {
		b.add(oidAuthorityK, false, authorityKeyID{id})
	}
	b.add(oidCRLNumber, false, o.Number)
	return append(b.list, o.Extensions...)
}

// wireTime is a time as the wire has it: UTC and whole seconds.
func wireTime(t time.Time) time.Time { return t.UTC().Truncate(time.Second) }
