package store

import (
	"bytes"
	"errors"
	"fmt"
	"iter"

	"github.com/dgraph-io/badger/v4"

	"gatehouse/authcore/identity"
)

// listAtOnce is how many users All reads in one view: whoever takes them may take their time,
// and a view keeps the database from being closed.
const listAtOnce = 128

// A walker yields the users behind a source in portions.
type walker interface {
	source
	// walk calls f with the pair of every user whose name is after a name, or of all if that
	// is nil, until f reports false, in an order in which it can be called again.
	walk(after []byte, f func(get getter, name, value []byte) (more bool, err error)) error
}

// All yields the users one after the other, without holding them. It implements identity.Lister.
//
// Errors: ErrFlipped and ErrLost, as Find. Both end the sequence.
func (u *Users) All() iter.Seq2[*identity.User, error] {
	return func(yield func(*identity.User, error) bool) {
		from := (*u.source.Load()).(walker) // both sources are
		var last []byte
		for read := 0; ; {
			portion, err := readPortion(from, last)
			if err != nil {
				yield(nil, u.listError(from, err))
				return
			}
			for _, p := range portion {
				read += p.bytes
				if !yield(p.user, nil) {
					return
				}
			}
			if len(portion) < listAtOnce {
				return
			}
			last = portion[len(portion)-1].name
			if d, onDisk := from.(*diskSource); onDisk && read >= trimBytes {
				d.disk.trim()
				read = 0
			}
		}
	}
}

// A listed user is one with the name of its pair, and how much of the source it took, about.
type listed struct {
	name  []byte
	user  *identity.User
	bytes int
}

func readPortion(from walker, after []byte) (portion []listed, err error) {
	err = from.walk(after, func(get getter, name, value []byte) (bool, error) {
		body, err := unseal(name, value)
		if err != nil {
			return false, err
		}
		user, err := joinUser(get, string(name[1:]), body)
		if err != nil {
			return false, err
		}
		portion = append(portion, listed{bytes.Clone(name), user, len(name) + len(value)})
		return len(portion) < listAtOnce, nil
	})
	return portion, err
}

// listError says what an error of from means to who lists u.
func (u *Users) listError(from walker, err error) error {
	switch d, onDisk := from.(*diskSource); {
	case errors.Is(err, ErrFlipped), errors.Is(err, ErrLost):
		return err
	case !from.alive() || !onDisk || errors.Is(err, errClosed):
	default:
		u.store.reportDamage(d.disk, err)
	}
	return fmt.Errorf("%w: %w", ErrLost, err)
}

// walk goes in the order of names.
func (d *diskSource) walk(after []byte, f func(getter, []byte, []byte) (bool, error)) error {
	if !d.alive() {
		return ErrFlipped
	}
	prefix := inSlot(d.slot, []byte{spaceUsername})
	from := prefix
	if after != nil {
		from = append(inSlot(d.slot, after), 0) // the least key behind it
	}
	err := d.disk.view(func(txn *badger.Txn) error {
		get := func(name []byte) ([]byte, error) { return value(txn, inSlot(d.slot, name)) }
		it := txn.NewIterator(badger.IteratorOptions{Prefix: prefix})
		defer it.Close()
		more := true
		for it.Seek(from); more && it.ValidForPrefix(prefix); it.Next() {
			name := it.Item().KeyCopy(nil)[len(prefix)-1:]
			err := it.Item().Value(func(v []byte) (err error) {
				more, err = f(get, name, v)
				return err
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
	if !d.alive() {
		return ErrFlipped
	}
	return err
}

// walk goes in the order of entries.
func (s *slab) walk(after []byte, f func(getter, []byte, []byte) (bool, error)) error {
	entries := s.entries
	if after != nil {
		i, _ := s.find(after) // it is there: nothing leaves a slab
		entries = entries[i+1:]
	}
	for _, e := range entries {
		name, value := s.pair(e)
		if !isUsername(name) {
			continue
		}
		if more, err := f(s.get, name, value); err != nil || !more {
			return err
		}
	}
	if s.partial {
		return ErrLost
	}
	return nil
}
