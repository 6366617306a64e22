package store

import (
	"context"
	"errors"

	"github.com/dgraph-io/badger/v4"

	"gatehouse/authcore/identity"
)

// Look does once what Run does over and over.
func (s *Store) Look(ctx context.Context) { s.tend(ctx) }

// Settle is what Run does when the process has lasted.
func (s *Store) Settle() { s.settle() }

// Level reports whether the idle slot has what the one in force has.
func (s *Store) Level() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.disk != nil && !s.unlevelLocked()
}

// SetMinFree changes the margin.
func (s *Store) SetMinFree(n int64) { s.minFree.Store(n) }

// Forget empties what u remembers.
func Forget(u identity.Users) {
	h := u.(*Users)
	h.hits, h.misses = newMemo(h.hits.entries*2, h.hits.bytes*2), newMemo(h.misses.entries*2, h.misses.bytes*2)
}

// Remembered returns how many answers u remembers: users, and names of nobody.
func Remembered(u identity.Users) (hits, misses int) {
	h := u.(*Users)
	return len(h.hits.young) + len(h.hits.old), len(h.misses.young) + len(h.misses.old)
}

// MaxRecordBytes and the codec, for the fuzzer.
const MaxRecordBytes = maxRecordBytes

// AppendUser and ParseUser are the record codec.
func AppendUser(dst []byte, u *identity.User) ([]byte, error) { return appendUser(dst, u) }
func ParseUser(b []byte) (*identity.User, error)              { return parseUser(b) }

// Damage overwrites the value of a user's record of the newest users.
func Damage(s *Store, username string, value []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	d, ok := (*s.latest.source.Load()).(*diskSource)
	if !ok {
		return errors.New("not on disk")
	}
	return s.disk.set(pair{inSlot(d.slot, nameOf(nil, identity.Usernames, username)), value})
}

// WriteCanary makes the database one of another version.
func WriteCanary(s *Store, canary string) error {
	return s.disk.set(metaPair(canaryKey(), []byte(canary)))
}

// SetBounds changes what c may hold on disk.
func SetBounds(c *Cache, entries int, bytes int64) {
	c.writing.Lock()
	defer c.writing.Unlock()
	c.limit = bounds{entries, bytes}
}

// Pairs returns how many pairs of c are on disk.
func Pairs(s *Store, c *Cache) (n int, err error) {
	err = s.disk.view(func(txn *badger.Txn) error {
		prefix := []byte{c.kind}
		it := txn.NewIterator(badger.IteratorOptions{Prefix: prefix})
		defer it.Close()
		for it.Seek(prefix); it.ValidForPrefix(prefix); it.Next() {
			n++
		}
		return nil
	})
	return n, err
}

// DamageItem turns a bit of a part of an item over; of the first, it is in what follows the
// header.
func DamageItem(s *Store, c *Cache, key []byte, i int) error {
	name := digestOf(key)
	at := headKey(c.kind, name)
	if i > 0 {
		v, err := s.disk.get(at)
		if err != nil {
			return err
		}
		h, _, _ := parseHeader(v)
		at = partKey(c.kind, name, h.stamp, i)
	}
	v, err := s.disk.get(at)
	if err != nil {
		return err
	}
	v[len(v)-sumBytes-1] ^= 4
	return s.disk.set(pair{at, v})
}

// RemovePart removes a part of an item.
func RemovePart(s *Store, c *Cache, key []byte, i int) error {
	name := digestOf(key)
	v, err := s.disk.get(headKey(c.kind, name))
	if err != nil {
		return err
	}
	h, _, _ := parseHeader(v)
	return s.disk.removeKeys([][]byte{partKey(c.kind, name, h.stamp, i)})
}
