package load

import (
	"fmt"
	"hash/maphash"
	"slices"
)

// userChoice is a file of users that is to go live unless it collides with another.
type userChoice struct {
	file    *usersFile
	version *version // its own, or its last good one
}

// owner is who has a name.
type owner struct {
	file string
	line int // 0: not known, for it is in a last good version
}

func (o owner) String() string {
	if o.line == 0 {
		return o.file
	}
	return fmt.Sprintf("%s:%d", o.file, o.line)
}

// withoutDuplicates drops files until no two users claim the same name. Who was there first
// stays, as with RADIUS servers.
func (l *loader) withoutDuplicates(chosen []userChoice) []*version {
	o := owners{seed: l.seed, by: map[uint64]int32{}}
	if len(chosen) < 2 || !o.claimAll(chosen) {
		live := make([]*version, 0, len(chosen))
		for _, c := range chosen {
			live = append(live, c.version)
		}
		return live
	}
	last := l.lastUsers()
	slices.SortStableFunc(chosen, func(a, b userChoice) int {
		return a.seniority(last[a.file.file]) - b.seniority(last[b.file.file])
	})
	o = owners{seed: l.seed, by: map[uint64]int32{}}
	for _, c := range chosen {
		o.place(c, last[c.file.file])
	}
	sortVersions(o.versions)
	return o.versions
}

// seniority ranks unchanged files before changed ones, and those before new ones.
func (c userChoice) seniority(last *version) int {
	switch {
	case last == nil:
		return 2
	case c.version == last || c.version.set.Sum == last.set.Sum:
		return 0
	}
	return 1
}

// owners are the versions that go live, and which of them has a name.
type owners struct {
	seed     maphash.Seed
	versions []*version
	by       map[uint64]int32 // by hash of the name
}

// claimAll enters all that is chosen, and reports whether two seem to have the same name.
func (o *owners) claimAll(chosen []userChoice) (clash bool) {
	for _, c := range chosen {
		if len(o.hits(c.version)) > 0 {
			return true
		}
		o.claim(c.version)
	}
	return false
}

func (o *owners) claim(v *version) {
	for _, c := range v.claims {
		o.by[c.hash] = int32(len(o.versions))
	}
	o.versions = append(o.versions, v)
}

// hits returns names of v that others seem to have, with those others; up to maxHits.
func (o *owners) hits(v *version) map[uint64]*version {
	var hits map[uint64]*version
	for _, c := range v.claims {
		if i, taken := o.by[c.hash]; taken && len(hits) < maxHits {
			if hits == nil {
				hits = map[uint64]*version{}
			}
			hits[c.hash] = o.versions[i]
		}
	}
	return hits
}

// place enters the version of c's users that has no name of others, if there is one.
func (o *owners) place(c userChoice, last *version) {
	clashes, err := o.clashes(c.version)
	if err == nil && len(clashes) == 0 {
		o.claim(c.version)
		return
	}
	if err != nil {
		c.file.fail(c.file.file, 0, "the file cannot be read: "+err.Error(), "")
	}
	for _, clash := range clashes[:min(len(clashes), maxUserProblems)] {
		c.file.fail(c.file.file, clash.user.line, fmt.Sprintf("user %q: %s is that of a user in %s already",
			clip(clash.user.Username), clash.name, clash.owner), "remove one of the two")
	}
	if last != nil && last != c.version {
		if clashes, err := o.clashes(last); err == nil && len(clashes) == 0 {
			c.file.settle(Kept)
			o.claim(last)
			return
		}
	}
	c.file.settle(LeftOut)
}

// A clash is a user with a name that another has.
type clash struct {
	user  locatedUser
	name  nameKey
	owner owner
}

// clashes returns the users of v with names that others have: at most one clash for each user,
// and maxHits in all. It reads the users again only if there seem to be any.
func (o *owners) clashes(v *version) (found []clash, err error) {
	hits := o.hits(v)
	if len(hits) == 0 {
		return nil, nil
	}
	names := map[nameKey]owner{}
	seen := map[*version]bool{}
	for _, other := range hits {
		if seen[other] {
			continue
		}
		seen[other] = true
		err := o.each(other, hits, func(u locatedUser, k nameKey) bool {
			names[k] = owner{other.set.Source, u.line}
			return true
		})
		if err != nil {
			return nil, err
		}
	}
	err = o.each(v, hits, func(u locatedUser, k nameKey) bool {
		first, taken := names[k]
		if taken {
			found = append(found, clash{u, k, first})
		}
		return !taken
	})
	return found, err
}

// each calls f with the names of v that are among hits; with the next user once f reports false.
func (o *owners) each(
	v *version, hits map[uint64]*version, f func(locatedUser, nameKey) bool,
) error {
	for u, err := range v.located() {
		if err != nil {
			return err
		}
		for k := range keys(u.User) {
			if hits[k.hash(o.seed)] != nil && !f(u, k) {
				break
			}
		}
	}
	return nil
}
