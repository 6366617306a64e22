package radius

import (
	"crypto/md5"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
)

// Errors of building an answer.
var (
	// ErrTooLong: the answer would exceed 4096 bytes, or an attribute its 253.
	ErrTooLong = errors.New("longer than RADIUS allows")
	// ErrEmptyValue: an attribute without a value.
	ErrEmptyValue = errors.New("attribute value is empty")
	// ErrReserved: the attribute has a method of its own or is added by Encode.
	ErrReserved = errors.New("attribute is not to be added by hand")
	// ErrStateInReject: State belongs into no Access-Reject (RFC 2865 §5.44).
	ErrStateInReject = errors.New("an Access-Reject carries no State")
)

// A Response is everything of an answer but what depends on the request: the identifier,
// Proxy-State, both authenticators and the salts of the keys are Encode's. The same Response
// may be encoded for several requests (a NAS that retransmits under a new Identifier), but it
// must not be written once it is shared. Make one with NewResponse.
type Response struct {
	code       Code
	attributes []byte
	eap        []byte // EAP-Message attributes with their headers
	recv, send []byte // MPPE keys in the clear; nil: none
	err        error  // of a method that returns none; Encode reports it
}

// NewResponse returns an answer without attributes.
func NewResponse(code Code) *Response { return &Response{code: code} }

// Code returns what kind of answer r is.
func (r *Response) Code() Code { return r.code }

// Add appends an attribute with its value of 1 to 253 bytes, which is copied. It returns
// ErrEmptyValue, ErrTooLong, ErrStateInReject, and ErrReserved for Message-Authenticator,
// Proxy-State (both are Encode's) and EAP-Message (SetEAPMessage's).
func (r *Response) Add(t Type, value []byte) error {
	switch {
	case t == TypeMessageAuthenticator, t == TypeProxyState, t == TypeEAPMessage:
		return fmt.Errorf("adding %v: %w", t, ErrReserved)
	case t == TypeState && r.code == CodeAccessReject:
		return fmt.Errorf("adding %v: %w", t, ErrStateInReject)
	case len(value) == 0:
		return fmt.Errorf("adding %v: %w", t, ErrEmptyValue)
	case len(value) > maxValueLength:
		return fmt.Errorf("adding %v of %d bytes: %w", t, len(value), ErrTooLong)
	}
	r.attributes = append(r.attributes, byte(t), byte(len(value)+2))
	r.attributes = append(r.attributes, value...)
	return nil
}

// AddUint32 appends an attribute with a number of four bytes. A type that Add would refuse
// makes Encode fail.
func (r *Response) AddUint32(t Type, v uint32) {
	if err := r.Add(t, binary.BigEndian.AppendUint32(nil, v)); err != nil && r.err == nil {
		r.err = err
	}
}

// AddVendor appends a vendor's attribute t with its value of 1 to 247 bytes (RFC 2865 §5.26).
// It returns ErrEmptyValue or ErrTooLong.
func (r *Response) AddVendor(vendor uint32, t byte, value []byte) error {
	body, err := vendorValue(vendor, t, value)
	if err != nil {
		return err
	}
	return r.Add(TypeVendorSpecific, body)
}

// vendorValue returns the value of a Vendor-Specific attribute with one sub-attribute.
func vendorValue(vendor uint32, t byte, value []byte) ([]byte, error) {
	const header = 6 // vendor, type, length
	switch {
	case len(value) == 0:
		return nil, fmt.Errorf("adding vendor %d type %d: %w", vendor, t, ErrEmptyValue)
	case len(value) > maxValueLength-header:
		return nil, fmt.Errorf("adding vendor %d type %d of %d bytes: %w",
			vendor, t, len(value), ErrTooLong)
	}
	body := make([]byte, 0, header+len(value))
	body = binary.BigEndian.AppendUint32(body, vendor)
	body = append(body, t, byte(len(value)+2))
	return append(body, value...), nil
}

// AddVLAN appends the three attributes that put a peer into a VLAN (RFC 3580 §3.31): a tunnel
// of type VLAN over IEEE 802 whose group is id, a number or a name, all with the same tag
// (1 to 31, or 0 for none; RFC 2868 §3.1). It returns ErrEmptyValue or ErrTooLong and then
// adds nothing.
func (r *Response) AddVLAN(tag byte, id string) error {
	const vlan, ieee802 = 13, 6
	if tag > 31 {
		return fmt.Errorf("adding a VLAN with tag %d: tags end at 31", tag)
	}
	if id == "" {
		return fmt.Errorf("adding a VLAN: %w", ErrEmptyValue)
	}
	group := []byte(id)
	if tag != 0 {
		group = append([]byte{tag}, id...)
	}
	if err := r.Add(TypeTunnelPrivateGroupID, group); err != nil {
		return err
	}
	r.AddUint32(TypeTunnelType, uint32(tag)<<24|vlan)
	r.AddUint32(TypeTunnelMediumType, uint32(tag)<<24|ieee802)
	return nil
}

// SetEAPMessage sets the EAP packet that the answer carries, split into attributes of at most
// 253 bytes (RFC 3579 §3.1). The bytes are copied. An empty packet takes it away again.
func (r *Response) SetEAPMessage(eap []byte) {
	r.eap = make([]byte, 0, len(eap)+2*(len(eap)/maxValueLength+1))
	for len(eap) > 0 {
		n := min(len(eap), maxValueLength)
		r.eap = append(r.eap, byte(TypeEAPMessage), byte(n+2))
		r.eap = append(r.eap, eap[:n]...)
		eap = eap[n:]
	}
}

// Encode appends to dst the packet that answers req under secret, and returns the longer
// slice. The packet begins with Message-Authenticator, so that what follows is protected
// against a chosen prefix (CVE-2024-3596), and ends with all Proxy-States of req in their
// order (RFC 2865 §5.33). An answer to accounting carries a Message-Authenticator only if req
// does. Encode returns ErrTooLong, and dst unchanged, rather than a packet above 4096 bytes.
// It is safe to call concurrently, as long as nobody changes r.
func (r *Response) Encode(dst []byte, req *Packet, secret []byte) ([]byte, error) {
	if r.err != nil {
		return dst, r.err
	}
	start := len(dst)
	out := slices.Grow(dst, r.sizeHint(req))
	out = append(out, byte(r.code), req.Identifier, 0, 0)
	out = append(out, req.Authenticator[:]...)
	signed := r.code != CodeAccountingResponse ||
		req.Attributes.Count(TypeMessageAuthenticator) > 0
	if signed {
		out = append(out, byte(TypeMessageAuthenticator), messageAuthenticatorLength)
		out = append(out, zeros[:messageAuthenticatorLength-2]...)
	}
	out = append(out, r.attributes...)
	out = append(out, r.eap...)
	out = r.appendMPPEKeys(out, req.Authenticator, secret)
	for t, value := range req.Attributes.All() {
		if t == TypeProxyState {
			out = append(out, byte(t), byte(len(value)+2))
			out = append(out, value...)
		}
	}
	packet := out[start:]
	if len(packet) > MaxPacketLength {
		return dst, fmt.Errorf("encoding %v of %d bytes: %w", r.code, len(packet), ErrTooLong)
	}
	binary.BigEndian.PutUint16(packet[2:4], uint16(len(packet)))
	sign(packet, secret, signed)
	return out, nil
}

// sizeHint is what Encode is going to need at most, in bytes, so that it allocates once.
func (r *Response) sizeHint(req *Packet) int {
	n := headerLength + messageAuthenticatorLength + len(r.attributes) + len(r.eap)
	if len(r.recv)+len(r.send) > 0 {
		n += 2*(mppeHeaders+md5.Size) + len(r.recv) + len(r.send)
	}
	for t, value := range req.Attributes.All() {
		if t == TypeProxyState {
			n += 2 + len(value)
		}
	}
	return n
}

// sign fills in the authenticators of an answer that holds the Request Authenticator in the
// place of its own: the Message-Authenticator (RFC 3579 §3.2), which comes first, and then
// the Response Authenticator over everything and the secret (RFC 2865 §3).
func sign(packet, secret []byte, message bool) {
	var m mac
	if message {
		sum := m.sum(append(m.start(secret), packet...))
		copy(packet[headerLength+2:headerLength+messageAuthenticatorLength], sum[:])
	}
	buf := append(append(m.buf[:0], packet...), secret...)
	sum := md5.Sum(buf)
	copy(packet[4:headerLength], sum[:])
}
