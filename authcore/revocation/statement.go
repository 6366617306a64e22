package revocation

import (
	"fmt"
	"time"

	"gatehouse/authcore/audit"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// find returns the statement about the certificate of id: the newest, and of those of one time
// the worst.
func (r *response) find(id *certID) (Answer, error) {
	var best Answer
	nearest := otherSerial
	for _, single := range r.singles {
		var der cryptobyte.String
		if !single.ReadASN1(&der, cbasn1.SEQUENCE) {
			return Answer{}, malformed("a CertID cannot be read")
		}
		m, ok := id.match(der)
		if !ok {
			return Answer{}, malformed("a CertID cannot be read")
		}
		if nearest = max(nearest, m); m != sameCertificate {
			continue
		}
		a, err := parseSingle(single)
		if err != nil {
			return Answer{}, err
		}
		if best.Status == None || a.outweighs(best) {
			best = a
		}
	}
	switch nearest {
	case otherSerial:
		return Answer{}, unauthorized("the OCSP answer speaks of other certificates only")
	case otherIssuer:
		return Answer{}, unauthorized("the OCSP answer speaks of another CA's certificate with the same serial number")
	}
	best.ProducedAt = r.producedAt
	return best, nil
}

// outweighs reports whether a counts rather than b, which speaks of the same certificate.
func (a Answer) outweighs(b Answer) bool {
	if !a.ThisUpdate.Equal(b.ThisUpdate) {
		return a.ThisUpdate.After(b.ThisUpdate)
	}
	badness := [...]int{None: 0, Good: 1, Unknown: 2, Revoked: 3}
	if a.Status != b.Status {
		return badness[a.Status] > badness[b.Status]
	}
	return b.Hold && !a.Hold
}

// parseSingle reads what follows the CertID in a SingleResponse.
func parseSingle(s cryptobyte.String) (Answer, error) {
	var a Answer
	var wrapped cryptobyte.String
	var present bool
	if !a.readStatus(&s) {
		return Answer{}, malformed("a certStatus cannot be read")
	}
	if !s.ReadASN1GeneralizedTime(&a.ThisUpdate) ||
		!s.ReadOptionalASN1(&wrapped, &present, explicit(0)) ||
		present && (!wrapped.ReadASN1GeneralizedTime(&a.NextUpdate) || !wrapped.Empty()) {
		return Answer{}, malformed("its thisUpdate or nextUpdate cannot be read")
	}
	a.ThisUpdate = a.ThisUpdate.UTC()
	if present {
		a.NextUpdate = a.NextUpdate.UTC()
	}
	extensions, ok := readOptionalExtensions(&s, explicit(1))
	if !ok || !s.Empty() {
		return Answer{}, malformed("the extensions of a statement cannot be read")
	}
	e := unknownCritical(extensions,
		oidCRLReference, oidArchiveCutoff, oidReasonCode, oidInvalidityDate)
	if e != nil {
		return Answer{}, unusable("the OCSP answer demands the extension %s, which is not supported", dotted(e.id))
	}
	return a, nil
}

// readStatus takes the CertStatus off s (RFC 6960 §4.2.1).
func (a *Answer) readStatus(s *cryptobyte.String) bool {
	var content cryptobyte.String
	var tag cbasn1.Tag
	if !s.ReadAnyASN1(&content, &tag) {
		return false
	}
	switch tag {
	case implicit(0):
		a.Status = Good
		return content.Empty()
	case implicit(2):
		a.Status = Unknown
		return content.Empty()
	case explicit(1):
		a.Status = Revoked
		return a.readRevoked(content)
	}
	return false
}

// readRevoked reads the content of RevokedInfo.
func (a *Answer) readRevoked(s cryptobyte.String) bool {
	var wrapped cryptobyte.String
	var present bool
	if !s.ReadASN1GeneralizedTime(&a.RevokedAt) ||
		!s.ReadOptionalASN1(&wrapped, &present, explicit(0)) || !s.Empty() {
		return false
	}
	a.RevokedAt = a.RevokedAt.UTC()
	if !present {
		return true
	}
	var reason int
	if !wrapped.ReadASN1Enum(&reason) || !wrapped.Empty() || reason < 0 || reason >= reasonNone {
		return false
	}
	a.Why, a.Hold = reasonWord(uint8(reason)), reason == reasonHold
	return true
}

// checkDates refuses dates that contradict each other, and an answer from the network that is
// dated in the future: what the responder has not seen yet, it cannot tell.
func (a Answer) checkDates(opt VerifyOptions) error {
	if !a.NextUpdate.IsZero() && a.NextUpdate.Before(a.ThisUpdate) {
		return malformed("its nextUpdate lies before its thisUpdate")
	}
	if a.ThisUpdate.After(a.ProducedAt.Add(opt.Skew)) {
		return malformed("its thisUpdate lies after its producedAt")
	}
	if opt.FromCache {
		return nil
	}
	limit := opt.Now.Add(opt.Skew)
	for _, dated := range []struct {
		what string
		at   time.Time
	}{{"thisUpdate", a.ThisUpdate}, {"producedAt", a.ProducedAt}} {
		if dated.at.After(limit) {
			return &Error{Reason: audit.OCSPStale, Detail: fmt.Sprintf(
				"the OCSP answer is from the future: its %s is %s, and this gateway's clock says %s: is that right?",
				dated.what, stamp(dated.at), stamp(opt.Now))}
		}
	}
	return nil
}
