package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"math/rand/v2"
	"slices"
)

// Bounds of an item. A part with its key must be smaller than a block (see badgerOptions).
const (
	maxItemKeyBytes = 1 << 10
	maxItemBytes    = 8 << 20
	itemPartBytes   = 8 << 10
)

// itemVersion is the first byte of an item. Items of another version are dropped.
const itemVersion = 1

const itemHeaderBytes = 1 + 8 + 4 + 2

// errItem says that an item is broken; the database around it may be whole.
var errItem = errors.New("malformed item")

// An item is what a cache holds under a key. On disk its first part is
//
//	version, stamp (8), length of the value (4), length of the key (2), key, value
//
// with as much of the value as itemPartBytes; further parts are value alone. The stamp is a
// random number. It stands in the keys of further parts too, and every part is sealed under its
// key: so parts of two versions never pass for one item.
type item struct {
	name       digest
	key, value []byte
}

// A head is a first part, read. Key and data share its memory.
type head struct {
	stamp     uint64
	length    int // of the value
	key, data []byte
}

// furtherParts returns how many parts a value of so many bytes has beside the first.
func furtherParts(length int) int { return max(length-1, 0) / itemPartBytes }

// part returns what the i-th part holds of a value.
func part(value []byte, i int) []byte {
	return value[i*itemPartBytes : min((i+1)*itemPartBytes, len(value))]
}

// headPair returns the first part.
func (it item) headPair(kind byte, stamp uint64) pair {
	data := part(it.value, 0)
	v := make([]byte, 0, itemHeaderBytes+len(it.key)+len(data)+sumBytes)
	v = binary.BigEndian.AppendUint64(append(v, itemVersion), stamp)
	v = binary.BigEndian.AppendUint32(v, uint32(len(it.value)))
	v = binary.BigEndian.AppendUint16(v, uint16(len(it.key)))
	v = append(append(v, it.key...), data...)
	key := headKey(kind, it.name)
	return pair{key, seal(key, v)}
}

// partPair returns the i-th part, from 1.
func (it item) partPair(kind byte, stamp uint64, i int) pair {
	key := partKey(kind, it.name, stamp, i)
	data := part(it.value, i)
	return pair{key, seal(key, append(make([]byte, 0, len(data)+sumBytes), data...))}
}

// bytesOnDisk returns what the parts take, as scan sees it.
func (it item) bytesOnDisk() int {
	further := furtherParts(len(it.value))
	return headKeyBytes + itemHeaderBytes + len(it.key) + len(it.value) + sumBytes + entryBytes +
		further*(partKeyBytes+sumBytes+entryBytes)
}

// parseHeader reads the beginning of a first part, and returns what follows.
func parseHeader(v []byte) (h head, rest []byte, ok bool) {
	if len(v) < itemHeaderBytes || v[0] != itemVersion {
		return h, nil, false
	}
	length := binary.BigEndian.Uint32(v[9:])
	keyBytes := int(binary.BigEndian.Uint16(v[13:]))
	rest = v[itemHeaderBytes:]
	if length > maxItemBytes || keyBytes > maxItemKeyBytes || keyBytes > len(rest) {
		return h, nil, false
	}
	h = head{stamp: binary.BigEndian.Uint64(v[1:]), length: int(length), key: rest[:keyBytes]}
	return h, rest[keyBytes:], true
}

// parseHead reads an unsealed first part.
func parseHead(body []byte) (head, error) {
	h, data, ok := parseHeader(body)
	if !ok || len(data) != min(h.length, itemPartBytes) {
		return head{}, errItem
	}
	h.data = data
	return h, nil
}

// readItem puts an item together, which keeps nothing of what get returned.
//
// Errors: errAbsent, errItem, or what is wrong with the database.
func readItem(get getter, kind byte, name digest) (it item, err error) {
	key := headKey(kind, name)
	body, err := readPart(get, key)
	if err != nil {
		return it, err
	}
	h, err := parseHead(body)
	if err != nil {
		return it, err
	}
	it = item{name, bytes.Clone(h.key), append(make([]byte, 0, h.length), h.data...)}
	if digestOf(it.key) != name {
		return it, errItem
	}
	for i := range furtherParts(h.length) {
		body, err := readPart(get, partKey(kind, name, h.stamp, i+1))
		if errors.Is(err, errAbsent) || err == nil && len(it.value)+len(body) > h.length {
			err = errItem
		}
		if err != nil {
			return it, err
		}
		it.value = append(it.value, body...)
	}
	if len(it.value) != h.length {
		return it, errItem
	}
	return it, nil
}

func readPart(get getter, key []byte) ([]byte, error) {
	v, err := get(key)
	if err != nil {
		return nil, err
	}
	body, err := unseal(key, v)
	if err != nil {
		return nil, errItem
	}
	return body, nil
}

// newStamp returns a stamp that differs from that of the version before, and of one whose parts
// a crash has left behind.
func newStamp() uint64 { return rand.Uint64() }

// clone returns an item that shares no memory with it.
func (it item) clone() item {
	it.key, it.value = slices.Clone(it.key), slices.Clone(it.value)
	return it
}
