// Package pairstore carries out what package pair decides, on the files of the configuration
// directory: each step is on the disk before the next, a key never stands beside another's
// certificate for good, and keys are readable by the service alone.
//
// The wall: it judges nothing. Whoever wants a change asks pair for it.
package pairstore

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"syscall"

	"gatehouse/authcore/saml/pair"
)

const (
	samlDir  = "saml"
	appFile  = "app.yaml"
	lockFile = ".lock" // hidden: no file of an app
	// maxFile bounds a certificate or key that is read, in bytes.
	maxFile = 1 << 20
)

// ErrNoApp says that there is no app of that name.
var ErrNoApp = errors.New("no such app")

// An Owner is who is to own files that root writes.
type Owner struct{ UID, GID int }

// OwnerOf returns the owner of a directory: of the state directory, it is the service's.
func OwnerOf(dir string) (*Owner, error) {
	info, err := os.Stat(dir)
	if err != nil {
		return nil, err
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil, nil
	}
	return &Owner{int(st.Uid), int(st.Gid)}, nil
}

// A Store is the apps of one configuration directory. It is safe for concurrent use, by several
// processes too.
type Store struct {
	dir   string
	owner *Owner // nil, or not root: whoever runs this
}

// Open returns the Store of a configuration directory, which it does not touch yet.
func Open(configDir string, owner *Owner) *Store {
	if os.Geteuid() != 0 {
		owner = nil
	}
	return &Store{configDir, owner}
}

// Apps returns the names of the apps, in order.
func (s *Store) Apps() ([]string, error) {
	entries, err := os.ReadDir(filepath.Join(s.dir, samlDir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("listing the apps: %w", err)
	}
	var names []string
	for _, e := range entries {
		if _, err := os.Stat(filepath.Join(s.dir, samlDir, e.Name(), appFile)); err == nil {
			names = append(names, e.Name())
		}
	}
	return names, nil
}

// Set reads the pairs of an app as they are now, and says what cannot be read of them.
func (s *Store) Set(app string) (pair.Set, pair.Findings, error) {
	if err := s.exists(app); err != nil {
		return pair.Set{}, nil, err
	}
	files, err := s.files(app)
	if err != nil {
		return pair.Set{}, nil, fmt.Errorf("reading the pairs of %s: %w", app, err)
	}
	set, found := pair.Read(app, files)
	repaired, err := set.Repair()
	if err != nil {
		return pair.Set{}, nil, err
	}
	return repaired.Set, found, nil
}

func (s *Store) exists(app string) error {
	if app == "" || strings.ContainsAny(app, "/\\") || strings.HasPrefix(app, ".") {
		return fmt.Errorf("%w: %.64q", ErrNoApp, app)
	}
	if _, err := os.Stat(filepath.Join(s.dir, samlDir, app, appFile)); errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%w: there is no %s", ErrNoApp, path.Join(samlDir, app, appFile))
	} else if err != nil {
		return fmt.Errorf("looking for the app: %w", err)
	}
	return nil
}

func (s *Store) files(app string) (map[string][]byte, error) {
	files := map[string][]byte{}
	for _, name := range []string{pair.CertificateFile, pair.KeyFile, pair.NextCertificateFile, pair.NextKeyFile,
		pair.PreviousCertificateFile, pair.PreviousKeyFile, pair.PreviousSinceFile} {
		file := filepath.Join(s.dir, samlDir, app, filepath.FromSlash(name))
		info, err := os.Stat(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if !info.Mode().IsRegular() || info.Size() > maxFile {
			return nil, fmt.Errorf("%s is no file of a certificate or key", name)
		}
		data, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		files[name] = data
	}
	return files, nil
}

// Change reads the pairs of an app, asks transition what is to become of them, and carries it out.
// Nobody else changes them meanwhile. Errors are those of transition, ErrNoApp, and of the disk.
func (s *Store) Change(app string, transition func(pair.Set) (pair.Change, error)) (pair.Set, error) {
	if err := s.exists(app); err != nil {
		return pair.Set{}, err
	}
	unlock, err := s.lock()
	if err != nil {
		return pair.Set{}, fmt.Errorf("locking the pairs: %w", err)
	}
	defer unlock()
	files, err := s.files(app)
	if err != nil {
		return pair.Set{}, fmt.Errorf("reading the pairs of %s: %w", app, err)
	}
	set, _ := pair.Read(app, files)
	repair, err := set.Repair()
	if err != nil {
		return pair.Set{}, err
	}
	change, err := transition(repair.Set)
	if err != nil {
		return pair.Set{}, err
	}
	for _, op := range append(repair.Ops, change.Ops...) {
		if err := s.carryOut(op); err != nil {
			return pair.Set{}, fmt.Errorf("changing the pairs of %s: %v: %w", app, op, err)
		}
	}
	return change.Set, nil
}

// lock keeps other processes from changing pairs at the same time.
func (s *Store) lock() (unlock func(), err error) {
	f, err := os.OpenFile(filepath.Join(s.dir, samlDir, lockFile), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return func() { _ = f.Close() }, nil // which gives up the lock
}
