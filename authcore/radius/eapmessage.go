package radius

import "encoding/binary"

// EAPMessage joins the EAP-Message attributes (RFC 3579 §3.1), appends the EAP packet to dst
// and returns it. ok is false without any EAP-Message. An EAP-Start, one EAP-Message with no
// data (RFC 3579 §2.1), gives ok and an empty msg.
//
// The error is a *DiscardError: fragments that are not next to each other, a sum that differs
// from the EAP Length, or a password attribute beside EAP (RFC 3579 §3.3). Everything else
// about the EAP packet is for its own codec to judge.
func (p *Packet) EAPMessage(dst []byte) (msg []byte, ok bool, err error) {
	start := len(dst)
	msg = dst
	ended, password := false, false
	for t, value := range p.Attributes.All() {
		switch t {
		case TypeEAPMessage:
			if ended {
				return nil, false, errEAPScattered
			}
			ok = true
			msg = append(msg, value...)
			continue
		case TypeUserPassword, TypeCHAPPassword:
			password = true
		}
		ended = ok
	}
	if !ok {
		return nil, false, nil
	}
	if password {
		return nil, false, errEAPPassword
	}
	msg = msg[start:]
	if len(msg) == 0 {
		return msg, true, nil
	}
	// The shortest EAP packet is a header: code, identifier, length (RFC 3748 §4).
	if len(msg) < 4 || int(binary.BigEndian.Uint16(msg[2:4])) != len(msg) {
		return nil, false, errEAPLength
	}
	return msg, true, nil
}
