package revocation

import (
	"crypto/x509"
	"fmt"
	"time"
)

// Status is what an answer says about a certificate. The zero value is no statement at all.
type Status uint8

// The statuses of RFC 6960 §2.2, and None.
const (
	None    Status = iota // nobody said anything
	Good                  // issued and not revoked, as far as the answer knows
	Revoked               // for good, or on hold
	Unknown               // the responder does not know the certificate: not good
)

// String returns the word that logs and metrics use.
func (s Status) String() string {
	switch s {
	case None:
		return "none"
	case Good:
		return "good"
	case Revoked:
		return "revoked"
	case Unknown:
		return "unknown"
	}
	return fmt.Sprintf("status %d", uint8(s))
}

// An Answer is one verified statement about one certificate, from OCSP or from a CRL. Verified
// means that it was signed by who may speak for the issuer; whether it is still, or already,
// in force is for Freshness to say.
type Answer struct {
	Status     Status
	ThisUpdate time.Time // the statement was known to be right then
	NextUpdate time.Time // zero: the responder named none
	ProducedAt time.Time // signed then; of a CRL: ThisUpdate

	RevokedAt time.Time // zero unless Revoked
	Why       string    // RFC 5280 §5.3.1, e.g. "keyCompromise"; empty: none was given
	Hold      bool      // revoked by certificateHold, which the CA may take back

	// NonceEchoed is true if a nonce was asked for and the answer carries it: nobody replayed
	// it. A wrong nonce is an error; a missing one is left to the caller (RFC 9654 §2.1).
	NonceEchoed bool
	// Signer is the delegated signer (RFC 6960 §4.2.2.2) if the CA did not exempt it from
	// checks by ocsp-nocheck: the caller is to check it. Nil: there is nothing to check.
	Signer *x509.Certificate
}

const (
	reasonHold          = 6
	reasonRemoveFromCRL = 8
	reasonNone          = 0xFF // ours: no reason was given
)

// reasonWord returns the name of a CRLReason (RFC 5280 §5.3.1), or its number.
func reasonWord(reason uint8) string {
	words := [...]string{"unspecified", "keyCompromise", "cACompromise", "affiliationChanged",
		"superseded", "cessationOfOperation", "certificateHold", "", "removeFromCRL",
		"privilegeWithdrawn", "aACompromise"}
	switch {
	case reason == reasonNone:
		return ""
	case int(reason) < len(words) && words[reason] != "":
		return words[reason]
	}
	return fmt.Sprintf("reason %d", reason)
}
