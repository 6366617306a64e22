package store

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"

	"github.com/dgraph-io/badger/v4"

	"gatehouse/authcore/identity"
)

// A source is where pairs are read.
type source interface {
	// view calls f with a consistent view of one generation of users.
	view(f func(getter) error) error
	// alive reports whether this generation may still be asked.
	alive() bool
}

// A diskSource is one generation of users on disk.
type diskSource struct {
	disk       *disk
	slot       slot
	generation uint64
	live       *atomic.Uint64 // what may be read in slot
}

func (d *diskSource) alive() bool { return d.live.Load() == d.generation }

// view reads under a transaction. A writer withdraws the generation before it writes the first
// pair; so a view in which it stood at the end has seen nothing of what was written since.
func (d *diskSource) view(f func(getter) error) error {
	if !d.alive() {
		return ErrFlipped
	}
	err := d.disk.view(func(txn *badger.Txn) error {
		return f(func(name []byte) ([]byte, error) { return value(txn, inSlot(d.slot, name)) })
	})
	if !d.alive() {
		return ErrFlipped
	}
	return err
}

// missShare is the part of the memo that remembers names nobody has: strangers choose them, so
// they must not push the others out.
const missShare = 8

// Users is one generation of users. It implements identity.Users.
type Users struct {
	store   *Store
	users   int
	content content // guarded by store.mu
	source  atomic.Pointer[source]
	hits    *memo
	misses  *memo
}

func (s *Store) newUsers(c content, from source) *Users {
	bytes := s.cfg.CacheBytes
	u := &Users{store: s, users: int(c.users), content: c,
		hits:   newMemo(bytes/256, bytes),
		misses: newMemo(bytes/missShare/256, bytes/missShare)}
	u.move(from)
	return u
}

func (u *Users) move(to source) { u.source.Store(&to) }

// Len returns the number of users.
func (u *Users) Len() int { return u.users }

// Find returns the user whose name in space folds to key. The User is shared: it must not be
// written.
//
// Errors: ErrFlipped when u is no longer the newest and its place has been given away, ErrLost
// when the answer cannot be known for damage, or after Close.
func (u *Users) Find(space identity.Space, key string) (*identity.User, bool, error) {
	if from := u.source.Load(); !(*from).alive() && u.source.Load() == from {
		return nil, false, ErrFlipped
	}
	k := memoKey{space, key}
	if user, ok := u.hits.get(k); ok {
		return user, true, nil
	}
	if _, ok := u.misses.get(k); ok {
		return nil, false, nil
	}
	user, err := u.read(space, key)
	if err != nil {
		return nil, false, err
	}
	k.key = strings.Clone(key) // what key is part of may be large
	if user == nil {
		u.misses.put(k, nil)
		return nil, false, nil
	}
	u.hits.put(k, user)
	return user, true, nil
}

// read looks into the source, and once more when the users have moved to another meanwhile.
func (u *Users) read(space identity.Space, key string) (user *identity.User, err error) {
	look := func(get getter) (err error) {
		user, err = findUser(get, space, key)
		return err
	}
	from := u.source.Load()
	err = (*from).view(look)
	if now := u.source.Load(); err != nil && now != from {
		from, err = now, (*now).view(look)
	}
	switch d, onDisk := (*from).(*diskSource); {
	case err == nil, errors.Is(err, ErrFlipped), errors.Is(err, ErrLost):
		return user, err
	case errors.Is(err, errClosed) || !onDisk:
		return nil, fmt.Errorf("%w: %w", ErrLost, err)
	default:
		u.store.reportDamage(d.disk, err)
		return nil, fmt.Errorf("%w: %w", ErrLost, err)
	}
}
