package load

import (
	"encoding/base32"
	"encoding/hex"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"

	"gatehouse/authcore/identity"
	"gatehouse/authcore/policy"
)

// Bounds of users.
const (
	maxUserProblems = 50  // of one file; a file of the wrong kind has one in every record
	maxUsername     = 253 // bytes, of a RADIUS attribute (RFC 2865 §5.1)
	maxListed       = 256 // groups, or aliases, of a user
	minTOTPBytes    = 10
)

// usersFile is one file of users. It is taken whole or not at all.
type usersFile struct {
	*object
	file  string
	users []*identity.User
	lines []int // of users
	names map[nameKey]int
}

// nameKey is a name that only one user may have.
type nameKey struct {
	space identity.Space
	key   string
}

// keys yields the names of u that nobody else may have.
func keys(u *identity.User) iter.Seq[nameKey] {
	return func(yield func(nameKey) bool) {
		if !yield(nameKey{identity.Usernames, identity.FoldUsername(u.Username)}) {
			return
		}
		for i := -1; i < len(u.Aliases); i++ {
			address := u.Email
			if i >= 0 {
				address = u.Aliases[i]
			}
			if address != "" && !yield(nameKey{identity.Addresses, identity.FoldAddress(address)}) {
				return
			}
		}
	}
}

// readUsers reads a file of users, one record at a time.
func readUsers(t *tree, file string) *usersFile {
	f := &usersFile{object: &object{name: file}, file: file, names: map[nameKey]int{}}
	err := t.stream(file, maxUsersBytes, func(r io.Reader) error {
		for rec, problems := range readRecords(file, r) {
			for _, p := range problems {
				f.add(Problem{File: file, Line: p.Line, Column: p.Column, Severity: Error,
					Text: p.Text, Remedy: p.Remedy})
			}
			if rec != nil && len(problems) == 0 {
				f.user(rec)
			}
			if len(f.problems) >= maxUserProblems {
				f.fail(file, 0, "there are more problems than are listed here", "")
				break
			}
		}
		return nil
	})
	if err != nil {
		f.fail(file, 0, "the file cannot be read: "+err.Error(), "")
	}
	f.names = nil
	return f
}

// set returns the users as a re-readable source.
func (f *usersFile) set() identity.Set {
	return identity.Set{Source: f.file, All: func() iter.Seq2[*identity.User, error] {
		return func(yield func(*identity.User, error) bool) {
			for _, u := range f.users {
				if !yield(u, nil) {
					return
				}
			}
		}
	}}
}

// user judges one record and takes it in.
func (f *usersFile) user(r *userRecord) {
	before := len(f.problems)
	u := &identity.User{
		Username: r.Username, Email: r.Email, Aliases: r.Aliases, Name: r.Name, VLAN: r.VLAN,
		Groups: slices.Compact(slices.Sorted(slices.Values(r.Groups))), State: identity.Active,
		Password: secretOrNil(r.Password), NTHash: secretOrNil(strings.ToLower(r.NTHash)),
		TOTP: secretOrNil(r.TOTP),
	}
	if r.State != "" {
		u.State = identity.State(r.State)
	}
	j := userJudge{f, r}
	j.names()
	j.secrets()
	if r.State != "" && u.State != identity.Active && u.State != identity.Suspended {
		j.fail("state", fmt.Sprintf("unknown state %q", clip(r.State)), "write active or suspended")
	}
	if r.VLAN != "" {
		if text := vlanProblem(r.VLAN); text != "" {
			j.fail("vlan", text, "write a number from 1 to 4094, or the name that the access point knows")
		}
	}
	if len(f.problems) > before {
		return
	}
	line := r.at("").Line
	for k := range keys(u) {
		if first, taken := f.names[k]; taken && first != len(f.users) {
			j.fail(j.fieldOf(k), fmt.Sprintf("%s is that of user %q on line %d already", k,
				clip(f.users[first].Username), f.lines[first]), "give every user their own")
			return
		}
		f.names[k] = len(f.users)
	}
	f.users, f.lines = append(f.users, u), append(f.lines, line)
}

// String says what kind of name k is.
func (k nameKey) String() string {
	if k.space == identity.Usernames {
		return fmt.Sprintf("the username %q", clip(k.key))
	}
	return fmt.Sprintf("the address %q", clip(k.key))
}

func secretOrNil(s string) policy.Secret {
	if s == "" {
		return nil
	}
	return policy.Secret(s)
}

// userJudge reports what is wrong with one record.
type userJudge struct {
	f *usersFile
	r *userRecord
}

func (j userJudge) fail(field, text, remedy string) {
	at := j.r.at(field)
	j.f.add(Problem{File: j.f.file, Line: at.Line, Column: at.Column, Severity: Error,
		Text: text, Remedy: remedy})
}

// fieldOf returns the field of the record that holds k.
func (j userJudge) fieldOf(k nameKey) string {
	switch {
	case k.space == identity.Usernames:
		return "username"
	case identity.FoldAddress(j.r.Email) == k.key:
		return "email"
	}
	return "aliases"
}

func (j userJudge) names() {
	r := j.r
	switch {
	case r.Username == "":
		j.fail("", "the user has no username", "write username:")
	case !isPrintable(r.Username, maxUsername):
		j.fail("username", "the username is not usable",
			fmt.Sprintf("up to %d bytes, no control characters, no space at either end", maxUsername))
	}
	if r.Email != "" && !isMailbox(r.Email) {
		j.fail("email", fmt.Sprintf("%q is no e-mail address", clip(r.Email)), "write it like anna@acme.example")
	}
	for i, a := range r.Aliases {
		if !isMailbox(a) {
			j.fail(fmt.Sprintf("aliases[%d]", i), fmt.Sprintf("alias %q is no e-mail address", clip(a)), "write it like anna@acme.example")
		}
	}
	for i, g := range r.Groups {
		if !isLabel(g) {
			j.fail(fmt.Sprintf("groups[%d]", i), "the name of the group is not usable", "use up to 64 printable characters")
		}
	}
	if len(r.Groups) > maxListed || len(r.Aliases) > maxListed {
		j.fail("", fmt.Sprintf("the user has more than %d groups or aliases", maxListed), "")
	}
	if r.Name != "" && !isPrintable(r.Name, maxUsername) {
		j.fail("name", "the name is not usable", fmt.Sprintf("up to %d bytes, no control characters, no space at either end", maxUsername))
	}
}

// secrets looks whether password, nt_hash and totp can be what they claim to be. It never
// shows them.
func (j userJudge) secrets() {
	if s := j.r.Password; s != "" && !isPasswordHash(s) {
		j.fail("password", "password is no argon2id or bcrypt hash", "make one with `gatehouse user hash`")
	}
	if raw, err := hex.DecodeString(j.r.NTHash); err != nil || j.r.NTHash != "" && len(raw) != 16 {
		j.fail("nt_hash", "nt_hash is no NT hash", "write 32 hexadecimal digits, made with `gatehouse user hash`")
	}
	seed := strings.ToUpper(strings.TrimRight(j.r.TOTP, "="))
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(seed)
	if j.r.TOTP != "" && (err != nil || len(raw) < minTOTPBytes) {
		j.fail("totp", "totp is no base32 seed", "make one with `gatehouse user totp`")
	}
}

func isPasswordHash(s string) bool {
	for _, prefix := range []string{"$2a$", "$2b$", "$2y$"} {
		if strings.HasPrefix(s, prefix) {
			return len(s) == 60
		}
	}
	return strings.HasPrefix(s, "$argon2id$v=19$") && strings.Count(s, "$") == 5 && len(s) < 512
}
