package journal

import (
	"encoding/binary"
	"hash/crc32"
	"strings"
	"time"
)

// The file begins with magic and a salt of 8 random bytes. Then come frames, each written and
// synced as one: what was appended at the same time stands or falls together.
//
//	0       4       8               16
//	+-------+-------+---------------+----------------
//	| bytes | CRC   | number, from 1 | changes …
//	+-------+-------+---------------+----------------
//
// bytes counts the changes; the CRC (Castagnoli) is over salt, bytes, number and changes: what
// strangers make us write cannot look like a frame. All integers are big-endian. A frame is
// begun only when the one before is on the disk: whatever has a frame with a higher number
// behind it had been acknowledged. A change:
//
//	0      1         3           5          13
//	+------+---------+-----------+----------+-----+-------
//	| kind | key len | value len | Unix ns  | key | value
//	+------+---------+-----------+----------+-----+-------
//
// The highest bit of kind is set when the key is forgotten; a time of zero is no time.
const (
	magic       = "GHjrnl1\n"
	prefixBytes = len(magic) + 8 // with the salt
	headerBytes = 16             // of a frame
	changeBytes = 13
	removeBit   = 0x80

	maxFrameBytes = 64 << 10 // of changes
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// A salt makes the frames of one file its own.
type salt [8]byte

// A change is a record to be remembered, or to be forgotten.
type change struct {
	record Record
	remove bool
}

// size returns what c takes in the file, with its share of a frame.
func (c change) size() int64 {
	return headerBytes + changeBytes + int64(len(c.record.Key)+len(c.record.Value))
}

func (c change) append(dst []byte) []byte {
	r := c.record
	kind := byte(r.Kind)
	if c.remove {
		kind |= removeBit
	}
	dst = binary.BigEndian.AppendUint16(append(dst, kind), uint16(len(r.Key)))
	dst = binary.BigEndian.AppendUint16(dst, uint16(len(r.Value)))
	var at int64
	if !r.Time.IsZero() {
		at = r.Time.UnixNano()
	}
	dst = binary.BigEndian.AppendUint64(dst, uint64(at))
	return append(append(dst, r.Key...), r.Value...)
}

// parseChange reads a change off the front of b. It copies what it keeps.
func parseChange(b []byte) (c change, rest []byte, ok bool) {
	if len(b) < changeBytes {
		return c, nil, false
	}
	c.remove = b[0]&removeBit != 0
	c.record.Kind = Kind(b[0] &^ removeBit)
	keyLen, valueLen := int(binary.BigEndian.Uint16(b[1:])), int(binary.BigEndian.Uint16(b[3:]))
	if at := int64(binary.BigEndian.Uint64(b[5:])); at != 0 {
		c.record.Time = time.Unix(0, at).UTC()
	}
	b = b[changeBytes:]
	if !c.record.Kind.valid() || keyLen == 0 || keyLen > MaxKeyBytes || valueLen > MaxValueBytes ||
		len(b) < keyLen+valueLen || c.remove && valueLen != 0 {
		return c, nil, false
	}
	c.record.Key = string(b[:keyLen])
	if valueLen > 0 {
		c.record.Value = append([]byte(nil), b[keyLen:keyLen+valueLen]...)
	}
	return c, b[keyLen+valueLen:], true
}

// appendFrame appends a frame of encoded changes.
func (s salt) appendFrame(dst []byte, number uint64, changes []byte) []byte {
	from := len(dst)
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(changes)))
	dst = binary.BigEndian.AppendUint32(dst, 0)
	dst = append(binary.BigEndian.AppendUint64(dst, number), changes...)
	binary.BigEndian.PutUint32(dst[from+4:], s.sum(dst[from:]))
	return dst
}

// sum returns the checksum of a whole frame.
func (s salt) sum(frame []byte) uint32 {
	sum := crc32.Update(crc32.Checksum(s[:], castagnoli), castagnoli, frame[:4])
	return crc32.Update(sum, castagnoli, frame[8:])
}

// parseFrame reads a frame off the front of b; changes shares b's memory. It looks at nothing
// but length and checksum.
func (s salt) parseFrame(b []byte) (number uint64, changes []byte, ok bool) {
	if len(b) < headerBytes {
		return 0, nil, false
	}
	n := binary.BigEndian.Uint32(b)
	if n == 0 || n > maxFrameBytes || uint32(len(b)-headerBytes) < n {
		return 0, nil, false
	}
	frame := b[:headerBytes+int(n)]
	if binary.BigEndian.Uint32(b[4:]) != s.sum(frame) {
		return 0, nil, false
	}
	return binary.BigEndian.Uint64(b[8:]), frame[headerBytes:], true
}

// A content is what parseFile found.
type content struct {
	salt    salt
	changes []change
	number  uint64 // of the last good frame; 0: none
	end     int    // where it ends
	torn    bool   // what follows was never acknowledged
	damaged bool   // what follows, or part of it, had been
}

// parseFile reads a whole journal up to the first frame that is not whole. If nothing but
// rubbish follows, a crash tore it off; if a later frame follows, it is damage.
func parseFile(b []byte) (c content) {
	if len(b) < prefixBytes || string(b[:len(magic)]) != magic {
		// A file shorter than that was never used.
		c.torn = len(b) < prefixBytes && strings.HasPrefix(magic, string(b[:min(len(b), len(magic))]))
		c.damaged = !c.torn
		return c
	}
	copy(c.salt[:], b[len(magic):])
	c.end = prefixBytes
	for c.end < len(b) {
		number, changes, ok := c.salt.parseFrame(b[c.end:])
		if !ok || number != c.number+1 {
			c.damaged = ok || c.salt.hasFrame(b[c.end+1:], c.number)
			c.torn = !c.damaged
			return c
		}
		end := c.end + headerBytes + len(changes)
		for len(changes) > 0 {
			var one change
			if one, changes, ok = parseChange(changes); !ok {
				c.damaged = true // its checksum is right: somebody else wrote it
				return c
			}
			c.changes = append(c.changes, one)
		}
		c.number, c.end = number, end
	}
	return c
}

// hasFrame reports whether a whole frame with a number above the given one stands anywhere in b.
func (s salt) hasFrame(b []byte, above uint64) bool {
	for ; len(b) >= headerBytes; b = b[1:] {
		if number, _, ok := s.parseFrame(b); ok && number > above {
			return true
		}
	}
	return false
}
