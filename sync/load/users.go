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
	"gatehouse/sync/strictyaml"
)

// Bounds of users.
const (
	maxUserProblems = 50  // of one file; a file of the wrong kind has one in every record
	maxUsername     = 253 // bytes, of a RADIUS attribute (RFC 2865 §5.1)
	maxListed       = 256 // groups, or aliases, of a user
	minTOTPBytes    = 10
)

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

// judged is a record that has been judged: a user, or why it is none.
type judged struct {
	user     *identity.User // nil if there are problems
	record   *userRecord    // nil if it could not be read
	problems Problems
}

// line returns the line on which the record begins.
func (j judged) line() int { return j.record.at("").Line }

// judgeRecords judges the records that r, the content of file, yields, one at a time.
func judgeRecords(file string, r io.Reader) iter.Seq[judged] {
	return func(yield func(judged) bool) {
		for rec, problems := range readRecords(file, r) {
			j := judge{file: file, judged: judged{record: rec}}
			for _, p := range problems {
				j.problems = append(j.problems, Problem{File: file, Line: p.Line, Column: p.Column,
					Severity: Error, Text: p.Text, Remedy: p.Remedy})
			}
			if rec != nil && len(problems) == 0 {
				j.user()
			}
			if !yield(j.judged) {
				return
			}
		}
	}
}

// judge reports what is wrong with one record.
type judge struct {
	judged
	file string
}

// user makes a user of the record, if all of it is well.
func (j *judge) user() {
	r := j.record
	u := &identity.User{
		Username: r.Username, Email: r.Email, Aliases: r.Aliases, Name: r.Name, VLAN: r.VLAN,
		Groups: slices.Compact(slices.Sorted(slices.Values(r.Groups))), State: identity.Active,
		Password: secretOrNil(r.Password), NTHash: secretOrNil(strings.ToLower(r.NTHash)),
		TOTP: secretOrNil(r.TOTP), Source: j.file,
	}
	if r.State != "" {
		u.State = identity.State(r.State)
	}
	j.names()
	j.secrets()
	if r.State != "" && u.State != identity.Active && u.State != identity.Suspended {
		j.fail("state", "unknown state"+strictyaml.Quoted(r.State, []string{string(identity.Active), string(identity.Suspended)}), "write active or suspended")
	}
	if r.VLAN != "" {
		if text := vlanProblem(r.VLAN); text != "" {
			j.fail("vlan", text, "write a number from 1 to 4094, or the name that the access point knows")
		}
	}
	if len(j.problems) == 0 {
		j.judged.user = u
	}
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

func (j *judge) fail(field, text, remedy string) {
	at := j.record.at(field)
	j.problems = append(j.problems, Problem{File: j.file, Line: at.Line, Column: at.Column,
		Severity: Error, Text: text, Remedy: remedy})
}

func (j *judge) names() {
	r := j.record
	switch {
	case r.Username == "":
		j.fail("", "the user has no username", "write username:")
	case !isPrintable(r.Username, maxUsername):
		j.fail("username", "the username is not usable",
			fmt.Sprintf("up to %d bytes, no control characters, no space at either end", maxUsername))
	}
	if r.Email != "" && !isMailbox(r.Email) {
		j.fail("email", "this is no e-mail address", "write it like anna@acme.example")
	}
	for i, a := range r.Aliases {
		if !isMailbox(a) {
			j.fail(fmt.Sprintf("aliases[%d]", i), "this alias is no e-mail address", "write it like anna@acme.example")
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
func (j *judge) secrets() {
	if s := j.record.Password; s != "" && !isPasswordHash(s) {
		j.fail("password", "password is no argon2id or bcrypt hash", "make one with `gatehouse user hash`")
	}
	if raw, err := hex.DecodeString(j.record.NTHash); err != nil || j.record.NTHash != "" && len(raw) != 16 {
		j.fail("nt_hash", "nt_hash is no NT hash", "write 32 hexadecimal digits, made with `gatehouse user hash`")
	}
	seed := strings.ToUpper(strings.TrimRight(j.record.TOTP, "="))
	raw, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(seed)
	if j.record.TOTP != "" && (err != nil || len(raw) < minTOTPBytes) {
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
