package bundle

import (
	"archive/tar"
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// ratioFloor is how much may be unpacked from any archive, however small: headers and padding
// of tiny files compress better than the ratio allows for.
const ratioFloor = 1 << 20

// An archiveReader reads an archive once, entry by entry, and believes nothing of it: the
// manifest comes first, and what follows is exactly what that lists, in that order.
type archiveReader struct {
	packed   *bufio.Reader
	unpacked *limited
	gzip     *gzip.Reader
	tar      *tar.Reader
	keep     func(File) bool // nil: every file is
	dir      *os.Root        // where files go; nil: into memory

	manifest *Manifest
	files    map[string]held   // the configuration
	sealed   map[string][]byte // files of secrets, as they came
	keys     []TrustedKey
}

// limited refuses to read more than allowed.
type limited struct {
	r    io.Reader
	left int64
}

var errTooMuch = errors.New("it unpacks to more than is allowed")

func (l *limited) Read(p []byte) (int, error) {
	if l.left <= 0 {
		// There may be nothing more.
		n, err := l.r.Read(make([]byte, 1))
		if n > 0 {
			return 0, errTooMuch
		}
		return 0, err
	}
	n, err := l.r.Read(p[:min(int64(len(p)), l.left)])
	l.left -= int64(n)
	return n, err
}

// readArchive reads what r yields, size bytes. When the manifest is there it asks judge, and
// goes on only with its consent. Every error is an *Error.
func readArchive(
	r io.Reader, size int64, keep func(File) bool, dir *os.Root, judge func(*Manifest) error,
) (*archiveReader, error) {
	a := &archiveReader{packed: bufio.NewReader(r), keep: keep, dir: dir,
		files: map[string]held{}, sealed: map[string][]byte{}}
	var err error
	if a.gzip, err = gzip.NewReader(a.packed); err != nil {
		return nil, malformed(ArchiveBad, "the archive is not compressed by gzip")
	}
	a.gzip.Multistream(false)
	limit := min(MaxUnpackedBytes, max(ratioFloor, size*MaxRatio))
	a.unpacked = &limited{r: a.gzip, left: limit}
	a.tar = tar.NewReader(a.unpacked)
	if err := a.readManifest(); err != nil {
		return nil, err
	}
	if err := judge(a.manifest); err != nil {
		return nil, err
	}
	for _, f := range a.manifest.Files {
		if err := a.readFile(f); err != nil {
			return nil, err
		}
	}
	return a, a.end()
}

// next returns the header of the next entry: that of a plain file, and nothing else.
func (a *archiveReader) next() (*tar.Header, error) {
	h, err := a.tar.Next()
	switch {
	case errors.Is(err, io.EOF):
		return nil, io.EOF
	case errors.Is(err, errTooMuch):
		return nil, malformed(ArchiveTooBig, "the archive unpacks to more than is allowed")
	case err != nil:
		return nil, malformed(ArchiveBad, "the archive is damaged")
	case h.Typeflag != tar.TypeReg || h.Format != tar.FormatUSTAR || len(h.PAXRecords) > 0:
		return nil, malformed(ArchiveBad, "%q in the archive is no plain file", plain(h.Name))
	case h.Name != manifestName && !isPath(h.Name):
		return nil, malformed(ArchiveBad, "the path %q is not allowed in an archive", plain(h.Name))
	}
	return h, nil
}

func (a *archiveReader) readManifest() error {
	h, err := a.next()
	if errors.Is(err, io.EOF) {
		return malformed(ManifestBad, "the archive is empty")
	}
	if err != nil {
		return err
	}
	if h.Name != manifestName {
		return malformed(ManifestBad, "the archive does not begin with %s", manifestName)
	}
	if h.Size > maxManifestBytes {
		return malformed(ManifestBad, "%s has more than %d bytes", manifestName, maxManifestBytes)
	}
	data, err := io.ReadAll(a.tar)
	if err != nil {
		return readError(manifestName, err)
	}
	a.manifest, err = parseManifest(data)
	return err
}

// readFile reads the entry of f, which must be the next.
func (a *archiveReader) readFile(f File) error {
	h, err := a.next()
	switch {
	case errors.Is(err, io.EOF):
		return malformed(FileMissing, "%s is in the manifest and not in the archive", f.Path)
	case err != nil:
		return err
	case h.Name > f.Path:
		return malformed(FileMissing, "%s is in the manifest and not in the archive", f.Path)
	case h.Name < f.Path:
		return malformed(FileUnexpected, "%s is in the archive and not in the manifest, or out of order", h.Name)
	case h.Size != f.Size:
		return untrusted(HashWrong, "%s has %d bytes, and the manifest says %d", f.Path, h.Size, f.Size)
	}
	sum := sha256.New()
	if err := a.store(f, io.TeeReader(a.tar, sum)); err != nil {
		return err
	}
	if hex.EncodeToString(sum.Sum(nil)) != f.SHA256 {
		return untrusted(HashWrong, "%s is not the file that the manifest names", f.Path)
	}
	return nil
}

// store keeps the content of f where it belongs.
func (a *archiveReader) store(f File, r io.Reader) error {
	own := f.Kind == KindSecrets || f.Kind == KindTrustedKey
	if !own && a.keep != nil && !a.keep(f) {
		if _, err := io.Copy(io.Discard, r); err != nil {
			return readError(f.Path, err)
		}
		return nil
	}
	if a.dir != nil && !own {
		a.files[f.Path] = held{size: f.Size}
		return a.unpack(f, r)
	}
	var b bytes.Buffer
	if _, err := io.Copy(&b, r); err != nil {
		return readError(f.Path, err)
	}
	content := b.Bytes()
	switch f.Kind {
	case KindSecrets:
		a.sealed[f.Path] = content
	case KindTrustedKey:
		k, err := ParseTrustedKey(f.Path, content)
		if err != nil {
			return malformed(ArchiveBad, "%s is no minisign public key", f.Path)
		}
		a.keys = append(a.keys, k)
	default:
		a.files[f.Path] = inMemory(content)
		return nil
	}
	if a.dir != nil {
		return a.unpack(f, bytes.NewReader(content))
	}
	return nil
}

// unpack writes one file below dir, readable by its owner only. It does not wait for the disk:
// what counts after a power cut is the archive.
func (a *archiveReader) unpack(f File, r io.Reader) error {
	name := filepath.FromSlash(f.Path)
	err := a.dir.MkdirAll(filepath.Dir(name), 0o700)
	if err != nil {
		return writeError(f.Path, err)
	}
	out, err := a.dir.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return writeError(f.Path, err)
	}
	w := &writeOnly{w: out}
	_, err = io.Copy(w, r)
	switch err = errors.Join(err, out.Close()); {
	case w.failed || err != nil && isPathError(err):
		return writeError(f.Path, err)
	case err != nil:
		return readError(f.Path, err)
	}
	return nil
}

// writeOnly tells errors of writing from those of reading.
type writeOnly struct {
	w      io.Writer
	failed bool
}

func (w *writeOnly) Write(p []byte) (int, error) {
	n, err := w.w.Write(p)
	w.failed = w.failed || err != nil
	return n, err
}

func isPathError(err error) bool {
	var p *fs.PathError
	return errors.As(err, &p)
}

// end makes sure that nothing follows the last file, in any layer.
func (a *archiveReader) end() error {
	h, err := a.next()
	if err == nil {
		return malformed(FileUnexpected, "%s is in the archive and not in the manifest", h.Name)
	}
	if !errors.Is(err, io.EOF) {
		return err
	}
	n, err := io.Copy(io.Discard, a.unpacked)
	switch {
	case errors.Is(err, errTooMuch):
		return malformed(ArchiveTooBig, "the archive unpacks to more than is allowed")
	case err != nil:
		return malformed(ArchiveBad, "the archive is damaged at its end")
	case n > 0:
		return malformed(ArchiveBad, "something follows the last file of the archive")
	}
	if _, err := a.packed.Peek(1); !errors.Is(err, io.EOF) {
		return malformed(ArchiveBad, "something follows the archive")
	}
	return nil
}

func readError(name string, err error) error {
	if errors.Is(err, errTooMuch) {
		return malformed(ArchiveTooBig, "the archive unpacks to more than is allowed")
	}
	return malformed(ArchiveBad, "the archive is damaged within %s", name)
}

// writeError is no verdict about the bundle: the same one may be good a minute later.
func writeError(name string, err error) error {
	return fmt.Errorf("unpacking %s: %w", name, err)
}

// A packedFile is one file on its way into an archive.
type packedFile struct {
	path    string
	content []byte
}

// pack writes the archive: the same bytes for the same files.
func pack(manifest []byte, files []packedFile) ([]byte, error) {
	var plainTar bytes.Buffer
	w := tar.NewWriter(&plainTar)
	for _, f := range append([]packedFile{{manifestName, manifest}}, files...) {
		err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: f.path, Mode: 0o644,
			Size: int64(len(f.content)), Format: tar.FormatUSTAR})
		if err == nil {
			_, err = w.Write(f.content)
		}
		if err != nil {
			return nil, fmt.Errorf("packing %s: %w", f.path, err)
		}
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("packing: %w", err)
	}
	packed, err := compress(plainTar.Bytes(), gzip.BestCompression)
	if err == nil && plainTar.Len() > max(ratioFloor, len(packed)*MaxRatio) {
		packed, err = compress(plainTar.Bytes(), gzip.NoCompression)
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("packing: %w", err)
	case plainTar.Len() > MaxUnpackedBytes:
		return nil, malformed(ArchiveTooBig, "the bundle has more than %d bytes", MaxUnpackedBytes)
	case len(packed) > MaxPackedBytes:
		return nil, malformed(ArchiveTooBig, "the bundle has more than %d bytes packed", MaxPackedBytes)
	}
	return packed, nil
}

// compress leaves the gzip header empty: no name, no time.
func compress(data []byte, level int) ([]byte, error) {
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, level)
	if err != nil {
		return nil, err
	}
	_, err = w.Write(data)
	err = errors.Join(err, w.Close())
	return b.Bytes(), err
}

func sumOf(h hash.Hash) (sum [sha256.Size]byte) { return [sha256.Size]byte(h.Sum(sum[:0])) }
