package store

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"syscall"
)

// errNoRoom says that the file system has less room than Config.MinFreeBytes.
var errNoRoom = errors.New("the disk is full")

// openLocked opens the database on disk, setting a damaged one aside.
func (s *Store) openLocked() error {
	if err := os.MkdirAll(s.cfg.Dir, 0o700); err != nil {
		return err
	}
	if s.lock == nil {
		lock, err := openMark(s.cfg.Dir + ".mark")
		if err != nil {
			return err
		}
		s.lock = lock
	}
	s.measure()
	if err := s.room(1); err != nil {
		return err
	}
	if s.lock.crashed() {
		if err := s.setAsideLocked(errors.New("processes ended in or after opening it")); err != nil {
			return err
		}
		s.lock.early = 0 // of another database
	}
	err := s.tryLocked()
	if !isDamage(err) {
		return err
	}
	if err := s.setAsideLocked(err); err != nil {
		return err
	}
	return s.tryLocked()
}

// isDamage reports whether a database that fails with err is to be set aside: whatever is not a
// matter of permission, of room or of another process.
func isDamage(err error) bool {
	if err == nil {
		return false
	}
	for _, other := range []error{ErrInUse, errNoRoom, errClosed, fs.ErrPermission, syscall.EROFS,
		syscall.ENOSPC, syscall.EDQUOT, syscall.EMFILE, syscall.ENFILE, syscall.ENOMEM} {
		if errors.Is(err, other) {
			return false
		}
	}
	return true
}

// tryLocked opens and checks what is there. Should the process end in here, the mark tells the
// next one.
func (s *Store) tryLocked() error {
	if err := os.MkdirAll(s.cfg.Dir, 0o700); err != nil {
		return err
	}
	// Secrets are in it. A file system without modes keeps it as it is.
	_ = os.Chmod(s.cfg.Dir, 0o700)
	names, err := os.ReadDir(s.cfg.Dir)
	if err != nil {
		return err
	}
	if err := s.lock.opening(); err != nil {
		return err
	}
	d, f, err := s.openChecked(len(names) == 0)
	if err != nil {
		return errors.Join(err, s.lock.settled())
	}
	s.useLocked(d, f)
	return s.lock.running()
}

// openChecked opens the database and looks whether all of it is there. Fresh says that the
// directory was empty before.
func (s *Store) openChecked(fresh bool) (*disk, found, error) {
	if err := verifyTables(s.cfg.Dir); err != nil {
		return nil, found{}, err
	}
	if err := removeUnborn(s.cfg.Dir); err != nil {
		return nil, found{}, err
	}
	d, err := openDisk(s.cfg.Dir, &badgerLog{logger: s.cfg.Logger}, s.cfg.Breathe)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		err = ErrInUse
	}
	if err != nil {
		return nil, found{}, err
	}
	d.written = s.written
	f, err := d.inspect(fresh)
	if err != nil {
		return nil, found{}, errors.Join(err, d.close())
	}
	return d, f, nil
}

// useLocked takes an open database into use.
func (s *Store) useLocked(d *disk, f found) {
	s.disk, s.slots = d, f.slots
	for i := range s.live {
		s.live[i].Store(0)
		s.gen = max(s.gen, f.slots[i].generation)
	}
	if f.current != nil && s.latest == nil {
		c := f.slots[f.current.slot]
		s.live[f.current.slot].Store(c.generation)
		s.latest = s.newUsers(c, &diskSource{d, f.current.slot, c.generation, &s.live[f.current.slot]})
	}
	usage := s.measure()
	s.changeHealth(func(h *Health) {
		h.Mode, h.Red, h.Reason = OnDisk, false, ""
		h.BytesOnDisk = usage
	})
	s.useCachesLocked()
}

// maxAsideBytes bounds the damaged database that is kept for whoever wants to know.
const maxAsideBytes = 64 << 20

// setAsideLocked moves the database out of the way. One is kept, if it is small and there is
// room.
func (s *Store) setAsideLocked(why error) error {
	aside := s.cfg.Dir + ".aside"
	if err := os.RemoveAll(aside); err != nil {
		return err
	}
	size := diskUsage(s.cfg.Dir)
	err := os.Rename(s.cfg.Dir, aside)
	if errors.Is(err, fs.ErrNotExist) {
		err = nil
	}
	if err != nil {
		return fmt.Errorf("setting the database aside: %w", err)
	}
	if size > maxAsideBytes || s.room(2) != nil {
		err = os.RemoveAll(aside)
	}
	s.slots = [slots]content{}
	s.measure()
	s.cfg.Logger.Warn("database set aside, the index is rebuilt", "file", aside, "err", why)
	s.changeHealth(func(h *Health) { h.Rebuilt++; h.RebuiltWhy = why.Error() })
	return err
}

// room says errNoRoom when there is less than so many times the margin, or less than the
// database takes: a compaction may write all of it anew before it removes what was.
func (s *Store) room(margins int64) error {
	free, err := freeBytes(s.cfg.Dir)
	if err != nil {
		return err
	}
	margin := s.minFree.Load()
	if free < margins*margin || free < s.usage.Load()+(margins-1)*margin {
		return fmt.Errorf("%w: %d MiB are free", errNoRoom, free>>20)
	}
	return nil
}

// cacheShare is the part of the room, free or taken by the database, that each cache may have:
// both together, with what badger has not removed yet, stay below the half that room allows.
const cacheShare = 8

// measure looks what the database takes, and fits the caches to the room there is.
func (s *Store) measure() (usage int64) {
	usage = diskUsage(s.cfg.Dir)
	s.usage.Store(usage)
	if free, err := freeBytes(s.cfg.Dir); err == nil {
		for _, c := range s.caches() {
			c.share.Store((free + usage) / cacheShare)
		}
	}
	return usage
}

// inMemoryLocked goes on without a disk.
func (s *Store) inMemoryLocked(why error) {
	s.lowSpace = errors.Is(why, errNoRoom)
	s.retry = s.cfg.Now().Add(retryAfter)
	s.cfg.Logger.Error("database replaced by memory", "err", why)
	s.changeHealth(func(h *Health) {
		h.Mode, h.Red, h.Reason, h.BytesOnDisk = InMemory, true, why.Error(), 0
	})
}
