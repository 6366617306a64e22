package reconcile_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/sync/reconcile"
)

// edited is Edited, which must not take long.
func (s *setup) edited(t *testing.T, removed ...string) reconcile.Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	r, err := s.Edited(ctx, removed)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestEditedIsInForceAtOnce, and the answer says under which generation.
func TestEditedIsInForceAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := newDirectory(t)
		s := start(t, dir, nil)
		dir.put("users/more.csv", "username\nzoe\n")
		if r := s.edited(t); r.Generation != 2 || s.users() != 3 || r.Problems.HasErrors() {
			t.Errorf("%+v, %d users", r, s.users())
		}
		if r := s.edited(t); r.Generation != 2 {
			t.Errorf("nothing changed: %+v", r)
		}
		dir.put("users/more.csv", "usrename\nzoe\n")
		if r := s.edited(t); r.Generation != 2 || !r.Problems.HasErrors() {
			t.Errorf("broken: %+v", r)
		}
	})
}

// TestEditedDeletionCountsAtOnce, whether or not somebody else has seen it before; that of other
// files waits as ever.
func TestEditedDeletionCountsAtOnce(t *testing.T) {
	for _, seen := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			dir, s := withMore(t)
			dir.put("users/other.csv", "username\nyan\n")
			dir.put("ca/acme.yaml", "scope: {domains: [acme.example]}\n")
			s.look()
			dir.put("users/more.csv", "")
			dir.put("users/other.csv", "")
			if seen {
				s.look()
			}
			if r := s.edited(t, "users/more.csv"); s.users() != 3 || r.Generation != 3 {
				t.Errorf("seen %v: %d users, %+v", seen, s.users(), r)
			}
			sleep(11 * time.Second)
			if s.users() != 2 {
				t.Errorf("seen %v: the other deletion never counts: %d users", seen, s.users())
			}
		})
	}
}

// TestEditedIsForgotten: the next time somebody copies files, deletions wait again.
func TestEditedIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, s := withMore(t)
		dir.put("users/more.csv", "")
		s.edited(t, "users/more.csv")
		dir.put("users/more.csv", "username\nzoe\n")
		s.look()
		dir.put("users/more.csv", "")
		s.look()
		if s.users() != 3 {
			t.Errorf("%d users: the deletion did not wait", s.users())
		}
	})
}

func TestEditedGivesUp(t *testing.T) {
	r := reconcile.New(reconcile.Config{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := r.Edited(ctx, nil); !errors.Is(err, context.Canceled) {
		t.Errorf("nobody runs: %v", err)
	}
}
