package reconcile

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"strings"
	"time"

	"gatehouse/authcore/identity"
	"gatehouse/authcore/snapshot"
	"gatehouse/sync/load"
)

// maxKeptFile bounds a file that is kept. Those that are read whole are all smaller.
const maxKeptFile = 12 << 20

// A Keeper holds the files in force, but for those of users, which the index has, over a
// restart. They contain secrets.
type Keeper interface {
	// Keep replaces what was kept by files, by path: durably, and whole or not at all. If they
	// are what was kept, it writes nothing.
	Keep(files map[string][]byte) error
	// Last returns what was kept last, or nil if there is nothing.
	Last() (fs.FS, error)
}

var errMoved = errors.New("it has changed since it was put in force")

// keep has the Keeper hold what is in force. A failure costs the next start its fallback, and
// nothing now.
func (r *Reconciler) keep(fsys fs.FS) {
	if r.cfg.Keeper == nil {
		return
	}
	objects := withoutUsers(r.inForce)
	if r.kept != nil && maps.EqualFunc(objects, r.kept, load.Object.Same) {
		return
	}
	files, err := r.filesOf(fsys, objects)
	if errors.Is(err, errMoved) {
		return // a change that is not in force yet: when it is, there is more to keep
	}
	if err == nil {
		err = r.cfg.Keeper.Keep(files)
	}
	if err != nil {
		r.cfg.Logger.Error("the last good configuration cannot be kept for the next start", "err", err)
		return
	}
	r.kept = objects
}

// filesOf reads the files of objects as they were judged: from fsys or, those that are kept,
// from what was kept before.
func (r *Reconciler) filesOf(fsys fs.FS, objects load.Objects) (map[string][]byte, error) {
	last, lastErr := r.cfg.Keeper.Last()
	files := map[string][]byte{}
	for _, o := range objects {
		for name, sum := range o.Files {
			data, err := readFile(fsys, name, sum)
			if err != nil && lastErr != nil {
				err = lastErr
			} else if err != nil && last != nil {
				data, err = readFile(last, name, sum)
			}
			if err != nil {
				return nil, fmt.Errorf("reading %s: %w", name, err)
			}
			files[name] = data
		}
	}
	return files, nil
}

// readFile returns the file if it still has that hash.
func readFile(fsys fs.FS, name string, sum [sha256.Size]byte) ([]byte, error) {
	f, err := fsys.Open(name)
	if err != nil {
		return nil, errMoved
	}
	defer f.Close() // opened for reading: closing loses nothing
	data, err := io.ReadAll(io.LimitReader(f, maxKeptFile+1))
	if err != nil || sha256.Sum256(data) != sum {
		return nil, errMoved
	}
	return data, nil
}

// lastGood returns what was in force before the restart, for broken objects to fall back on; nil
// if there is nothing. What it consists of counts as in force from here on.
func (r *Reconciler) lastGood(now time.Time) *snapshot.Snapshot {
	if r.cfg.Keeper == nil || r.inForce != nil {
		return nil
	}
	s, objects, err := r.loadLastGood(now)
	if err != nil {
		r.cfg.Logger.Warn("the last good configuration of before the start cannot be used", "err", err)
		return nil
	}
	if s != nil {
		r.inForce = objects
	}
	return s
}

func (r *Reconciler) loadLastGood(now time.Time) (*snapshot.Snapshot, load.Objects, error) {
	fsys, err := r.cfg.Keeper.Last()
	if err != nil || fsys == nil {
		return nil, nil, err
	}
	d, objects, problems := load.LoadObjects(fsys, load.Options{Now: now, NoUsers: true})
	if d == nil {
		return nil, nil, fmt.Errorf("loading it: %v", problems)
	}
	if d.Users = r.latestUsers(); d.Users == nil {
		if d.Users, err = identity.NewMemory(nil); err != nil {
			return nil, nil, err
		}
	}
	s, err := d.Seal(0)
	return s, objects, err
}

func withoutUsers(objects load.Objects) load.Objects {
	out := maps.Clone(objects)
	maps.DeleteFunc(out, func(name string, _ load.Object) bool { return strings.HasPrefix(name, "users/") })
	return out
}
