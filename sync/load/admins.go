package load

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"gatehouse/authcore/policy"
)

const adminsFile = "admins.yaml"

// Bounds of admins.yaml.
const (
	maxAccounts = 256
	maxTokens   = 256 // every call looks at all of them

	maxHashMemory = 128 << 10 // KiB that checking a password may take
	maxHashTime   = 64        // passes over it
)

// adminsYAML is the form of admins.yaml.
type adminsYAML struct {
	Accounts []accountYAML `yaml:"accounts"`
	Tokens   []tokenYAML   `yaml:"tokens"`
}

type accountYAML struct {
	Username string `yaml:"username"`
	Password string `yaml:"password"`
	Role     string `yaml:"role"`
}

type tokenYAML struct {
	Name   string   `yaml:"name"`
	SHA256 string   `yaml:"sha256"`
	Scopes []string `yaml:"scopes"`
}

// loadAdmins reads admins.yaml. Without one, or with one that is broken and was never in force,
// nobody may do anything over the web.
func (l *loader) loadAdmins() policy.Admins {
	o := l.object("admins")
	a := readAdmins(o, l.tree)
	last := &l.last.Admins
	switch {
	case !last.IsEmpty() && l.isGone(adminsFile) && l.holds(o, adminsFile):
		l.bringKept(o.name)
		return *last
	case !o.failed:
		if l.tree.files[adminsFile] {
			l.bring(o.name, o)
		}
		return a
	case !last.IsEmpty():
		o.settle(Kept)
		l.bringKept(o.name)
		return *last
	}
	o.settle(LeftOut)
	return policy.Admins{}
}

func readAdmins(o *object, t *tree) (a policy.Admins) {
	if err := t.unreadable[adminsFile]; err != nil {
		o.fail(adminsFile, 0, "the file cannot be read: "+err.Error(), "")
		return a
	}
	if !t.files[adminsFile] {
		return a
	}
	y := &adminsYAML{}
	if d := o.decode(t, adminsFile, y); d != nil {
		a.Accounts, a.Tokens = d.accounts(y.Accounts), d.tokens(y.Tokens)
	}
	return a
}

func (d *document) accounts(ys []accountYAML) (out []policy.Account) {
	if len(ys) > maxAccounts {
		d.report(Error, "accounts", fmt.Sprintf("more than %d accounts", maxAccounts), "")
		return nil
	}
	seen := map[string]bool{}
	for i, y := range ys {
		at := fmt.Sprintf("accounts[%d]", i)
		folded := strings.ToLower(y.Username)
		switch {
		case y.Username == "":
			d.report(Error, at, "the account has no username", "write username:")
		case !isLabel(y.Username):
			d.report(Error, at+".username", "the username is not usable", "use up to 64 printable characters")
		case seen[folded]:
			d.report(Error, at+".username", fmt.Sprintf("a second account called %q", clip(y.Username)), "remove one")
		}
		seen[folded] = true
		if text := hashProblem(y.Password); text != "" {
			d.report(Error, at+".password", text, "make one with `gatehouse admin hash`")
		}
		d.oneOf(at+".role", y.Role, string(policy.RoleViewer), string(policy.RoleTech), string(policy.RoleAdmin))
		out = append(out, policy.Account{Username: y.Username, Password: policy.Secret(y.Password), Role: policy.Role(y.Role)})
	}
	return out
}

func (d *document) tokens(ys []tokenYAML) (out []policy.Token) {
	if len(ys) > maxTokens {
		d.report(Error, "tokens", fmt.Sprintf("more than %d tokens", maxTokens), "")
		return nil
	}
	names, hashes := map[string]bool{}, map[[32]byte]string{}
	for i, y := range ys {
		at := fmt.Sprintf("tokens[%d]", i)
		switch {
		case y.Name == "":
			d.report(Error, at, "the token has no name", "write name: ci or the like")
		case !isName(y.Name):
			d.report(Error, at+".name", "the name is not usable", nameRemedy)
		case names[y.Name]:
			d.report(Error, at+".name", fmt.Sprintf("a second token called %q", y.Name), "give each its own name")
		}
		names[y.Name] = true
		hash, ok := parseTokenHash(y.SHA256)
		if other, twice := hashes[hash]; ok && twice {
			d.report(Error, at+".sha256", fmt.Sprintf("this is the token %q already", clip(other)), "give each its own token")
		} else if !ok {
			d.report(Error, at+".sha256", "sha256 is no hash of a token: 64 digits, 0 to 9 and a to f",
				"make one with `gatehouse admin token NAME`")
		} else {
			hashes[hash] = y.Name
		}
		d.words(at+".scopes", y.Scopes,
			string(policy.ScopeRead), string(policy.ScopeBundle), string(policy.ScopeAdmin))
		out = append(out, policy.Token{Name: y.Name, SHA256: hash, Scopes: fromStrings[policy.TokenScope](y.Scopes)})
	}
	return out
}

// parseTokenHash reads 64 lower-case hexadecimal digits.
func parseTokenHash(s string) (hash [32]byte, ok bool) {
	raw, err := hex.DecodeString(s)
	if err != nil || len(raw) != len(hash) || hex.EncodeToString(raw) != s {
		return hash, false
	}
	return [32]byte(raw), true
}

// hashProblem says what is wrong with the hash of an administrator's password; "": nothing. One
// that would take more memory or time to check than a small device has is refused too: whoever
// asks for the page of sign-in could stop it with that.
func hashProblem(s string) string {
	if !isPasswordHash(s) {
		return "password is no argon2id or bcrypt hash"
	}
	if !strings.HasPrefix(s, "$argon2id$") {
		return bcryptProblem(s)
	}
	parts := strings.Split(s, "$") // "", argon2id, v=19, m=…,t=…,p=…, salt, hash
	memory, passes, ok := parseArgon2(parts[3])
	salt, err1 := base64.RawStdEncoding.Strict().DecodeString(parts[4])
	hash, err2 := base64.RawStdEncoding.Strict().DecodeString(parts[5])
	switch {
	case !ok || err1 != nil || err2 != nil || len(salt) < 8 || len(hash) < 16:
		return "password is no whole argon2id hash"
	case memory > maxHashMemory || passes > maxHashTime:
		return fmt.Sprintf("password takes too much to check: at most m=%d and t=%d", maxHashMemory, maxHashTime)
	}
	return ""
}

// maxBcryptCost is 2¹⁶ rounds: seconds on a small device.
const maxBcryptCost = 16

func bcryptProblem(s string) string {
	cost, err := strconv.Atoi(s[4:6]) // $2b$12$…, of 60 bytes
	switch {
	case err != nil || s[6] != '$' || cost < 4:
		return "password is no whole bcrypt hash"
	case cost > maxBcryptCost:
		return fmt.Sprintf("password takes too much to check: at most a cost of %d", maxBcryptCost)
	}
	return ""
}

// parseArgon2 reads "m=19456,t=2,p=1", which is written in one way only.
func parseArgon2(s string) (memory, passes uint64, ok bool) {
	fields := strings.Split(s, ",")
	var values [3]uint64
	if len(fields) != len(values) {
		return 0, 0, false
	}
	for i, key := range []string{"m=", "t=", "p="} {
		digits, found := strings.CutPrefix(fields[i], key)
		n, err := strconv.ParseUint(digits, 10, 32)
		if !found || err != nil || n == 0 || strconv.FormatUint(n, 10) != digits {
			return 0, 0, false
		}
		values[i] = n
	}
	return values[0], values[1], values[2] < 256 && values[0] >= 8*values[2]
}

// admins compares who manages the gateway. All of that is in one file that travels as a secret,
// so that without it nothing can be said.
func (d *differ) admins(a, b *policy.Admins) {
	first := len(d.changes)
	each(d, "account", pointers(a.Accounts), pointers(b.Accounts),
		func(x *policy.Account) string { return x.Username }, func(x, y *policy.Account) {
			if x.Role != y.Role {
				d.changed("account", x.Username, fmt.Sprintf("role: %s → %s", x.Role, y.Role))
			}
			if !bytes.Equal(x.Password, y.Password) {
				d.secretChanged("account", x.Username, "password")
			}
		})
	each(d, "token", pointers(a.Tokens), pointers(b.Tokens),
		func(x *policy.Token) string { return x.Name }, func(x, y *policy.Token) {
			d.changed("token", x.Name, compare("scopes", toStrings(x.Scopes), toStrings(y.Scopes))...)
			if x.SHA256 != y.SHA256 {
				d.secretChanged("token", x.Name, "token")
			}
		})
	for i := range d.changes[first:] {
		d.changes[first+i].Secret = true
	}
}
