package saml

import (
	"bytes"
	"compress/flate"
	"encoding/base64"
	"io"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"
)

// Bounds of a request.
const (
	maxRequestBytes    = 16 << 10 // of SAMLRequest as it is sent
	maxQueryBytes      = 20 << 10 // with the other parameters
	maxInflatedBytes   = 64 << 10
	maxRelayStateBytes = 80 // SAML Bindings §3.4.3
)

// MaxPOSTBytes is the largest body of a form that can hold an acceptable request: SAMLRequest
// of 16 KB with every byte escaped, and RelayState.
const MaxPOSTBytes = 3*maxRequestBytes + 1024

// Redirect reads an AuthnRequest that came by HTTP-Redirect (SAML Bindings §3.4), from the
// query as it was sent: a signature covers the very bytes. It is verified before anything is
// unpacked. The error is a *RefusedError.
func (p *IdentityProvider) Redirect(rawQuery string, now time.Time) (*AuthnRequest, error) {
	q, refused := parseQuery(rawQuery)
	if refused != nil {
		return nil, refused
	}
	relayState, err := url.QueryUnescape(q.relayState)
	if err != nil {
		return nil, refuse(ParameterInvalid, "RelayState is not escaped as it must be")
	}
	if refused := checkRelayState(relayState); refused != nil {
		return nil, refused
	}
	signed, refused := p.verifyQuery(q)
	if refused != nil {
		return nil, refused
	}
	data, refused := q.inflated()
	if refused != nil {
		return nil, refused
	}
	root, err := parse(data, maxRequestTokens)
	if err != nil {
		return nil, refuseXML(err)
	}
	if len(signatures(root)) > 0 {
		return nil, refuse(SignatureWrapped, "by HTTP-Redirect the signature stands in the query")
	}
	return p.judge(message{root, BindingRedirect, relayState, signed}, now)
}

// POST reads an AuthnRequest that came by HTTP-POST (SAML Bindings §3.5), from the fields of
// the form; relayState is empty if there was none. If it is signed, everything is taken from
// what the signature covers. The error is a *RefusedError.
func (p *IdentityProvider) POST(
	samlRequest, relayState string, now time.Time,
) (*AuthnRequest, error) {
	switch {
	case samlRequest == "":
		return nil, refuse(ParameterInvalid, "SAMLRequest is missing")
	case len(samlRequest) > maxRequestBytes:
		return nil, refuse(Oversized, "SAMLRequest has %d bytes", len(samlRequest))
	}
	if refused := checkRelayState(relayState); refused != nil {
		return nil, refused
	}
	data, err := base64.StdEncoding.DecodeString(samlRequest)
	if err != nil {
		return nil, refuse(EncodingInvalid, "SAMLRequest is not base64")
	}
	root, err := parse(data, maxRequestTokens)
	if err != nil {
		return nil, refuseXML(err)
	}
	root, signed, refused := p.verifyEnveloped(root)
	if refused != nil {
		return nil, refused
	}
	return p.judge(message{root, BindingPOST, relayState, signed}, now)
}

func checkRelayState(s string) *RefusedError {
	if len(s) > maxRelayStateBytes || !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
		return refuse(RelayStateOversized, "RelayState has %d bytes", len(s))
	}
	return nil
}

// A query holds the parameters of HTTP-Redirect, escaped as they were sent.
type query struct {
	samlRequest, relayState, sigAlg, signature string
	hasRelayState, hasSigAlg, hasSignature     bool
}

// parseQuery takes the parameters by their literal names. None may come twice: what was signed
// and what is read would no longer be the same.
func parseQuery(raw string) (query, *RefusedError) {
	if len(raw) > maxQueryBytes {
		return query{}, refuse(Oversized, "the query has %d bytes", len(raw))
	}
	var q query
	var seen bool // SAMLRequest
	for raw != "" {
		var param string
		param, raw, _ = strings.Cut(raw, "&")
		name, value, _ := strings.Cut(param, "=")
		var had *bool
		switch name {
		case "SAMLRequest":
			had, q.samlRequest = &seen, value
		case "RelayState":
			had, q.relayState = &q.hasRelayState, value
		case "SigAlg":
			had, q.sigAlg = &q.hasSigAlg, value
		case "Signature":
			had, q.signature = &q.hasSignature, value
		case "SAMLEncoding":
			if v, _ := url.QueryUnescape(value); v != "urn:oasis:names:tc:SAML:2.0:bindings:URL-Encoding:DEFLATE" {
				return query{}, refuse(EncodingInvalid, "SAMLEncoding is not DEFLATE")
			}
			continue
		default:
			continue
		}
		if *had {
			return query{}, refuse(ParameterInvalid, "%s comes twice", name)
		}
		*had = true
	}
	switch {
	case q.samlRequest == "":
		return query{}, refuse(ParameterInvalid, "SAMLRequest is missing")
	case len(q.samlRequest) > maxRequestBytes:
		return query{}, refuse(Oversized, "SAMLRequest has %d bytes", len(q.samlRequest))
	}
	return q, nil
}

// signedText is what the signature covers (SAML Bindings §3.4.4.1), as it was sent.
func (q query) signedText() string {
	s := "SAMLRequest=" + q.samlRequest
	if q.hasRelayState {
		s += "&RelayState=" + q.relayState
	}
	return s + "&SigAlg=" + q.sigAlg
}

// inflated unpacks SAMLRequest, up to the bound.
func (q query) inflated() ([]byte, *RefusedError) {
	b64, err := url.QueryUnescape(q.samlRequest)
	if err != nil {
		return nil, refuse(EncodingInvalid, "SAMLRequest is not escaped as it must be")
	}
	packed, err := base64.StdEncoding.DecodeString(b64)
	if err != nil {
		return nil, refuse(EncodingInvalid, "SAMLRequest is not base64")
	}
	in := bytes.NewReader(packed)
	data, err := io.ReadAll(io.LimitReader(flate.NewReader(in), maxInflatedBytes+1))
	switch {
	case len(data) > maxInflatedBytes:
		return nil, refuse(DeflateBomb, "%d bytes unpack to more than %d", len(packed), maxInflatedBytes)
	case err != nil:
		return nil, refuse(EncodingInvalid, "SAMLRequest is not packed with DEFLATE")
	case in.Len() > 0:
		return nil, refuse(EncodingInvalid, "%d bytes follow the packed message", in.Len())
	}
	return data, nil
}
