package radius

// Why names a rule that a datagram broke. Its values are stable: they label counters.
type Why string

// The rules that this package checks.
const (
	WhyShort                 Why = "short"                          // fewer than 20 bytes
	WhyLength                Why = "length"                         // Length below 20 or above 4096
	WhyTruncated             Why = "truncated"                      // shorter than its Length
	WhyAttribute             Why = "attribute"                      // malformed attribute
	WhyStateRepeated         Why = "state_repeated"                 // more than one State
	WhyAuthenticatorRepeated Why = "message_authenticator_repeated" // more than one
	WhyAuthenticatorLength   Why = "message_authenticator_length"   // not 18 bytes
	WhyEAPScattered          Why = "eap_scattered"                  // EAP-Messages not together
	WhyEAPLength             Why = "eap_length"                     // EAP Length and sum differ
	WhyEAPPassword           Why = "eap_with_password"              // EAP beside a password
)

// A DiscardError says that a packet is to be dropped without an answer, and by which rule.
// It is no fault of ours: count it, do not report it.
type DiscardError struct {
	Why  Why
	RFC  string // the section with the rule, as "RFC 2865 §3"
	text string
}

// Error tells the rule that was broken.
func (e *DiscardError) Error() string { return e.text + " (" + e.RFC + ")" }

// One value each, so that a flood of broken packets allocates nothing.
var (
	errShort     = &DiscardError{WhyShort, "RFC 2865 §3", "datagram is shorter than 20 bytes"}
	errLength    = &DiscardError{WhyLength, "RFC 2865 §3", "packet length is below 20 or above 4096"}
	errTruncated = &DiscardError{WhyTruncated, "RFC 2865 §3", "datagram is shorter than its packet length"}
	errAttribute = &DiscardError{WhyAttribute, "RFC 2865 §5", "attribute length is below 2 or past the end"}

	errStateRepeated         = &DiscardError{WhyStateRepeated, "RFC 2865 §5.44", "more than one State"}
	errAuthenticatorRepeated = &DiscardError{WhyAuthenticatorRepeated, "RFC 3579 §3.3", "more than one Message-Authenticator"}
	errAuthenticatorLength   = &DiscardError{WhyAuthenticatorLength, "RFC 3579 §3.2", "Message-Authenticator is not 18 bytes long"}

	errEAPScattered = &DiscardError{WhyEAPScattered, "RFC 3579 §3.1", "EAP-Message attributes are not next to each other"}
	errEAPLength    = &DiscardError{WhyEAPLength, "RFC 3579 §3.1", "EAP-Message attributes do not add up to the EAP length"}
	errEAPPassword  = &DiscardError{WhyEAPPassword, "RFC 3579 §3.3", "EAP-Message beside a password"}
)
