package eap

import "gatehouse/authcore/audit"

// A Method is the authenticator's half of one EAP method in one conversation. The Session that
// owns it calls one method at a time.
type Method interface {
	// Type returns the method's EAP type.
	Type() Type
	// Start returns the type-data of the first Request.
	Start() []byte
	// Step takes the type-data of a Response and says what comes next. data is valid during
	// the call only.
	Step(data []byte) Step
	// Resume goes on after a Step that was Pending, once what it waited for is there.
	Resume() Step
	// Stage names, for people, what the peer was last asked to do.
	Stage() string
	// Failure returns why the method will fail, as soon as that is certain, or nil. It may be
	// certain a round before Step says so: our alert awaits the peer's answer.
	Failure() *Failure
	// Close frees everything the method holds. It is called exactly once.
	Close()
}

// Status is what a Step came to. The zero value is Failed.
type Status uint8

// The statuses of a Step.
const (
	Failed   Status = iota
	Continue        // Data is the type-data of the next Request
	Pending         // nothing to send yet: Resume will be called
	Done            // authenticated; Keys are there
)

// A Step is what a Method wants after a Response.
type Step struct {
	Status  Status
	Data    []byte
	Keys    *Keys    // of Done
	Failure *Failure // of Failed
}

// Keys are what a method derives for the NAS and for accounting. They are secret: clear them
// when the accept is sent.
type Keys struct {
	MSK       [64]byte // RFC 3748 §7.10
	SessionID []byte   // RFC 5247 §1.4: method type, then method-specific octets
}

// String keeps Keys out of logs.
func (Keys) String() string { return "[redacted]" }

// GoString keeps Keys out of logs.
func (Keys) GoString() string { return "[redacted]" }

// MarshalText keeps Keys out of logs.
func (Keys) MarshalText() ([]byte, error) { return []byte("[redacted]"), nil }

// Clear forgets the keys. A nil Keys has none.
func (k *Keys) Clear() {
	if k != nil {
		clear(k.MSK[:])
		clear(k.SessionID)
	}
}

// A Failure says why a conversation ends without access. Detail may hold text from strangers,
// already escaped.
type Failure struct {
	Reason audit.Reason
	Detail string
}

// Error makes a Failure usable where a library wants an error.
func (f *Failure) Error() string { return string(f.Reason) + ": " + f.Detail }

// An Offer is a method that may be proposed, in the authenticator's order of preference.
type Offer struct {
	Type Type
	New  func() Method
}
