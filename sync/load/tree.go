package load

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
)

// Bounds of a configuration directory.
const (
	maxFiles      = 10_000
	maxDepth      = 6          // folders in folders
	maxFileBytes  = 1 << 20    // of a file that is read whole
	maxUsersBytes = 256 << 20  // of a file of users, which is read record by record
	readAttempts  = 3          // at a file that changes while it is read
	unreadableSum = "\x00err:" // stands for the content of what cannot be read
)

var (
	errTorn     = errors.New("it changed while it was read")
	errTooLarge = errors.New("it is too large")
	errTooMany  = fmt.Errorf("there are more than %d files", maxFiles)
)

// tree is the configuration directory: which files there are, and the hash of each that has
// been read. Symbolic links are followed as fsys follows them.
type tree struct {
	fsys       fs.FS
	files      map[string]bool
	sums       map[string][sha256.Size]byte
	unreadable map[string]error // folders, and files that are no regular ones
	secrets    secrets          // that files may name
}

// openTree lists fsys. The error is that of the directory itself.
func openTree(fsys fs.FS) (*tree, error) {
	t := &tree{fsys: fsys, files: map[string]bool{}, sums: map[string][sha256.Size]byte{},
		unreadable: map[string]error{}}
	if err := t.walk(".", 0); err != nil {
		return nil, err
	}
	return t, nil
}

// Hash returns the hash over paths and contents that Load puts into the Draft, without judging
// anything. Two equal hashes mean that nothing has changed.
func Hash(fsys fs.FS) ([sha256.Size]byte, error) {
	t, err := openTree(fsys)
	if err != nil {
		return [sha256.Size]byte{}, fmt.Errorf("reading the configuration directory: %w", err)
	}
	return t.hash(), nil
}

func (t *tree) walk(dir string, depth int) error {
	entries, err := fs.ReadDir(t.fsys, dir)
	if err != nil {
		return plainError(err)
	}
	for _, e := range entries {
		name := path.Join(dir, e.Name())
		if isPassedOver(name) {
			continue
		}
		info, err := fs.Stat(t.fsys, name) // follows links, as e.Info does not
		switch {
		case err != nil:
			t.unreadable[name] = plainError(err)
		case info.IsDir() && depth+1 >= maxDepth:
			t.unreadable[name] = fmt.Errorf("more than %d folders deep", maxDepth)
		case info.IsDir():
			err := t.walk(name, depth+1)
			if errors.Is(err, errTooMany) {
				return err
			}
			if err != nil {
				t.unreadable[name] = err
			}
		case !info.Mode().IsRegular():
			t.unreadable[name] = errors.New("it is neither a file nor a folder")
		case len(t.files) >= maxFiles:
			return errTooMany
		default:
			t.files[name] = true
		}
	}
	return nil
}

// isPassedOver reports whether the configuration has nothing to do with name: what editors,
// version control and Kubernetes leave behind, documentation, the files of gatehouse.yaml, which
// need a restart, what is for bundles only, and demo/, where `init --demo` keeps what belongs to
// the demo's client.
func isPassedOver(name string) bool {
	base := path.Base(name)
	for _, suffix := range []string{"~", ".swp", ".swo", ".bak", ".orig", ".tmp", ".md", ".pub", "#",
		".age", ".recipients"} {
		if strings.HasSuffix(base, suffix) {
			return true
		}
	}
	if base[0] == '.' || base[0] == '#' || strings.HasPrefix(base, "README") {
		return true
	}
	switch name {
	case "gatehouse.yaml", "radsec", "fleet", "demo":
		return true
	}
	return false
}

// under returns the sorted files below dir.
func (t *tree) under(dir string) []string {
	var names []string
	for name := range t.files {
		if strings.HasPrefix(name, dir+"/") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// read returns the content of a file and remembers its hash.
func (t *tree) read(name string) ([]byte, error) { return t.readUpTo(name, maxFileBytes) }

// readUpTo is read for a file of up to limit bytes.
func (t *tree) readUpTo(name string, limit int64) ([]byte, error) {
	for range readAttempts {
		var content bytes.Buffer
		err := t.stream(name, limit, func(r io.Reader) error {
			_, err := io.Copy(&content, r)
			return err
		})
		if errors.Is(err, errTorn) {
			continue
		}
		return content.Bytes(), err
	}
	return nil, errTorn
}

// stream hands the content of a file to use, which may leave some of it unread, and remembers
// its hash. The error is that of reading, in plain words, or that of use.
func (t *tree) stream(name string, limit int64, use func(io.Reader) error) error {
	err := t.tryStream(name, limit, use)
	// What is too large for its purpose is hashed like any file: the hash knows no purpose.
	if err != nil && (limit >= maxUsersBytes || !errors.Is(err, errTooLarge)) {
		t.sums[name] = sha256.Sum256([]byte(unreadableSum + err.Error()))
	}
	return err
}

func (t *tree) tryStream(name string, limit int64, use func(io.Reader) error) error {
	f, err := t.fsys.Open(name)
	if err != nil {
		return plainError(err)
	}
	defer f.Close() // opened for reading: closing loses nothing
	before, err := f.Stat()
	if err != nil {
		return plainError(err)
	}
	if before.Size() > limit {
		return fmt.Errorf("%w: %d bytes, at most %d are read", errTooLarge, before.Size(), limit)
	}
	r := &hashReader{r: io.LimitReader(f, limit+1), sum: sha256.New()}
	if err := use(r); err != nil {
		return plainError(err)
	}
	if _, err := io.Copy(io.Discard, r); err != nil {
		return plainError(err)
	}
	after, err := f.Stat()
	if err != nil {
		return plainError(err)
	}
	same := after.Size() == before.Size() && after.ModTime().Equal(before.ModTime())
	if r.n != before.Size() || !same {
		return errTorn
	}
	t.sums[name] = [sha256.Size]byte(r.sum.Sum(nil))
	return nil
}

// hashReader hashes what is read through it.
type hashReader struct {
	r   io.Reader
	sum hash.Hash
	n   int64
}

func (h *hashReader) Read(p []byte) (int, error) {
	n, err := h.r.Read(p)
	h.sum.Write(p[:n]) // never fails
	h.n += int64(n)
	return n, err
}

// hash reads what nobody has read yet and returns the hash over everything.
func (t *tree) hash() [sha256.Size]byte {
	whole := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(t.files)) {
		if _, known := t.sums[name]; !known {
			// An error is part of the hash, through sums.
			_ = t.stream(name, maxUsersBytes, func(io.Reader) error { return nil })
		}
		sum := t.sums[name]
		fmt.Fprintf(whole, "%q %x\n", name, sum)
	}
	for _, name := range slices.Sorted(maps.Keys(t.unreadable)) {
		fmt.Fprintf(whole, "%q %v\n", name, t.unreadable[name])
	}
	return [sha256.Size]byte(whole.Sum(nil))
}

// plainError says why a file cannot be read, without the path, which the reader of the message
// has before him.
func plainError(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return errors.New("there is no such file")
	case errors.Is(err, fs.ErrPermission):
		return errors.New("permission denied")
	}
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}
