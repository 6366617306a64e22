package revocation

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// MaxCRLBytes is the largest CRL that is read. It may hold some 400,000 revocations.
const MaxCRLBytes = 8 << 20

// digestBytes is how much of a serial number's SHA-256 a List keeps. A CA would have to look
// for 2^64 serial numbers to make two that are taken for each other, and win a refusal.
const digestBytes = 16

// A List is a verified certificate revocation list, kept small: 24 bytes a revocation, whatever
// its DER had. It keeps nothing of the DER. It is immutable and safe for concurrent use.
type List struct {
	Issuer     [sha256.Size]byte // see IssuerOf
	ThisUpdate time.Time
	NextUpdate time.Time // never zero

	scope   scope
	entries []revocation // sorted by serial
}

// A revocation is one entry of a List.
type revocation struct {
	serial [digestBytes]byte
	at     uint32 // seconds since 1970, held within what fits
	reason uint8  // CRLReason, or reasonNone
}

// VerifyCRL reads the DER of a complete CRL that issuer signed itself (RFC 5280 §5, §6.3).
// Delta CRLs, indirect CRLs, lists of some reasons or of attribute certificates only, and
// unknown critical extensions are refused, and the error says which of them it is; so is a list
// without nextUpdate, which every CRL must have. Whether the list is still in force is not
// judged here: its answers have a Freshness. Errors are always *Error. VerifyCRL neither keeps
// nor changes der.
func VerifyCRL(der []byte, issuer *x509.Certificate) (_ *List, err error) {
	defer contain(&err)
	if len(der) > MaxCRLBytes {
		return nil, unusable("the CRL has %d bytes; at most %d are accepted", len(der), MaxCRLBytes)
	}
	var b crlBody
	if err = b.parse(der); err != nil {
		return nil, err
	}
	if err := b.checkIssuer(issuer); err != nil {
		return nil, err
	}
	list := &List{Issuer: IssuerOf(issuer), ThisUpdate: b.thisUpdate, NextUpdate: b.nextUpdate}
	if list.scope, err = readScope(b.extensions); err != nil {
		return nil, err
	}
	if err := b.checkSignature(issuer); err != nil {
		return nil, err
	}
	if err := list.readEntries(b.entries); err != nil {
		return nil, err
	}
	return list, nil
}

// Len returns how many revocations the list holds.
func (l *List) Len() int { return len(l.entries) }

// Find returns what the list says about cert, which must be of the list's issuer: Revoked if
// it is on the list; Good if it is not and the list is meant for it; None if the list is one of
// several, and not the one for cert (RFC 5280 §6.3.3 (b)).
func (l *List) Find(cert *x509.Certificate) Answer {
	a := Answer{
		Status: Good, ThisUpdate: l.ThisUpdate, NextUpdate: l.NextUpdate, ProducedAt: l.ThisUpdate,
	}
	var buffer [64]byte
	wanted := digest(appendSerial(buffer[:0], cert.SerialNumber))
	i, found := slices.BinarySearchFunc(l.entries, wanted, compareSerial)
	if found { // the first of several: sorted so that one that is for good comes first
		r := l.entries[i]
		a.Status, a.RevokedAt = Revoked, time.Unix(int64(r.at), 0).UTC()
		a.Why, a.Hold = reasonWord(r.reason), r.reason == reasonHold
	} else if !l.scope.covers(cert) {
		a.Status = None
	}
	return a
}

func compareSerial(r revocation, wanted [digestBytes]byte) int {
	return bytes.Compare(r.serial[:], wanted[:])
}

func digest(serial []byte) [digestBytes]byte {
	sum := sha256.Sum256(serial)
	return [digestBytes]byte(sum[:digestBytes])
}

// crlBody is a CRL, read but for its entries, and not yet verified. Its parts share memory with
// the DER.
type crlBody struct {
	signed     cryptobyte.String // TBSCertList, with its header
	algorithm  cryptobyte.String // AlgorithmIdentifier behind the list, with its header
	signature  []byte
	issuer     cryptobyte.String // with its header
	thisUpdate time.Time
	nextUpdate time.Time
	entries    cryptobyte.String
	extensions []extension
}

// parse reads CertificateList (RFC 5280 §5.1).
func (b *crlBody) parse(der cryptobyte.String) error {
	var outer, list, algorithm cryptobyte.String
	if !der.ReadASN1(&outer, cbasn1.SEQUENCE) || !der.Empty() ||
		!outer.ReadASN1Element(&b.signed, cbasn1.SEQUENCE) ||
		!outer.ReadASN1Element(&b.algorithm, cbasn1.SEQUENCE) ||
		!outer.ReadASN1BitStringAsBytes(&b.signature) || !outer.Empty() {
		return malformedCRL("no CertificateList")
	}
	signed := b.signed
	if !signed.ReadASN1(&list, cbasn1.SEQUENCE) {
		return malformedCRL("no TBSCertList")
	}
	if list.PeekASN1Tag(cbasn1.INTEGER) {
		var version int
		if !list.ReadASN1Integer(&version) || version != 1 {
			return malformedCRL("it is of neither version 1 nor 2")
		}
	}
	if !list.ReadASN1Element(&algorithm, cbasn1.SEQUENCE) || !bytes.Equal(algorithm, b.algorithm) {
		return malformedCRL("the two places that name its signature algorithm differ")
	}
	if !list.ReadASN1Element(&b.issuer, cbasn1.SEQUENCE) {
		return malformedCRL("its issuer cannot be read")
	}
	return b.parseRest(list)
}

// parseRest reads TBSCertList from thisUpdate on.
func (b *crlBody) parseRest(list cryptobyte.String) error {
	var ok bool
	if b.thisUpdate, ok = readTime(&list); !ok {
		return malformedCRL("its thisUpdate cannot be read")
	}
	if list.PeekASN1Tag(cbasn1.UTCTime) || list.PeekASN1Tag(cbasn1.GeneralizedTime) {
		if b.nextUpdate, ok = readTime(&list); !ok || b.nextUpdate.Before(b.thisUpdate) {
			return malformedCRL("its nextUpdate cannot be read or lies before its thisUpdate")
		}
	}
	if list.PeekASN1Tag(cbasn1.SEQUENCE) && !list.ReadASN1(&b.entries, cbasn1.SEQUENCE) {
		return malformedCRL("its revocations cannot be read")
	}
	if b.extensions, ok = readOptionalExtensions(&list, explicit(0)); !ok || !list.Empty() {
		return malformedCRL("its extensions cannot be read")
	}
	return nil
}

func malformedCRL(what string) error { return unusable("the CRL is malformed: %s", what) }

// readEntries reads the revocations. They are counted first: growing a slice would take twice
// the memory for a moment, and gateways have little.
func (l *List) readEntries(der cryptobyte.String) error {
	count := 0
	for rest := der; !rest.Empty(); count++ {
		if !rest.SkipASN1(cbasn1.SEQUENCE) {
			return malformedCRL("its revocations cannot be read")
		}
	}
	l.entries = make([]revocation, 0, count)
	for !der.Empty() {
		r, err := readEntry(&der)
		if err != nil {
			return err
		}
		if r.reason != reasonRemoveFromCRL { // belongs in delta CRLs only, RFC 5280 §5.3.1
			l.entries = append(l.entries, r)
		}
	}
	slices.SortFunc(l.entries, compareRevocations)
	return nil
}

// compareRevocations sorts by serial. Of a serial that is listed twice, which it may not be,
// one that is for good comes before one on hold.
func compareRevocations(a, b revocation) int {
	if c := bytes.Compare(a.serial[:], b.serial[:]); c != 0 {
		return c
	}
	switch {
	case a.reason == b.reason:
		return 0
	case b.reason == reasonHold:
		return -1
	case a.reason == reasonHold:
		return 1
	}
	return int(a.reason) - int(b.reason)
}

// readEntry takes one entry of revokedCertificates off s.
func readEntry(s *cryptobyte.String) (revocation, error) {
	var entry, serial, extensions cryptobyte.String
	bad := func() (revocation, error) {
		return revocation{}, malformedCRL("one of its revocations cannot be read")
	}
	if !s.ReadASN1(&entry, cbasn1.SEQUENCE) || !entry.ReadASN1(&serial, cbasn1.INTEGER) ||
		len(serial) == 0 {
		return bad()
	}
	at, ok := readTime(&entry)
	if !ok {
		return bad()
	}
	var buffer [64]byte
	r := revocation{
		serial: digest(appendWireSerial(buffer[:0], serial)),
		at:     uint32(min(max(at.Unix(), 0), 1<<32-1)),
		reason: reasonNone,
	}
	if entry.Empty() {
		return r, nil
	}
	if !entry.ReadASN1(&extensions, cbasn1.SEQUENCE) || !entry.Empty() {
		return bad()
	}
	for !extensions.Empty() {
		e, ok := readExtension(&extensions)
		if !ok || string(e.id) == oidReasonCode && !r.readReason(e.value) {
			return bad()
		}
		if err := checkEntryExtension(e); err != nil {
			return revocation{}, err
		}
	}
	return r, nil
}

func (r *revocation) readReason(value cryptobyte.String) bool {
	var reason int
	if !value.ReadASN1Enum(&reason) || !value.Empty() || reason < 0 || reason >= reasonNone {
		return false
	}
	r.reason = uint8(reason)
	return true
}

// checkEntryExtension refuses what changes the meaning of a revocation and is not supported.
func checkEntryExtension(e extension) error {
	switch string(e.id) {
	case oidReasonCode, oidInvalidityDate:
		return nil
	case oidCertificateIssuer:
		return unusable("the CRL is indirect: it lists other CAs' certificates, which is not supported")
	}
	if e.critical {
		return unusable("a revocation on the CRL demands the extension %s, which is not supported", dotted(e.id))
	}
	return nil
}
