package saml

import "github.com/beevik/etree"

const statusPrefix = "urn:oasis:names:tc:SAML:2.0:status:"

// A Status is what a Response says about its request (SAML Core §3.2.2). Its texts are
// constants: nothing about the person or the reason leaves by it.
type Status struct {
	code    string // who is to blame
	detail  string // may be empty
	message string // may be empty
}

var statusSuccess = Status{code: "Success"}

// The errors that a service provider is told.
var (
	// StatusAuthnFailed: the person could not be signed in.
	StatusAuthnFailed = Status{"Responder", "AuthnFailed", "The person could not be signed in."}
	// StatusRequestDenied: the person is known, but may not use this application.
	StatusRequestDenied = Status{"Responder", "RequestDenied", "The person may not use this application."}
	// StatusNoPassive: it does not work without asking the person.
	StatusNoPassive = Status{"Responder", "NoPassive", "The person cannot be signed in without being asked."}
	// StatusResponder: we cannot, for a reason of ours.
	StatusResponder = Status{"Responder", "", "The identity provider cannot answer now."}
	// StatusRequester: the request is not in order.
	StatusRequester = Status{"Requester", "", "The request is not in order."}
	// StatusInvalidNameIDPolicy: there is no name of the kind asked for.
	StatusInvalidNameIDPolicy = Status{"Requester", "InvalidNameIDPolicy", "There is no NameID of the format asked for."}
	// StatusUnsupportedBinding: the answer is asked for by another binding than HTTP-POST.
	StatusUnsupportedBinding = Status{"Requester", "UnsupportedBinding", "Responses are sent by HTTP-POST only."}
	// StatusVersionMismatch: the request is not of SAML 2.0.
	StatusVersionMismatch = Status{"VersionMismatch", "", "Only SAML 2.0 is spoken here."}
)

// String is the codes, as "Responder/AuthnFailed".
func (s Status) String() string {
	if s.detail == "" {
		return s.code
	}
	return s.code + "/" + s.detail
}

func (s Status) appendTo(response *etree.Element) {
	el := response.CreateElement("samlp:Status")
	code := el.CreateElement("samlp:StatusCode")
	code.CreateAttr("Value", statusPrefix+s.code)
	if s.detail != "" {
		code.CreateElement("samlp:StatusCode").CreateAttr("Value", statusPrefix+s.detail)
	}
	if s.message != "" {
		el.CreateElement("samlp:StatusMessage").SetText(s.message)
	}
}
