package lab

import (
	"fmt"
	"math/big"
	"sort"
	"sync"
	"time"
)

// A Reason says why a certificate was revoked. Its value is the wire's (RFC 5280 §5.3.1); zero
// is "unspecified", which CRLs and answers leave out.
type Reason uint8

// The reasons. A hold may be lifted again, everything else is for good.
const (
	Unspecified          Reason = 0
	KeyCompromise        Reason = 1
	CACompromise         Reason = 2
	AffiliationChanged   Reason = 3
	Superseded           Reason = 4
	CessationOfOperation Reason = 5
	CertificateHold      Reason = 6
	RemoveFromCRL        Reason = 8
	PrivilegeWithdrawn   Reason = 9
	AACompromise         Reason = 10
)

var reasonWords = map[Reason]string{
	Unspecified: "unspecified", KeyCompromise: "keyCompromise", CACompromise: "cACompromise",
	AffiliationChanged: "affiliationChanged", Superseded: "superseded",
	CessationOfOperation: "cessationOfOperation", CertificateHold: "certificateHold",
	RemoveFromCRL: "removeFromCRL", PrivilegeWithdrawn: "privilegeWithdrawn",
	AACompromise: "aACompromise",
}

// String is the reason's word in RFC 5280.
func (r Reason) String() string {
	if word, ok := reasonWords[r]; ok {
		return word
	}
	return fmt.Sprintf("reason %d", uint8(r))
}

// ParseReason reads a reason's word.
func ParseReason(word string) (Reason, bool) {
	for r, w := range reasonWords {
		if w == word {
			return r, true
		}
	}
	return 0, false
}

// ReasonWords lists the reasons that a certificate may be revoked for, in the wire's order.
func ReasonWords() []string {
	var words []string
	for r := Unspecified; r <= AACompromise; r++ {
		if word, ok := reasonWords[r]; ok && r != RemoveFromCRL { // only a delta CRL says that
			words = append(words, word)
		}
	}
	return words
}

// A Revocation is one revoked certificate of a CA.
type Revocation struct {
	Serial *big.Int
	At     time.Time // zero: when the answer is made
	Reason Reason
}

// Revocations are what a CA has revoked. The zero value and nil are an empty list; a list may
// be read and changed by several goroutines at once.
type Revocations struct {
	mu   sync.RWMutex
	list map[string]Revocation // guarded by mu; by serial number in decimal
}

// Revoke adds one, or replaces the one with its serial number.
func (l *Revocations) Revoke(r Revocation) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.list == nil {
		l.list = map[string]Revocation{}
	}
	l.list[r.Serial.String()] = r
}

// Restore takes a serial number off the list.
func (l *Revocations) Restore(serial *big.Int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.list, serial.String())
}

// Replace puts other revocations in the place of all there are. Of several with one serial
// number the last counts.
func (l *Revocations) Replace(all []Revocation) {
	list := make(map[string]Revocation, len(all))
	for _, r := range all {
		list[r.Serial.String()] = r
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = list
}

// Find returns the revocation of a serial number.
func (l *Revocations) Find(serial *big.Int) (Revocation, bool) {
	if l == nil {
		return Revocation{}, false
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	r, ok := l.list[serial.String()]
	return r, ok
}

// All returns every revocation, by serial number.
func (l *Revocations) All() []Revocation {
	if l == nil {
		return nil
	}
	l.mu.RLock()
	defer l.mu.RUnlock()
	all := make([]Revocation, 0, len(l.list))
	for _, r := range l.list {
		all = append(all, r)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Serial.Cmp(all[j].Serial) < 0 })
	return all
}
