package policy

import "net/netip"

// AuthMethod is a RADIUS server's authentication.method.
type AuthMethod string

// The methods of a RADIUS server. The zero value is neither and admits nobody.
const (
	Passwordless   AuthMethod = "passwordless"
	PasswordMethod AuthMethod = "password"
)

// MFA is a RADIUS server's authentication.mfa.
type MFA string

// The values of MFA.
const (
	MFANone MFA = "none"
	MFATOTP MFA = "totp"
)

// A Server is one radius/<name>.yaml: a named set of clients with one authentication policy.
type Server struct {
	Name          string
	Match         Match
	Method        AuthMethod
	AllowPassword bool
	CAs           []string // names of CAs
	MFA           MFA
	Clients       []Client
	Groups        []string // whose members are admitted; empty: every active user
	Reply         []ReplyRule
}

// A Match tells apart RADIUS servers that share clients. Empty lists match anything.
type Match struct {
	SSID          []string // compared with the SSID in Called-Station-Id
	NASIdentifier []string
}

// MAMode says whether requests without Message-Authenticator are taken over UDP.
type MAMode string

// The values of message_authenticator. The zero value counts as MARequire.
const (
	MARequire MAMode = "require"
	MAAuto    MAMode = "auto" // until a non-EAP packet with one was seen from that address
	MAOff     MAMode = "off"
)

// A Client is one entry of a RADIUS server's clients: an access point, a switch, a proxy, or
// a prefix full of them.
type Client struct {
	Name                 string
	Prefix               netip.Prefix // masked, IPv4 never mapped; invalid for clients known by TLS
	Secret               Secret
	MessageAuthenticator MAMode
	AllowPAP             bool
	AllowMSCHAP          bool
	CoAPort              uint16 // 0: 3799
	CoASecret            Secret
	TLSSAN               string // RADIUS/TLS and /DTLS: subject alternative name, or
	TLSSHA256            string // fingerprint of the certificate, lower hex
}

// A ReplyRule adds attributes to the accept of users in one of Groups (empty: everybody).
type ReplyRule struct {
	Groups     []string
	VLAN       string
	Attributes []Attribute
}

// An Attribute is a RADIUS attribute ready for the wire, without its header. Name is how the
// configuration spells it.
type Attribute struct {
	Name  string
	Type  byte
	Value []byte
}
