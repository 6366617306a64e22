package pki_test

import (
	"crypto/x509"
	"errors"
	"testing"
	"time"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/pki"
	"gatehouse/authcore/pki/lab"
)

// remembering is a CA with a chain of three, and a memory.
type remembering struct {
	root   *lab.CA
	issuer *lab.CA
	trust  *pki.Trust
	memory *pki.PathMemory
	opt    pki.Options
}

func newRemembering(t *testing.T, limit int) *remembering {
	t.Helper()
	root, err := lab.NewCA(lab.CAOptions{Name: "root"})
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := root.NewIntermediate(lab.CAOptions{Name: "issuer"})
	if err != nil {
		t.Fatal(err)
	}
	return &remembering{
		root: root, issuer: issuer, trust: trustOf(t, "acme", root), memory: pki.NewPathMemory(limit),
		opt: pki.Options{Now: time.Now(), RequireClientAuth: true},
	}
}

func trustOf(t *testing.T, name string, root *lab.CA) *pki.Trust {
	t.Helper()
	ca, err := pki.NewCA(name, []*x509.Certificate{root.Certificate})
	if err != nil {
		t.Fatal(err)
	}
	return pki.NewTrust([]*pki.CA{ca})
}

func (r *remembering) chain(t *testing.T) []*x509.Certificate {
	t.Helper()
	leaf, err := r.issuer.IssueUser(lab.UserOptions{Identity: "alice@acme.example"})
	if err != nil {
		t.Fatal(err)
	}
	return leaf.Presented()
}

// learn verifies and remembers chain.
func (r *remembering) learn(t *testing.T, chain []*x509.Certificate) {
	t.Helper()
	path, err := r.memory.Verify(r.trust, chain, r.opt)
	if err != nil {
		t.Fatal(err)
	}
	r.memory.Remember(r.trust, path, r.opt)
}

// TestPathMemoryRecalls shows that a remembered path needs no intermediate, and so was not
// searched for again, and that nothing is remembered before Remember.
func TestPathMemoryRecalls(t *testing.T) {
	t.Parallel()
	r := newRemembering(t, 0)
	chain := r.chain(t)
	if _, err := r.memory.Verify(r.trust, chain, r.opt); err != nil {
		t.Fatal(err)
	}
	if _, err := r.memory.Verify(r.trust, chain[:1], r.opt); err == nil {
		t.Fatal("a path was remembered by Verify alone")
	}
	r.learn(t, chain)
	path, err := r.memory.Verify(r.trust, chain[:1], r.opt)
	if err != nil {
		t.Fatalf("the path was not recalled: %v", err)
	}
	if len(path.Certificates) != 3 || !path.Certificates[2].Equal(r.root.Certificate) || path.CA.Name != "acme" {
		t.Errorf("got a path of %d, CA %s; want leaf, issuer and root of acme", len(path.Certificates), path.CA.Name)
	}
}

// TestPathMemoryForgetsWithTrust asks under another trust, other rules and other times: the
// remembered path is of no use there.
func TestPathMemoryForgetsWithTrust(t *testing.T) {
	t.Parallel()
	r := newRemembering(t, 0)
	chain := r.chain(t)
	r.learn(t, chain)
	stranger, err := lab.NewCA(lab.CAOptions{Name: "stranger"})
	if err != nil {
		t.Fatal(err)
	}
	late, early, strict := r.opt, r.opt, r.opt
	late.Now = chain[0].NotAfter.Add(time.Hour)
	early.Now = chain[0].NotBefore.Add(-time.Hour)
	strict.RequireClientAuth = false
	tests := []struct {
		name  string
		trust *pki.Trust
		opt   pki.Options
		want  audit.Reason
	}{
		{"other_anchor", trustOf(t, "acme", stranger), r.opt, audit.CertUnknownCA},
		{"other_name", trustOf(t, "globex", r.root), r.opt, audit.CertUnknownCA},
		{"no_trust", nil, r.opt, audit.CertUnknownCA},
		{"other_rules", r.trust, strict, audit.CertUnknownCA},
		{"expired", r.trust, late, audit.CertUnknownCA},
		{"not_yet_valid", r.trust, early, audit.CertUnknownCA},
	}
	for _, tt := range tests {
		// Without the intermediate only the memory could answer.
		_, err := r.memory.Verify(tt.trust, chain[:1], tt.opt)
		var failure *pki.PathError
		if !errors.As(err, &failure) || failure.Reason != tt.want {
			t.Errorf("%s: got %v, want %s", tt.name, err, tt.want)
		}
	}
	if _, err := r.memory.Verify(r.trust, chain, late); err == nil {
		t.Error("an expired certificate was accepted from memory")
	}
	// The same trust, made anew by a reload, is the same.
	if _, err := r.memory.Verify(trustOf(t, "acme", r.root), chain[:1], r.opt); err != nil {
		t.Errorf("after an unrelated reload: %v", err)
	}
}

// TestPathMemoryIsBounded forgets what was unused for longest.
func TestPathMemoryIsBounded(t *testing.T) {
	t.Parallel()
	r := newRemembering(t, 2)
	first, second, third := r.chain(t), r.chain(t), r.chain(t)
	r.learn(t, first)
	r.learn(t, second)
	r.learn(t, first) // used again
	r.learn(t, third)
	for name, tt := range map[string]struct {
		chain []*x509.Certificate
		want  bool
	}{"first": {first, true}, "second": {second, false}, "third": {third, true}} {
		if _, err := r.memory.Verify(r.trust, tt.chain[:1], r.opt); (err == nil) != tt.want {
			t.Errorf("%s: got %v, want remembered %v", name, err, tt.want)
		}
	}
	if n := r.memory.Len(); n != 2 {
		t.Errorf("got %d paths, want 2", n)
	}
}

func BenchmarkVerifyRemembered(b *testing.B) {
	t := &testing.T{}
	r := newRemembering(t, 0)
	chain := r.chain(t)
	r.learn(t, chain)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := r.memory.Verify(r.trust, chain, r.opt); err != nil {
			b.Fatal(err)
		}
	}
}
