package reconcile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"time"

	"gatehouse/authcore/snapshot"
	"gatehouse/sync/bundle"
	"gatehouse/sync/load"
	"gatehouse/sync/versions"
)

const (
	tryFor = 30 * time.Second
	// maxStarts is how often the process may begin with a version on trial, before it is taken for
	// what ends it.
	maxStarts = 3
	// maxInMemory is the size of an archive, in bytes, up to which its files are held in memory
	// while it is loaded.
	maxInMemory = 4 << 20
)

// Bundles is what a Reconciler needs to take bundles. Dir, Ledger, Keys and Clock are required.
type Bundles struct {
	Dir      *versions.Dir // which then belongs to the Reconciler
	Ledger   Ledger
	Keys     []bundle.TrustedKey // of gatehouse.yaml; a bundle may replace them
	Identity *bundle.Identity    // nil: bundles with secrets are refused
	Node     bundle.Node
	Version  string                   // of the program
	Clock    func() (time.Time, bool) // the time, and whether it is believed

	// RequireSigned means that loose files never count.
	RequireSigned bool

	// Arrived says how a file in incoming/ came. Nil: all by directory.
	Arrived func(file string) string

	// Try says whether what is in force works. It goes on trying until ctx ends, and returns what
	// does not work. Nil: everything does.
	Try    func(ctx context.Context) error
	TryFor time.Duration // 0: 30 s

	// Refusing counts the people who signed in lately, and those of them whom the new
	// configuration refuses: for information. Nil: nobody counts.
	Refusing func(old, fresh *snapshot.Snapshot) (looked, refused int)
}

// signed is what a Reconciler does about bundles. Everything belongs to the goroutine of Run, but
// for State and the queue of rollbacks.
type signed struct {
	Bundles
	r *Reconciler

	started bool
	inForce string            // the version; "": none
	counts  string            // the version to which the link current is to lead; "": none
	taken   *taken            // what is to be remembered of what was taken out of force; nil: nothing
	said    bool              // that a bundle is missing
	blocked bool              // a version counts that cannot be read
	crowded bool              // more versions are on the disk than are kept
	passed  *loaded           // has passed its trial, and that is not remembered yet; nil: nothing
	refused map[string]string // stamps of what was refused, by file
	half    bool              // what was dealt with may have been removed by half
	strays  []string          // what lies in incoming/ and is no file
	trouble string            // what keeps bundles from being dealt with; "": nothing
	stuck   string            // what was logged last of that
	damaged string            // why what is in force is not what counts
	retryIn time.Duration     // when to look again by ourselves; 0: never
	ignored string            // the loose files that were logged as ignored
}

// loaded is a bundle that has been opened and judged.
type loaded struct {
	*bundle.Bundle
	name     string
	draft    *snapshot.Draft // nil: nothing usable
	problems load.Problems
	hash     string // of the archive, lower hex
}

// look sees to bundles, and reports whether loose files do not count.
func (s *signed) look(ctx context.Context) (rules bool) {
	s.trouble, s.retryIn = "", 0
	defer func() {
		if s.trouble == "" {
			s.stuck = ""
		}
	}()
	switch {
	case !s.started:
		s.started = true
		s.start(ctx)
		s.half = true
	case s.inForce != "" && s.r.lost.Swap(false): // of the index
		s.settle(ctx)
		s.reindex(ctx)
	default:
		s.settle(ctx)
	}
	if s.r.all.Load() { // somebody wants everything looked at again
		s.refused = nil
	}
	if s.crowded {
		s.prune(ctx)
	}
	s.confirm(ctx)
	s.clear()
	s.arrivals(ctx)
	defer s.publish()
	if s.inForce == "" && !s.blocked && !s.RequireSigned {
		return false
	}
	s.r.all.Store(false)
	s.ignoreLoose()
	if s.inForce == "" && !s.blocked && !s.said {
		s.said = true
		s.r.cfg.Logger.Error("no configuration", "err", errUnsigned)
		s.r.publish(Result{At: s.r.cfg.Now(), Err: errUnsigned})
	}
	return true
}

var errUnsigned = errors.New("fleet.require_signed is set, and no bundle is in force: " +
	"loose files are not taken; have a signed bundle brought here")

// again returns what fires when it is time to look by ourselves.
func (s *signed) again() <-chan time.Time {
	if s == nil || s.retryIn == 0 {
		return nil
	}
	return time.After(s.retryIn)
}

// open verifies an archive and loads what is in it. The signature is verified in any case; what
// else is checked opt says. done is to be called when the configuration has been indexed, or
// given up.
func (s *signed) open(v *versions.Version, opt bundle.VerifyOptions) (l *loaded, done func(), err error) {
	done = func() {}
	if v.Size > maxInMemory && v.Size <= bundle.MaxPackedBytes {
		if opt.Dir, err = s.Dir.Scratch(); err != nil {
			return nil, done, err
		}
		done = func() { s.removeScratch(opt.Dir) }
	}
	b, err := bundle.Verify(v.Archive, v.Size, v.Signature, opt)
	if err != nil {
		done()
		return nil, func() {}, err
	}
	l = &loaded{Bundle: b, name: b.Name(), hash: fmt.Sprintf("%x", b.Archive)}
	l.draft, l.problems = load.Load(gentle(b.FS(), s.r.cfg.Breathe), load.Options{
		Now: s.r.cfg.Now(), Secrets: b.Secrets(), Unchanged: s.r.cfg.Indexer.Unchanged,
		Managed: true, Activates: b.Manifest.ActivePairs(),
	})
	return l, done, nil
}

// ignoreLoose says once which loose files do not count.
func (s *signed) ignoreLoose() {
	files := looseFiles(s.r.cfg.FS())
	s.r.editBundles(func(b *BundleState) { b.Ignored = files })
	if all := strings.Join(files, " "); all != s.ignored {
		s.ignored = all
		if len(files) > 0 {
			s.r.cfg.Logger.Warn("loose files are ignored: a bundle counts in their place",
				"count", len(files), "file", files[0])
		}
	}
}

// maxIgnored bounds the list of files that are ignored.
const maxIgnored = 200

// looseFiles lists the files that would count if no bundle did.
func looseFiles(fsys fs.FS) []string {
	var files []string
	walk := func(path string, e fs.DirEntry, err error) error {
		name := path[strings.LastIndexByte(path, '/')+1:]
		switch {
		case err != nil:
			return nil // what cannot be read is not taken either
		case strings.HasPrefix(name, ".") && e.IsDir():
			return fs.SkipDir
		case len(files) == maxIgnored:
			return fs.SkipAll
		case !e.IsDir() && !strings.HasPrefix(name, "."):
			files = append(files, path)
		}
		return nil
	}
	for _, top := range []string{"policy.yaml", "admins.yaml", "radius", "ca", "server", "users", "saml"} {
		if _, err := fs.Stat(fsys, top); err == nil {
			_ = fs.WalkDir(fsys, top, walk) // walk returns no error
		}
	}
	return files
}
