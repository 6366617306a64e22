package load

import (
	"crypto/sha256"
	"fmt"
	"maps"
	"slices"
	"strings"

	"gatehouse/authcore/policy"
)

// given is what a file says of one secret: KEY, KEY_file or KEY_ref, of which one may stand there.
type given struct {
	value, file, ref string
}

// secrets are the values that a bundle brings beside its files, by name.
type secrets struct {
	values map[string]string // nil: loose files, which can name none
	closed bool              // they are there and cannot be opened; see Options.WithoutSecrets
}

// hash adds the values to the hash over the files.
func (s secrets) hash(files [sha256.Size]byte) [sha256.Size]byte {
	if len(s.values) == 0 {
		return files
	}
	whole := sha256.New()
	_, _ = whole.Write(files[:]) // never fails
	for _, name := range slices.Sorted(maps.Keys(s.values)) {
		fmt.Fprintf(whole, "%q %q\n", name, s.values[name])
	}
	return [sha256.Size]byte(whole.Sum(nil))
}

// secret returns the secret at path, or what the file named at path_file holds without the line
// break at its end, or what is called as path_ref says. Nil without a problem: none is given.
func (d *document) secret(path string, g given) policy.Secret {
	fileKey, refKey := path+"_file", path+"_ref"
	if g.ref != "" {
		return d.referred(path, g)
	}
	switch {
	case g.file == "": // the default, spelt out
		return policy.Secret(g.value)
	case d.at.Has(path) && d.at.Has(fileKey):
		d.both(path, fileKey)
		return nil
	case d.at.Has(refKey) && d.at.Has(fileKey):
		d.both(fileKey, refKey)
		return nil
	}
	return d.secretFile(fileKey, g.file)
}

func (d *document) both(one, other string) {
	d.report(Error, other, fmt.Sprintf("both %s and %s are given", leaf(one), leaf(other)), "remove one")
}

// referred returns the secret that the bundle brings under a name.
func (d *document) referred(path string, g given) policy.Secret {
	at := path + "_ref"
	for _, other := range []string{path, path + "_file"} {
		if d.at.Has(other) {
			d.both(other, at)
			return nil
		}
	}
	if d.tree.secrets.closed {
		return policy.Secret(leaf(at) + " " + g.ref) // it stands for itself, and is never used
	}
	if d.tree.secrets.values == nil {
		d.report(Error, at, leaf(at)+" names a secret that only a bundle brings, and these are loose files",
			"write "+leaf(path)+"_file, with the name of a file that holds the secret")
		return nil
	}
	value, known := d.tree.secrets.values[g.ref]
	d.brought = append(d.brought, g.ref)
	switch {
	case !known:
		d.report(Error, at, "the bundle brings no secret of this name",
			"write "+leaf(path)+": with the secret itself, and run gatehouse bundle seal")
	case value == "":
		d.report(Error, at, fmt.Sprintf("the secret %q is empty", clip(g.ref)), "")
	}
	return policy.Secret(value)
}

// secretFile returns what a file holds without the line break at its end.
func (d *document) secretFile(at, file string) policy.Secret {
	name, ok := d.relative(file)
	if !ok || !d.tree.files[name] {
		text := leaf(at) + ": there is no such file"
		if err := d.tree.unreadable[name]; err != nil {
			text = fmt.Sprintf("%s: the file cannot be read: %v", leaf(at), err)
		}
		d.report(Error, at, text, "name a file inside the configuration directory, relative to "+
			folder(d.file)+", not one whose name begins with a dot")
		return nil
	}
	data, err := d.read(d.tree, name)
	if err != nil {
		d.report(Error, at, fmt.Sprintf("%s: the file cannot be read: %v", leaf(at), err), "")
		return nil
	}
	s := strings.TrimSuffix(strings.TrimSuffix(string(data), "\n"), "\r")
	if s == "" {
		d.report(Error, at, fmt.Sprintf("%s: the file is empty", leaf(at)), "put the secret into it")
	}
	return policy.Secret(s)
}
