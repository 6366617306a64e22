package pki_test

import (
	"crypto"
	"crypto/x509"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/pki"
	"gatehouse/authcore/pki/lab"
)

// now is the time of all tests.
var now = time.Date(2026, 10, 3, 12, 0, 0, 0, time.UTC)

var options = pki.Options{Now: now, RequireClientAuth: true, AllowEAPOverLAN: true}

// sharedKey is a P-256 key for leaves whose key does not matter.
var sharedKey = sync.OnceValue(func() crypto.Signer { return mustKey(lab.P256) })

var weakRSA = sync.OnceValue(func() crypto.Signer { return mustKey(lab.WeakRSA1024) })

func mustKey(kind lab.KeyKind) crypto.Signer {
	key, err := lab.NewKey(kind)
	if err != nil {
		panic(err)
	}
	return key
}

func newCA(t testing.TB, o lab.CAOptions) *lab.CA {
	t.Helper()
	if o.Now.IsZero() {
		o.Now = now
	}
	ca, err := lab.NewCA(o)
	if err != nil {
		t.Fatalf("lab.NewCA: %v", err)
	}
	return ca
}

func below(t testing.TB, ca *lab.CA, o lab.CAOptions) *lab.CA {
	t.Helper()
	if o.Now.IsZero() {
		o.Now = now
	}
	made, err := ca.NewIntermediate(o)
	if err != nil {
		t.Fatalf("NewIntermediate: %v", err)
	}
	return made
}

func user(t testing.TB, ca *lab.CA, o lab.UserOptions) *lab.Leaf {
	t.Helper()
	if o.Now.IsZero() {
		o.Now = now
	}
	if o.Key == nil {
		o.Key = sharedKey()
	}
	if o.Identity == "" {
		o.Identity = "alice@example.org"
	}
	leaf, err := ca.IssueUser(o)
	if err != nil {
		t.Fatalf("IssueUser: %v", err)
	}
	if leaf.ParseError != nil {
		t.Fatalf("IssueUser: %v", leaf.ParseError)
	}
	return leaf
}

// trust makes a Trust of one CA called acme.
func trust(t testing.TB, certs ...*x509.Certificate) *pki.Trust {
	t.Helper()
	return pki.NewTrust([]*pki.CA{namedCA(t, "acme", certs...)})
}

func namedCA(t testing.TB, name string, certs ...*x509.Certificate) *pki.CA {
	t.Helper()
	ca, err := pki.NewCA(name, certs)
	if err != nil {
		t.Fatalf("NewCA: %v", err)
	}
	return ca
}

func chain(certs ...*x509.Certificate) []*x509.Certificate { return certs }

// refusal is what a test expects of a PathError.
type refusal struct {
	reason audit.Reason
	step   audit.StepName
	depth  int
	detail string // part of Detail
}

func checkRefused(t *testing.T, err error, want refusal) {
	t.Helper()
	var p *pki.PathError
	if !errors.As(err, &p) {
		t.Fatalf("got %v, want a PathError %+v", err, want)
	}
	if p.Reason != want.reason || p.Step != want.step || p.Depth != want.depth {
		t.Errorf("got %s at step %s and depth %d (%v), want %s at %s and %d",
			p.Reason, p.Step, p.Depth, err, want.reason, want.step, want.depth)
	}
	if want.detail == "" || !strings.Contains(p.Detail, want.detail) {
		t.Errorf("got detail %q, want %q in it", p.Detail, want.detail)
	}
	if strings.ContainsAny(err.Error(), "\n\r\x00") {
		t.Errorf("got error %q, want one line", err.Error())
	}
}

func checkAccepted(t *testing.T, p pki.Path, err error, want ...*x509.Certificate) {
	t.Helper()
	if err != nil {
		t.Fatalf("got %v, want a path", err)
	}
	if len(p.Certificates) != len(want) {
		t.Fatalf("got a path of %d certificates, want %d", len(p.Certificates), len(want))
	}
	for i, c := range want {
		if !p.Certificates[i].Equal(c) {
			t.Errorf("certificate %d of the path: got %s, want %s",
				i, pki.Describe(p.Certificates[i]), pki.Describe(c))
		}
	}
}

// openssl runs the real openssl in dir; where CI is set its absence is a failure.
func openssl(t *testing.T, dir string, args ...string) {
	t.Helper()
	path, err := exec.LookPath("openssl")
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatal("openssl is not installed")
	} else if err != nil {
		t.Skip("openssl is not installed: apt-get install openssl")
	}
	cmd := exec.Command(path, args...)
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("openssl %s: %v\n%s", strings.Join(args, " "), err, out)
	}
}
