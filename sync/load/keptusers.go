package load

import (
	"hash/maphash"
	"iter"

	"gatehouse/authcore/identity"
)

// keptUsers are the users in force, by file, for files to fall back on.
type keptUsers struct {
	read     bool
	users    identity.Users // nil: there are none
	versions map[string]*version
}

// lastUsers reads the users in force, when the first file needs to fall back on them. If they
// cannot be read, what is in force stays as it is; with nothing in force there is nothing to
// fall back on.
func (l *loader) lastUsers() map[string]*version {
	k := &l.kept
	if k.read {
		return k.versions
	}
	k.read, k.versions = true, map[string]*version{}
	users := l.usersInForce()
	lister, ok := users.(identity.Lister)
	if !ok {
		return k.versions
	}
	if err := k.list(lister, l.seed, l.questions); err != nil {
		o := l.object("users")
		o.fail("users", 0, "the last good users cannot be read: "+err.Error(), "")
		o.settle(LeftOut)
		l.lost = l.lost || l.hasLast
		k.versions = map[string]*version{}
		return k.versions
	}
	for _, set := range l.last.UserSets {
		if v := k.versions[set.Source]; v != nil {
			v.set.Sum = set.Sum
		}
	}
	for _, v := range k.versions {
		v.sort()
	}
	k.users = users
	return k.versions
}

// list sorts the users of lister by file.
func (k *keptUsers) list(lister identity.Lister, seed maphash.Seed, q *questions) error {
	for u, err := range lister.All() {
		if err != nil {
			return err
		}
		v := k.versions[u.Source]
		if v == nil {
			v = keptVersion(lister, u.Source)
			k.versions[u.Source] = v
		}
		v.take(u, 0, seed, q)
	}
	return nil
}

// all returns all versions in the order of their files.
func (k *keptUsers) all(versions map[string]*version) []*version {
	all := make([]*version, 0, len(versions))
	for _, v := range versions {
		all = append(all, v)
	}
	sortVersions(all)
	return all
}

// isAll reports whether live is all that is kept, and nothing else.
func (k *keptUsers) isAll(live []*version) bool {
	for _, v := range live {
		if k.versions[v.set.Source] != v {
			return false
		}
	}
	return len(live) == len(k.versions)
}

// keptVersion is what lister holds of a file, not counted yet.
func keptVersion(lister identity.Lister, source string) *version {
	set := identity.Set{Source: source, All: func() iter.Seq2[*identity.User, error] {
		return ofSource(lister, source)
	}}
	return &version{set: set, located: func() iter.Seq2[locatedUser, error] {
		return func(yield func(locatedUser, error) bool) {
			for u, err := range set.All() {
				if !yield(locatedUser{User: u}, err) {
					return
				}
			}
		}
	}}
}

// ofSource yields the users of one file, and an error of the lister.
func ofSource(lister identity.Lister, source string) iter.Seq2[*identity.User, error] {
	return func(yield func(*identity.User, error) bool) {
		for u, err := range lister.All() {
			if (err != nil || u.Source == source) && !yield(u, err) {
				return
			}
		}
	}
}
