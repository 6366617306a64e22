package authcore_test

import (
	"crypto/x509"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/authcore"
	"gatehouse/authcore/audit"
	"gatehouse/authcore/pki"
	"gatehouse/authcore/policy"
	"gatehouse/authcore/revocation"
	"gatehouse/authcore/snapshot"
)

// decider returns a Decider over the configuration of newSnapshot.
func decider(t testing.TB, status authcore.StatusSource) *authcore.Decider {
	holder := &snapshot.Holder{}
	holder.Swap(newSnapshot(t, 7, nil))
	return &authcore.Decider{Snapshots: holder, Status: status, Sink: &recorder{},
		Paths: pki.NewPathMemory(0)}
}

// chain returns what the device of user presents.
func chain(t testing.TB, user string) []*x509.Certificate {
	return []*x509.Certificate{getWorld(t).users[user].Leaf}
}

// GA-1: Evaluate only reads. Whatever it is asked, and however often, nothing is told.
func TestGA1EvaluateHasNoEffect(t *testing.T) {
	t.Parallel()
	d := decider(t, nil)
	for user := range getWorld(t).users {
		d.Evaluate(authcore.Query{Server: "branch-wifi", Chain: chain(t, user)})
	}
	if n := len(d.Sink.(*recorder).events); n != 0 {
		t.Errorf("got %d events of Evaluate", n)
	}
	if n := d.Paths.Len(); n != 0 {
		t.Errorf("got %d paths remembered by Evaluate", n)
	}
	accepted := d.Evaluate(authcore.Query{Server: "branch-wifi", Chain: chain(t, "alice")})
	d.Commit(&accepted, audit.Event{Result: audit.Accept, Reason: audit.Accepted})
	if n := d.Sink.(*recorder).count(audit.Accepted); n != 1 {
		t.Errorf("got %d accepts of Commit, want one", n)
	}
	if n := d.Paths.Len(); n != 1 {
		t.Errorf("got %d paths remembered by Commit, want one", n)
	}
	again := d.Evaluate(authcore.Query{Server: "branch-wifi", Chain: chain(t, "alice")})
	if diff := cmp.Diff(accepted.Ladder, again.Ladder); diff != "" {
		t.Errorf("the remembered path is told otherwise (-first +again):\n%s", diff)
	}
}

func TestEvaluateAnswersForEveryFace(t *testing.T) {
	t.Parallel()
	d := decider(t, nil)
	got := d.Evaluate(authcore.Query{Server: "branch-wifi", Chain: chain(t, "alice")})
	if !got.Accepted() || got.User.Username != "alice" || got.CA != "acme" || got.Generation != 7 ||
		got.Outcome.VLAN != "20" || got.Name.Kind != policy.SANEmail || got.Standing.Status != "off" {
		t.Errorf("got %+v", got)
	}
	for _, s := range got.Ladder { // those that a certificate alone does not answer
		own := s.Name == audit.StepClient || s.Name == audit.StepMessageAuthenticator ||
			s.Name == audit.StepEAP || s.Name == audit.StepTLS
		if own != (s.State == audit.NotRun) {
			t.Errorf("step %s: got %s", s.Name, s.State)
		}
	}
	got = d.Evaluate(authcore.Query{Server: "elsewhere", Chain: chain(t, "alice")})
	if got.Accepted() || got.Reason != audit.ClientUnknown || !strings.Contains(got.Detail, "elsewhere") {
		t.Errorf("got %+v, want client_unknown", got)
	}
	if (authcore.Decision{}).Result == audit.Accept {
		t.Error("the zero Decision accepts")
	}
	pending := authcore.Decision{Pending: true, Result: audit.Accept}
	if pending.Accepted() {
		t.Error("a pending Decision counts as accepted")
	}
}

func TestEvaluateAsksForGoodStanding(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		standing revocation.Standing
		ready    bool
		reason   audit.Reason
	}{
		{"good", goodStanding, true, audit.Accepted},
		{"revoked", revocation.Standing{Reason: audit.CertRevoked, Status: "revoked", Detail: "yesterday"},
			true, audit.CertRevoked},
		{"not-yet", revocation.Standing{}, false, ""},
	} {
		var path pki.Path
		d := decider(t, standingSpy{&path, c.standing, c.ready})
		got := d.Evaluate(authcore.Query{Server: "branch-wifi", Chain: chain(t, "strict"), Wake: func() {}})
		if got.Pending == c.ready || got.Reason != c.reason || got.Standing != c.standing ||
			got.Accepted() != (c.reason == audit.Accepted) {
			t.Errorf("%s: got %+v", c.name, got)
		}
		if len(path.Certificates) != 2 || path.CA.Name != "strict" {
			t.Errorf("%s: asked about %+v", c.name, path)
		}
	}
	// A standing without a reason still refuses.
	d := decider(t, standingSpy{new(pki.Path), revocation.Standing{}, true})
	got := d.Evaluate(authcore.Query{Server: "branch-wifi", Chain: chain(t, "strict")})
	if got.Accepted() || got.Reason == "" {
		t.Errorf("the zero Standing: got %+v", got)
	}
}

type standingSpy struct {
	path     *pki.Path
	standing revocation.Standing
	ready    bool
}

func (s standingSpy) Standing(q revocation.Query) (revocation.Standing, bool) {
	*s.path = q.Path
	return s.standing, s.ready
}

func (standingSpy) Accepted(revocation.Query, revocation.Session) {}

func BenchmarkEvaluate(b *testing.B) {
	for _, user := range []string{"alice", "bob", "stranger"} {
		b.Run(user, func(b *testing.B) {
			d := decider(b, nil)
			q := authcore.Query{Server: "branch-wifi", Chain: chain(b, user)}
			b.ReportAllocs()
			for b.Loop() {
				d.Evaluate(q)
			}
		})
	}
}

// BenchmarkEvaluateReturning is the decision about a device whose path is remembered.
func BenchmarkEvaluateReturning(b *testing.B) {
	d := decider(b, nil)
	q := authcore.Query{Server: "branch-wifi", Chain: chain(b, "alice")}
	first := d.Evaluate(q)
	d.Commit(&first, audit.Event{Result: audit.Accept, Reason: audit.Accepted})
	b.ReportAllocs()
	for b.Loop() {
		d.Evaluate(q)
	}
}
