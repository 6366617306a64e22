// Package reconcile brings the configuration directory into force: one goroutine that waits to
// be woken, loads, indexes the users, seals and swaps. Whatever goes wrong, what is in force
// stays in force.
//
// The wall: it never imports the store (an Indexer stands for it), the pages or the RADIUS
// server, which see a change only through the snapshot.Holder.
package reconcile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"gatehouse/authcore/identity"
	"gatehouse/authcore/snapshot"
	"gatehouse/sync/load"
)

// maxLogged is how many problems of one load are logged one by one.
const maxLogged = 50

// maxTries is how often in a row a directory is read that changes meanwhile. Who changes it
// wakes us when he is done.
const maxTries = 3

// An Indexer makes users findable. A hash stands for the content of users.
type Indexer interface {
	// Unchanged returns the users of that content, if they are what was indexed last.
	Unchanged(hash [32]byte) (identity.Users, bool)
	// Index returns an index over the users of sets. What it returned before, or what is
	// InForce, must go on answering.
	Index(ctx context.Context, sets []identity.Set, hash [32]byte) (identity.Users, error)
	// InForce is told whose users are looked up from now on.
	InForce(identity.Users)
	// Latest returns what was indexed last, maybe by a process before this one, for broken
	// files to fall back on as long as nothing is in force; nil if there is nothing.
	Latest() identity.Users
}

// Config is what a Reconciler works with. Everything is required unless said otherwise.
type Config struct {
	FS       func() fs.FS     // the directory, asked for anew for every load
	Holder   *snapshot.Holder // of which the Reconciler is the only writer
	Now      func() time.Time
	Logger   *slog.Logger
	Indexer  Indexer      // nil: users are held in memory
	Keeper   Keeper       // nil: nothing but users outlives the process
	Bundles  *Bundles     // nil: only loose files count
	Named    []string     // files that have a meaning elsewhere: see load.Options
	OnResult func(Result) // nil: nobody; called from the goroutine of Run

	// Breathe is called again and again while files are read, and gives others the CPU when it
	// is time. It is called from any goroutine. Nil: nobody else wants it.
	Breathe func()

	// DeleteAfter is for how long nothing may have changed before the deletion of a file counts;
	// after twelve times that it does anyway. 0: 10 s.
	DeleteAfter time.Duration
}

// A Result is what became of one load.
type Result struct {
	Generation uint64        // in force afterwards; 0: none
	Swapped    bool          // whether this load put it in force
	Same       bool          // what this load found is in force already: no need to swap
	Problems   load.Problems // all of them, errors and warnings
	Err        error         // why nothing could go live although something was usable
	At         time.Time     // when the load began
}

// A Reconciler is the one writer of the configuration in force. Run is its goroutine; Wake and
// Last may be called from any.
type Reconciler struct {
	cfg  Config
	wake chan struct{} // holds one token while somebody wants a look
	lost atomic.Bool   // the users must be indexed again, changed or not
	all  atomic.Bool   // the directory is said to be complete: deletions count at once

	// Of the goroutine of Run.
	deleted    deletions
	signed     *signed // nil: bundles are not taken
	generation uint64
	inForce    load.Objects // what is in force of loose files; nil: nothing
	kept       load.Objects // what the Keeper holds; nil: not known
	seen       [32]byte     // hash of what was loaded last
	seenAny    bool

	orders chan order
	edits  chan edit

	mu      sync.Mutex // guards what follows
	last    Result
	loose   load.Objects // inForce as of last; nil: nothing of loose files
	bundles BundleState
}

// New returns a Reconciler that does nothing before Run.
func New(cfg Config) *Reconciler {
	if cfg.Indexer == nil {
		cfg.Indexer = &memoryIndexer{}
	}
	if cfg.DeleteAfter <= 0 {
		cfg.DeleteAfter = deleteAfter
	}
	if files := cfg.FS; files != nil {
		cfg.FS = func() fs.FS { return gentle(files(), cfg.Breathe) }
	}
	r := &Reconciler{cfg: cfg, wake: make(chan struct{}, 1), orders: make(chan order), edits: make(chan edit),
		deleted: deletions{quiet: cfg.DeleteAfter}}
	if cfg.Bundles != nil {
		r.signed = &signed{Bundles: *cfg.Bundles, r: r}
	}
	return r
}

// Wake says "look again". It never blocks; calls while a look is pending count as one. A file
// that is there no more counts as deleted only when nothing has changed for DeleteAfter.
func (r *Reconciler) Wake() {
	select {
	case r.wake <- struct{}{}:
	default: // somebody has asked already, and the look is yet to begin
	}
}

// Reload is Wake by somebody who knows that the directory is complete: what is there no more
// has been deleted.
func (r *Reconciler) Reload() {
	r.all.Store(true)
	r.Wake()
}

// Reindex says that the index has lost users: look again, whether or not anything has changed.
// It never blocks.
func (r *Reconciler) Reindex() {
	r.lost.Store(true)
	r.Wake()
}

// Last returns what became of the last load; its At is zero before the first. The problems are
// shared and must not be written.
func (r *Reconciler) Last() Result {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}

// Run loads at once and then whenever it is woken, or deletions come to count, until ctx ends. It
// returns nil.
func (r *Reconciler) Run(ctx context.Context) error {
	defer r.deleted.stop()
	for waiting := (*edit)(nil); ; {
		if r.signed == nil || !r.signed.look(ctx) {
			for tries := 1; r.look(ctx, tries == maxTries) && tries < maxTries; tries++ {
			}
		}
		r.answer(waiting)
		waiting = nil
		select {
		case <-ctx.Done():
			return nil
		case <-r.wake:
		case e := <-r.edits:
			waiting, r.deleted.meant = &e, e.deleted
		case <-r.signed.again():
		case o := <-r.orders:
			o.done <- r.signed.obey(ctx, o)
		case <-r.deleted.over():
			r.deleted.due = true
		}
	}
}

// look loads the directory if it has changed, and reports whether to do so again at once. The
// last look takes what it gets.
func (r *Reconciler) look(ctx context.Context, last bool) (again bool) {
	fsys := r.cfg.FS()
	at := r.cfg.Now()
	hash, err := load.Hash(fsys)
	changed := err != nil || !r.seenAny || hash != r.seen
	lost, all := r.lost.Swap(false), r.all.Swap(false)
	if !changed && !lost && !r.deleted.due && (!all || len(r.deleted.since) == 0) && !r.deleted.heldAgainstWill() {
		r.cfg.Logger.Debug("configuration unchanged")
		return false
	}
	deleted := r.deleted.begin(changed, all)
	// When the directory cannot be read, Load says so as a problem.
	draft, objects, problems := r.load(fsys, load.Options{Now: at, LastGood: r.lastLoose(), Named: r.cfg.Named,
		LastUsers: r.latestUsers, Unchanged: r.cfg.Indexer.Unchanged, Hold: deleted.hold})
	if draft != nil && draft.Hash != hash && !last {
		// It has been read twice, and was not the same: what was read may be half of the old and
		// half of the new.
		if lost {
			r.lost.Store(true)
		}
		if all {
			r.all.Store(true)
		}
		return true
	}
	deleted.end(changed)
	result := Result{Problems: problems, At: at}
	if draft != nil {
		hash = draft.Hash
		objects = r.sinceWhen(objects)
		if result.Same = !lost && r.isInForce(objects); !result.Same {
			result.Err = r.bringIntoForce(ctx, draft, objects)
			if result.Swapped = result.Err == nil; result.Swapped {
				r.keep(fsys)
			}
		}
	}
	if ctx.Err() != nil && !result.Swapped {
		return false // cut short: not the configuration's fault
	}
	// What could not be indexed is tried again although nothing has changed.
	r.seen, r.seenAny = hash, err == nil && result.Err == nil
	result.Generation = r.generation
	r.log(result, draft)
	r.publish(result)
	return errors.Is(result.Err, load.ErrChanged)
}

// load loads fsys. At a start, what is broken falls back on what was in force before it.
func (r *Reconciler) load(fsys fs.FS, opt load.Options) (*snapshot.Draft, load.Objects, load.Problems) {
	d, objects, problems := load.LoadObjects(fsys, opt)
	if opt.LastGood != nil || !problems.HasErrors() {
		return d, objects, problems
	}
	if opt.LastGood = r.lastGood(opt.Now); opt.LastGood == nil {
		return d, objects, problems
	}
	return load.LoadObjects(fsys, opt)
}

// sinceWhen returns objects with, for those that were kept, the files of when they were read.
func (r *Reconciler) sinceWhen(objects load.Objects) load.Objects {
	for name, o := range objects {
		if o.Kept {
			objects[name] = r.inForce[name]
		}
	}
	return objects
}

// isInForce reports whether the same files say what is in force.
func (r *Reconciler) isInForce(objects load.Objects) bool {
	return r.generation > 0 && maps.EqualFunc(objects, r.inForce, load.Object.Same)
}

// lastLoose returns what is in force, if that comes from loose files: they never fall back on what
// a bundle said.
func (r *Reconciler) lastLoose() *snapshot.Snapshot {
	if r.inForce == nil {
		return nil
	}
	return r.cfg.Holder.Load()
}

// bringIntoForce indexes the users of d, seals it and swaps.
func (r *Reconciler) bringIntoForce(ctx context.Context, d *snapshot.Draft, o load.Objects) error {
	s, err := r.prepare(ctx, d)
	if err != nil {
		return err
	}
	r.swap(s)
	r.inForce = o
	if r.signed != nil {
		r.signed.releaseIndex(ctx)
	}
	return nil
}

// latestUsers returns what was indexed last, if that was of loose files.
func (r *Reconciler) latestUsers() identity.Users {
	if r.signed != nil && r.signed.hasIndex() {
		return nil
	}
	return r.cfg.Indexer.Latest()
}

// prepare makes a Snapshot of d, with its users indexed. Nothing is in force yet.
func (r *Reconciler) prepare(ctx context.Context, d *snapshot.Draft) (*snapshot.Snapshot, error) {
	if d.Users == nil {
		users, err := r.cfg.Indexer.Index(ctx, d.UserSets, d.UsersHash)
		if err != nil {
			return nil, fmt.Errorf("indexing the users: %w", err)
		}
		d.Users = users
	}
	return d.Seal(r.generation + 1)
}

// swap puts s in force: the one moment of a change.
func (r *Reconciler) swap(s *snapshot.Snapshot) {
	r.generation++
	r.cfg.Holder.Swap(s)
	r.cfg.Indexer.InForce(s.Users())
}

func (r *Reconciler) publish(result Result) {
	r.mu.Lock()
	r.last, r.loose = result, nil
	if r.cfg.Holder.Load() != nil {
		r.loose = r.inForce // which is replaced and never written
	}
	r.mu.Unlock()
	if r.cfg.OnResult != nil {
		r.cfg.OnResult(result)
	}
}

// log writes one line for the change and one for each problem.
func (r *Reconciler) log(result Result, d *snapshot.Draft) {
	log := r.cfg.Logger
	logProblems(log, result.Problems)
	switch {
	case result.Swapped:
		log.Info("configuration in force", "generation", result.Generation,
			"servers", len(d.Servers), "users", d.Users.Len())
	case result.Same:
		log.Info("configuration in force stays what it was", "generation", result.Generation)
	case result.Err != nil:
		log.Error("configuration not put in force", "generation", result.Generation, "err", result.Err)
	case result.Generation == 0:
		log.Error("no usable configuration: RADIUS is not answered")
	default:
		log.Error("no usable configuration: the last good one stays in force",
			"generation", result.Generation)
	}
}

// memoryIndexer holds users in memory. It belongs to the goroutine of Run.
type memoryIndexer struct {
	users *identity.Memory // indexed last; nil: none
	hash  [32]byte
}

func (m *memoryIndexer) Unchanged(hash [32]byte) (identity.Users, bool) {
	return m.users, m.users != nil && m.hash == hash
}

func (m *memoryIndexer) Index(
	_ context.Context, sets []identity.Set, hash [32]byte,
) (identity.Users, error) {
	users, err := identity.NewMemory(sets)
	if err != nil {
		return nil, err // not users, which would be an interface that holds nil
	}
	m.users, m.hash = users, hash
	return users, nil
}

func (m *memoryIndexer) InForce(identity.Users) {}

func (m *memoryIndexer) Latest() identity.Users {
	if m.users == nil {
		return nil
	}
	return m.users
}
