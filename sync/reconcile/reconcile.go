// Package reconcile brings the configuration directory into force: one goroutine that waits to
// be woken, loads, indexes the users, seals and swaps. Whatever goes wrong, what is in force
// stays in force.
//
// The wall: it never imports the store (an Indexer stands for it), the pages or the RADIUS
// server, which see a change only through the snapshot.Holder.
package reconcile

import (
	"context"
	"fmt"
	"io/fs"
	"log/slog"
	"sync"
	"time"

	"gatehouse/authcore/identity"
	"gatehouse/authcore/snapshot"
	"gatehouse/sync/load"
)

// maxLogged is how many problems of one load are logged one by one.
const maxLogged = 50

// An Indexer makes users findable.
type Indexer interface {
	// Index returns an index over the users of sets. The one that it returned before must
	// go on answering, for conversations may hold it.
	Index(ctx context.Context, sets []identity.Set) (identity.Users, error)
}

// Config is what a Reconciler works with. Everything is required unless said otherwise.
type Config struct {
	FS       func() fs.FS     // the directory, asked for anew for every load
	Holder   *snapshot.Holder // of which the Reconciler is the only writer
	Now      func() time.Time
	Logger   *slog.Logger
	Indexer  Indexer      // nil: users are held in memory
	OnResult func(Result) // nil: nobody; called from the goroutine of Run
}

// A Result is what became of one load.
type Result struct {
	Generation uint64        // in force afterwards; 0: none
	Swapped    bool          // whether this load put it in force
	Problems   load.Problems // all of them, errors and warnings
	Err        error         // why nothing could go live although something was usable
	At         time.Time     // when the load began
}

// A Reconciler is the one writer of the configuration in force. Run is its goroutine; Wake and
// Last may be called from any.
type Reconciler struct {
	cfg  Config
	wake chan struct{} // holds one token while somebody wants a look

	// Of the goroutine of Run.
	generation uint64
	seen       [32]byte // hash of what was loaded last
	seenAny    bool

	mu   sync.Mutex // guards last
	last Result
}

// New returns a Reconciler that does nothing before Run.
func New(cfg Config) *Reconciler {
	if cfg.Indexer == nil {
		cfg.Indexer = memoryIndexer{}
	}
	return &Reconciler{cfg: cfg, wake: make(chan struct{}, 1)}
}

// Wake says "look again". It never blocks; calls while a look is pending count as one.
func (r *Reconciler) Wake() {
	select {
	case r.wake <- struct{}{}:
	default: // somebody has asked already, and the look is yet to begin
	}
}

// Last returns what became of the last load; its At is zero before the first. The problems are
// shared and must not be written.
func (r *Reconciler) Last() Result {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}

// Run loads at once and then whenever it is woken, until ctx ends. It returns nil.
func (r *Reconciler) Run(ctx context.Context) error {
	for {
		r.look(ctx)
		select {
		case <-ctx.Done():
			return nil
		case <-r.wake:
		}
	}
}

// look loads the directory if it has changed.
func (r *Reconciler) look(ctx context.Context) {
	fsys := r.cfg.FS()
	at := r.cfg.Now()
	hash, err := load.Hash(fsys)
	if err == nil && r.seenAny && hash == r.seen {
		r.cfg.Logger.Debug("configuration unchanged")
		return
	}
	// When the directory cannot be read, Load says so as a problem.
	draft, problems := load.Load(fsys, load.Options{Now: at, LastGood: r.cfg.Holder.Load()})
	result := Result{Problems: problems, At: at}
	if draft != nil {
		hash = draft.Hash
		result.Err = r.bringIntoForce(ctx, draft)
		result.Swapped = result.Err == nil
	}
	if ctx.Err() != nil && !result.Swapped {
		return // cut short: not the configuration's fault
	}
	// What could not be indexed is tried again although nothing has changed.
	r.seen, r.seenAny = hash, err == nil && result.Err == nil
	result.Generation = r.generation
	r.log(result, draft)
	r.publish(result)
}

// bringIntoForce indexes the users of d, seals it and swaps: the one moment of a change.
func (r *Reconciler) bringIntoForce(ctx context.Context, d *snapshot.Draft) error {
	users, err := r.cfg.Indexer.Index(ctx, d.UserSets)
	if err != nil {
		return fmt.Errorf("indexing the users: %w", err)
	}
	d.Users = users
	s, err := d.Seal(r.generation + 1)
	if err != nil {
		return err
	}
	r.generation++
	r.cfg.Holder.Swap(s)
	return nil
}

func (r *Reconciler) publish(result Result) {
	r.mu.Lock()
	r.last = result
	r.mu.Unlock()
	if r.cfg.OnResult != nil {
		r.cfg.OnResult(result)
	}
}

// log writes one line for the change and one for each problem.
func (r *Reconciler) log(result Result, d *snapshot.Draft) {
	log := r.cfg.Logger
	for i, p := range result.Problems {
		if i == maxLogged {
			log.Warn("more configuration problems than are logged", "count", len(result.Problems)-i)
			break
		}
		level := slog.LevelWarn
		if p.Severity == load.Error {
			level = slog.LevelError
		}
		log.Log(context.Background(), level, "configuration problem",
			"file", p.File, "err", p.String(), "object", p.Object, "effect", p.Effect)
	}
	switch {
	case result.Swapped:
		log.Info("configuration in force", "generation", result.Generation,
			"servers", len(d.Servers), "users", d.Users.Len())
	case result.Err != nil:
		log.Error("configuration not put in force", "generation", result.Generation, "err", result.Err)
	case result.Generation == 0:
		log.Error("no usable configuration: RADIUS is not answered")
	default:
		log.Error("no usable configuration: the last good one stays in force",
			"generation", result.Generation)
	}
}

// memoryIndexer holds users in memory.
type memoryIndexer struct{}

func (memoryIndexer) Index(_ context.Context, sets []identity.Set) (identity.Users, error) {
	return identity.NewMemory(sets)
}
