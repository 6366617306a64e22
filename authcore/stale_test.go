package authcore_test

import (
	"testing"

	"gatehouse/authcore"
	"gatehouse/authcore/audit"
	"gatehouse/authcore/identity"
	"gatehouse/authcore/snapshot"
)

// A staleUsers is an index whose place has been taken; first is called at its first look-up.
type staleUsers struct {
	identity.Users
	first func()
	asked int
}

func (s *staleUsers) Find(identity.Space, string) (*identity.User, bool, error) {
	if s.asked++; s.asked == 1 && s.first != nil {
		s.first()
	}
	return nil, false, identity.ErrStale
}

// TestStaleUsers has the users replaced while a decision is under way: it is made anew, once, by
// the configuration in force then.
func TestStaleUsers(t *testing.T) {
	t.Parallel()
	next := func(suspended ...string) *snapshot.Snapshot {
		return newSnapshot(t, 2, func(d *snapshot.Draft) { d.Users = accounts(t, suspended...) })
	}
	for _, tt := range []struct {
		name       string
		next       *snapshot.Snapshot // nil: nothing newer
		want       audit.Reason
		generation uint64
	}{
		{"newer", next(), audit.Accepted, 2},
		{"suspended_in_the_newer", next("alice"), audit.UserSuspended, 2},
		{"none_newer", nil, audit.Internal, 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var holder snapshot.Holder
			users := &staleUsers{Users: accounts(t), first: func() {
				if tt.next != nil {
					holder.Swap(tt.next)
				}
			}}
			holder.Swap(newSnapshot(t, 1, func(d *snapshot.Draft) { d.Users = users }))
			d := (&authcore.Decider{Snapshots: &holder}).Evaluate(
				authcore.Query{Server: "branch-wifi", Chain: chain(t, "alice")})
			if d.Reason != tt.want || d.Generation != tt.generation || users.asked > 2 {
				t.Errorf("got %s in generation %d after %d look-ups (%s), want %s in %d",
					d.Reason, d.Generation, users.asked, d.Detail, tt.want, tt.generation)
			}
		})
	}
}
