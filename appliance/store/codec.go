package store

import (
	"encoding/binary"
	"errors"
	"fmt"

	"gatehouse/authcore/identity"
	"gatehouse/authcore/policy"
)

// recordVersion is the first byte of a record. It is part of the canary: a database with records
// of another version is built anew.
const recordVersion = 2

// Bounds of a record. The loader lets 256 groups of 64 bytes and 256 aliases of 254 bytes pass.
const (
	maxRecordBytes = 96 << 10
	maxListed      = 1024 // groups, or aliases
)

var errRecord = errors.New("malformed record")

// appendUser appends the record of u to dst:
//
//	version, state (1 active, 2 suspended, 0 neither), then each a length as uvarint and bytes:
//	username, email, name, vlan, source, password, NT hash, TOTP seed;
//	then the number of groups and the groups, the number of aliases and the aliases
//
// The record holds secrets. It fails if u is too large.
func appendUser(dst []byte, u *identity.User) ([]byte, error) {
	from := len(dst)
	state := byte(0)
	switch u.State {
	case identity.Active:
		state = 1
	case identity.Suspended:
		state = 2
	}
	dst = append(dst, recordVersion, state)
	for _, s := range []string{u.Username, u.Email, u.Name, u.VLAN, u.Source} {
		dst = appendString(dst, s)
	}
	for _, s := range []policy.Secret{u.Password, u.NTHash, u.TOTP} {
		dst = append(binary.AppendUvarint(dst, uint64(len(s))), s...)
	}
	for _, list := range [][]string{u.Groups, u.Aliases} {
		if len(list) > maxListed {
			return nil, fmt.Errorf("user %q has more than %d groups or aliases", u.Username, maxListed)
		}
		dst = binary.AppendUvarint(dst, uint64(len(list)))
		for _, s := range list {
			dst = appendString(dst, s)
		}
	}
	if len(dst)-from > maxRecordBytes {
		return nil, fmt.Errorf("user %q needs more than %d bytes", u.Username, maxRecordBytes)
	}
	return dst, nil
}

func appendString(dst []byte, s string) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(s))), s...)
}

// parseUser reads a record. The User keeps nothing of b.
func parseUser(b []byte) (*identity.User, error) {
	if len(b) < 2 || len(b) > maxRecordBytes || b[0] != recordVersion || b[1] > 2 {
		return nil, errRecord
	}
	r := reader{text: string(b[2:])} // one copy, which all strings share
	u := &identity.User{State: [...]identity.State{"", identity.Active, identity.Suspended}[b[1]]}
	for _, field := range []*string{&u.Username, &u.Email, &u.Name, &u.VLAN, &u.Source} {
		*field = r.string()
	}
	for _, field := range []*policy.Secret{&u.Password, &u.NTHash, &u.TOTP} {
		if s := r.string(); s != "" {
			*field = policy.Secret(s)
		}
	}
	u.Groups, u.Aliases = r.list(), r.list()
	if r.bad || r.text != "" || u.Username == "" {
		return nil, errRecord
	}
	return u, nil
}

// A reader takes fields off the front of text. Once bad, it returns nothing more.
type reader struct {
	text string
	bad  bool
}

// number reads a uvarint in its shortest form, so that a user has one encoding only.
func (r *reader) number() int {
	var n uint64
	for i := 0; i < 3; i++ { // 21 bits: more than any length here
		if i >= len(r.text) {
			break
		}
		c := r.text[i]
		n |= uint64(c&0x7f) << (7 * i)
		if c < 0x80 {
			r.bad = r.bad || i > 0 && c == 0
			r.text = r.text[i+1:]
			return int(n)
		}
	}
	r.bad, r.text = true, ""
	return 0
}

func (r *reader) string() string {
	n := r.number()
	if r.bad || n > len(r.text) {
		r.bad = true
		return ""
	}
	s := r.text[:n]
	r.text = r.text[n:]
	return s
}

func (r *reader) list() []string {
	n := r.number()
	if r.bad || n > maxListed || n > len(r.text) { // a string takes a byte at least
		r.bad = true
		return nil
	}
	if n == 0 {
		return nil
	}
	list := make([]string, n)
	for i := range list {
		list[i] = r.string()
	}
	return list
}
