// Package confdir changes the configuration directory on behalf of a person at a page, the API or
// a command, through the same checks as every other way in: what the directory would be is loaded
// first, and a change that would break it is refused whole, with nothing written.
//
// Each file is the old one or the new one at every moment, also after a power cut. Of a change of
// several files, all are on the disk before the first takes its place; they take it in the order
// in which they are named.
//
// The wall: it knows files and load's judgement of them, neither what is in force nor who asks.
// It starts no goroutine and logs nothing.
package confdir

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"sync"

	"gatehouse/sync/load"
)

// maxFile bounds a file that is read or written, in bytes: load reads no larger ones.
const maxFile = 1 << 20

// A Change is whole files that are written and files that are removed. The paths are relative to
// the directory, with slashes. A file to remove that is not there is no error.
type Change struct {
	Write  []File
	Remove []string
}

// A File is one file to write.
type File struct {
	Path   string
	Data   []byte
	Secret bool // it holds one: only the service may read it (mode 0600)
}

// A RefusedError says that a change would break the configuration. Nothing was written.
type RefusedError struct {
	Problems load.Problems // all of them errors
}

// Error has every problem, with its place and remedy.
func (e *RefusedError) Error() string {
	texts := make([]string, 0, len(e.Problems))
	for _, p := range e.Problems {
		text := p.File + ": " + p.Text
		if p.Remedy != "" {
			text += " — " + p.Remedy
		}
		texts = append(texts, text)
	}
	return "nothing was changed, for this would be wrong: " + strings.Join(texts, "; ")
}

// A Dir is a configuration directory. It is safe for concurrent use; changes come one after the
// other. A hand that edits files at the same time is not waited for.
type Dir struct {
	path    string
	options func() load.Options
	step    func(string) error // before each step on disk, for tests that pull the plug; nil: nothing

	mu sync.Mutex // held from reading what a change builds on until it is written
}

// Open returns the Dir at path, which it does not touch yet. Options says against what a change is
// judged, anew for each: the time, what broken objects fall back on. Nil: against nothing.
func Open(path string, options func() load.Options) *Dir {
	if options == nil {
		options = func() load.Options { return load.Options{} }
	}
	return &Dir{path: filepath.Clean(path), options: options}
}

// Read returns a file as it is on the disk. The error of one that is not there is fs.ErrNotExist.
func (d *Dir) Read(name string) ([]byte, error) {
	if err := checkPath(name); err != nil {
		return nil, err
	}
	info, err := os.Stat(d.file(name))
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > maxFile {
		return nil, fmt.Errorf("reading %s: it is no file of at most %d bytes", name, maxFile)
	}
	return os.ReadFile(d.file(name))
}

// Apply carries a change out, or nothing of it.
//
// It is refused, with a *RefusedError, if the directory would have an error that it has not now,
// or any error in a file that is written. Other errors are those of the disk (fs.ErrPermission,
// syscall.EROFS, syscall.ENOSPC) and ctx's; after one that wraps ErrPartly each file is the old one
// or the new one, and after any other nothing has changed.
func (d *Dir) Apply(ctx context.Context, c Change) error {
	return d.Edit(ctx, func() (Change, error) { return c, nil })
}

// Edit is Apply of what prepare makes of the files as they are: no other change comes between.
// Prepare may call Read, and its error is returned as it is.
func (d *Dir) Edit(ctx context.Context, prepare func() (Change, error)) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	c, err := prepare()
	if err != nil {
		return err
	}
	if err := c.check(); err != nil {
		return err
	}
	if err := d.judge(c); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	return d.write(c)
}

func (d *Dir) file(name string) string { return filepath.Join(d.path, filepath.FromSlash(name)) }

// check refuses what no caller of ours asks for.
func (c Change) check() error {
	var seen []string
	for _, f := range c.Write {
		if len(f.Data) > maxFile {
			return fmt.Errorf("changing %s: more than %d bytes", f.Path, maxFile)
		}
		seen = append(seen, f.Path)
	}
	seen = append(seen, c.Remove...)
	for i, name := range seen {
		if err := checkPath(name); err != nil {
			return err
		}
		if slices.Contains(seen[:i], name) {
			return fmt.Errorf("changing %s: it is named twice", name)
		}
	}
	return nil
}

// checkPath admits plain names inside the directory: nothing hidden, and not gatehouse.yaml, which
// is not read again while the process runs.
func checkPath(name string) error {
	bad := !fs.ValidPath(name) || name == "." || name == "gatehouse.yaml" || strings.ContainsAny(name, "\\\x00")
	for part := range strings.SplitSeq(name, "/") {
		bad = bad || strings.HasPrefix(part, ".")
	}
	if bad {
		return fmt.Errorf("%.100q: %w: no file of the configuration that may be changed", name, fs.ErrInvalid)
	}
	return nil
}

// judge loads the directory as it is and as it would be.
func (d *Dir) judge(c Change) error {
	now, opt := os.DirFS(d.path), d.options()
	opt.Hold = nil // what a person deletes is deleted
	o := newOverlay(now, c)
	if opt.NoUsers = !c.touchesUsers(); opt.NoUsers {
		o.hidden, now = "users", hiding(now, "users")
	}
	_, before := load.Load(now, opt)
	_, after := load.Load(o, opt)
	if bad := newErrors(before, after, c); len(bad) > 0 {
		return &RefusedError{bad}
	}
	return nil
}

// touchesUsers reports whether users may mean something else afterwards. Otherwise nobody reads
// them, of whom there may be a hundred thousand.
func (c Change) touchesUsers() bool {
	isOne := func(name string) bool { return name == "policy.yaml" || strings.HasPrefix(name, "users/") }
	return slices.ContainsFunc(c.Remove, isOne) ||
		slices.ContainsFunc(c.Write, func(f File) bool { return isOne(f.Path) })
}

// newErrors returns the errors of after that before has not, wherever they stand in their file,
// and all of those in files that are written.
func newErrors(before, after load.Problems, c Change) load.Problems {
	type kind struct{ file, object, text string }
	known := map[kind]int{}
	for _, p := range before {
		if p.Severity == load.Error {
			known[kind{p.File, p.Object, p.Text}]++
		}
	}
	for _, f := range c.Write {
		for k := range known {
			if k.file == path.Clean(f.Path) {
				delete(known, k)
			}
		}
	}
	var bad load.Problems
	for _, p := range after {
		if p.Severity != load.Error {
			continue
		}
		if k := (kind{p.File, p.Object, p.Text}); known[k] > 0 {
			known[k]--
			continue
		}
		bad = append(bad, p)
	}
	return bad
}
