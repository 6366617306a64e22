package versions

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

const (
	maxSignature = 16 << 10
	maxKey       = 4 << 10
)

// A Version is an archive on disk with what verifies it.
type Version struct {
	Archive   *os.File // the caller closes it
	Size      int64    // bytes
	Signature []byte   // the .minisig file
	Key       []byte   // the public key that it was accepted by, as a minisign file
}

// Open opens a version. Errors: ErrDamaged, or what the disk says.
func (d *Dir) Open(name string) (*Version, error) {
	v, err := d.open(name)
	if err != nil {
		return nil, fmt.Errorf("opening version %q: %w", name, err)
	}
	return v, nil
}

func (d *Dir) open(name string) (*Version, error) {
	if !isName(name) {
		return nil, errors.New("that is no version's name")
	}
	signature, err := readSmall(filepath.Join(d.path(name), signatureFile), maxSignature)
	if err != nil {
		return nil, damaged(err)
	}
	key, err := readSmall(filepath.Join(d.path(name), keyFile), maxKey)
	if err != nil {
		return nil, damaged(err)
	}
	f, size, err := openRegular(filepath.Join(d.path(name), archiveFile))
	if err != nil {
		return nil, damaged(err)
	}
	return &Version{f, size, signature, key}, nil
}

// damaged says that a file that must be there is not.
func damaged(err error) error {
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, errNoFile) {
		return fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return err
}

// Add puts a version under name, durably, or leaves what was there. The archive must have the
// hash sum, which is what was verified: a file in incoming/ may have been written to meanwhile.
// One of that name is replaced.
func (d *Dir) Add(name string, v Version, sum [sha256.Size]byte) error {
	if !isName(name) {
		return fmt.Errorf("keeping version %q: that is no version's name", name)
	}
	fresh := d.path(unfinished + name)
	err := d.write(fresh, v, sum)
	if err == nil {
		err = d.replace(fresh, name)
	}
	if err != nil {
		err = fmt.Errorf("keeping version %s: %w", name, err)
		return errors.Join(err, os.RemoveAll(fresh)) // it may be what filled the disk
	}
	return nil
}

func (d *Dir) write(dir string, v Version, sum [sha256.Size]byte) error {
	if err := d.cfg.Step("make " + d.relative(dir)); err != nil {
		return err
	}
	if err := errors.Join(os.RemoveAll(dir), os.Mkdir(dir, 0o700)); err != nil {
		return err
	}
	h := sha256.New()
	archive := io.TeeReader(io.NewSectionReader(v.Archive, 0, v.Size), h)
	if err := d.writeFile(filepath.Join(dir, archiveFile), archive); err != nil {
		return err
	}
	if [sha256.Size]byte(h.Sum(nil)) != sum {
		return errors.New("the archive was changed while it was read")
	}
	for _, f := range []struct {
		name string
		data []byte
	}{{signatureFile, v.Signature}, {keyFile, v.Key}} {
		if err := d.writeFile(filepath.Join(dir, f.name), readerOf(f.data)); err != nil {
			return err
		}
	}
	return d.syncDir(dir)
}

// writeFile is on the disk when it returns, but for the file's name.
func (d *Dir) writeFile(name string, content io.Reader) error {
	if err := d.cfg.Step("write " + d.relative(name)); err != nil {
		return err
	}
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(f, content)
	if err == nil {
		err = d.cfg.Step("sync " + d.relative(name))
	}
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// replace gives what is in fresh the name. Between the two renames neither is there under it:
// tidy puts the old one back.
func (d *Dir) replace(fresh, name string) error {
	old := d.path(replaced + name)
	if err := d.cfg.Step("set aside " + name); err != nil {
		return err
	}
	if err := os.RemoveAll(old); err != nil {
		return err
	}
	err := os.Rename(d.path(name), old)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	was := err == nil
	if err := d.cfg.Step("rename " + d.relative(fresh)); err != nil {
		return errors.Join(err, renameBack(old, d.path(name)))
	}
	if err := os.Rename(fresh, d.path(name)); err != nil {
		return errors.Join(err, renameBack(old, d.path(name)))
	}
	if err := d.syncDir(d.versions()); err != nil || !was {
		return err
	}
	return d.removeAll(old)
}

func (d *Dir) removeAll(dir string) error {
	if err := d.cfg.Step("remove " + d.relative(dir)); err != nil {
		return err
	}
	return os.RemoveAll(dir)
}

func renameBack(old, name string) error {
	if err := os.Rename(old, name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// Delete removes a version. One that is not there is no error.
func (d *Dir) Delete(name string) error {
	if !isName(name) {
		return fmt.Errorf("deleting version %q: that is no version's name", name)
	}
	err := d.delete(name)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("deleting version %s: %w", name, err)
	}
	return nil
}

// delete takes the name away first, and for good: half of a version must never have it, not after
// a power cut either.
func (d *Dir) delete(name string) error {
	gone := d.path(unfinished + name)
	if err := d.cfg.Step("delete " + name); err != nil {
		return err
	}
	if err := os.RemoveAll(gone); err != nil {
		return err
	}
	if err := os.Rename(d.path(name), gone); err != nil {
		return err
	}
	if err := d.syncDir(d.versions()); err != nil {
		return err
	}
	return d.removeAll(gone)
}

// Scratch makes an empty directory for the files of a large archive. The caller removes it; so
// does the next start.
func (d *Dir) Scratch() (string, error) {
	dir, err := os.MkdirTemp(d.versions(), scratch)
	if err != nil {
		return "", fmt.Errorf("making room to unpack: %w", err)
	}
	return dir, nil
}

var errNoFile = errors.New("it is no regular file")

// openRegular opens a file to read, and nothing that would wait or lead elsewhere.
func openRegular(name string) (*os.File, int64, error) {
	f, err := os.OpenFile(name, os.O_RDONLY|syscall.O_NOFOLLOW|syscall.O_NONBLOCK, 0)
	if errors.Is(err, syscall.ELOOP) {
		return nil, 0, errNoFile
	}
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = errNoFile
	}
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}

// readSmall reads a whole file of at most limit bytes; of a larger one, limit+1.
func readSmall(name string, limit int64) ([]byte, error) {
	f, _, err := openRegular(name)
	if err != nil {
		return nil, err
	}
	defer f.Close() // opened for reading: closing loses nothing
	return io.ReadAll(io.LimitReader(f, limit+1))
}
