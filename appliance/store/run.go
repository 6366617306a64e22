package store

import (
	"context"
	"errors"
	"time"
)

// nudge wakes Run.
func (s *Store) nudge() {
	select {
	case s.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// reportDamage is called by look-ups, and by caches.
func (s *Store) reportDamage(d *disk, err error) {
	if s.broken.CompareAndSwap(nil, &brokenDisk{d, err}) {
		s.cfg.Logger.Error("database damaged", "err", err)
		s.nudge()
	}
}

// heedDamageLocked leaves the disk if a look-up has found it damaged.
func (s *Store) heedDamageLocked() {
	if b := s.broken.Swap(nil); b != nil && b.disk == s.disk {
		s.leaveDiskLocked(b.err)
	}
}

// Run watches the free space, leaves a disk that is full or damaged, comes back to it, and
// keeps the idle slot level with the one in force. It returns nil when ctx ends; Close is the
// owner's.
func (s *Store) Run(ctx context.Context) error {
	tick := time.NewTicker(s.cfg.CheckEvery)
	defer tick.Stop()
	settle := time.NewTimer(settleAfter)
	defer settle.Stop()
	for {
		s.tend(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-settle.C:
			s.settle()
		case <-s.wake:
		case <-tick.C:
		}
	}
}

// settle says that this process was not ended by the database.
func (s *Store) settle() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.disk == nil || s.closed {
		return
	}
	if err := s.lock.settled(); err != nil {
		s.cfg.Logger.Warn("database mark not written", "err", err)
	}
}

// tend looks after everything. Nobody who indexes waits for the caches.
func (s *Store) tend(ctx context.Context) {
	s.look(ctx)
	for _, c := range s.caches() {
		c.prepare()
	}
}

// look does what there is to do.
func (s *Store) look(ctx context.Context) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed || s.cfg.Dir == "" {
		return
	}
	s.heedDamageLocked()
	if s.disk == nil {
		s.comeBackLocked(ctx)
		return
	}
	usage := s.measure()
	if err := s.room(1); err != nil {
		s.leaveDiskLocked(err)
		return
	}
	if err := s.levelLocked(ctx); err != nil {
		s.leaveDiskLocked(err)
		return
	}
	s.useCachesLocked()
	s.changeHealth(func(h *Health) { h.BytesOnDisk = usage })
}

// unlevelLocked reports whether the idle slot holds something else than the users in force.
func (s *Store) unlevelLocked() bool {
	u := s.inForce.Load()
	if u == nil || u != s.latest {
		return false // who answers is in one slot, what comes next in the other
	}
	d, ok := (*u.source.Load()).(*diskSource)
	if !ok || d.disk != s.disk {
		return false
	}
	idle := s.slots[d.slot.other()]
	return !idle.clean || idle.generation != u.content.generation
}

// manyUsers is from how many users on reading them all leaves so much behind that Bulk is told.
const manyUsers = 30_000

// bulkLocked calls Bulk unless the users are few: what it does stops everybody for a moment.
func (s *Store) bulkLocked() (over func()) {
	if s.latest != nil && s.latest.users < manyUsers {
		return func() {}
	}
	return s.cfg.Bulk()
}

var errGivesWay = errors.New("an index is waiting")

// levelLocked brings the idle slot up to date with the one in force, so that the next change
// costs its own size only. It gives way to an index. Errors are the disk's.
func (s *Store) levelLocked(ctx context.Context) error {
	if !s.unlevelLocked() {
		return nil
	}
	defer s.bulkLocked()()
	u := s.latest
	from := (*u.source.Load()).(*diskSource) // unlevelLocked has looked
	idle := from.slot.other()
	c, err := s.copyLocked(ctx, idle, u.content, func(f func(name, value []byte) error) error {
		return onDisk(s.disk.each(from.slot, true, f))
	})
	if err == nil {
		c.hash, c.generation = u.content.hash, u.content.generation
		if err = onDisk(s.disk.mark(idle, c)); err == nil {
			s.slots[idle] = c
		}
	}
	if errors.Is(err, errGivesWay) || errors.Is(err, errCollision) || ctx.Err() != nil {
		return nil // later
	}
	return err
}

// copyLocked fills target with the pairs that each yields, which are those of want.
func (s *Store) copyLocked(ctx context.Context, target slot, want content,
	each func(func(name, value []byte) error) error) (content, error) {
	return s.fillLocked(ctx, target, func(w *rewriter) (int, error) {
		err := each(func(name, value []byte) error {
			if s.indexing.Load() > 0 {
				return errGivesWay
			}
			if err := ctx.Err(); err != nil {
				return err
			}
			if _, err := unseal(name, value); err != nil {
				return err
			}
			taken, err := w.add(ctx, pair{name, value})
			if err == nil && taken {
				err = errCollision
			}
			return err
		})
		if err == nil && w.put != int(want.pairs) {
			err = onDisk(errDamaged)
		}
		return int(want.users), err
	})
}

// leaveDiskLocked goes on in memory: because there is no room, or to set a damaged database
// aside. Users move with it; those that cannot are asked for anew.
func (s *Store) leaveDiskLocked(why error) {
	d := s.disk
	whole := s.moveUsersLocked()
	for _, c := range s.caches() {
		c.leave()
	}
	s.disk = nil
	if err := d.close(); err != nil {
		s.cfg.Logger.Warn("database not closed well", "err", err)
	}
	if isDamage(why) {
		if err := s.setAsideLocked(why); err != nil {
			s.cfg.Logger.Warn("damaged database not set aside", "err", err)
		}
	}
	s.inMemoryLocked(why)
	if isDamage(why) {
		s.retry = time.Time{} // a new one is made at once
	}
	if !whole {
		s.cfg.OnLost()
	}
	s.nudge()
}

// moveUsersLocked copies the users that may be asked for into memory, and reports whether all
// of them got there.
func (s *Store) moveUsersLocked() (whole bool) {
	whole = true
	for _, u := range []*Users{s.latest, s.inForce.Load()} {
		if u == nil {
			continue
		}
		d, ok := (*u.source.Load()).(*diskSource)
		if !ok || !d.alive() {
			continue
		}
		to := newSlab()
		to.partial = !s.disk.salvage(d.slot, u.content, to.add)
		to.seal()
		u.move(to)
		whole = whole && !to.partial
	}
	for i := range s.live {
		s.live[i].Store(0)
	}
	return whole
}

// comeBackLocked tries the disk again.
func (s *Store) comeBackLocked(ctx context.Context) {
	if s.lowSpace {
		if s.room(2) != nil { // twice the margin: no going back and forth
			return
		}
	} else if s.cfg.Now().Before(s.retry) {
		return
	}
	if err := s.openLocked(); err != nil {
		s.retry = s.cfg.Now().Add(retryAfter)
		s.changeHealth(func(h *Health) { h.Reason = err.Error() })
		return
	}
	s.cfg.Logger.Info("database back on disk")
	err := s.returnUsersLocked(ctx)
	if err != nil && ctx.Err() == nil && !errors.Is(err, errGivesWay) {
		s.leaveDiskLocked(err)
	}
}

// returnUsersLocked brings the newest users from memory back to the disk.
func (s *Store) returnUsersLocked(ctx context.Context) error {
	u := s.latest
	if u == nil {
		return nil
	}
	from, ok := (*u.source.Load()).(*slab)
	if !ok || from.partial {
		return nil // they are about to be indexed again
	}
	for i, have := range s.slots {
		if have == u.content {
			return s.settleLocked(slot(i), have)
		}
	}
	c, err := s.copyLocked(ctx, 0, u.content, from.each)
	if err != nil {
		return err
	}
	c.hash = u.content.hash
	return s.settleLocked(0, c)
}

// settleLocked makes target, which holds the newest users, the place where they are looked up.
func (s *Store) settleLocked(target slot, c content) error {
	u := s.latest
	flipped, err := s.flipLocked(target, c)
	if err != nil {
		return err
	}
	s.latest = u
	u.content = flipped.content
	u.move(*flipped.source.Load())
	return nil
}
