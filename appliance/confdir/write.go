package confdir

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	modeDir    = 0o750
	modePlain  = 0o644
	modeSecret = 0o600
)

// ErrPartly says that an error of the disk came when something was changed already: each file is the
// old one or the new one.
var ErrPartly = errors.New("a part of it was changed before")

// errLink says that a file is not ours to replace.
var errLink = errors.New("it is no regular file: change what it leads to")

// write puts a change on the disk: first every new file beside the old one, then each in its
// place, then what is removed.
func (d *Dir) write(c Change) (err error) {
	for _, name := range c.paths() {
		if err := d.checkTarget(name); err != nil {
			return err
		}
	}
	defer func() {
		if err != nil {
			for _, f := range c.Write {
				err = errors.Join(err, remove(d.fresh(f.Path)))
			}
		}
	}()
	for _, f := range c.Write {
		if err := d.prepare(f); err != nil {
			return fmt.Errorf("writing %s: %w", f.Path, err)
		}
	}
	changed := false
	partly := func(doing, name string, err error) error {
		if changed {
			return fmt.Errorf("%s %s: %w: %w", doing, name, ErrPartly, err)
		}
		return fmt.Errorf("%s %s: %w", doing, name, err)
	}
	for _, f := range c.Write {
		placed, err := d.place(f.Path)
		if changed = changed || placed; err != nil {
			return partly("writing", f.Path, err)
		}
	}
	for _, name := range c.Remove {
		removed, err := d.erase(name)
		if changed = changed || removed; err != nil {
			return partly("removing", name, err)
		}
	}
	return nil
}

// paths returns every file that changes.
func (c Change) paths() []string {
	names := append([]string{}, c.Remove...)
	for _, f := range c.Write {
		names = append(names, f.Path)
	}
	return names
}

// checkTarget refuses to replace what somebody else manages.
func (d *Dir) checkTarget(name string) error {
	info, err := os.Lstat(d.file(name))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil && !info.Mode().IsRegular() {
		err = errLink
	}
	if err != nil {
		return fmt.Errorf("changing %s: %w", name, err)
	}
	return nil
}

// fresh is where a file waits to take its place: hidden, so that nobody reads it.
func (d *Dir) fresh(name string) string {
	file := d.file(name)
	return filepath.Join(filepath.Dir(file), "."+filepath.Base(file)+".new")
}

// prepare puts a file beside the old one, on the disk.
func (d *Dir) prepare(f File) error {
	if err := d.at("prepare " + f.Path); err != nil {
		return err
	}
	if err := d.makeDirs(filepath.Dir(d.file(f.Path))); err != nil {
		return err
	}
	mode := fs.FileMode(modePlain)
	if f.Secret {
		mode = modeSecret
	}
	fresh := d.fresh(f.Path)
	if err := remove(fresh); err != nil { // of a process that was killed
		return err
	}
	file, err := os.OpenFile(fresh, os.O_CREATE|os.O_EXCL|os.O_WRONLY, mode)
	if err != nil {
		return err
	}
	_, err = file.Write(f.Data)
	if err == nil {
		err = d.at("sync " + f.Path)
	}
	if err == nil {
		err = file.Sync()
	}
	return errors.Join(err, file.Close())
}

// place has a file that was prepared take its place, and returns whether it has, whatever the error.
func (d *Dir) place(name string) (placed bool, err error) {
	if err := d.at("place " + name); err != nil {
		return false, err
	}
	if err := os.Rename(d.fresh(name), d.file(name)); err != nil {
		return false, err
	}
	if err := d.at("placed " + name); err != nil {
		return true, err
	}
	return true, syncDir(filepath.Dir(d.file(name)))
}

// erase removes a file, and returns whether it is gone, whatever the error.
func (d *Dir) erase(name string) (removed bool, err error) {
	if err := d.at("remove " + name); err != nil {
		return false, err
	}
	if err := remove(d.file(name)); err != nil {
		return false, err
	}
	if err := d.at("removed " + name); err != nil {
		return true, err
	}
	err = syncDir(filepath.Dir(d.file(name)))
	if errors.Is(err, fs.ErrNotExist) { // nor is its directory
		return true, nil
	}
	return true, err
}

// makeDirs makes dir and those it lies in, each on the disk.
func (d *Dir) makeDirs(dir string) error {
	if _, err := os.Stat(dir); err == nil || !errors.Is(err, fs.ErrNotExist) || dir == d.path {
		return err
	}
	if err := d.makeDirs(filepath.Dir(dir)); err != nil {
		return err
	}
	if err := os.Mkdir(dir, modeDir); err != nil {
		return err
	}
	return syncDir(filepath.Dir(dir))
}

func (d *Dir) at(step string) error {
	if d.step == nil {
		return nil
	}
	return d.step(step)
}

// remove removes a file that may not be there.
func remove(file string) error {
	if err := os.Remove(file); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
