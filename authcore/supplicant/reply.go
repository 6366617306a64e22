package supplicant

import (
	"crypto/hmac"
	"crypto/md5" // RADIUS knows no other (RFC 2865 §3)
	"encoding/binary"
	"errors"
	"fmt"

	"layeh.com/radius"
	"layeh.com/radius/rfc2865"
	"layeh.com/radius/rfc2869"
)

// Reply is one authenticated answer of the server.
type Reply struct {
	Code       radius.Code
	Identifier byte
	EAP        []byte // the EAP-Message attributes joined; nil: none
	State      []byte // nil: none
	Attributes radius.Attributes
	Raw        []byte // the datagram without padding
	// RequestAuthenticator of the request answered: MPPE keys are hidden with it.
	RequestAuthenticator [16]byte
	// Violations lists the protocol rules the packet breaks although it is authentic.
	Violations []string
}

var (
	errIgnored       = errors.New("answer to another request")
	errAuthenticator = errors.New("wrong Response Authenticator")
	errMessageAuth   = errors.New("wrong Message-Authenticator")
	errNoMessageAuth = errors.New("EAP-Message without Message-Authenticator")
)

// parseReply checks raw against the request that it should answer (RFC 2865 §3, RFC 3579
// §3.2) and takes it apart. Reply shares no memory with raw.
func parseReply(raw []byte, request *radius.Packet) (*Reply, error) {
	packet, err := radius.Parse(raw, request.Secret)
	if err != nil {
		return nil, fmt.Errorf("parsing answer: %w", err)
	}
	if packet.Identifier != request.Identifier {
		return nil, errIgnored
	}
	raw = append([]byte(nil), raw[:binary.BigEndian.Uint16(raw[2:4])]...)
	if !responseAuthentic(raw, request) {
		return nil, errAuthenticator
	}
	r := &Reply{
		Code: packet.Code, Identifier: packet.Identifier, Attributes: packet.Attributes,
		Raw: raw, RequestAuthenticator: request.Authenticator,
	}
	if err := r.checkMessageAuthenticator(request); err != nil {
		return nil, err
	}
	r.joinEAP()
	r.readState()
	r.checkProxyState(request)
	return r, nil
}

func responseAuthentic(raw []byte, request *radius.Packet) bool {
	if len(raw) < radiusHeaderBytes {
		return false
	}
	h := md5.New()
	h.Write(raw[:4])
	h.Write(request.Authenticator[:])
	h.Write(raw[radiusHeaderBytes:])
	h.Write(request.Secret)
	return hmac.Equal(h.Sum(nil), raw[4:20])
}

// checkMessageAuthenticator demands a right Message-Authenticator beside EAP-Message, and
// notes where a Message-Authenticator is absent or not the first attribute otherwise.
func (r *Reply) checkMessageAuthenticator(request *radius.Packet) error {
	var found, at int
	for i, a := range r.Attributes {
		if a.Type == rfc2869.MessageAuthenticator_Type {
			found, at = found+1, i
		}
	}
	_, hasEAP := r.Attributes.Lookup(rfc2869.EAPMessage_Type)
	switch {
	case found == 0 && hasEAP:
		return errNoMessageAuth
	case found == 0:
		r.violate("MA-3: %v without Message-Authenticator", r.Code)
		return nil
	case found > 1:
		return fmt.Errorf("%w: %d of them", errMessageAuth, found)
	}
	offset := radiusHeaderBytes + attributeHeaderBytes
	for _, a := range r.Attributes[:at] {
		offset += attributeHeaderBytes + len(a.Attribute)
	}
	want, err := messageAuthenticator(r.Raw, request, offset)
	if err != nil {
		return err
	}
	if !hmac.Equal(r.Attributes[at].Attribute, want) {
		return errMessageAuth
	}
	if at != 0 {
		r.violate("MA-3: Message-Authenticator is not the first attribute of the %v", r.Code)
	}
	return nil
}

const (
	radiusHeaderBytes    = 20
	attributeHeaderBytes = 2
)

// messageAuthenticator computes the HMAC-MD5 of RFC 3579 §3.2 over raw, with the Request
// Authenticator of request in its header and 16 zero octets in place of the value at offset.
func messageAuthenticator(raw []byte, request *radius.Packet, offset int) ([]byte, error) {
	if offset < radiusHeaderBytes || len(raw) < offset+md5.Size {
		return nil, fmt.Errorf("%w: of another length", errMessageAuth)
	}
	mac := hmac.New(md5.New, request.Secret)
	mac.Write(raw[:4])
	mac.Write(request.Authenticator[:])
	mac.Write(raw[radiusHeaderBytes:offset])
	mac.Write(make([]byte, md5.Size))
	mac.Write(raw[offset+md5.Size:])
	return mac.Sum(nil), nil
}

// joinEAP concatenates the EAP-Message attributes, which must be neighbours (RFC 3579 §3.1).
func (r *Reply) joinEAP() {
	last := -1
	for i, a := range r.Attributes {
		if a.Type != rfc2869.EAPMessage_Type {
			continue
		}
		if last >= 0 && i != last+1 {
			r.violate("EA-1: EAP-Message attributes of the %v are not contiguous", r.Code)
		}
		last = i
		r.EAP = append(r.EAP, a.Attribute...)
	}
}

func (r *Reply) readState() {
	n := 0
	for _, a := range r.Attributes {
		if a.Type == rfc2865.State_Type {
			r.State = append([]byte{}, a.Attribute...)
			n++
		}
	}
	switch {
	case n > 1:
		r.violate("RP-11: %d State attributes in one %v", n, r.Code)
	case n == 0 && r.Code == radius.CodeAccessChallenge:
		r.violate("RP-11: Access-Challenge without State")
	case n > 0 && r.Code == radius.CodeAccessReject:
		r.violate("RP-11: State in an Access-Reject")
	case n > 0 && len(r.State) == 0:
		r.violate("RP-11: empty State")
	}
}

// checkProxyState compares the Proxy-State attributes, which come back unchanged and in order
// (RFC 2865 §5.33).
func (r *Reply) checkProxyState(request *radius.Packet) {
	sent, got := proxyStates(request.Attributes), proxyStates(r.Attributes)
	same := len(sent) == len(got)
	for i := 0; same && i < len(sent); i++ {
		same = string(sent[i]) == string(got[i])
	}
	if !same {
		r.violate("RP-10: Proxy-State not returned as sent: %d sent, %d came back",
			len(sent), len(got))
	}
}

func proxyStates(attrs radius.Attributes) (states [][]byte) {
	for _, a := range attrs {
		if a.Type == rfc2865.ProxyState_Type {
			states = append(states, a.Attribute)
		}
	}
	return states
}

func (r *Reply) violate(format string, args ...any) {
	r.Violations = append(r.Violations, fmt.Sprintf(format, args...))
}
