package revocation

import (
	"crypto/subtle"
	"crypto/x509"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

const (
	maxResponseBytes = 64 << 10
	maxSingles       = 64 // statements in one answer
	maxEmbedded      = 10 // certificates in one answer
)

// VerifyOptions say under which circumstances an answer is looked at.
type VerifyOptions struct {
	// Now is the time at which an answer from the network is judged. It does not matter from
	// the cache: there an answer counts if it was right when it was made, and its Freshness
	// says whether it still is.
	Now       time.Time
	Skew      time.Duration // how far the clocks of responder and gateway may be apart
	FromCache bool          // VerifyResponse accepted the answer before, from the network
	Nonce     []byte        // of the request, if it had one
}

// VerifyResponse reads the DER of an OCSP response and returns what it says about cert, which
// issuer issued (RFC 6960 §3.2). The answer must speak of exactly this certificate: name hash
// and key hash of the issuer, and serial number. It must be signed by issuer itself, or by a
// certificate that issuer issued for the purpose (RFC 6960 §4.2.2.2).
//
// Of several statements about cert the newest counts, and of those of one time the worst. An
// unknown critical extension of the answer, or of a statement about cert, refuses it.
//
// VerifyResponse does not judge whether the answer is fresh: see Answer.Freshness. Only an
// answer from the network that is dated in the future is refused. Errors are always *Error; a
// responder that declines to answer (tryLater and its kind) is one. It neither keeps nor
// changes der, and is safe for concurrent use.
func VerifyResponse(der []byte, cert, issuer *x509.Certificate, opt VerifyOptions) (_ Answer, err error) {
	defer contain(&err)
	id, err := newCertID(cert, issuer)
	if err != nil {
		return Answer{}, err
	}
	r, err := parseResponse(der)
	if err != nil {
		return Answer{}, err
	}
	answer, err := r.find(id)
	if err != nil {
		return Answer{}, err
	}
	if answer.Signer, err = r.verifySignature(cert, issuer, opt); err != nil {
		return Answer{}, err
	}
	if e := unknownCritical(r.extensions, oidNonce, oidExtendedRevoke); e != nil {
		return Answer{}, unusable("the OCSP answer demands the extension %s, which is not supported", dotted(e.id))
	}
	if answer.NonceEchoed, err = r.checkNonce(opt.Nonce); err != nil {
		return Answer{}, err
	}
	if err := answer.checkDates(opt); err != nil {
		return Answer{}, err
	}
	return answer, nil
}

// response is a BasicOCSPResponse (RFC 6960 §4.2.1), read and not yet verified. Its parts share
// memory with the DER.
type response struct {
	signed     cryptobyte.String // ResponseData, with its header
	algorithm  cryptobyte.String // AlgorithmIdentifier, with its header
	signature  []byte
	embedded   []cryptobyte.String // certificates, with their headers
	responder  responderID
	producedAt time.Time
	singles    []cryptobyte.String // contents of the SingleResponses
	extensions []extension
}

// declined says in words what a responder answers instead of an answer (RFC 6960 §4.2.1).
var declined = map[int]string{
	1: "malformedRequest: it could not read the request",
	2: "internalError: it has a fault of its own",
	3: "tryLater: it is too busy",
	5: "sigRequired: it answers signed requests only",
	6: "unauthorized: it does not answer for this CA or certificate",
}

// parseResponse takes the envelope off: OCSPResponse, ResponseBytes.
func parseResponse(der []byte) (*response, error) {
	if len(der) > maxResponseBytes {
		return nil, unusable("the OCSP answer has %d bytes; at most %d are accepted", len(der), maxResponseBytes)
	}
	input := cryptobyte.String(der)
	var outer, wrapped, bytes, oid, basic cryptobyte.String
	var status int
	var present bool
	if !input.ReadASN1(&outer, cbasn1.SEQUENCE) || !input.Empty() || !outer.ReadASN1Enum(&status) ||
		!outer.ReadOptionalASN1(&wrapped, &present, explicit(0)) || !outer.Empty() {
		return nil, malformed("no OCSPResponse")
	}
	if status != 0 {
		text, ok := declined[status]
		if !ok {
			return nil, unusable("the OCSP responder declines with the unknown status %d", status)
		}
		return nil, unusable("the OCSP responder declines with %s", text)
	}
	if !present || !wrapped.ReadASN1(&bytes, cbasn1.SEQUENCE) || !wrapped.Empty() ||
		!bytes.ReadASN1(&oid, cbasn1.OBJECT_IDENTIFIER) ||
		!bytes.ReadASN1(&basic, cbasn1.OCTET_STRING) || !bytes.Empty() {
		return nil, malformed("its responseBytes cannot be read")
	}
	if string(oid) != oidBasicResponse {
		return nil, unusable("the OCSP answer is of the type %s; only basic answers are supported", dotted(oid))
	}
	return parseBasic(basic)
}

func malformed(what string) error { return unusable("the OCSP answer is malformed: %s", what) }

// parseBasic reads a BasicOCSPResponse.
func parseBasic(der cryptobyte.String) (*response, error) {
	r := &response{}
	var basic, data, wrapped, certs cryptobyte.String
	var present bool
	if !der.ReadASN1(&basic, cbasn1.SEQUENCE) || !der.Empty() ||
		!basic.ReadASN1Element(&r.signed, cbasn1.SEQUENCE) ||
		!basic.ReadASN1Element(&r.algorithm, cbasn1.SEQUENCE) ||
		!basic.ReadASN1BitStringAsBytes(&r.signature) ||
		!basic.ReadOptionalASN1(&wrapped, &present, explicit(0)) || !basic.Empty() {
		return nil, malformed("its signed part cannot be told from its signature")
	}
	if present && (!wrapped.ReadASN1(&certs, cbasn1.SEQUENCE) || !wrapped.Empty()) {
		return nil, malformed("its certificates cannot be read")
	}
	for !certs.Empty() {
		var cert cryptobyte.String
		if !certs.ReadASN1Element(&cert, cbasn1.SEQUENCE) {
			return nil, malformed("its certificates cannot be read")
		}
		if r.embedded = append(r.embedded, cert); len(r.embedded) > maxEmbedded {
			return nil, unusable("the OCSP answer carries more than %d certificates", maxEmbedded)
		}
	}
	signed := r.signed
	if !signed.ReadASN1(&data, cbasn1.SEQUENCE) {
		return nil, malformed("its responseData cannot be read")
	}
	return r, r.parseData(data)
}

// parseData reads the content of ResponseData.
func (r *response) parseData(data cryptobyte.String) error {
	var wrapped, singles cryptobyte.String
	var present, ok bool
	var version int
	if !data.ReadOptionalASN1(&wrapped, &present, explicit(0)) {
		return malformed("its version cannot be read")
	}
	if present && (!wrapped.ReadASN1Integer(&version) || !wrapped.Empty() || version != 0) {
		return malformed("it is not of version 1")
	}
	if !r.responder.read(&data) {
		return malformed("its responderID cannot be read")
	}
	if !data.ReadASN1GeneralizedTime(&r.producedAt) {
		return malformed("its producedAt cannot be read")
	}
	r.producedAt = r.producedAt.UTC()
	if !data.ReadASN1(&singles, cbasn1.SEQUENCE) {
		return malformed("its responses cannot be read")
	}
	for !singles.Empty() {
		var single cryptobyte.String
		if !singles.ReadASN1(&single, cbasn1.SEQUENCE) {
			return malformed("its responses cannot be read")
		}
		if r.singles = append(r.singles, single); len(r.singles) > maxSingles {
			return unusable("the OCSP answer speaks of more than %d certificates", maxSingles)
		}
	}
	if r.extensions, ok = readOptionalExtensions(&data, explicit(1)); !ok || !data.Empty() {
		return malformed("its extensions cannot be read")
	}
	return nil
}

// checkNonce compares the answer's nonce with that of the request. It reports false if the
// answer has none: many responders make their answers in advance (RFC 9654 §2.1).
func (r *response) checkNonce(want []byte) (bool, error) {
	e := findExtension(r.extensions, []byte(oidNonce))
	if e == nil || len(want) == 0 {
		return false, nil
	}
	value := e.value
	var got cryptobyte.String
	if !value.ReadASN1(&got, cbasn1.OCTET_STRING) || !value.Empty() ||
		subtle.ConstantTimeCompare(got, want) != 1 {
		return false, unauthorized("the OCSP answer carries another nonce than the request: it answers another request")
	}
	return true, nil
}
