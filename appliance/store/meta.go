package store

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// canary stands in every database. A database without it has lost something, or was written by
// another version of the program; it ends with recordVersion.
var canary = fmt.Sprintf("gatehouse store %d", recordVersion)

// A content is what a slot holds. The zero content is nothing that could be trusted: a slot is
// marked so before it is rewritten, and stays so when the process dies on the way.
type content struct {
	clean      bool
	generation uint64 // counts flips, from 1, across restarts
	hash       [32]byte
	users      uint32
	pairs      uint32
}

// A current says which slot look-ups go to.
type current struct {
	slot       slot
	generation uint64
}

const contentBytes = 1 + 8 + 32 + 4 + 4

func (c content) append(dst []byte) []byte {
	clean := byte(0)
	if c.clean {
		clean = 1
	}
	dst = binary.BigEndian.AppendUint64(append(dst, clean), c.generation)
	dst = append(dst, c.hash[:]...)
	dst = binary.BigEndian.AppendUint32(dst, c.users)
	return binary.BigEndian.AppendUint32(dst, c.pairs)
}

func parseContent(b []byte) (c content, err error) {
	if len(b) != contentBytes || b[0] > 1 {
		return c, errDamaged
	}
	c.clean = b[0] == 1
	c.generation = binary.BigEndian.Uint64(b[1:])
	copy(c.hash[:], b[9:])
	c.users, c.pairs = binary.BigEndian.Uint32(b[41:]), binary.BigEndian.Uint32(b[45:])
	return c, nil
}

// metaPair seals a value that is about the database.
func metaPair(key, value []byte) pair { return pair{key, seal(key, value)} }

func (d *disk) meta(key []byte) ([]byte, error) {
	v, err := d.get(key)
	if err != nil {
		return nil, err
	}
	return unseal(key, v)
}

// flip makes s, holding c, the slot that look-ups go to: one transaction.
func (d *disk) flip(s slot, c content) error {
	if err := d.sync(); err != nil { // what the flip promises is on the disk before it
		return err
	}
	return d.set(metaPair(slotKey(s), c.append(nil)),
		metaPair(currentKey(), binary.BigEndian.AppendUint64([]byte{byte(s)}, c.generation)))
}

// mark says what s holds without making it current.
func (d *disk) mark(s slot, c content) error {
	return d.set(metaPair(slotKey(s), c.append(nil)))
}

// found is what a database was found to hold.
type found struct {
	current *current // nil: no index yet
	slots   [slots]content
}

// inspect checks a database that was just opened: its canary, and that the slot in use holds as
// many pairs as were written. Fresh says that the directory was empty before.
func (d *disk) inspect(fresh bool) (f found, err error) {
	if fresh {
		return f, d.set(metaPair(canaryKey(), []byte(canary)))
	}
	v, err := d.meta(canaryKey())
	if err != nil || string(v) != canary {
		return f, fmt.Errorf("%w: the canary record is not there", errDamaged)
	}
	for s := range slot(slots) {
		v, err := d.meta(slotKey(s))
		if errors.Is(err, errAbsent) {
			continue
		}
		if err == nil {
			f.slots[s], err = parseContent(v)
		}
		if err != nil {
			return f, err
		}
	}
	v, err = d.meta(currentKey())
	if errors.Is(err, errAbsent) {
		return f, nil
	}
	if err != nil || len(v) != 9 || v[0] >= slots {
		return f, errDamaged
	}
	f.current = &current{slot(v[0]), binary.BigEndian.Uint64(v[1:])}
	return f, d.checkCount(f)
}

// checkCount counts the slot in use.
func (d *disk) checkCount(f found) error {
	c := f.slots[f.current.slot]
	if !c.clean || c.generation != f.current.generation {
		return fmt.Errorf("%w: the users' slot is not the one that was promised", errDamaged)
	}
	n, err := d.count(f.current.slot)
	if err != nil {
		return err
	}
	if n != int(c.pairs) {
		return fmt.Errorf("%w: %d records of %d are there", errDamaged, n, c.pairs)
	}
	return nil
}

// salvage calls f with every pair of s that is whole, and reports whether all were.
func (d *disk) salvage(s slot, c content, f func(name, value []byte)) bool {
	n := 0
	err := d.each(s, true, func(name, value []byte) error {
		if _, err := unseal(name, value); err == nil {
			f(bytes.Clone(name), bytes.Clone(value))
			n++
		}
		return nil
	})
	return err == nil && n == int(c.pairs)
}
