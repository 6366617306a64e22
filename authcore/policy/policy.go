// Package policy holds what administrators decide (policy.yaml, radius/*.yaml and the scope of
// a CA, as values) and the pure functions over it: which client and RADIUS server a packet
// belongs to, whether a user is admitted, what is sent with the accept. Values in, outcome
// out: no I/O, no clock, no goroutine, no log.
package policy

import (
	"log/slog"
	"time"
)

// Redacted is what a Secret shows wherever it is printed.
const Redacted = "[redacted]"

// A Secret is a shared secret or password. It never shows its bytes when printed, logged or
// encoded.
type Secret []byte

// String, GoString, MarshalText and LogValue all return Redacted.
func (Secret) String() string               { return Redacted }
func (Secret) GoString() string             { return Redacted }
func (Secret) MarshalText() ([]byte, error) { return []byte(Redacted), nil }
func (Secret) LogValue() slog.Value         { return slog.StringValue(Redacted) }

// A Policy is policy.yaml: the defaults for all RADIUS servers. Default has every value that
// the file may leave out; the zero Policy is not useful.
type Policy struct {
	EAP        EAP
	Identity   Identity
	Revocation Revocation
	Clock      Clock
	Password   Password
	Notices    Notices
	Groups     Groups
	AllowEmpty bool // a configuration without CA or without users may go live
}

// EAP is how conversations are held.
type EAP struct {
	Methods         []EAPMethod   // offered in this order
	TLSMin          uint16        // tls.VersionTLS12 or tls.VersionTLS13
	TLSMax          uint16        // likewise, not below TLSMin
	FragmentSize    int           // bytes of an EAP packet, 100 to 4000; Framed-MTU lowers it
	SessionLifetime time.Duration // of a resumable TLS session; 0: no resumption
	RejectDelay     time.Duration // from receipt of the request; at least 500 ms
	CAHints         bool          // name the CAs in the TLS CertificateRequest
	PostQuantum     bool          // offer X25519MLKEM768
}

// EAPMethod is an entry of eap.methods.
type EAPMethod string

// The methods that eap.methods may name.
const (
	MethodTLS  EAPMethod = "tls"
	MethodTTLS EAPMethod = "ttls"
	MethodPEAP EAPMethod = "peap"
)

// NameKind is a place in a certificate where a person's or machine's name may stand.
type NameKind string

// The kinds that identity.order may name.
const (
	SANEmail NameKind = "san_email" // subject alternative name, rfc822Name
	SANUPN   NameKind = "san_upn"   // subject alternative name, otherName 1.3.6.1.4.1.311.20.2.3
	DNEmail  NameKind = "dn_email"  // subject, emailAddress 1.2.840.113549.1.9.1
	CN       NameKind = "cn"        // subject, common name: a username
	SANDNS   NameKind = "san_dns"   // subject alternative name, dNSName: a machine
)

// Identity is how a certificate is turned into a user.
type Identity struct {
	Order             []NameKind
	FoldLocalPart     bool // compare the part before the @ without regard to case
	RequireClientAuth bool // the certificate must carry extended key usage clientAuth
	AllowEAPOverLAN   bool // id-kp-eapOverLAN (RFC 4334) does as well
}

// OCSPMode says what a missing answer about a certificate's good standing costs.
type OCSPMode string

// The values of revocation.ocsp. The zero value counts as OCSPRequire.
const (
	OCSPRequire OCSPMode = "require" // no acceptable status: reject
	OCSPPrefer  OCSPMode = "prefer"  // unavailable: accept and say so
	OCSPOff     OCSPMode = "off"
)

// Revocation is policy.yaml's revocation, and, with the keys that a CA file overrides, a CA's.
type Revocation struct {
	OCSP           OCSPMode
	NoResponder    string // reject, responder, crl or allow
	Intermediates  string // when_named, strict or off
	Order          []string
	Budget         time.Duration
	Nonce          bool
	MaxAge         time.Duration // 0: until nextUpdate
	Grace          time.Duration
	Skew           time.Duration
	Responder      string   // of a CA file only
	CRL            string   // of a CA file only
	AllowAddresses []string // of a CA file only: prefixes
}

// Clock is what happens while the wall clock cannot be believed.
type Clock struct {
	WhenUnsure string // reject or accept_cached
}

// Password is how passwords are checked.
type Password struct {
	TOTPSeparator string
	LockoutAfter  int
	LockoutFor    time.Duration
}

// Notices says when and to whom an expiring certificate is told.
type Notices struct {
	Days    []int
	Webhook string
	SMTP    SMTP
}

// SMTP is where notices are mailed. An empty Address: not at all.
type SMTP struct {
	Address, From string
	To            []string
	Username      string
	Password      Secret
}

// Groups orders groups for conflicts.
type Groups struct {
	Priority []string // the first named wins
}

// Default returns the policy of an empty policy.yaml. The caller owns the result.
func Default() Policy {
	return Policy{
		EAP: EAP{
			Methods: []EAPMethod{MethodTLS, MethodTTLS, MethodPEAP},
			TLSMin:  0x0303, TLSMax: 0x0304,
			FragmentSize: 1020, SessionLifetime: 8 * time.Hour, RejectDelay: time.Second,
		},
		Identity: Identity{
			Order:         []NameKind{SANEmail, SANUPN, DNEmail, CN},
			FoldLocalPart: true, RequireClientAuth: true, AllowEAPOverLAN: true,
		},
		Revocation: Revocation{
			OCSP: OCSPRequire, NoResponder: "reject", Intermediates: "when_named",
			Order: []string{"ocsp", "crl"}, Budget: 3 * time.Second, Skew: 5 * time.Minute,
		},
		Clock:    Clock{WhenUnsure: "reject"},
		Password: Password{TOTPSeparator: ",", LockoutAfter: 10, LockoutFor: 15 * time.Minute},
		Notices:  Notices{Days: []int{60, 30, 7, 1}},
	}
}

// A Scope limits for whom a CA may vouch. Empty lists admit anyone.
type Scope struct {
	Domains []string // e-mail domains, lower case
	Groups  []string
}
