package appliance

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// lastGood holds the files of the configuration in force, but for those of users, in one file:
// there is always the whole of one version. It is a reconcile.Keeper. What is in it is secret,
// and readable by the process alone; `unzip` reads it.
type lastGood struct {
	path string // versions/last-good.zip in the state directory
}

func newLastGood(stateDir string) lastGood {
	return lastGood{filepath.Join(stateDir, "versions", "last-good.zip")}
}

// Keep implements reconcile.Keeper.
func (l lastGood) Keep(files map[string][]byte) error {
	data, err := pack(files)
	if err != nil {
		return fmt.Errorf("packing the last good configuration: %w", err)
	}
	if before, err := os.ReadFile(l.path); err == nil && bytes.Equal(before, data) {
		return nil // flash wears out
	}
	if err := l.replace(data); err != nil {
		return fmt.Errorf("writing the last good configuration: %w", err)
	}
	return nil
}

// pack makes the same archive of the same files.
func pack(files map[string][]byte) ([]byte, error) {
	var b bytes.Buffer
	z := zip.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(files)) {
		w, err := z.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err != nil {
			return nil, err
		}
		if _, err := w.Write(files[name]); err != nil {
			return nil, err
		}
	}
	err := z.Close()
	return b.Bytes(), err
}

// replace puts data in the file's place, on disk when it returns.
func (l lastGood) replace(data []byte) (err error) {
	dir := filepath.Dir(l.path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(l.path+".new", os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	if err := os.Rename(f.Name(), l.path); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// Last implements reconcile.Keeper. Damage shows when a file is read, by its checksum, and costs
// that one.
func (l lastGood) Last() (fs.FS, error) {
	data, err := os.ReadFile(l.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the last good configuration: %w", err)
	}
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, fmt.Errorf("reading the last good configuration: %w", err)
	}
	return z, nil
}
