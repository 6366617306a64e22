// Package store is the database of the appliance, and the only user of badger. It holds the
// user index, which can be built anew from the configuration, and what revocation remembers of
// OCSP answers (RFC 6960) and CRLs (RFC 5280), which can be fetched anew. Damage never fails a
// start: a damaged database is set aside and built anew, and where there is no disk to build on
// (read-only, no room) memory takes its place, in red, until there is.
//
// The users live in two slots. An index brings one of them up to date, by difference, while
// look-ups go to the other; the flip is one transaction. A look-up therefore never waits for a
// writer. It may meet a slot that has been given to a newer index, and says ErrFlipped then.
//
// Answers and CRLs are opaque here: see Cache. They are neither secret nor trusted: a checksum
// finds damage, and whoever reads one verifies its signature again.
//
// The wall: it never imports net, the configuration (sync) or the pages (webui). Open starts no
// goroutine of ours (badger has its own); Run is started by the appliance.
package store

import (
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/authcore/identity"
)

// Errors of Open and Find.
var (
	// ErrInUse says that another process has the database open.
	ErrInUse = errors.New("the database is in use by another process")
	// ErrFlipped says that the Users are those of a configuration no longer in force.
	ErrFlipped = identity.ErrStale
	// ErrLost says that the database has lost the user asked for, if there is one. OnLost
	// has been called: until the users have been indexed again nobody can tell.
	ErrLost = errors.New("the user index is damaged and about to be rebuilt")
)

// Config is what a Store works with.
type Config struct {
	Dir    string // of the database; it is made when absent. Empty: users are held in memory
	Logger *slog.Logger
	Now    func() time.Time

	// OnLost is called, from the goroutine that found it, when users that were handed out
	// can no longer be found and must be indexed again, whether or not the configuration
	// has changed. It must not block. Nil: nobody.
	OnLost func()

	// Bulk is called when many users, 30,000 or an unknown number, are about to be read or written
	// at once, and what it returns when that is over. Calls do not overlap. Nil: nobody.
	Bulk func() (over func())

	// Breathe is called again and again while many users are read or written, from any
	// goroutine, and gives others the CPU when it is time. Nil: nobody else wants it.
	Breathe func()

	// MinFreeBytes is the margin: with less free the disk is left alone, and with less than
	// the database takes. 0: 24 MiB.
	MinFreeBytes int64

	CheckEvery time.Duration // how often free space is looked at; 0: 5 s
	CacheBytes int           // of users kept decoded, about; 0: 4 MiB
}

// Defaults of Config, and times of Run.
const (
	defaultMinFree    = 24 << 20
	defaultCheckEvery = 5 * time.Second
	defaultCacheBytes = 4 << 20

	settleAfter = 30 * time.Second // a database that has lasted so long is healthy
	retryAfter  = time.Minute      // before a disk is tried again that did not work
)

// A Store is the database. All methods are safe for concurrent use.
type Store struct {
	cfg     Config
	lock    *mark    // nil in memory by choice, or when no file can be made
	written *written // of all disks
	wake    chan struct{}
	minFree atomic.Int64 // Config.MinFreeBytes
	usage   atomic.Int64 // bytes the database took when last looked at
	answers *Cache
	lists   *Cache

	mu       sync.Mutex // held by the one writer; look-ups never take it
	closed   bool
	disk     *disk // nil: in memory
	slots    [slots]content
	gen      uint64 // the last generation given
	latest   *Users // of the last index; nil before the first
	retry    time.Time
	lowSpace bool // why disk is nil

	inForce  atomic.Pointer[Users]
	live     [slots]atomic.Uint64 // the generation that may be read in a slot; 0: none
	indexing atomic.Int32         // calls of Index: levelling gives way to them
	broken   atomic.Pointer[brokenDisk]

	healthMu sync.Mutex // guards health
	health   Health
}

// A brokenDisk is a disk that was found damaged by a look-up.
type brokenDisk struct {
	disk *disk
	err  error
}

// Open opens the database in cfg.Dir, rebuilding it or replacing it by memory if it must; see
// Health. The only error is ErrInUse.
func Open(cfg Config) (*Store, error) {
	if cfg.MinFreeBytes == 0 {
		cfg.MinFreeBytes = defaultMinFree
	}
	if cfg.CheckEvery == 0 {
		cfg.CheckEvery = defaultCheckEvery
	}
	if cfg.CacheBytes == 0 {
		cfg.CacheBytes = defaultCacheBytes
	}
	if cfg.OnLost == nil {
		cfg.OnLost = func() {}
	}
	if cfg.Breathe == nil {
		cfg.Breathe = func() {}
	}
	if cfg.Bulk == nil {
		cfg.Bulk = func() func() { return func() {} }
	}
	s := &Store{cfg: cfg, written: &written{}, wake: make(chan struct{}, 1)}
	s.minFree.Store(cfg.MinFreeBytes)
	s.answers = newCache(s, kindAnswer, answersOnDisk, answersInMemory)
	s.lists = newCache(s, kindList, listsOnDisk, listsInMemory)
	s.setHealth(Health{Mode: InMemory})
	if cfg.Dir == "" {
		return s, nil
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	err := s.openLocked()
	if errors.Is(err, ErrInUse) {
		return nil, errors.Join(err, s.lock.close())
	}
	if err != nil {
		s.inMemoryLocked(err)
	}
	return s, nil
}

// Close closes the database. Users that were handed out find nobody afterwards but those they
// remember.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil
	}
	s.closed = true
	var err error
	if s.disk != nil {
		for _, c := range s.caches() {
			c.shut()
		}
		err = s.disk.close()
		s.disk = nil
	}
	return errors.Join(err, s.lock.close())
}
