package supplicant

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Flags of an EAP-TLS packet (RFC 5216 §3.1).
const (
	flagLength = 0x80
	flagMore   = 0x40
	flagStart  = 0x20
)

// maxMessageBytes bounds a reassembled TLS message (RFC 5216 §2.1.5 suggests 64 KB).
const maxMessageBytes = 64 << 10

var errFragment = errors.New("broken EAP-TLS fragment")

// tlsPacket is the data of one EAP-TLS Request or Response.
type tlsPacket struct {
	flags   byte
	length  int // of the whole message; -1: no L bit
	payload []byte
}

func parseTLSPacket(data []byte) (tlsPacket, error) {
	if len(data) == 0 {
		return tlsPacket{}, fmt.Errorf("%w: no flags", errFragment)
	}
	p := tlsPacket{flags: data[0], length: -1, payload: data[1:]}
	if p.flags&flagLength == 0 {
		return p, nil
	}
	if len(data) < 5 {
		return tlsPacket{}, fmt.Errorf("%w: L bit without length", errFragment)
	}
	n := binary.BigEndian.Uint32(data[1:])
	if n > maxMessageBytes {
		return tlsPacket{}, fmt.Errorf("%w: message of %d bytes", errFragment, n)
	}
	p.length, p.payload = int(n), data[5:]
	return p, nil
}

func (p tlsPacket) more() bool  { return p.flags&flagMore != 0 }
func (p tlsPacket) start() bool { return p.flags&flagStart != 0 }

// isAck reports whether p is the empty packet that acknowledges a fragment.
func (p tlsPacket) isAck() bool { return len(p.payload) == 0 && !p.more() && !p.start() }

// reassembly puts a server's message together. deviations collects what a server may not
// do but a peer can live with.
type reassembly struct {
	buf        []byte
	length     int // declared; -1: not yet
	active     bool
	deviations []string
}

// add takes one fragment; done says that message is whole. An error ends the conversation.
func (r *reassembly) add(p tlsPacket) (message []byte, done bool, err error) {
	if !r.active {
		r.begin(p)
	} else if p.length >= 0 && p.length != r.length {
		return nil, false, fmt.Errorf("%w: length changes from %d to %d", errFragment,
			r.length, p.length)
	}
	if p.more() && len(p.payload) == 0 {
		r.deviate("TL-5: fragment with the M bit and no data")
	}
	if len(r.buf)+len(p.payload) > maxMessageBytes {
		return nil, false, fmt.Errorf("%w: message beyond %d bytes", errFragment, maxMessageBytes)
	}
	r.buf = append(r.buf, p.payload...)
	if r.length >= 0 && len(r.buf) > r.length {
		return nil, false, fmt.Errorf("%w: %d bytes, declared %d", errFragment,
			len(r.buf), r.length)
	}
	if p.more() {
		return nil, false, nil
	}
	if r.length >= 0 && len(r.buf) != r.length {
		return nil, false, fmt.Errorf("%w: ends after %d bytes, declared %d", errFragment,
			len(r.buf), r.length)
	}
	message, r.buf, r.active = r.buf, nil, false
	return message, true, nil
}

func (r *reassembly) begin(p tlsPacket) {
	r.active, r.length = true, p.length
	switch {
	case p.more() && p.length < 0:
		r.deviate("TL-2: first fragment without length (RFC 5216 §2.1.5)")
	case !p.more() && p.length >= 0:
		r.deviate("TL-2: L bit on an unfragmented message (RFC 9190 §2.1.9)")
	}
}

func (r *reassembly) deviate(text string) { r.deviations = append(r.deviations, text) }

// fragmenter hands out one message in EAP packets of at most size bytes. An empty message is
// one empty packet.
type fragmenter struct {
	rest         []byte
	size         int
	total        int
	first        bool
	alwaysLength bool
	sending      bool // fragments are outstanding
}

func (f *fragmenter) load(message []byte) {
	f.rest, f.total, f.first, f.sending = message, len(message), true, true
}

// next returns the data of the next EAP-TLS Response.
func (f *fragmenter) next() []byte {
	room := f.size - eapHeaderBytes - 2 // type and flags
	fits := len(f.rest) <= room
	var flags byte
	if f.first && f.total > 0 && (!fits || f.alwaysLength) {
		flags |= flagLength
		room -= 4
		fits = len(f.rest) <= room
	}
	if !fits {
		flags |= flagMore
	}
	n := min(room, len(f.rest))
	data := make([]byte, 1, 5+n)
	data[0] = flags
	if flags&flagLength != 0 {
		data = binary.BigEndian.AppendUint32(data, uint32(f.total))
	}
	data = append(data, f.rest[:n]...)
	f.rest, f.first, f.sending = f.rest[n:], false, !fits
	return data
}
