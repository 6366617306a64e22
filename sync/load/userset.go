package load

import (
	"crypto/sha256"
	"fmt"
	"io"
	"path"
	"slices"
	"strings"

	"gatehouse/authcore/snapshot"
)

// usersFormat is part of the hash of the users. It changes when the same files come to mean
// other users, or other problems.
const usersFormat = "users 1\n"

// userForms are the extensions of files of users.
var userForms = []string{".yaml", ".jsonl", ".csv"}

// loadUsers settles which files of users go live: no two users may claim the same name, in
// whatever files. Everything else of d is there.
func (l *loader) loadUsers(d *snapshot.Draft) {
	l.questions = l.ask(d)
	before := l.countProblems()
	deleted := l.awaitedUsers()
	if len(deleted) == 0 && l.unchangedUsers(d) {
		return
	}
	live := l.chooseUsers(deleted, d.Policy.AllowEmpty || l.tree.secrets.closed)
	var all answer
	for _, v := range live {
		d.UserSets = append(d.UserSets, v.set)
		all.add(&v.answer)
	}
	l.warnUsers(&all)
	l.bringUsers(live)
	if l.kept.users != nil && l.kept.isAll(live) {
		d.Users = l.kept.users
	}
	d.UsersHash, _ = l.usersHash()
	if l.countProblems() != before {
		// Nobody asks for this one, so that the problems are found again next time.
		d.UsersHash = sha256.Sum256(fmt.Appendf(nil, "%sproblems %x", usersFormat, d.UsersHash))
	}
}

// unchangedUsers takes the users that are indexed already, if they are those of the files.
func (l *loader) unchangedUsers(d *snapshot.Draft) bool {
	if l.unchanged == nil {
		return false
	}
	hash, readable := l.usersHash()
	if !readable {
		return false
	}
	users, ok := l.unchanged(hash)
	if !ok || users.Len() == 0 && !d.Policy.AllowEmpty {
		return false
	}
	for _, file := range l.userFiles() {
		d.UserSets = append(d.UserSets, reading{l.tree.fsys, file, l.tree.sums[file]}.set())
		l.bringUsersFile(file, l.tree.sums[file])
	}
	d.Users, d.UsersHash = users, hash
	return true
}

// usersHash returns the hash over the files of users and what is asked of them, and whether all
// could be read. What has not been read yet is read.
func (l *loader) usersHash() (hash [sha256.Size]byte, readable bool) {
	whole := sha256.New()
	_, _ = whole.Write([]byte(usersFormat)) // never fails
	l.questions.write(whole)
	readable = l.tree.unreadable["users"] == nil
	for _, file := range l.userFiles() {
		if _, known := l.tree.sums[file]; !known {
			err := l.tree.stream(file, maxUsersBytes, func(io.Reader) error { return nil })
			readable = readable && err == nil
		}
		fmt.Fprintf(whole, "%q %x\n", file, l.tree.sums[file])
	}
	return [sha256.Size]byte(whole.Sum(nil)), readable
}

// chooseUsers returns the versions that go live, in the order of their files, with those whose
// files have been deleted and which stay all the same.
func (l *loader) chooseUsers(deleted []userChoice, allowEmpty bool) []*version {
	chosen := deleted
	for _, file := range l.userFiles() {
		f := l.readUsers(file)
		l.objects = append(l.objects, f.object)
		var fresh, last *version
		if f.failed {
			last = l.lastUsers()[file]
		} else {
			fresh = &f.version
		}
		if v := settle(f.object, fresh, last); v != nil {
			chosen = append(chosen, userChoice{f, v})
		}
	}
	live := l.withoutDuplicates(chosen)
	sortVersions(live)
	whole := l.kind("users")
	if !whole.failed && countUsers(live) == 0 && !allowEmpty {
		whole.fail("users", 0, "no user is left: nobody could be accepted",
			"put users into users/NAME.yaml; allow_empty: true in policy.yaml permits none")
	}
	if whole.failed {
		live = settleKind(whole, live, l.kept.all(l.lastUsers()))
	}
	l.lost = l.lost || countUsers(live) == 0 && !allowEmpty
	return live
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

func countUsers(versions []*version) int {
	n := 0
	for _, v := range versions {
		n += v.count
	}
	return n
}

func (l *loader) countProblems() int {
	n := 0
	for _, o := range l.objects {
		n += len(o.problems)
	}
	return n
}

// sortVersions sorts by file.
func sortVersions(versions []*version) {
	slices.SortFunc(versions, func(a, b *version) int {
		return strings.Compare(a.set.Source, b.set.Source)
	})
}
