package journal

import (
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// A file is the journal's file, positioned by hand.
type file struct {
	f      *os.File
	salt   salt
	end    int64  // of what was acknowledged
	number uint64 // of the last frame
	// unsure is set when a sync has failed: what the disk holds is not known any more, and
	// the file must be written anew before anything else is acknowledged.
	unsure bool
}

// write appends a frame and syncs it. After an error the file is as before, or unsure.
func (w *file) write(changes []byte) error {
	frame := w.salt.appendFrame(nil, w.number+1, changes)
	if _, err := w.f.WriteAt(frame, w.end); err != nil {
		// What got there must not look like damage once more is written behind it.
		if cut := errors.Join(w.f.Truncate(w.end), w.f.Sync()); cut != nil {
			w.unsure = true
		}
		return err
	}
	if err := w.f.Sync(); err != nil {
		w.unsure = true
		return err
	}
	w.end += int64(len(frame))
	w.number++
	return nil
}

func (w *file) close() error { return w.f.Close() }

// lockFile opens and locks name. The journal itself is replaced when it is written anew, so its
// own lock would be lost.
func lockFile(name string) (*os.File, error) {
	f, err := os.OpenFile(name, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	err = syscall.EINTR
	for err == syscall.EINTR {
		err = syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
	}
	if err == syscall.EWOULDBLOCK {
		err = ErrInUse
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return f, nil
}

// openFile reads the journal at path, making it if it is absent, and cuts a torn tail. With
// ErrDamaged what was found before the damage is returned, and no file: nothing is to be
// written behind it.
func openFile(path string, maxBytes int64) (*file, content, error) {
	f, err := os.OpenFile(path, os.O_RDWR|syscall.O_NOFOLLOW, 0)
	if errors.Is(err, fs.ErrNotExist) {
		made, err := makeFile(path, nil)
		return made, content{}, err
	}
	if err != nil {
		return nil, content{}, err
	}
	b, err := io.ReadAll(io.LimitReader(f, maxBytes+1))
	if err == nil && int64(len(b)) > maxBytes {
		err = fmt.Errorf("%w: it is larger than %d bytes", ErrDamaged, maxBytes)
	}
	if err != nil {
		return nil, content{}, errors.Join(err, f.Close())
	}
	c := parseFile(b)
	if c.damaged {
		err := fmt.Errorf("%w at byte %d of %d; move %s away to start anew",
			ErrDamaged, c.end, len(b), path)
		return nil, c, errors.Join(err, f.Close())
	}
	if c.end == 0 {
		made, err := makeFile(path, nil)
		return made, c, errors.Join(err, f.Close())
	}
	if c.torn {
		if err := errors.Join(f.Truncate(int64(c.end)), f.Sync()); err != nil {
			return nil, c, errors.Join(err, f.Close())
		}
	}
	return &file{f: f, salt: c.salt, end: int64(c.end), number: c.number}, c, nil
}

// makeFile writes a journal of the given changes beside path, and puts it in its place: there
// is a whole one at any time.
func makeFile(path string, changes []change) (*file, error) {
	f, err := os.OpenFile(path+".new", os.O_RDWR|os.O_CREATE|os.O_TRUNC|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	w := &file{f: f}
	_, _ = rand.Read(w.salt[:]) // never fails
	err = w.fill(changes)
	if err == nil {
		err = os.Rename(path+".new", path)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close(), os.Remove(path+".new"))
	}
	// From here on this is the file, whatever the directory's sync says. Until that works
	// nothing may be acknowledged: the next boot could find the old one.
	w.unsure = syncDir(filepath.Dir(path)) != nil
	return w, nil
}

// fill writes a whole file with one sync.
func (w *file) fill(changes []change) error {
	buf := append([]byte(magic), w.salt[:]...)
	var frame []byte
	flush := func() {
		if len(frame) > 0 {
			w.number++
			buf = w.salt.appendFrame(buf, w.number, frame)
			frame = frame[:0]
		}
	}
	for _, c := range changes {
		if len(frame)+int(c.size()) > maxFrameBytes {
			flush()
		}
		frame = c.append(frame)
	}
	flush()
	if _, err := w.f.WriteAt(buf, 0); err != nil {
		return err
	}
	w.end = int64(len(buf))
	return w.f.Sync()
}

func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
