package store

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"slices"

	"gatehouse/authcore/identity"
)

// sumBytes is the length of the checksum at the end of every value: the first bytes of a
// SHA-256 over the name and what stands before. It finds damage, a value under a wrong key, and
// what has changed between two versions of the users. It is no protection against somebody who
// writes to the disk.
const sumBytes = 16

// maxPartBytes bounds what one pair carries of a user. A pair must be smaller than a block.
const maxPartBytes = 12 << 10

// usualRecord is what most records take at most, in bytes.
const usualRecord = 192

// A pair is an entry of a user index: its name (see keys.go), and a value that ends with its
// checksum.
type pair struct{ name, value []byte }

// seal appends the checksum to value.
func seal(name, value []byte) []byte {
	sum := checksum(name, value)
	return append(value, sum[:]...)
}

// unseal returns what seal was given; it shares value's memory.
func unseal(name, value []byte) ([]byte, error) {
	if len(value) < sumBytes {
		return nil, errDamaged
	}
	body, have := value[:len(value)-sumBytes], value[len(value)-sumBytes:]
	if want := checksum(name, body); subtle.ConstantTimeCompare(have, want[:]) != 1 {
		return nil, errDamaged
	}
	return body, nil
}

func checksum(name, value []byte) (sum [sumBytes]byte) {
	buf := make([]byte, 0, 2<<10) // stays on the stack unless the pair is large
	if need := 2 + len(name) + len(value); need > cap(buf) {
		buf = make([]byte, 0, need)
	}
	buf = append(buf, byte(len(name)>>8), byte(len(name)))
	buf = append(append(buf, name...), value...)
	full := sha256.Sum256(buf)
	copy(sum[:], full[:])
	return sum
}

// pairsOf returns the pairs of u: that of the username first, then the further parts of a
// large user, then one for each different address.
func pairsOf(u *identity.User) ([]pair, error) {
	if u == nil || u.Username == "" {
		return nil, errors.New("a user has no username")
	}
	username := identity.FoldUsername(u.Username)
	record, err := appendUser(make([]byte, 0, usualRecord), u)
	if err != nil {
		return nil, err
	}
	if len(username) > maxNameBytes {
		return nil, fmt.Errorf("user %q: the username is too long", u.Username[:64])
	}
	pairs := partsOf(username, record)
	var seen []string
	for i := -1; i < len(u.Aliases); i++ {
		address := u.Email
		if i >= 0 {
			address = u.Aliases[i]
		}
		address = identity.FoldAddress(address)
		if address == "" || slices.Contains(seen, address) {
			continue
		}
		if len(address) > maxNameBytes {
			return nil, fmt.Errorf("user %q: an address is too long", u.Username)
		}
		seen = append(seen, address)
		name := nameOf(nil, identity.Addresses, address)
		pairs = append(pairs, pair{name, seal(name, []byte(username))})
	}
	return pairs, nil
}

// partsOf cuts a record. The first byte of the first part is the number of further parts.
func partsOf(username string, record []byte) []pair {
	more := (len(record) - 1) / maxPartBytes
	first := record[:min(len(record), maxPartBytes)]
	name := nameOf(nil, identity.Usernames, username)
	value := make([]byte, 0, 1+len(first)+sumBytes)
	pairs := []pair{{name, seal(name, append(append(value, byte(more)), first...))}}
	for i := 1; i <= more; i++ {
		part := record[i*maxPartBytes : min(len(record), (i+1)*maxPartBytes)]
		name := partName(username, i)
		pairs = append(pairs, pair{name, seal(name, slices.Clone(part))})
	}
	return pairs
}

// getter returns the value called name; it may be valid only until the next call or until the
// view ends. errAbsent means that there is none.
type getter func(name []byte) ([]byte, error)

// findUser looks up a folded key. A nil User without error means that nobody has that name.
func findUser(get getter, space identity.Space, key string) (*identity.User, error) {
	if key == "" || len(key) > maxNameBytes {
		return nil, nil
	}
	name := nameOf(make([]byte, 0, 64), space, key)
	value, err := get(name)
	if errors.Is(err, errAbsent) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if value, err = unseal(name, value); err != nil {
		return nil, err
	}
	if space != identity.Addresses {
		return joinUser(get, key, value)
	}
	username := string(value)
	name = nameOf(name[:0], identity.Usernames, username)
	if value, err = get(name); err != nil {
		return nil, errDamaged // an address of nobody
	}
	if value, err = unseal(name, value); err != nil {
		return nil, err
	}
	return joinUser(get, username, value)
}

// joinUser puts the parts of a user together, of which value is the first.
func joinUser(get getter, username string, value []byte) (*identity.User, error) {
	if len(value) == 0 {
		return nil, errDamaged
	}
	more, record := int(value[0]), value[1:]
	for i := 1; i <= more; i++ {
		name := partName(username, i)
		part, err := get(name)
		if err != nil {
			return nil, errDamaged
		}
		if part, err = unseal(name, part); err != nil || len(record)+len(part) > maxRecordBytes {
			return nil, errDamaged
		}
		record = append(record[:len(record):len(record)], part...)
	}
	u, err := parseUser(record)
	if err != nil || identity.FoldUsername(u.Username) != username {
		return nil, errDamaged
	}
	return u, nil
}
