package load

import (
	"fmt"
	"iter"
	"path"
	"reflect"
	"slices"
	"strings"

	"gatehouse/authcore/identity"
	"gatehouse/authcore/policy"
)

// userForms are the extensions of files of users.
var userForms = []string{".yaml", ".jsonl", ".csv"}

// loadUsers reads the files of users and settles which go live: no two users may claim the
// same name, in whatever files.
func (l *loader) loadUsers(p *policy.Policy) []identity.Set {
	last := map[string]*identity.Set{}
	for i := range l.last.UserSets {
		last[l.last.UserSets[i].Source] = &l.last.UserSets[i]
	}
	var chosen []userChoice
	for _, file := range l.userFiles() {
		f := readUsers(l.tree, file)
		l.users, l.objects = append(l.users, f), append(l.objects, f.object)
		var fresh *identity.Set
		if set := f.set(); !f.failed {
			fresh = &set
		}
		if set := settle(f.object, fresh, last[file]); set != nil {
			chosen = append(chosen, userChoice{f, set, last[file]})
		}
	}
	out := withoutDuplicates(chosen)
	whole := l.kind("users")
	if !whole.failed && countUsers(out) == 0 && !p.AllowEmpty {
		whole.fail("users", 0, "no user is left: nobody could be accepted",
			"put users into users/NAME.yaml; allow_empty: true in policy.yaml permits none")
	}
	out = settleKind(whole, out, l.last.UserSets)
	l.lost = l.lost || countUsers(out) == 0 && !p.AllowEmpty
	return out
}

func (l *loader) userFiles() []string {
	var files []string
	for _, file := range l.tree.under("users") {
		if path.Dir(file) == "users" && slices.Contains(userForms, path.Ext(file)) {
			files = append(files, file)
		}
	}
	for file := range l.tree.unreadable {
		if path.Dir(file) == "users" && slices.Contains(userForms, path.Ext(file)) {
			files = append(files, file)
		}
	}
	slices.Sort(files)
	return files
}

func countUsers(sets []identity.Set) int {
	n := 0
	for _, set := range sets {
		for range set.All() {
			n++
		}
	}
	return n
}

// userChoice is a file of users that is to go live unless it collides with another.
type userChoice struct {
	file *usersFile
	set  *identity.Set
	last *identity.Set // to fall back on; may be nil
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
func withoutDuplicates(chosen []userChoice) []identity.Set {
	slices.SortStableFunc(chosen, func(a, b userChoice) int { return a.seniority() - b.seniority() })
	owners := map[nameKey]owner{}
	var out []identity.Set
	for _, c := range chosen {
		if set := c.place(owners); set != nil {
			out = append(out, *set)
		}
	}
	slices.SortFunc(out, func(a, b identity.Set) int { return strings.Compare(a.Source, b.Source) })
	return out
}

// seniority ranks unchanged files before changed ones, and those before new ones.
func (c userChoice) seniority() int {
	switch {
	case c.last == nil:
		return 2
	case c.set == c.last || sameUsers(c.set, c.last):
		return 0
	}
	return 1
}

// sameUsers reports whether both sets hold the same users in the same order.
func sameUsers(a, b *identity.Set) bool {
	next, stop := iter.Pull2(b.All())
	defer stop()
	for u := range a.All() {
		other, _, ok := next()
		if !ok || !reflect.DeepEqual(u, other) {
			return false
		}
	}
	_, _, more := next()
	return !more
}

// place enters the names of the version of c's users that collides with none in owners, and
// returns it, or nil.
func (c userChoice) place(owners map[nameKey]owner) *identity.Set {
	if c.report(owners) == 0 {
		c.claim(c.set, owners)
		return c.set
	}
	if c.last != nil && c.last != c.set && !collides(c.last, owners) {
		c.file.settle(Kept)
		c.claim(c.last, owners)
		return c.last
	}
	c.file.settle(LeftOut)
	return nil
}

// report reports the names that others have, and returns their number.
func (c userChoice) report(owners map[nameKey]owner) int {
	found, i := 0, 0
	for u := range c.set.All() {
		for k := range keys(u) {
			first, taken := owners[k]
			if !taken {
				continue
			}
			if found++; found <= maxUserProblems {
				c.file.fail(c.file.file, c.lineOf(i), fmt.Sprintf("user %q: %s is that of a user in %s already",
					clip(u.Username), k, first), "remove one of the two")
			}
			break
		}
		i++
	}
	return found
}

// lineOf returns the line of the i-th user, 0 in a last good version.
func (c userChoice) lineOf(i int) int {
	if c.set == c.last || i >= len(c.file.lines) {
		return 0
	}
	return c.file.lines[i]
}

func (c userChoice) claim(set *identity.Set, owners map[nameKey]owner) {
	i := 0
	for u := range set.All() {
		at := owner{c.file.file, 0}
		if set == c.set {
			at.line = c.lineOf(i)
		}
		for k := range keys(u) {
			owners[k] = at
		}
		i++
	}
}

func collides(set *identity.Set, owners map[nameKey]owner) bool {
	for u := range set.All() {
		for k := range keys(u) {
			if _, taken := owners[k]; taken {
				return true
			}
		}
	}
	return false
}
