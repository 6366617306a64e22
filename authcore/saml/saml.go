// Package saml speaks the identity provider's half of SAML 2.0 web single sign-on: it reads a
// service provider's metadata and its AuthnRequests, and makes our metadata and the signed
// Responses (SAML Core, SAML Bindings §3.4 and §3.5, SAML Profiles §4.1).
//
// It is values in, values out: it opens no files, serves no web, asks no clock, does not log
// and starts no goroutine; time and randomness are handed to it. It never decides who a person
// is: whoever does hands in the user. Nothing a stranger sends is believed before its bounds
// are checked, and no value of a message is ever repeated to the browser that brought it.
//
// What it leaves out on purpose: single logout, artifacts, encryption of assertions, SHA-1.
package saml

import (
	"encoding/hex"
	"fmt"
	"io"
	"time"
)

// XML namespaces.
const (
	nsProtocol  = "urn:oasis:names:tc:SAML:2.0:protocol"
	nsAssertion = "urn:oasis:names:tc:SAML:2.0:assertion"
	nsMetadata  = "urn:oasis:names:tc:SAML:2.0:metadata"
	nsSignature = "http://www.w3.org/2000/09/xmldsig#"
)

// Bindings: how a message travels (SAML Bindings §3).
const (
	BindingRedirect = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-Redirect"
	BindingPOST     = "urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST"
)

const (
	version          = "2.0"
	contextX509      = "urn:oasis:names:tc:SAML:2.0:ac:classes:X509"
	confirmBearer    = "urn:oasis:names:tc:SAML:2.0:cm:bearer"
	nameFormatURI    = "urn:oasis:names:tc:SAML:2.0:attrname-format:uri"
	nameFormatBasic  = "urn:oasis:names:tc:SAML:2.0:attrname-format:basic"
	timeFormat       = "2006-01-02T15:04:05Z"
	maxEntityIDBytes = 1024 // SAML Core §8.3.6
)

// idBytes is the randomness of an ID, in bytes; SAML Core §1.3.4 asks for 16 to 20.
const idBytes = 20

// newID returns a fresh xs:ID from rand.
func newID(rand io.Reader) (string, error) {
	var b [idBytes]byte
	if _, err := io.ReadFull(rand, b[:]); err != nil {
		return "", fmt.Errorf("reading randomness for an ID: %w", err)
	}
	return "_" + hex.EncodeToString(b[:]), nil
}

// stamp writes t as SAML does: UTC, whole seconds, which every implementation reads.
func stamp(t time.Time) string { return t.UTC().Format(timeFormat) }
