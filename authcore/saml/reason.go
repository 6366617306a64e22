package saml

import (
	"errors"
	"fmt"
	"time"

	"gatehouse/authcore/audit"
)

// A Reason says why an AuthnRequest is refused. The strings are stable.
type Reason string

// The closed list of reasons.
const (
	ParameterInvalid     Reason = "saml_parameter_invalid"
	Oversized            Reason = "saml_oversized"
	DeflateBomb          Reason = "saml_deflate_bomb"
	EncodingInvalid      Reason = "saml_encoding_invalid"
	RelayStateOversized  Reason = "saml_relay_state_oversized"
	Malformed            Reason = "saml_malformed"
	Doctype              Reason = "saml_doctype"
	Entity               Reason = "saml_entity"
	SeveralRoots         Reason = "saml_several_roots"
	NotAuthnRequest      Reason = "saml_not_authn_request"
	VersionUnsupported   Reason = "saml_version_unsupported"
	IssuerUnknown        Reason = "saml_issuer_unknown"
	DestinationWrong     Reason = "saml_destination_wrong"
	SignatureMissing     Reason = "saml_signature_missing"
	SignatureKeyUnknown  Reason = "saml_signature_key_unknown"
	SignatureAlgorithm   Reason = "saml_signature_algorithm"
	SignatureInvalid     Reason = "saml_signature_invalid"
	SignatureWrapped     Reason = "saml_signature_wrapped"
	ACSUnknown           Reason = "saml_acs_unknown"
	BindingUnsupported   Reason = "saml_binding_unsupported"
	NameIDUnsupported    Reason = "saml_name_id_unsupported"
	IssueInstantStale    Reason = "saml_issue_instant_stale"
	IssueInstantInFuture Reason = "saml_issue_instant_in_future"
	RequestReplayed      Reason = "saml_request_replayed"
	NameIDMissing        Reason = "saml_name_id_missing"
)

const (
	sentenceUnknown        = "The sign-in request was refused."
	remedyUnknown          = "Go back to the application and start again."
	remedyApplication      = "Update or mend the application: it sends what SAML does not allow here."
	remedyMetadataExchange = "Import the application's current metadata here, and our metadata there."
)

// wording is what people are told about a reason: constant text, so that nothing of a message
// is ever shown to whoever brought it.
type wording struct{ sentence, remedy string }

var wordings = map[Reason]wording{
	ParameterInvalid: {"The sign-in request is missing or its parameters are not those of SAML.",
		"Start at the application, not with a bookmark of the sign-in page."},
	Oversized: {"The sign-in request is larger than 16 KB.", remedyApplication},
	DeflateBomb: {"The sign-in request unpacks to more than 64 KB.",
		"Look at what sends it: no application needs that much."},
	EncodingInvalid: {"The sign-in request is not encoded as its binding demands.", remedyApplication},
	RelayStateOversized: {"The RelayState that came with the sign-in request is longer than 80 bytes or not text.",
		"Have the application keep its own state and send a short handle as RelayState."},
	Malformed: {"The sign-in request is not a well-formed SAML message.", remedyApplication},
	Doctype: {"The sign-in request has a DOCTYPE, which SAML forbids.",
		"Look at what sends it: this is how XML parsers are attacked."},
	Entity: {"The sign-in request uses an XML entity, which SAML forbids.",
		"Look at what sends it: this is how XML parsers are attacked."},
	SeveralRoots: {"The sign-in request is more than one XML document.",
		"Look at what sends it: this is how signatures are circumvented."},
	NotAuthnRequest: {"The message is a SAML message of another kind than a sign-in request.",
		"Switch off single logout at the application; signing out ends the session here only."},
	VersionUnsupported: {"The sign-in request is not of SAML 2.0.", "Set the application to SAML 2.0."},
	IssuerUnknown: {"The sign-in request comes from another application than the one this address belongs to.",
		"Compare the application's entity ID with `entity_id` in app.yaml, and the address it sends people to."},
	DestinationWrong: {"The sign-in request was made for another address than this one.",
		"Import our metadata into the application again; behind a proxy, check `host` in saml/idp.yaml."},
	SignatureMissing: {"The sign-in request is not signed although this application signs its requests.",
		"Switch on signing at the application, or `want_signed_requests` off here and in its metadata."},
	SignatureKeyUnknown: {"Sign-in requests of this application must be signed, but no certificate of it is known here.",
		"Import the application's metadata with its signing certificate."},
	SignatureAlgorithm: {"The sign-in request is signed in another way than with RSA-SHA256.",
		"Set the application to RSA-SHA256 and exclusive canonicalization."},
	SignatureInvalid: {"The signature of the sign-in request does not verify: it was altered, or signed with another key.",
		remedyMetadataExchange},
	SignatureWrapped: {"The signature does not stand where it must, or does not cover the sign-in request.",
		"Look at what sends it: this is how signatures are circumvented."},
	ACSUnknown: {"The sign-in request asks for the answer at an address that is not registered.",
		"Add the address to `acs` in app.yaml, spelt exactly alike, or import the application's metadata."},
	BindingUnsupported: {"The application asks for the answer in another way than by HTTP POST.",
		"Set the application's response binding to HTTP-POST."},
	NameIDUnsupported: {"The application asks for a kind of NameID that is not to be had here.",
		"Set its NameID format to unspecified, emailAddress, persistent or transient."},
	IssueInstantStale: {"The sign-in request is too old.",
		"Start again at the application; if that does not help, compare its clock with this gateway's."},
	IssueInstantInFuture: {"The sign-in request is dated in the future.",
		"Compare the application's clock with this gateway's."},
	RequestReplayed: {"The sign-in request was answered already.", remedyUnknown},
	NameIDMissing: {"The person has no e-mail address, which the application asks for as NameID.",
		"Add the person's e-mail address to the users, or set `name_id: username` in app.yaml."},
}

// Reasons returns all reasons, in no particular order.
func Reasons() []Reason {
	all := make([]Reason, 0, len(wordings))
	for r := range wordings {
		all = append(all, r)
	}
	return all
}

// Sentence says in one sentence what happened. It may be shown to anybody.
func (r Reason) Sentence() string {
	if w, ok := wordings[r]; ok {
		return w.sentence
	}
	return sentenceUnknown
}

// Remedy says in one sentence what to do next. It may be shown to anybody.
func (r Reason) Remedy() string {
	if w, ok := wordings[r]; ok {
		return w.remedy
	}
	return remedyUnknown
}

// A RefusedError says why an AuthnRequest is refused. Its Reason may be shown to anybody; its
// text and Detail are for the log and administrators, for they may repeat what was sent.
type RefusedError struct {
	Reason Reason
	Detail string        // printable and bounded; may be empty
	Skew   time.Duration // the request's IssueInstant minus now; zero unless the date is the reason
	// Request is what to answer with an error Response, so that the person ends at the
	// application and not on a blank page. It is nil unless issuer, signature and ACS were
	// in order; then there is nobody to answer but the person.
	Request *AuthnRequest
}

// Error is the reason with its detail, for the log.
func (e *RefusedError) Error() string {
	s := "refusing AuthnRequest: " + string(e.Reason)
	if e.Detail != "" {
		s += ": " + e.Detail
	}
	return s
}

// Status is what an error Response says about the refusal.
func (e *RefusedError) Status() Status {
	switch e.Reason {
	case VersionUnsupported:
		return StatusVersionMismatch
	case NameIDUnsupported, NameIDMissing:
		return StatusInvalidNameIDPolicy
	case BindingUnsupported:
		return StatusUnsupportedBinding
	default:
		return StatusRequester
	}
}

// refuse makes a RefusedError whose detail is fit to be shown in a log.
func refuse(r Reason, format string, args ...any) *RefusedError {
	return &RefusedError{Reason: r, Detail: audit.Printable(fmt.Sprintf(format, args...))}
}

// refuseXML turns a fault of parse into its reason.
func refuseXML(err error) *RefusedError {
	switch {
	case errors.Is(err, errDoctype):
		return refuse(Doctype, "%v", err)
	case errors.Is(err, errEntity):
		return refuse(Entity, "%v", err)
	case errors.Is(err, errSeveralRoots):
		return refuse(SeveralRoots, "%v", err)
	default:
		return refuse(Malformed, "%v", err)
	}
}
