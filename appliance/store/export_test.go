package store

import (
	"context"
	"errors"

	"gatehouse/authcore/identity"
)

// Look does once what Run does over and over.
func (s *Store) Look(ctx context.Context) { s.look(ctx) }

// Settle is what Run does when the process has lasted.
func (s *Store) Settle() { s.settle() }

// Level reports whether the idle slot has what the one in force has.
func (s *Store) Level() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.disk != nil && !s.unlevelLocked()
}

// SetMinFree changes the margin.
func (s *Store) SetMinFree(n int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cfg.MinFreeBytes = n
}

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
