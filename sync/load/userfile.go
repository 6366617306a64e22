package load

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"io"
	"iter"
	"slices"

	"gatehouse/authcore/identity"
)

// maxHits bounds the names that are looked at closely because others seem to have them: more
// could not be reported anyway.
const maxHits = 2 * maxUserProblems

// A claim is a name that a user has.
type claim struct {
	hash uint64 // of the nameKey, keyed: whoever chooses names cannot make two collide
	user int32  // which of the file
	line int32  // of the file; 0: not known
}

// A version is one content of a file of users that could go live. It holds no user.
type version struct {
	set    identity.Set
	count  int
	claims []claim // by hash
	answer answer  // to what warnings ask

	// located yields the users with their lines.
	located func() iter.Seq2[locatedUser, error]
}

type locatedUser struct {
	*identity.User
	line int
}

// take notes one user.
func (v *version) take(u *identity.User, line int, seed maphash.Seed, q *questions) {
	for k := range keys(u) {
		v.claims = append(v.claims, claim{k.hash(seed), int32(v.count), int32(line)})
	}
	v.answer.take(u, q)
	v.count++
}

func (v *version) sort() {
	slices.SortFunc(v.claims, func(a, b claim) int {
		return cmp.Or(cmp.Compare(a.hash, b.hash), cmp.Compare(a.user, b.user))
	})
}

func (k nameKey) hash(seed maphash.Seed) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	_ = h.WriteByte(byte(k.space)) // never fails
	_, _ = h.WriteString(k.key)    // nor does this
	return h.Sum64()
}

// usersFile is one file of users. It is taken whole or not at all.
type usersFile struct {
	*object
	file    string
	reading reading
	full    bool // of problems
	version
}

// readUsers judges a file of users, one record at a time.
func (l *loader) readUsers(file string) *usersFile {
	f := &usersFile{object: &object{name: file}, file: file}
	err := l.tree.stream(file, maxUsersBytes, func(r io.Reader) error {
		for j := range judgeRecords(file, r) {
			for _, p := range j.problems {
				f.add(p)
			}
			if j.user != nil {
				f.take(j.user, j.line(), l.seed, l.questions)
			}
			if f.isFull() {
				break
			}
		}
		return nil
	})
	if err != nil {
		f.fail(file, 0, "the file cannot be read: "+err.Error(), "")
		return f
	}
	f.reading = reading{l.tree.fsys, file, l.tree.sums[file]}
	f.set = f.reading.set()
	f.located = f.reading.located
	f.sort()
	f.findTwice(l.seed)
	return f
}

// isFull reports whether there are as many problems as are listed, and says so the first time.
func (f *usersFile) isFull() bool {
	if len(f.problems) < maxUserProblems {
		return false
	}
	if !f.full {
		f.full = true
		f.fail(f.file, 0, "there are more problems than are listed here", "")
	}
	return true
}

func (r reading) located() iter.Seq2[locatedUser, error] {
	return func(yield func(locatedUser, error) bool) {
		for j, err := range r.records() {
			var u locatedUser
			switch {
			case err == nil && j.user == nil:
				continue // a record with problems has no names
			case err == nil:
				u = locatedUser{j.user, j.line()}
			}
			if !yield(u, err) {
				return
			}
		}
	}
}

// findTwice reports the names that two users in the file claim. It reads the file again only
// if there seem to be any.
func (f *usersFile) findTwice(seed maphash.Seed) {
	hits := map[uint64]bool{}
	for i := 1; i < len(f.claims) && len(hits) < maxHits; i++ {
		if a, b := f.claims[i-1], f.claims[i]; a.hash == b.hash && a.user != b.user {
			hits[a.hash] = true
		}
	}
	if len(hits) == 0 || f.isFull() {
		return
	}
	first := map[nameKey]locatedUser{}
	for j, err := range f.reading.records() {
		if err != nil {
			f.fail(f.file, 0, "the file cannot be read: "+err.Error(), "")
			return
		}
		if j.user == nil {
			continue
		}
		if p := twice(j, seed, hits, first); p != nil {
			if f.add(*p); f.isFull() {
				return
			}
		}
	}
}

// twice says that somebody in first has a name of j's user already, or else enters those of its
// names that are among hits.
func twice(
	j judged, seed maphash.Seed, hits map[uint64]bool, first map[nameKey]locatedUser,
) *Problem {
	for k := range keys(j.user) {
		owner, taken := first[k]
		switch {
		case !hits[k.hash(seed)], taken && owner.User == j.user:
		case !taken:
			first[k] = locatedUser{j.user, j.line()}
		default:
			at := j.record.at(j.record.fieldOf(k))
			return &Problem{File: j.user.Source, Line: at.Line, Column: at.Column, Severity: Error,
				Text: fmt.Sprintf("%s is that of user %q on line %d already", k,
					clip(owner.Username), owner.line),
				Remedy: "give every user their own"}
		}
	}
	return nil
}

// fieldOf returns the field of the record that holds k.
func (r *userRecord) fieldOf(k nameKey) string {
	switch {
	case k.space == identity.Usernames:
		return "username"
	case identity.FoldAddress(r.Email) == k.key:
		return "email"
	}
	return "aliases"
}
