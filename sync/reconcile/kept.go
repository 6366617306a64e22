package reconcile

import (
	"errors"
	"fmt"
	"strconv"

	"gatehouse/authcore/snapshot"
	"gatehouse/sync/bundle"
	"gatehouse/sync/load"
	"gatehouse/sync/versions"
)

// maxKeptBytes is how much the files of a version may have in all, in bytes, for LoadKept.
const maxKeptBytes = 8 << 20

// KeptVersion returns the version that is called so: by its name, or by its serial where that is of
// one only. "" is what is in force. The error is ErrNoVersion.
func (b *BundleState) KeptVersion(name string) (found *KeptVersion, err error) {
	for i := range b.Kept {
		v := &b.Kept[i]
		switch {
		case v.Name == name || name == "" && v.Name == b.InForce:
			return v, nil
		case strconv.FormatUint(v.Serial, 10) != name:
		case found != nil:
			return nil, fmt.Errorf("%w: more than one has the serial %s: name it as bundle history does", ErrNoVersion, name)
		default:
			found = v
		}
	}
	switch {
	case found != nil:
		return found, nil
	case name == "":
		return nil, fmt.Errorf("%w: no bundle is in force", ErrNoVersion)
	}
	return nil, fmt.Errorf("%w: %q; see bundle history", ErrNoVersion, name)
}

// BeforeVersion returns the version that was in force before v did, as far as it is still kept. If
// those were loose files, or it is kept no longer, it is the next older one that is; nil if there
// is none.
func (b *BundleState) BeforeVersion(v *KeptVersion) (older *KeptVersion) {
	for i := range b.Kept {
		switch other := &b.Kept[i]; {
		case other.Name == v.Name:
		case other.Name == v.Before:
			return other
		case other.Serial < v.Serial && (older == nil || other.Serial >= older.Serial):
			older = other
		}
	}
	return older
}

// ReadKept reads a version from the disk and verifies it again, all but what was settled when it
// came. Nothing is written, and in memory it holds what keep asks for. It may be called from any
// goroutine; a version may go meanwhile, which is versions.ErrDamaged.
func (r *Reconciler) ReadKept(kept *KeptVersion, keep func(bundle.File) bool) (*bundle.Bundle, error) {
	if r.signed == nil {
		return nil, ErrNoBundles
	}
	v, opt, err := r.signed.stored(kept.Name, kept.Signer)
	if err != nil {
		return nil, err
	}
	defer v.Archive.Close() // opened for reading: closing loses nothing
	opt.Keep = keep
	b, err := bundle.Verify(gentleAt{v.Archive, r.cfg.Breathe}, v.Size, v.Signature, opt)
	if err == nil && b.Name() != kept.Name {
		err = fmt.Errorf("version %s holds %s", kept.Name, b.Name())
	}
	return b, err
}

// stored opens a version on the disk, of which the caller closes the archive, and says by what it
// is verified again: by the key that it was accepted by. It may be called from any goroutine.
func (s *signed) stored(name, signer string) (*versions.Version, bundle.VerifyOptions, error) {
	v, err := s.Dir.Open(name)
	if err != nil {
		return nil, bundle.VerifyOptions{}, err
	}
	key, err := bundle.ParseTrustedKey(signer, v.Key)
	if err != nil {
		return nil, bundle.VerifyOptions{}, errors.Join(err, v.Archive.Close())
	}
	return v, bundle.VerifyOptions{Keys: []bundle.TrustedKey{key}, Identity: s.Identity}, nil
}

// LoadKept reads a version whole and loads what is in it, to compare it and never to serve it. Its
// files are in memory as long as the Draft is. For one that is too large for that, or is no longer
// valid by itself, d is nil and why says so to people: that is no error.
func (r *Reconciler) LoadKept(kept *KeptVersion) (b *bundle.Bundle, d *snapshot.Draft, why string, err error) {
	room, large := int64(maxKeptBytes), false
	b, err = r.ReadKept(kept, func(f bundle.File) bool {
		room -= f.Size
		large = large || room < 0
		return !large
	})
	switch {
	case err != nil:
		return nil, nil, "", err
	case large:
		return nil, nil, fmt.Sprintf("serial %d has more than %d MiB: compare the two where bundles are made, "+
			"with gatehouse bundle diff", kept.Serial, maxKeptBytes>>20), nil
	}
	draft, problems := load.Load(gentle(b.FS(), r.cfg.Breathe), load.Options{Now: r.cfg.Now(),
		Secrets: b.Secrets(), Managed: true, Activates: b.Manifest.ActivePairs(), WithoutSecrets: !b.SecretsOpened})
	if draft == nil || problems.HasErrors() {
		return nil, nil, fmt.Sprintf("serial %d is no longer valid by itself", kept.Serial), nil
	}
	return b, draft, "", nil
}

// LooseObjects returns what is in force of loose files; false if nothing is, or a bundle. It may be
// called from any goroutine; what it returns is shared and must not be written.
func (r *Reconciler) LooseObjects() (load.Objects, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.loose, r.loose != nil
}
