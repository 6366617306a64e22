package store

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"iter"

	"gatehouse/authcore/identity"
)

// Unchanged returns the users of exactly the content that hash stands for, if they are what was
// indexed last, in this run or in one before: nothing needs to be read then.
func (s *Store) Unchanged(hash [32]byte) (identity.Users, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.latest == nil || s.latest.content.hash != hash || !s.intact(s.latest) {
		return nil, false
	}
	return s.latest, true
}

// Latest returns the users that were indexed last, in this run or in one before, or nil. They
// may have been damaged since.
func (s *Store) Latest() identity.Users {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.latest == nil {
		return nil // not a *Users, which would be an interface that holds nil
	}
	return s.latest
}

// intact reports whether u can answer for every one of its users.
func (s *Store) intact(u *Users) bool {
	switch from := (*u.source.Load()).(type) {
	case *slab:
		return !from.partial
	case *diskSource:
		return from.alive() && s.disk == from.disk && s.broken.Load() == nil
	}
	return false
}

// Index makes the users of sets findable and returns them; hash stands for their content. The
// sets are read as streams, a second time only to name who has a name twice. What Index returned
// before, or the Users that were last said to be InForce, go on answering.
//
// Errors: that of a set, that of a user without username or too large, of ctx, or an
// *identity.DuplicateError; nothing has changed then. The disk is never the reason: memory
// takes its place.
func (s *Store) Index(ctx context.Context, sets []identity.Set,
	hash [32]byte) (identity.Users, error) {
	s.indexing.Add(1)
	defer s.indexing.Add(-1)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errClosed
	}
	defer s.bulkLocked()()
	s.heedDamageLocked()
	if s.disk != nil {
		users, err := s.indexDiskLocked(ctx, sets, hash)
		if err == nil {
			return users, nil
		}
		var fault *diskError
		if !errors.As(err, &fault) {
			return nil, err
		}
		s.leaveDiskLocked(fault.err)
	}
	users, err := s.indexMemoryLocked(ctx, sets, hash)
	if err != nil {
		return nil, err // not users, which would be an interface that holds nil
	}
	return users, nil
}

// InForce says that look-ups go to users, which Index or Unchanged returned: the place of those
// before may be used for the next. It must be called after every change of the Snapshot; an
// index whose users never went into force takes no place from those that are.
func (s *Store) InForce(users identity.Users) {
	if u, ok := users.(*Users); ok && u.store == s {
		s.inForce.Store(u)
		s.nudge()
	}
}

// targetLocked returns the slot that no look-up needs.
func (s *Store) targetLocked() slot {
	keep := s.inForce.Load()
	if keep == nil {
		keep = s.latest
	}
	if keep == nil {
		return 0
	}
	if d, ok := (*keep.source.Load()).(*diskSource); ok && d.disk == s.disk && d.alive() {
		return d.slot.other()
	}
	return 0
}

func (s *Store) indexDiskLocked(ctx context.Context, sets []identity.Set,
	hash [32]byte) (*Users, error) {
	target := s.targetLocked()
	c, err := s.fillLocked(ctx, target, func(w *rewriter) (int, error) { return fill(ctx, w, sets) })
	if err != nil {
		return nil, err
	}
	c.hash = hash
	return s.flipLocked(target, c)
}

// fillLocked marks target and has its pairs put.
func (s *Store) fillLocked(ctx context.Context, target slot,
	put func(*rewriter) (int, error)) (c content, err error) {
	s.live[target].Store(0)
	before := s.slots[target].pairs
	if s.slots[target].clean {
		if err := s.disk.mark(target, content{}); err != nil {
			return c, onDisk(err)
		}
		s.slots[target] = content{}
	}
	w, err := newRewriter(s.disk, target, before, func() error { return s.room(1) })
	if err != nil {
		return c, err
	}
	users, err := put(w)
	if err != nil {
		return c, err
	}
	if err := w.finish(ctx); err != nil {
		return c, err
	}
	return content{clean: true, users: uint32(users), pairs: uint32(w.put)}, nil
}

// flipLocked makes target, which holds c, the newest.
func (s *Store) flipLocked(target slot, c content) (*Users, error) {
	c.generation = s.gen + 1
	if err := s.disk.flip(target, c); err != nil {
		return nil, onDisk(err)
	}
	s.gen, s.slots[target] = c.generation, c
	s.live[target].Store(c.generation)
	s.latest = s.newUsers(c, &diskSource{s.disk, target, c.generation, &s.live[target]})
	return s.latest, nil
}

func (s *Store) indexMemoryLocked(ctx context.Context, sets []identity.Set,
	hash [32]byte) (*Users, error) {
	m := memorySink{slab: newSlab(), seen: map[uint64]struct{}{}}
	users, err := fill(ctx, m, sets)
	if err != nil {
		return nil, err
	}
	m.slab.seal()
	s.gen++
	s.latest = s.newUsers(content{clean: true, generation: s.gen, hash: hash,
		users: uint32(users), pairs: uint32(len(m.slab.entries))}, m.slab)
	return s.latest, nil
}

// A memorySink makes a slab.
type memorySink struct {
	slab *slab
	seen map[uint64]struct{}
}

func (m memorySink) add(_ context.Context, p pair) (taken bool, err error) {
	hash := maphash.Bytes(m.slab.seed, p.name)
	if _, taken := m.seen[hash]; taken {
		return true, nil
	}
	if m.slab.full() {
		return false, errors.New("there are too many users")
	}
	m.seen[hash] = struct{}{}
	m.slab.add(p.name, p.value)
	return false, nil
}

// A sink takes pairs. add reports whether one of that name is there already.
type sink interface {
	add(context.Context, pair) (taken bool, err error)
}

// fill puts the users of sets, one after the other, and returns their number.
func fill(ctx context.Context, to sink, sets []identity.Set) (users int, err error) {
	for u, err := range everyUser(sets) {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return 0, err
		}
		pairs, err := pairsOf(u.user)
		if err != nil {
			return 0, fmt.Errorf("indexing users of %s: %w", u.source, err)
		}
		for _, p := range pairs {
			taken, err := to.add(ctx, p)
			if err == nil && taken {
				err = duplicate(sets, p.name)
			}
			if err != nil {
				return 0, err
			}
		}
		users++
	}
	return users, nil
}

// A sourced user is one with the set it comes from.
type sourced struct {
	user   *identity.User
	source string
}

// everyUser yields the users of all sets. An error ends it, and names its set.
func everyUser(sets []identity.Set) iter.Seq2[sourced, error] {
	return func(yield func(sourced, error) bool) {
		for _, set := range sets {
			for u, err := range set.All() {
				if err != nil {
					yield(sourced{}, fmt.Errorf("indexing users of %s: %w", set.Source, err))
					return
				}
				if !yield(sourced{u, set.Source}, nil) {
					return
				}
			}
		}
	}
}

// duplicate reads sets again for the first two users that claim the name of a pair.
func duplicate(sets []identity.Set, name []byte) error {
	e := &identity.DuplicateError{Space: identity.Addresses, Key: string(name[1:])}
	if isUsername(name) {
		e.Space = identity.Usernames
	}
	found := 0
	for u, err := range everyUser(sets) {
		if err != nil {
			return err
		}
		if !claims(u.user, e.Space, e.Key) {
			continue
		}
		place := identity.Place{Source: u.source, Username: u.user.Username}
		if found++; found == 2 {
			e.Second = place
			return e
		}
		e.First = place
	}
	return errCollision
}

func claims(u *identity.User, space identity.Space, key string) bool {
	if space == identity.Usernames {
		return identity.FoldUsername(u.Username) == key
	}
	for _, a := range u.Aliases {
		if identity.FoldAddress(a) == key {
			return true
		}
	}
	return u.Email != "" && identity.FoldAddress(u.Email) == key
}
