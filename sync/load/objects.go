package load

import (
	"crypto/sha256"
	"maps"
)

// Objects are the objects that a Draft consists of, by name as in Problem.Object. Two Drafts of
// the same Objects say the same.
type Objects map[string]Object

// An Object says where a part of a Draft is from.
type Object struct {
	Kept  bool                         // the last good version; what follows is of its time
	Files map[string][sha256.Size]byte // by path, the hash of the content; nil: not known
	// Secrets stands for the values that a bundle brings for it; zero: none.
	Secrets [sha256.Size]byte
}

// Same reports whether a and b are known to be of the same content.
func (a Object) Same(b Object) bool {
	return a.Files != nil && maps.Equal(a.Files, b.Files) && a.Secrets == b.Secrets
}

// bring says that an object is part of the Draft as it was read.
func (l *loader) bring(name string, from ...*object) {
	o := Object{Files: map[string][sha256.Size]byte{}}
	brought := map[string]string{}
	for _, object := range from {
		for _, file := range object.files {
			o.Files[file] = l.tree.sums[file]
		}
		for _, secret := range object.brought {
			brought[secret] = l.tree.secrets.values[secret]
		}
	}
	o.Secrets = secrets{values: brought}.hash(o.Secrets)
	l.live[name] = o
}

// bringKept is bring for an object that is what it was.
func (l *loader) bringKept(name string) { l.live[name] = Object{Kept: true} }

// bringAll says so of all that is live of a kind.
func bringAll[T any](l *loader, dir string, live []*T, last map[string]*T, name func(*T) string) {
	from := map[string][]*object{}
	for _, o := range l.objects {
		from[o.name] = append(from[o.name], o)
	}
	for _, v := range live {
		if n := dir + "/" + name(v); v == last[name(v)] {
			l.bringKept(n)
		} else {
			l.bring(n, from[n]...)
		}
	}
}

// bringUsers is bringAll for files of users.
func (l *loader) bringUsers(live []*version) {
	for _, v := range live {
		file := v.set.Source
		if l.kept.versions[file] == v {
			l.bringKept(file)
			continue
		}
		l.bringUsersFile(file, v.set.Sum)
	}
}

func (l *loader) bringUsersFile(file string, sum [sha256.Size]byte) {
	l.live[file] = Object{Files: map[string][sha256.Size]byte{file: sum}}
}
