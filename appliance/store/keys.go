package store

import (
	"crypto/sha256"
	"encoding/binary"

	"gatehouse/authcore/identity"
)

// Every key of the database is built here. The first byte says what kind it is:
//
//	m NAME                       about the database itself
//	u SLOT n USERNAME            a user, or the first part of one
//	u SLOT p USERNAME 0 PART     a further part of a user
//	u SLOT a ADDRESS             the username of who has that address or alias
//	o h DIGEST                   an OCSP answer, or the first part of one
//	o p DIGEST STAMP PART        a further part of that version of an OCSP answer
//	c h DIGEST                   a CRL, or the first part of one
//	c p DIGEST STAMP PART        a further part of that version of a CRL
//	s                            reserved: accounting sessions
//
// SLOT is 0 or 1, USERNAME and ADDRESS are folded, PART of a user is one byte from 1. What
// follows SLOT is the name under which a user index knows the pair, whether on disk or in
// memory. DIGEST is that of the key its owner uses, STAMP says which version (8 bytes), and PART
// of an item two bytes from 1.
const (
	kindMeta   = 'm'
	kindUser   = 'u'
	kindAnswer = 'o'
	kindList   = 'c'

	spaceUsername = 'n'
	spacePart     = 'p'
	spaceAddress  = 'a'

	spaceHead = 'h' // sorts before the parts
	spaceItem = 'p'
)

// maxNameBytes bounds a folded name. Key and value of a pair must fit into one block together
// (see options).
const maxNameBytes = 1024

// A slot is one of the two places for a user index.
type slot uint8

const slots = 2

func (s slot) other() slot { return 1 - s }

func canaryKey() []byte           { return []byte{kindMeta, 'c'} }
func currentKey() []byte          { return []byte{kindMeta, 'u'} }
func slotKey(s slot) []byte       { return []byte{kindMeta, 's', '0' + byte(s)} }
func slotPrefix(s slot) []byte    { return []byte{kindUser, '0' + byte(s)} }
func isUsername(name []byte) bool { return len(name) > 0 && name[0] == spaceUsername }

// inSlot returns the key of the pair called name in s.
func inSlot(s slot, name []byte) []byte {
	return append(append(make([]byte, 0, 2+len(name)), kindUser, '0'+byte(s)), name...)
}

// nameOf appends the name of the pair for a folded key of space to dst.
func nameOf(dst []byte, space identity.Space, key string) []byte {
	first := byte(spaceUsername)
	if space == identity.Addresses {
		first = spaceAddress
	}
	return append(append(dst, first), key...)
}

// partName returns the name of the i-th part of a user, from 1.
func partName(username string, i int) []byte {
	return append(append(append(make([]byte, 0, 3+len(username)), spacePart), username...), 0, byte(i))
}

// A digest stands for the key under which an item is cached: the first bytes of its SHA-256.
type digest [16]byte

func digestOf(key []byte) (d digest) {
	sum := sha256.Sum256(key)
	copy(d[:], sum[:])
	return d
}

// headKey returns the key of the first part of an item.
func headKey(kind byte, name digest) []byte {
	return append(append(make([]byte, 0, 2+len(name)), kind, spaceHead), name[:]...)
}

// partsPrefix returns what the keys of all further parts of an item begin with.
func partsPrefix(kind byte, name digest) []byte {
	return append(append(make([]byte, 0, 2+len(name)), kind, spaceItem), name[:]...)
}

// partKey returns the key of the i-th part of a version of an item, from 1.
func partKey(kind byte, name digest, stamp uint64, i int) []byte {
	key := append(make([]byte, 0, partKeyBytes), partsPrefix(kind, name)...)
	return binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint64(key, stamp), uint16(i))
}

const (
	headKeyBytes = 2 + len(digest{})
	partKeyBytes = headKeyBytes + 8 + 2
)

// parseKey reads what headKey (part 0) or partKey made.
func parseKey(key []byte) (name digest, stamp uint64, part int, ok bool) {
	switch {
	case len(key) == headKeyBytes && key[1] == spaceHead:
		return digest(key[2:]), 0, 0, true
	case len(key) == partKeyBytes && key[1] == spaceItem:
		rest := key[headKeyBytes:]
		part = int(binary.BigEndian.Uint16(rest[8:]))
		return digest(key[2:headKeyBytes]), binary.BigEndian.Uint64(rest), part, part > 0
	}
	return name, 0, 0, false
}
