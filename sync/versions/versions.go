// Package versions keeps bundles on disk: those that arrive (incoming/), those that were applied
// here (versions/SERIAL-SHA8/), and which of them counts (the link current).
//
// Whatever is written is synced before something else relies on it, and comes into its place by a
// rename: after a power cut there is the old or the new, and never a part. A version is the archive
// as it was signed, with its signature and the key, so that what is read back is verified again and
// secrets stay encrypted.
//
// The wall: it understands nothing of what it keeps. It does not log and starts no goroutine; a Dir
// belongs to one goroutine, but for Incoming and Dir.Open.
package versions

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
)

// Names in the state directory, and in a version.
const (
	incomingDir = "incoming"
	versionsDir = "versions"
	currentLink = "current"

	archiveFile   = "bundle.tar.gz"
	signatureFile = archiveFile + SignatureSuffix
	keyFile       = "signer.pub"
)

const (
	// ArchiveSuffix and SignatureSuffix are the ends of the names of what arrives.
	ArchiveSuffix   = ".tar.gz"
	SignatureSuffix = ".minisig"

	unfinished = ".new-" // before a version's name: being written
	replaced   = ".old-" // before a version's name: on its way out
	scratch    = ".open-"
	newLink    = ".current.new"
)

// ErrDamaged says that a version on disk is not what was put there.
var ErrDamaged = errors.New("the version is damaged")

// Config is where a Dir is.
type Config struct {
	State string // the state directory, which is there
	// Step is called before every change on the disk, with what is about to happen; an error ends
	// what was begun. Tests use it to pull the plug. Nil: nothing.
	Step func(step string) error
}

// A Dir is the part of the state directory that holds bundles.
type Dir struct{ cfg Config }

// Open makes what is missing (for the process alone, 0700) and tidies up after a process that
// was killed.
func Open(cfg Config) (*Dir, error) {
	if cfg.Step == nil {
		cfg.Step = func(string) error { return nil }
	}
	d := &Dir{cfg}
	for _, dir := range []string{d.Incoming(), d.versions()} {
		if err := makePrivate(dir); err != nil {
			return nil, fmt.Errorf("making %s: %w", filepath.Base(dir), err)
		}
	}
	if err := d.tidy(); err != nil {
		return nil, fmt.Errorf("tidying up %s: %w", versionsDir, err)
	}
	return d, nil
}

// makePrivate makes dir, which nobody else may look into: also one that was made by hand.
func makePrivate(dir string) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	info, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	if !info.IsDir() {
		return errors.New("it is no directory")
	}
	if info.Mode().Perm()&0o077 == 0 {
		return nil
	}
	return os.Chmod(dir, info.Mode().Perm()&^0o077)
}

// Incoming returns the directory where bundles arrive.
func (d *Dir) Incoming() string        { return filepath.Join(d.cfg.State, incomingDir) }
func (d *Dir) versions() string        { return filepath.Join(d.cfg.State, versionsDir) }
func (d *Dir) path(name string) string { return filepath.Join(d.versions(), name) }
func (d *Dir) current() string         { return filepath.Join(d.cfg.State, currentLink) }

// tidy removes what was not finished, and puts back what was on its way out while nothing had
// taken its place. It may be cut short itself.
func (d *Dir) tidy() error {
	entries, err := os.ReadDir(d.versions())
	if err != nil {
		return err
	}
	for _, e := range entries {
		old, was := strings.CutPrefix(e.Name(), replaced)
		if was && isName(old) {
			if _, err := os.Lstat(d.path(old)); errors.Is(err, fs.ErrNotExist) {
				if err := d.putBack(old); err != nil {
					return err
				}
				continue
			}
		}
		if was || strings.HasPrefix(e.Name(), unfinished) || strings.HasPrefix(e.Name(), scratch) {
			if err := d.removeAll(d.path(e.Name())); err != nil {
				return err
			}
		}
	}
	return d.tidyFiles()
}

func (d *Dir) putBack(name string) error {
	if err := d.cfg.Step("put back " + name); err != nil {
		return err
	}
	return os.Rename(d.path(replaced+name), d.path(name))
}

func (d *Dir) tidyFiles() error {
	pushes, err := filepath.Glob(filepath.Join(d.Incoming(), ".push-*"))
	if err != nil {
		return err // a bad pattern, which it is not
	}
	for _, name := range append(pushes, filepath.Join(d.cfg.State, newLink)) { // cut off half-way
		if _, err := os.Lstat(name); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err := d.cfg.Step("remove " + d.relative(name)); err != nil {
			return err
		}
		if err := os.Remove(name); err != nil {
			return err
		}
	}
	return nil
}

var namePattern = regexp.MustCompile(`^[0-9]{6,20}-[0-9a-f]{8}$`)

func isName(name string) bool { return namePattern.MatchString(name) }

// Names returns the names of the versions that are there, in no particular order.
func (d *Dir) Names() ([]string, error) {
	entries, err := os.ReadDir(d.versions())
	if err != nil {
		return nil, fmt.Errorf("listing versions: %w", err)
	}
	var names []string
	for _, e := range entries {
		if e.IsDir() && isName(e.Name()) {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// Current returns the name of the version that counts, "" if none does.
func (d *Dir) Current() (string, error) {
	target, err := os.Readlink(d.current())
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", nil
	case errors.Is(err, syscall.EINVAL):
		return "", errors.New("reading current: it is no link; remove it")
	case err != nil:
		return "", fmt.Errorf("reading current: %w", err)
	}
	dir, name := filepath.Split(target)
	if filepath.Clean(dir) != versionsDir || !isName(name) {
		return "", fmt.Errorf("reading current: it leads to %q, which is no version", target)
	}
	return name, nil
}

// SetCurrent makes the version count, or none for "". It is on the disk when it returns. After an
// error either may count.
func (d *Dir) SetCurrent(name string) error {
	if err := d.setCurrent(name); err != nil {
		return fmt.Errorf("making version %q current: %w", name, err)
	}
	return nil
}

func (d *Dir) setCurrent(name string) error {
	if name == "" {
		if err := d.cfg.Step("remove current"); err != nil {
			return err
		}
		if err := os.Remove(d.current()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return d.syncDir(d.cfg.State)
	}
	if !isName(name) {
		return errors.New("that is no version's name")
	}
	link := filepath.Join(d.cfg.State, newLink)
	if err := d.cfg.Step("link " + newLink); err != nil {
		return err
	}
	if err := os.Remove(link); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.Symlink(filepath.Join(versionsDir, name), link); err != nil {
		return err
	}
	if err := d.cfg.Step("rename " + newLink + " " + currentLink); err != nil {
		return err
	}
	if err := os.Rename(link, d.current()); err != nil {
		return err
	}
	return d.syncDir(d.cfg.State)
}

// syncDir has the names in a directory on the disk when it returns.
func (d *Dir) syncDir(dir string) error {
	if err := d.cfg.Step("sync " + d.relative(dir)); err != nil {
		return err
	}
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}

// relative names a path in a step.
func (d *Dir) relative(path string) string {
	rest, err := filepath.Rel(d.cfg.State, path)
	if err != nil {
		return path
	}
	return rest
}
