package pairstore

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"gatehouse/authcore/saml/pair"
)

const (
	modeDir         = 0o700
	modeKey         = 0o600
	modeCertificate = 0o644
)

// carryOut takes one step, and returns when it is on the disk.
func (s *Store) carryOut(op pair.Op) error {
	file := s.file(op.Path)
	switch op.Kind {
	case pair.Write:
		return s.write(op, file)
	case pair.Rename:
		return s.rename(file, s.file(op.To), op.Secret)
	default:
		return s.erase(file, op.Secret)
	}
}

func (s *Store) file(path string) string { return filepath.Join(s.dir, filepath.FromSlash(path)) }

func (s *Store) write(op pair.Op, file string) error {
	dir := filepath.Dir(file)
	if err := s.makeDir(dir); err != nil {
		return err
	}
	mode := fs.FileMode(modeCertificate)
	if op.Secret {
		mode = modeKey
	}
	fresh := filepath.Join(dir, "."+filepath.Base(file)+".new")
	if err := s.writeNew(fresh, op.Data(), mode); err != nil {
		return errors.Join(err, removed(fresh))
	}
	return s.rename(fresh, file, op.Secret)
}

func (s *Store) writeNew(file string, data []byte, mode fs.FileMode) error {
	if err := removed(file); err != nil {
		return err
	}
	f, err := os.OpenFile(file, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err == nil && s.owner != nil {
		err = f.Chown(s.owner.UID, s.owner.GID)
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// makeDir makes next/ and previous/. The app's own directory is there.
func (s *Store) makeDir(dir string) error {
	err := os.Mkdir(dir, modeDir)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err == nil && s.owner != nil {
		err = os.Chown(dir, s.owner.UID, s.owner.GID)
	}
	if err != nil {
		return err
	}
	return syncDir(filepath.Dir(dir))
}

// rename moves a file to where another one may be, whose key is overwritten.
func (s *Store) rename(from, to string, secret bool) error {
	old, err := s.openOld(to, secret)
	if err != nil {
		return err
	}
	err = os.Rename(from, to)
	if err == nil {
		err = syncDir(filepath.Dir(to))
	}
	if err == nil && filepath.Dir(from) != filepath.Dir(to) {
		err = syncDir(filepath.Dir(from))
	}
	return finish(old, err)
}

func (s *Store) erase(file string, secret bool) error {
	old, err := s.openOld(file, secret)
	if err != nil {
		return err
	}
	if err = removed(file); err == nil {
		err = syncDir(filepath.Dir(file))
		if errors.Is(err, fs.ErrNotExist) { // nor is its directory
			err = nil
		}
	}
	return finish(old, err)
}

// openOld opens a key that is about to go; nil if there is none.
func (s *Store) openOld(file string, secret bool) (*os.File, error) {
	if !secret {
		return nil, nil
	}
	f, err := os.OpenFile(file, os.O_WRONLY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return f, err
}

// finish overwrites what a key's file held, for what that is worth on flash, once it has gone.
func finish(old *os.File, err error) error {
	if old == nil {
		return err
	}
	if err == nil {
		info, statErr := old.Stat()
		err = statErr
		if err == nil {
			_, err = old.WriteAt(make([]byte, info.Size()), 0)
		}
		if err == nil {
			err = old.Sync()
		}
	}
	return errors.Join(err, old.Close())
}

// removed removes a file that may not be there.
func removed(file string) error {
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
