package bundle

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"filippo.io/age"
)

// IdentityFile is the name of a gateway's age identity in its state directory.
const IdentityFile = "identity"

// An Identity opens the secrets that are encrypted to its recipient: one of a gateway, or the
// recovery identity that a fleet manager keeps offline. It never shows itself when printed.
type Identity struct{ key *age.X25519Identity }

// String, GoString and LogValue show the public half.
func (i Identity) String() string       { return i.Recipient() }
func (i Identity) GoString() string     { return i.Recipient() }
func (i Identity) LogValue() slog.Value { return slog.StringValue(i.Recipient()) }

// NewIdentity makes an identity.
func NewIdentity() (*Identity, error) {
	key, err := age.GenerateX25519Identity()
	if err != nil {
		return nil, fmt.Errorf("making an age identity: %w", err)
	}
	return &Identity{key}, nil
}

// ParseIdentity reads a file as age-keygen makes it: one AGE-SECRET-KEY-1 line, with comments.
// The error holds nothing of the key.
func ParseIdentity(text []byte) (*Identity, error) {
	var found *Identity
	for line := range strings.Lines(string(text)) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		key, err := age.ParseX25519Identity(line)
		if err != nil {
			return nil, errors.New("reading the age identity: a line is no AGE-SECRET-KEY-1 key")
		}
		if found != nil {
			return nil, errors.New("reading the age identity: there is more than one key")
		}
		found = &Identity{key}
	}
	if found == nil {
		return nil, errors.New("reading the age identity: there is no key in it")
	}
	return found, nil
}

// Recipient returns the public half, "age1…": what secrets are encrypted to.
func (i Identity) Recipient() string {
	if i.key == nil {
		return ""
	}
	return i.key.Recipient().String()
}

// Text returns the identity as a file for age and ParseIdentity.
func (i Identity) Text() []byte {
	return fmt.Appendf(nil, "# public key: %s\n%s\n", i.Recipient(), i.key)
}

// OpenIdentity returns the identity in the state directory dir, and makes one, with mode 0600,
// where there is none. It is on disk, whole, before it is returned: secrets encrypted to an
// identity that a power cut took away are lost. Two callers at once get the same one.
func OpenIdentity(dir string) (_ *Identity, made bool, err error) {
	path := filepath.Join(dir, IdentityFile)
	id, err := readIdentity(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return id, false, err
	}
	fresh, err := NewIdentity()
	if err != nil {
		return nil, false, err
	}
	err = writeOnce(path, fresh.Text())
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, false, fmt.Errorf("making an age identity: %w", err)
	}
	made = err == nil
	id, err = readIdentity(path)
	return id, made, err
}

func readIdentity(path string) (*Identity, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("reading the age identity: %w", err)
	}
	defer f.Close() // opened for reading: closing loses nothing
	text, err := io.ReadAll(io.LimitReader(f, maxKeyBytes))
	if err != nil {
		return nil, fmt.Errorf("reading the age identity: %w", err)
	}
	id, err := ParseIdentity(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return id, nil
}

// writeOnce makes a file of mode 0600, whole and on disk, or returns fs.ErrExist.
func writeOnce(path string, data []byte) (err error) {
	temp := path + "." + strings.ToLower(rand.Text()[:8]) + ".tmp"
	f, err := os.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(temp)) }()
	_, err = io.Copy(f, bytes.NewReader(data))
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Link(temp, path); err != nil { // unlike a rename it replaces nothing
		return err
	}
	return syncDirectory(filepath.Dir(path))
}

func syncDirectory(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
