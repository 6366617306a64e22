// Package contents says what a configuration consists of, and what another one changes, in the
// words of the API and for whoever reads it over a shoulder: it never says a secret, nor anything
// that a short one could be guessed by. Of a file in which secrets stand in the clear there is
// neither size nor hash.
//
// The wall: values in, values out. It reads what was opened by others, and imports neither the
// disk nor the network, the store or the reconciler. It starts no goroutine and does not log.
package contents

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"path"
	"sort"

	"gatehouse/sync/bundle"
	"gatehouse/sync/load"
	"gatehouse/webui"
)

// A List is what a bundle consists of, by path.
type List struct {
	Objects []webui.BundleObject

	sums [][sha256.Size]byte // of Objects, to find changes by; they never leave
}

// maxHeld is how much of a bundle's files Wanted has held, in bytes.
const maxHeld = 8 << 20

// Wanted returns a bundle.VerifyOptions.Keep for Of: of a bundle of any size, the few small files
// whose content says more about them than the manifest does. It is for one bundle.
func Wanted() func(bundle.File) bool {
	room := int64(maxHeld)
	return func(f bundle.File) bool {
		if !isTelling(f.Path) || f.Size > room {
			return false
		}
		room -= f.Size
		return true
	}
}

// Of lists what b consists of: the files of its manifest, and those that are sealed in its secrets.
// Of b's files it needs those that Wanted has kept.
func Of(b *bundle.Bundle) *List {
	l, fsys := &List{}, b.FS()
	files, sealed := b.Manifest.Files, b.SealedFiles()
	for len(files)+len(sealed) > 0 {
		if len(sealed) == 0 || len(files) > 0 && files[0].Path < sealed[0] {
			l.addFile(fsys, &files[0])
			files = files[1:]
		} else {
			l.addSealed(fsys, sealed[0])
			sealed = sealed[1:]
		}
	}
	return l
}

// addFile adds a file of the manifest.
func (l *List) addFile(fsys fs.FS, f *bundle.File) {
	o := webui.BundleObject{Path: f.Path, Encrypted: f.Kind == bundle.KindSecrets}
	o.Kind, _ = kindOf(f.Path)
	data, _ := fs.ReadFile(fsys, f.Path) // nil: it was not kept
	o.Fingerprint = fingerprint(fsys, f.Path, data)
	if o.Secret = !o.Encrypted && (f.Secret || isTelling(f.Path) && mayHoldSecret(f.Path, data)); !o.Secret {
		o.Size, o.SHA256 = f.Size, f.SHA256
	}
	var sum [sha256.Size]byte
	_, _ = hex.Decode(sum[:], []byte(f.SHA256)) // the manifest was judged: it is one
	l.Objects, l.sums = append(l.Objects, o), append(l.sums, sum)
}

// addSealed adds a file that came among the secrets.
func (l *List) addSealed(fsys fs.FS, name string) {
	data, _ := fs.ReadFile(fsys, name) // it is in memory
	o := webui.BundleObject{Path: name, Encrypted: true, Secret: true, Fingerprint: fingerprint(fsys, name, data)}
	o.Kind, _ = kindOf(name)
	l.Objects, l.sums = append(l.Objects, o), append(l.sums, sha256.Sum256(data))
}

// OfLoose lists what loose files in force consist of, by path: the versions that were judged and
// went live, not what lies on the disk by now. Their sizes are not known. Whether a secret stands
// in one of them is not looked at, so that a hash is said of those alone in which there is none.
func OfLoose(objects load.Objects) []webui.BundleObject {
	list := []webui.BundleObject{}
	listed := map[string]bool{}
	for _, object := range objects {
		for name, sum := range object.Files {
			if listed[name] {
				continue // it is part of two objects
			}
			listed[name] = true
			o := webui.BundleObject{Path: name}
			open := false
			if o.Kind, open = kindOf(name); open {
				o.SHA256 = hex.EncodeToString(sum[:])
			}
			o.Secret = !open
			list = append(list, o)
		}
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Path < list[j].Path })
	return list
}

// isTelling reports whether the content of a file has to be seen to know what may be said of it. Of
// a file of users the manifest says so.
func isTelling(name string) bool {
	return name == policyFile || path.Dir(name) == "radius" || path.Ext(name) == ".pem"
}

// isKey reports whether a file holds a private key, whatever it is called.
func isKey(name string, data []byte) bool {
	return path.Base(name) == keyFile || bytes.Contains(data, []byte("PRIVATE KEY-----"))
}

// mayHoldSecret reports whether a secret stands in a file, or may: nil is content that is not known.
// The address of a webhook often holds one.
func mayHoldSecret(name string, data []byte) bool {
	return data == nil || isKey(name, data) || bundle.HoldsSecret(name, data) ||
		name == policyFile && bytes.Contains(data, []byte("webhook"))
}
