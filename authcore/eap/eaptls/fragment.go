package eaptls

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// The type-data of an EAP-TLS packet (RFC 5216 §3.1):
//
//	|L M S R R R R R|  TLS message length (4, if L)  |  TLS data ...
const (
	flagLength = 0x80 // L: the TLS message length follows
	flagMore   = 0x40 // M: more fragments follow
	flagStart  = 0x20 // S: the authenticator's first message

	flagsLen  = 1
	lengthLen = 4
)

// ack is the type-data that acknowledges a fragment.
func ack() []byte { return []byte{0} }

// An outbox hands out one flight of TLS records as fragments. Its zero value holds none.
type outbox struct {
	data []byte
	sent int
	max  int // bytes of type-data in one packet
}

// load takes a new flight; the one before must have been sent.
func (o *outbox) load(data []byte) { o.data, o.sent = data, 0 }

// empty reports whether all of the flight has been handed out.
func (o *outbox) empty() bool { return o.sent == len(o.data) }

// next returns the type-data of the next fragment. The length stands in the first fragment of
// several and nowhere else (RFC 9190 §2.1.9).
func (o *outbox) next() []byte {
	rest := o.data[o.sent:]
	if len(rest) <= o.max-flagsLen {
		o.sent = len(o.data)
		return append([]byte{0}, rest...)
	}
	fragment := make([]byte, 0, o.max)
	fragment = append(fragment, flagMore)
	if o.sent == 0 {
		fragment[0] |= flagLength
		fragment = binary.BigEndian.AppendUint32(fragment, uint32(len(o.data)))
	}
	n := min(o.max-len(fragment), len(rest))
	o.sent += n
	return append(fragment, rest[:n]...)
}

// An inbox collects the fragments of one flight of the peer's. Its zero value is not useful:
// limit must be set, and reset called.
type inbox struct {
	data     []byte
	declared int // by the first L; -1: not declared
	limit    int
	budget   *Budget
	taken    int // from budget
}

// reset makes ready for the next flight. A buffer that grew large is not kept: a conversation
// may stand for a long time after.
func (i *inbox) reset() {
	i.declared = -1
	i.data = i.data[:0]
	if cap(i.data) > FreeFlight {
		i.data = nil
	}
	i.budget.give(i.taken)
	i.taken = 0
}

// add takes the type-data of one packet. complete means that data is the whole flight; the
// flight ends with the first packet without M. An error ends the conversation.
func (i *inbox) add(d []byte) (complete bool, err error) {
	if len(d) < flagsLen {
		return false, errors.New("an EAP-TLS packet without flags")
	}
	flags, payload := d[0], d[flagsLen:]
	if flags&flagLength != 0 {
		if len(payload) < lengthLen {
			return false, errors.New("an EAP-TLS packet cut short in its length")
		}
		// Compared before conversion: an int has 32 bits on small devices.
		length := binary.BigEndian.Uint32(payload)
		if length > uint32(i.limit) {
			return false, fmt.Errorf("a TLS flight of %d octets, over the limit of %d", length, i.limit)
		}
		if i.declared >= 0 && i.declared != int(length) {
			return false, fmt.Errorf("fragments that declare %d and then %d octets", i.declared, length)
		}
		i.declared = int(length)
		payload = payload[lengthLen:]
	}
	if len(i.data)+len(payload) > i.limit {
		return false, fmt.Errorf("a TLS flight over the limit of %d octets", i.limit)
	}
	if need := len(i.data) + len(payload) - FreeFlight - i.taken; need > 0 {
		if !i.budget.take(need) {
			return false, errOverBudget
		}
		i.taken += need
	}
	i.data = append(i.data, payload...)
	if i.declared >= 0 && len(i.data) > i.declared {
		return false, fmt.Errorf("more TLS data than the %d octets declared", i.declared)
	}
	if flags&flagMore != 0 {
		return false, nil
	}
	if i.declared >= 0 && len(i.data) != i.declared {
		return false, fmt.Errorf("%d octets of TLS data where %d were declared", len(i.data), i.declared)
	}
	return true, nil
}

// isAck reports whether d acknowledges a fragment: no data, and no more to come.
func isAck(d []byte) bool {
	switch {
	case len(d) == flagsLen:
		return d[0]&(flagMore|flagStart) == 0
	case len(d) == flagsLen+lengthLen: // a length of nothing: seen in the field
		return d[0]&flagLength != 0 && d[0]&(flagMore|flagStart) == 0 &&
			binary.BigEndian.Uint32(d[flagsLen:]) == 0
	}
	return false
}
