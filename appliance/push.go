package appliance

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"gatehouse/sync/bundle"
	"gatehouse/sync/versions"
	"gatehouse/webui"
)

// pushBundle stores what somebody pushes where bundles arrive, and returns the archive's SHA-256
// in lower hex. What becomes of it, the Reconciler says.
func (a *Appliance) pushBundle(archive io.Reader, signature []byte) (string, error) {
	part := filepath.Join(a.incoming, ".push-"+rand.Text())
	hash, err := writePart(part, archive)
	if err != nil {
		return "", errors.Join(err, removeQuietly(part))
	}
	// A name for each content: the same again replaces itself. The signature comes last, so that
	// who looks never sees half of a pair.
	name := filepath.Join(a.incoming, pushPrefix+hash+versions.ArchiveSuffix)
	if err := a.putPair(part, name, signature); err != nil {
		return "", errors.Join(fmt.Errorf("storing the bundle: %w", err), removeQuietly(part))
	}
	a.reconciler.Expect(hash)
	return hash, nil
}

// writePart writes what arrives to a file, and returns its hash.
func writePart(name string, archive io.Reader) (string, error) {
	f, err := os.OpenFile(name, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return "", fmt.Errorf("storing the bundle: %w", err)
	}
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, sum), io.LimitReader(archive, bundle.MaxPackedBytes+1))
	if n > bundle.MaxPackedBytes {
		err = fmt.Errorf("%w: the archive has more than %d MiB", webui.ErrInvalid, bundle.MaxPackedBytes>>20)
	}
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return "", fmt.Errorf("storing the bundle: %w", err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

func (a *Appliance) putPair(part, name string, signature []byte) error {
	hidden := part + versions.SignatureSuffix
	if err := os.WriteFile(hidden, signature, 0o600); err != nil {
		return errors.Join(err, removeQuietly(hidden))
	}
	if err := os.Rename(part, name); err != nil {
		return errors.Join(err, removeQuietly(hidden))
	}
	if err := os.Rename(hidden, name+versions.SignatureSuffix); err != nil {
		return errors.Join(err, removeQuietly(hidden), removeQuietly(name))
	}
	return nil
}

// removeQuietly removes a file that may not be there.
func removeQuietly(name string) error {
	if err := os.Remove(name); err != nil && !os.IsNotExist(err) {
		return err
	}
	return nil
}
