package store

import "gatehouse/authcore/identity"

// Every key of the database is built here. The first byte says what kind it is:
//
//	m NAME                       about the database itself
//	u SLOT n USERNAME            a user, or the first part of one
//	u SLOT p USERNAME 0 PART     a further part of a user
//	u SLOT a ADDRESS             the username of who has that address or alias
//	o, c, s                      reserved: OCSP answers, CRLs, accounting sessions
//
// SLOT is 0 or 1, USERNAME and ADDRESS are folded, PART is one byte from 1. What follows SLOT is
// the name under which a user index knows the pair, whether on disk or in memory.
const (
	kindMeta = 'm'
	kindUser = 'u'

	spaceUsername = 'n'
	spacePart     = 'p'
	spaceAddress  = 'a'
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
