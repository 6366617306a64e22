package lab

import (
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"math/big"
	"time"
)

// ResponderOptions say what a Responder answers. The zero options make one that signs with the
// CA's key and says good of every serial number, for an hour.
type ResponderOptions struct {
	Revocations *Revocations               // nil: nothing is revoked
	Issued      func(serial *big.Int) bool // what was issued, anything else is unknown; nil: all
	Life        time.Duration              // from thisUpdate to nextUpdate; zero: an hour
	Signer      *Leaf                      // signs, and is embedded; nil: the CA's own key
	EmbedCA     bool                       // the CA that signs embeds its certificate, which is legal
	ByKey       bool                       // the responder is named by its key
	Odd         Oddities
}

// Oddities make a Responder answer as the field's worst do, or an attacker would. Zero: none.
type Oddities struct {
	Response     ResponseStatus    // an error instead of answers: TryLater, say
	Age          time.Duration     // so old are the answers; stale beyond Life, below 0 from the future
	NoNextUpdate bool              // nobody says when there will be a newer answer
	Serial       *big.Int          // what the answers are about, instead of the serial asked for
	Issuer       *x509.Certificate // whom the CertID names as the issuer, instead of the CA
	Hash         crypto.Hash       // what the CertID is made with; zero: as in the request
	Others       int               // so many answers about other serials come first
	NoNonce      bool              // a nonce is not sent back
	Nonce        []byte            // sent instead of the one in the request
	Critical     bool              // a critical extension that nobody knows
	SHA1         bool              // signed with SHA-1
	Damaged      bool              // a spoilt signature
}

// A Responder answers OCSP requests for one CA. It is safe for concurrent use.
type Responder struct {
	ca *CA
	o  ResponderOptions
}

// NewResponder makes the responder of a CA. It fails if its signer cannot sign.
func NewResponder(ca *CA, o ResponderOptions) (*Responder, error) {
	if o.Life == 0 {
		o.Life = time.Hour
	}
	r := &Responder{ca, o}
	if _, err := r.basic(time.Now()).encode(); err != nil {
		return nil, fmt.Errorf("making the responder of %s: %w", ca.Certificate.Subject, err)
	}
	return r, nil
}

// A Reply is a response and what stands in it.
type Reply struct {
	DER      []byte
	Response ResponseStatus
	// Statements are about what was asked for, in that order. Without success their status is
	// Unknown, and they are as many as could be read.
	Statements []Statement
}

// A Statement is what a Reply says of one serial number.
type Statement struct {
	Serial *big.Int
	Status CertStatus
}

// Respond answers a request in DER with a response in DER. A request that cannot be read, or is
// about other CAs only, is answered with an unsigned error; err is for faults of the signer.
func (r *Responder) Respond(request []byte, now time.Time) ([]byte, error) {
	reply, err := r.Answer(request, now)
	return reply.DER, err
}

// Answer is Respond for those who want to know what was said.
func (r *Responder) Answer(request []byte, now time.Time) (Reply, error) {
	q, err := parseOCSPRequest(request)
	if err != nil {
		return bareReply(MalformedRequest, nil), nil
	}
	if r.o.Odd.Response != Successful {
		return bareReply(r.o.Odd.Response, q.ids), nil
	}
	mine := false
	for _, id := range q.ids {
		mine = mine || id.names(r.ca.Certificate)
	}
	if !mine {
		return bareReply(Unauthorized, q.ids), nil
	}
	return r.answer(q, now)
}

func bareReply(s ResponseStatus, ids []certID) Reply {
	reply := Reply{DER: bareResponse(s), Response: s}
	for _, id := range ids {
		reply.Statements = append(reply.Statements, Statement{id.serial, Unknown})
	}
	return reply
}

// answer makes the signed response to q.
func (r *Responder) answer(q ocspRequest, now time.Time) (Reply, error) {
	var reply Reply
	response := r.basic(now)
	for n := range r.o.Odd.Others {
		other := new(big.Int).Add(q.ids[0].serial, big.NewInt(int64(n+1)))
		s, err := r.about(certID{serial: other, hash: crypto.SHA1}, response.producedAt)
		if err != nil {
			return Reply{}, err
		}
		response.answers = append(response.answers, s)
	}
	for _, id := range q.ids {
		s, err := r.about(id, response.producedAt)
		if err != nil {
			return Reply{}, err
		}
		response.answers = append(response.answers, s)
		reply.Statements = append(reply.Statements, Statement{id.serial, s.status})
	}
	response.nonce = r.nonce(q.nonce)
	var err error
	reply.DER, err = response.encode()
	return reply, err
}

// basic is a response without answers yet, seen from now.
func (r *Responder) basic(now time.Time) basicResponse {
	b := basicResponse{
		signer: r.o.Signer, byKey: r.o.ByKey, producedAt: wireTime(now.Add(-r.o.Odd.Age)),
		critical: r.o.Odd.Critical, sha1: r.o.Odd.SHA1, damaged: r.o.Odd.Damaged,
	}
	if b.signer != nil {
		b.embedded = []*x509.Certificate{b.signer.Certificate}
		return b
	}
	b.signer = &Leaf{Certificate: r.ca.Certificate, Key: r.ca.Key}
	if r.o.EmbedCA {
		b.embedded = []*x509.Certificate{r.ca.Certificate}
	}
	return b
}

// about is the answer about one certificate, as known at thisUpdate.
func (r *Responder) about(id certID, thisUpdate time.Time) (single, error) {
	s := single{id: id.raw, status: Good, thisUpdate: thisUpdate}
	if !r.o.Odd.NoNextUpdate {
		s.nextUpdate = thisUpdate.Add(r.o.Life)
	}
	revoked, found := r.o.Revocations.Find(id.serial)
	switch {
	case id.raw != nil && !id.names(r.ca.Certificate):
		s.status = Unknown
	case found:
		s.status, s.revokedAt, s.reason = Revoked, revoked.At, revoked.Reason
		if s.revokedAt.IsZero() {
			s.revokedAt = thisUpdate
		}
	case r.o.Issued != nil && !r.o.Issued(id.serial):
		s.status = Unknown
	}
	err := r.restate(id, &s)
	return s, err
}

// restate gives the answer a CertID of our own, where the one in the request will not do.
func (r *Responder) restate(id certID, s *single) error {
	odd := r.o.Odd
	if id.raw != nil && odd.Serial == nil && odd.Issuer == nil && odd.Hash == 0 {
		return nil
	}
	issuer, serial, hash := r.ca.Certificate, id.serial, id.hash
	if odd.Issuer != nil {
		issuer = odd.Issuer
	}
	if odd.Serial != nil {
		serial = odd.Serial
	}
	if odd.Hash != 0 {
		hash = odd.Hash
	} else if hash == 0 {
		hash = crypto.SHA1 // what was asked with is unknown here
	}
	var err error
	s.id, err = encodeCertID(issuer, serial, hash)
	return err
}

// nonce is the value of the nonce extension sent back, given the one in the request.
func (r *Responder) nonce(asked []byte) []byte {
	switch {
	case r.o.Odd.NoNonce || asked == nil && r.o.Odd.Nonce == nil:
		return nil
	case r.o.Odd.Nonce != nil:
		value, err := asn1.Marshal(r.o.Odd.Nonce)
		if err != nil {
			return nil // bytes can always be encoded
		}
		return value
	}
	return asked
}

// Responders answer for several CAs at one address: the first that knows the issuer does.
type Responders []*Responder

// Answer is Responder.Answer, of whichever knows one of the issuers asked about.
func (list Responders) Answer(request []byte, now time.Time) (Reply, error) {
	reply := Reply{DER: bareResponse(Unauthorized), Response: Unauthorized}
	for _, r := range list {
		var err error
		reply, err = r.Answer(request, now)
		if err != nil || reply.Response != Unauthorized {
			return reply, err
		}
	}
	return reply, nil
}
