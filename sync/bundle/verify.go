package bundle

import (
	"crypto/sha256"
	"errors"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"time"

	"aead.dev/minisign"
)

// VerifyOptions says against what a bundle is verified. What is left out is not checked, and a
// warning says so; only Keys is required.
type VerifyOptions struct {
	Keys []TrustedKey // any of them may sign; none: every signature is refused

	// As is the gateway that asks.
	As *Node

	// Serials returns the highest serial accepted from a key, and the hash of that archive. ok
	// is false for a key of which nothing was accepted yet.
	Serials func(keyID string) (highest uint64, hash [sha256.Size]byte, ok bool)

	// Clock returns the time, and whether it is believed.
	Clock func() (now time.Time, sure bool)

	// Version is that of this program. One that is no number is not compared.
	Version string

	// Identity opens the secrets.
	Identity *Identity

	// Keep reports whether the content of a file is wanted in FS. What is not is read and its hash
	// verified all the same, and then forgotten: to list a large bundle takes no room. Secrets are
	// opened in any case. Nil: all.
	Keep func(File) bool

	// Dir is an empty directory into which the files go rather than into memory: as they came,
	// secrets encrypted. It must stay as long as the Bundle is used. When Verify fails, what it
	// has written is for the caller to remove.
	Dir string
}

// Verify reads an archive of size bytes and its signature, and returns the bundle if everything
// about it is as it must be, and nothing otherwise.
//
// In this order: the signature over the whole file, the manifest, the selector, the serial, the
// hashes of all files, the secrets. Nothing of the archive is looked at before its signature is
// verified. Every refusal is an *Error; any other error (of reading the archive, of writing to
// Dir) says nothing about the bundle.
func Verify(archive io.ReaderAt, size int64, signature []byte, opt VerifyOptions) (*Bundle, error) {
	if err := checkKeys(opt.Keys); err != nil {
		return nil, err
	}
	v := &verifier{opt: opt, bundle: &Bundle{}}
	if err := v.signature(archive, size, signature); err != nil {
		return nil, err
	}
	return v.open(archive, size)
}

// OpenUnverified reads an archive as Verify does, but for its signature: to show what is in it
// or to compare, never to apply it. Keys and Serials of opt are not used.
func OpenUnverified(archive io.ReaderAt, size int64, opt VerifyOptions) (*Bundle, error) {
	opt.Serials = nil
	v := &verifier{opt: opt, bundle: &Bundle{}}
	sum, err := v.hash(archive, size)
	if err != nil {
		return nil, err
	}
	v.bundle.Archive = sum
	v.bundle.warn(WarnUnverified, "the signature was not checked")
	return v.open(archive, size)
}

// verifier is one run of Verify.
type verifier struct {
	opt    VerifyOptions
	bundle *Bundle
}

func checkSize(size int64) error {
	if size > MaxPackedBytes {
		return malformed(ArchiveTooBig, "the archive has more than %d bytes", MaxPackedBytes)
	}
	return nil
}

// signature verifies the signature, and takes the hash of the archive on the way.
func (v *verifier) signature(archive io.ReaderAt, size int64, signature []byte) error {
	if _, _, err := parseSignature(signature); err != nil {
		return err // before reading what may be large
	}
	if err := checkSize(size); err != nil {
		return err
	}
	sum := sha256.New()
	r := minisign.NewReader(io.TeeReader(io.NewSectionReader(archive, 0, size), sum))
	n, err := io.Copy(io.Discard, r)
	if err != nil {
		return err
	}
	if n != size {
		return untrusted(ArchiveChanged, "the archive is shorter than it was")
	}
	v.bundle.Archive = sumOf(sum)
	v.bundle.Signer, v.bundle.Comment, err = signer(r, signature, v.opt.Keys)
	return err
}

func (v *verifier) hash(archive io.ReaderAt, size int64) ([sha256.Size]byte, error) {
	if err := checkSize(size); err != nil {
		return [sha256.Size]byte{}, err
	}
	sum := sha256.New()
	_, err := io.Copy(sum, io.NewSectionReader(archive, 0, size))
	return sumOf(sum), err
}

// open reads the archive a second time, and makes sure that it is still the one whose signature
// was verified.
func (v *verifier) open(archive io.ReaderAt, size int64) (*Bundle, error) {
	var dir *os.Root
	if v.opt.Dir != "" {
		var err error
		if dir, err = os.OpenRoot(v.opt.Dir); err != nil {
			return nil, err
		}
		defer dir.Close() // only a handle to the directory
	}
	sum := sha256.New()
	disk := &diskReader{r: io.NewSectionReader(archive, 0, size)}
	a, err := readArchive(io.TeeReader(disk, sum), size, v.opt.Keep, dir, v.judge)
	if disk.err != nil {
		return nil, disk.err // what follows from it is no verdict
	}
	if err != nil {
		return nil, err
	}
	if sumOf(sum) != v.bundle.Archive {
		return nil, untrusted(ArchiveChanged, "the archive was changed while it was read")
	}
	b := v.bundle
	b.Manifest, b.NextKeys = a.manifest, a.keys
	if err := checkKeys(a.keys); err != nil {
		return nil, malformed(ArchiveBad, "%s", trustedKeysDir).because(err)
	}
	if err := v.secrets(a); err != nil {
		return nil, err
	}
	return b, nil
}

// diskReader remembers an error of reading that has nothing to do with what is read.
type diskReader struct {
	r   io.Reader
	err error
}

func (d *diskReader) Read(p []byte) (int, error) {
	n, err := d.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		d.err = err
	}
	return n, err
}

// judge decides by the manifest alone whether the bundle is for this gateway, and for now.
func (v *verifier) judge(m *Manifest) error {
	b, opt := v.bundle, v.opt
	switch {
	case opt.As == nil:
		b.warn(WarnSelector, "whether the bundle is for this gateway was not checked: none was named")
	case !m.Selector.Matches(*opt.As):
		return refused(SelectorOther, "the bundle %s is for other gateways than %q", m.BundleID, plain(opt.As.ID))
	}
	if err := v.serial(m); err != nil {
		return err
	}
	if err := v.dates(m); err != nil {
		return err
	}
	if m.MinVersion == "" {
		return nil
	}
	have := parseVersion(opt.Version)
	if have == nil {
		b.warn(WarnVersion, "the bundle wants version %s or newer, which was not checked: this is %q",
			m.MinVersion, plain(opt.Version))
	} else if olderThan(have, parseVersion(m.MinVersion)) {
		return refused(VersionTooOld, "the bundle wants version %s or newer, and this is %s",
			m.MinVersion, plain(opt.Version))
	}
	return nil
}

// serial refuses what is older than what was accepted from the same key. It is counted per key:
// whoever steals one must not be able to use up the numbers of its replacement.
func (v *verifier) serial(m *Manifest) error {
	b := v.bundle
	if v.opt.Serials == nil {
		b.warn(WarnSerial, "whether the serial was used before was not checked")
		return nil
	}
	highest, hash, ok := v.opt.Serials(b.Signer.ID())
	switch {
	case !ok || m.Serial > highest:
		return nil
	case m.Serial < highest:
		return refused(SerialOld, "serial %d is older than %d, which was accepted from %s",
			m.Serial, highest, b.Signer)
	case hash != b.Archive:
		return refused(SerialReused, "ALARM: serial %d was accepted from %s with other content before",
			m.Serial, b.Signer)
	}
	return nil
}

// dates refuses what is not good yet, and warns of what has expired: a branch without WAN has
// to go on with what it has.
func (v *verifier) dates(m *Manifest) error {
	if m.NotBefore.IsZero() && m.Expires.IsZero() {
		return nil
	}
	var now time.Time
	sure := false
	if v.opt.Clock != nil {
		now, sure = v.opt.Clock()
	}
	switch {
	case !sure:
		v.bundle.warn(WarnClock, "not_before and expires were not checked: the clock is not believed")
	case now.Before(m.NotBefore):
		return refused(NotYet, "the bundle is not to be applied before %s", m.NotBefore.Format(time.RFC3339))
	case !m.Expires.IsZero() && !now.Before(m.Expires):
		v.bundle.warn(WarnExpired, "the bundle has expired on %s: a newer one should be in its place",
			m.Expires.Format(time.RFC3339))
	}
	return nil
}

// secrets decrypts the secrets and puts the files among them into their places.
func (v *verifier) secrets(a *archiveReader) error {
	b := v.bundle
	var base fs.FS
	if v.opt.Dir != "" {
		base = os.DirFS(v.opt.Dir)
	}
	var all *sealed
	switch {
	case len(a.sealed) == 0:
		all = newSealed()
	case v.opt.Identity == nil:
		b.warn(WarnSecrets, "the secrets were not opened: no identity was given")
	default:
		var err error
		if all, err = openSealed(a.sealed, v.opt.Identity); err != nil {
			return err
		}
		if all == nil {
			return refused(NoRecipient, "none of the %d files of secrets is encrypted to %s",
				len(a.sealed), v.opt.Identity.Recipient())
		}
	}
	if all != nil {
		for _, name := range slices.Sorted(maps.Keys(all.Files)) {
			if _, twice := a.files[name]; twice {
				return malformed(SecretsBad, "%s is in the archive, and among the secrets too", name)
			}
			a.files[name] = inMemory([]byte(all.Files[name]))
			b.sealed = append(b.sealed, name)
		}
		b.secrets, b.SecretsOpened = all.Values, true
	}
	b.files = newOverlay(base, a.files)
	return nil
}

// AsError returns err as an *Error, or nil if it says nothing about a bundle.
func AsError(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}
