// Package audit holds the words in which Gatehouse speaks of a decision: the closed list of
// reasons, each with its sentence and its next step, the ladder of checks, and the one Event
// a conversation ends in. RADIUS, the command line, the web UI, metrics and documentation all
// read this table. It is a leaf: it imports nothing of ours and does no I/O; whoever has an
// Event to tell hands it to a Sink.
package audit

import "strings"

// Reason says why a decision was taken. Its values are stable strings: they appear in logs,
// metrics and documentation, and outside tools rely on them. The zero value is no reason and
// never leaves the process.
type Reason string

// The closed list of reasons.
const (
	Accepted                    Reason = "accepted"
	ClientUnknown               Reason = "client_unknown"
	PacketMalformed             Reason = "packet_malformed"
	MessageAuthenticatorMissing Reason = "message_authenticator_missing"
	MessageAuthenticatorWrong   Reason = "message_authenticator_wrong"
	NotReady                    Reason = "not_ready"
	SessionUnknown              Reason = "session_unknown"
	EAPInvalid                  Reason = "eap_invalid"
	EAPNoCommonMethod           Reason = "eap_no_common_method"
	PeerTimeout                 Reason = "peer_timeout"
	TLSVersion                  Reason = "tls_version"
	TLSHandshake                Reason = "tls_handshake"
	TLSPeerAlert                Reason = "tls_peer_alert"
	PossessionFailed            Reason = "possession_failed"
	CertMissing                 Reason = "cert_missing"
	CertUnreadable              Reason = "cert_unreadable"
	CertExpired                 Reason = "cert_expired"
	CertNotYetValid             Reason = "cert_not_yet_valid"
	CertUnknownCA               Reason = "cert_unknown_ca"
	CertChain                   Reason = "cert_chain"
	CertPurpose                 Reason = "cert_purpose"
	CertWeak                    Reason = "cert_weak"
	CertCriticalExtension       Reason = "cert_critical_extension"
	CertNameConstraint          Reason = "cert_name_constraint"
	CAOutOfScope                Reason = "ca_out_of_scope"
	IdentityNone                Reason = "identity_none"
	IdentityAmbiguous           Reason = "identity_ambiguous"
	UserUnknown                 Reason = "user_unknown"
	UserSuspended               Reason = "user_suspended"
	UserNotInGroup              Reason = "user_not_in_group"
	CertRevoked                 Reason = "cert_revoked"
	OCSPNoResponder             Reason = "ocsp_no_responder"
	OCSPUnavailable             Reason = "ocsp_unavailable"
	OCSPUnknown                 Reason = "ocsp_unknown"
	OCSPStale                   Reason = "ocsp_stale"
	OCSPUnauthorized            Reason = "ocsp_unauthorized"
	CRLStale                    Reason = "crl_stale"
	PasswordWrong               Reason = "password_wrong"
	PasswordNotAllowed          Reason = "password_not_allowed"
	PasswordRatcheted           Reason = "password_ratcheted"
	PasswordLocked              Reason = "password_locked"
	MFARequired                 Reason = "mfa_required"
	MFAWrong                    Reason = "mfa_wrong"
	MFAReplayed                 Reason = "mfa_replayed"
	ClockUnsure                 Reason = "clock_unsure"
	SAMLRequestInvalid          Reason = "saml_request_invalid"
	Overloaded                  Reason = "overloaded"
	Internal                    Reason = "internal"
)

// abbreviations are what codes write short.
var abbreviations = map[string]string{"ca": "CA", "cert": "certificate", "crl": "CRL", "eap": "EAP", "mfa": "MFA",
	"ocsp": "OCSP", "saml": "SAML", "tls": "TLS"}

// Words is the code as people read it, for lists in which there is no room for the sentence:
// "Certificate unknown CA". The zero value has none.
func (r Reason) Words() string {
	words := strings.Split(string(r), "_")
	for i, w := range words {
		if long, ok := abbreviations[w]; ok {
			words[i] = long
		}
	}
	text := strings.Join(words, " ")
	return strings.ToUpper(text[:min(1, len(text))]) + text[min(1, len(text)):]
}

// An Explanation is a reason told to people: one sentence for what happened, one next step.
type Explanation struct {
	Reason   Reason `json:"reason"`
	Sentence string `json:"sentence"`
	NextStep string `json:"next_step"`
}

// explanations is the one table; its order is the order of `gatehouse explain` and the docs:
// the order in which the checks of an authentication run.
var explanations = []Explanation{
	{Accepted, "Everything was checked and the person is on the network.",
		"Nothing to do."},
	{ClientUnknown, "A packet came from an address, SSID or NAS-Identifier that no RADIUS server lists among its clients.",
		"Add the access point's address under `clients` in radius/<name>.yaml, or mend the server's `match`."},
	{PacketMalformed, "A datagram on the RADIUS port was not a well-formed RADIUS packet.",
		"Look at what sends to this port: a scanner, a wrong port, or a broken access point."},
	{MessageAuthenticatorMissing, "The access point sent a request without the Message-Authenticator that protects it against forgery (CVE-2024-3596).",
		"Update the access point's firmware or switch on Message-Authenticator there; `message_authenticator: auto` or `off` for that client is the last resort."},
	{MessageAuthenticatorWrong, "The Message-Authenticator does not verify: the shared secret here and on the access point most likely differ.",
		"Enter the same shared secret on the access point and in its `clients` entry; mind spaces and line ends."},
	{NotReady, "Gatehouse is running but has no valid configuration, so it does not answer RADIUS.",
		"Run `gatehouse check` on the configuration directory and mend what it lists."},
	{SessionUnknown, "The access point continued a conversation that this server does not know: it was restarted meanwhile, took too long, or another server began it.",
		"Nothing if it happens once; otherwise check that the access point does not spread one sign-in over several RADIUS servers."},
	{EAPInvalid, "The device or access point sent an EAP message that breaks the protocol.",
		"Update the device's Wi-Fi driver or the access point's firmware; the detail names the rule that was broken."},
	{EAPNoCommonMethod, "The device refuses every authentication method that this server offers.",
		"Set the device's network profile to EAP-TLS (a certificate), or allow another method on the RADIUS server."},
	{PeerTimeout, "The device stopped answering in the middle of the sign-in; the detail names the last step.",
		"If it stopped after our certificate was sent, the device does not trust the server certificate: install the CA and the server name in its network profile. Otherwise check the radio link."},
	{TLSVersion, "The device offers only TLS versions that are not allowed here.",
		"Update the device's operating system; `eap.tls_min` states the lowest version accepted."},
	{TLSHandshake, "The TLS handshake with the device broke off.",
		"Look at the detail; most often device and server share no cipher suite or signature algorithm."},
	{TLSPeerAlert, "The device broke off the TLS handshake with an alert: it rejects our server certificate or the handshake itself.",
		"Install the CA of the server certificate on the device, and check the server name in its network profile; the detail names the alert."},
	{PossessionFailed, "The device presented a certificate but could not prove that it holds its private key.",
		"Import certificate and private key together again on the device; if nobody is setting it up, treat the certificate as copied and watch for repeats."},
	{CertMissing, "The device sent no certificate.",
		"Choose the certificate in the device's network profile; if the list is empty, import one first."},
	{CertUnreadable, "The device sent a certificate that cannot be read.",
		"Issue the certificate anew; the detail names what is wrong with its encoding."},
	{CertExpired, "A certificate in the chain has expired.",
		"Renew the certificate that the detail names and import it on the device."},
	{CertNotYetValid, "A certificate in the chain is not valid yet.",
		"Check this gateway's clock first, then the start date of the certificate that the detail names."},
	{CertUnknownCA, "The certificate was issued by a CA that this RADIUS server does not trust.",
		"Add that CA to ca/ and to the server's `ca` list, or issue the person a certificate from a listed CA."},
	{CertChain, "No valid path leads from the certificate to a trusted CA.",
		"Look at the detail: most often an intermediate certificate is missing on the device and in ca/, or one certificate in the chain may not issue others."},
	{CertPurpose, "The certificate is not meant for signing in as a client.",
		"Issue a certificate with the extended key usage clientAuth and the key usage digitalSignature."},
	{CertWeak, "A key or signature in the chain is too weak, or of a kind that is not supported.",
		"Issue the certificate anew with RSA of 2048 to 8192 bits, ECDSA P-256, P-384 or P-521, or Ed25519, signed with SHA-256 or better."},
	{CertCriticalExtension, "A certificate demands that we understand an extension that we do not know.",
		"Issue the certificate without that extension, or with the extension not marked critical; the detail names it."},
	{CertNameConstraint, "A CA in the chain may not issue certificates for this name.",
		"Issue the certificate from a CA whose name constraints cover the person's name."},
	{CAOutOfScope, "The CA is trusted, but not for this person: its scope leaves the person's domain or groups out.",
		"Widen `scope` in ca/<name>.yaml, or issue the certificate from the CA that is meant for this person."},
	{IdentityNone, "The certificate carries no name of a kind that this gateway looks for.",
		"Issue a certificate with an e-mail address or user name, or add the kind of name it carries to `identity.order`."},
	{IdentityAmbiguous, "The names in the certificate belong to different users.",
		"Issue a certificate whose names all belong to one person, or mend the aliases of the users that the detail lists."},
	{UserUnknown, "The certificate is good, but no user here has the name it carries.",
		"Add the user, or an alias, to the users files; compare the spelling with the detail."},
	{UserSuspended, "The user exists but is suspended.",
		"Set the user's `state` to active if that was a mistake."},
	{UserNotInGroup, "The user is in none of the groups that this RADIUS server admits.",
		"Put the user into one of the server's `users.groups`, or connect to the network meant for this person."},
	{CertRevoked, "The certificate has been revoked by its CA.",
		"Issue the person a new certificate; if the revocation is unexpected, ask whoever runs the CA."},
	{OCSPNoResponder, "The certificate names no OCSP responder, so its good standing cannot be validated.",
		"Issue certificates with an OCSP address, or set `revocation.responder` or `no_responder` for this CA."},
	{OCSPUnavailable, "The certificate's good standing could not be validated: no answer from the OCSP responder.",
		"Run `gatehouse ocsp check CERT` on this gateway: it shows which step of asking fails; `revocation.grace` and `ocsp: prefer` bridge outages."},
	{OCSPUnknown, "The OCSP responder does not know this certificate.",
		"Check that the responder serves the CA that issued the certificate, and knows of its latest ones: `gatehouse ocsp check CERT` asks it again."},
	{OCSPStale, "The only OCSP answer to be had is too old.",
		"Check the responder and this gateway's clock: `gatehouse ocsp check CERT` shows the dates, `gatehouse clock` the time."},
	{OCSPUnauthorized, "The OCSP answer was signed by somebody who may not speak for the CA.",
		"Check the responder's signing certificate, of which `gatehouse ocsp check CERT` tells what is wrong: it must come from the CA itself and carry id-kp-OCSPSigning."},
	{CRLStale, "The certificate revocation list is too old.",
		"Publish a fresh list, or check that this gateway can fetch it: `gatehouse status` names those that have expired."},
	{PasswordWrong, "The password is wrong.",
		"Let the person try again; reset the password if it is forgotten."},
	{PasswordNotAllowed, "This RADIUS server does not accept passwords from this client or user.",
		"Use a certificate, or allow passwords on the RADIUS server and, for plain PAP, on its client entry."},
	{PasswordRatcheted, "This user has already signed in with a certificate, so a password is no longer accepted.",
		"Connect with the certificate; if it is lost, an administrator can run `gatehouse user reset-ratchet`."},
	{PasswordLocked, "Too many wrong passwords: the account is locked for a while.",
		"Wait for the time that the detail names, and look for a device with an old password."},
	{MFARequired, "A one-time code is required and the user has none set up.",
		"Enrol the user for one-time codes with `gatehouse user totp`."},
	{MFAWrong, "The one-time code is wrong.",
		"Check the clock of the person's phone and try the next code."},
	{MFAReplayed, "The one-time code was used before.",
		"Wait for the next code."},
	{ClockUnsure, "This gateway does not know what time it is, so dates in certificates cannot be checked.",
		"Set the clock, or let the gateway reach a time server; `gatehouse clock` shows what it knows."},
	{SAMLRequestInvalid, "The web application's sign-in request was refused; the detail says why.",
		"Compare the application's SAML settings with ours: `gatehouse saml status`, and import the metadata of each side at the other."},
	{Overloaded, "The gateway was too busy to take on this sign-in.",
		"Nothing if it passes; otherwise look for a flood from one access point, or raise the limits."},
	{Internal, "A fault inside Gatehouse ended the sign-in.",
		"Report it, with the log of that moment: it has the details."},
}

// Explanations returns the whole table in the order in which the checks run. The caller owns
// the slice.
func Explanations() []Explanation {
	return append([]Explanation(nil), explanations...)
}

// Explain returns the explanation of r, and false if r is not on the list.
func Explain(r Reason) (Explanation, bool) {
	for _, e := range explanations {
		if e.Reason == r {
			return e, true
		}
	}
	return Explanation{}, false
}
