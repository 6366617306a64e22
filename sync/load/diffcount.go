package load

import (
	"fmt"
	"hash/maphash"

	"gatehouse/authcore/identity"
	"gatehouse/authcore/snapshot"
)

// UserCounts says how many users are different, without saying who.
type UserCounts struct {
	Added   int `json:"added"`
	Removed int `json:"removed"`
	Changed int `json:"changed"`
	Secrets int `json:"secrets"` // of the changed, those with another password, hash or TOTP seed
}

// DiffCounting is Diff that counts users in place of naming them. Of every user in a it holds
// three numbers meanwhile, and nothing of b: some 60 bytes a user.
func DiffCounting(a, b *snapshot.Draft) ([]Change, UserCounts, error) {
	d := &differ{}
	d.objects(a, b)
	counts, err := compareUsers(a.UserSets, b.UserSets)
	return d.changes, counts, err
}

// digest stands for what is said of a user.
type digest struct{ plain, secret uint64 }

func compareUsers(a, b []identity.Set) (n UserCounts, err error) {
	seed := maphash.MakeSeed()
	before := map[uint64]digest{}
	err = everyUser(a, func(u *identity.User) { before[maphash.String(seed, u.Username)] = digestOf(seed, u) })
	if err != nil {
		return UserCounts{}, err
	}
	err = everyUser(b, func(u *identity.User) {
		key, now := maphash.String(seed, u.Username), digestOf(seed, u)
		old, known := before[key]
		delete(before, key)
		switch {
		case !known:
			n.Added++
			return
		case old == now:
			return
		}
		n.Changed++
		if old.secret != now.secret {
			n.Secrets++
		}
	})
	n.Removed = len(before)
	return n, err
}

// digestOf quotes everything, so that no two users read alike who are not.
func digestOf(seed maphash.Seed, u *identity.User) digest {
	return digest{
		plain: maphash.String(seed, fmt.Sprintf("%q %q %q %q %q %q",
			u.Email, u.Name, u.State, u.VLAN, u.Aliases, u.Groups)),
		secret: maphash.String(seed, fmt.Sprintf("%q %q %q",
			[]byte(u.Password), []byte(u.NTHash), []byte(u.TOTP))), // a policy.Secret prints as nothing
	}
}
