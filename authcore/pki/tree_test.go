package pki_test

import (
	"crypto/x509"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/authcore/pki"
	"gatehouse/authcore/pki/lab"
)

// drawn writes branches as a line: a name, and in brackets what hangs from it.
func drawn(branches []*pki.Branch) string {
	var parts []string
	for _, b := range branches {
		text := pki.Subject(b.Certificate)
		if len(b.Issued) > 0 {
			text += "(" + drawn(b.Issued) + ")"
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, " ")
}

func TestTree(t *testing.T) {
	t.Parallel()
	must := func(ca *lab.CA, err error) *lab.CA {
		if err != nil {
			t.Fatal(err)
		}
		return ca
	}
	root := must(lab.NewCA(lab.CAOptions{Name: "Root"}))
	issuing := must(root.NewIntermediate(lab.CAOptions{Name: "Issuing"}))
	second := must(root.NewIntermediate(lab.CAOptions{Name: "Second"}))
	below := must(issuing.NewIntermediate(lab.CAOptions{Name: "Below"}))
	other := must(lab.NewCA(lab.CAOptions{Name: "Other root"}))
	stray := must(other.NewIntermediate(lab.CAOptions{Name: "Stray"}))
	twin := must(lab.NewCA(lab.CAOptions{Name: "Root"})) // the name is the same, the key another
	ofTwin := must(twin.NewIntermediate(lab.CAOptions{Name: "Of the twin"}))

	for _, tt := range []struct {
		name        string
		certs       []*lab.CA
		roots, lost string
	}{
		{"root_alone", []*lab.CA{root}, "Root", ""},
		{"chain_upside_down", []*lab.CA{below, issuing, root}, "Root(Issuing(Below))", ""},
		{"two_below_one", []*lab.CA{root, issuing, second}, "Root(Issuing Second)", ""},
		{"two_roots", []*lab.CA{root, other, stray}, "Root Other root(Stray)", ""},
		{"issuer_missing", []*lab.CA{root, stray, below}, "Root", "Stray Below"},
		{"no_root", []*lab.CA{issuing, below}, "Issuing(Below)", ""},
		{"same_name_other_key", []*lab.CA{root, ofTwin}, "Root", "Of the twin"},
		{"same_name_both", []*lab.CA{root, twin, ofTwin, issuing}, "Root(Issuing) Root(Of the twin)", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var certs []*x509.Certificate
			for _, c := range tt.certs {
				certs = append(certs, c.Certificate)
			}
			ca, err := pki.NewCA("acme", certs)
			if err != nil {
				t.Fatal(err)
			}
			roots, lost := ca.Tree()
			if diff := cmp.Diff([]string{tt.roots, tt.lost}, []string{drawn(roots), drawn(lost)}); diff != "" {
				t.Errorf("roots and lost (-want +got)\n%s", diff)
			}
		})
	}
}

func TestKeyName(t *testing.T) {
	t.Parallel()
	for kind, want := range map[lab.KeyKind]string{lab.P256: "ECDSA P-256", lab.RSA2048: "RSA 2048"} {
		ca, err := lab.NewCA(lab.CAOptions{Options: lab.Options{KeyKind: kind}})
		if err != nil {
			t.Fatal(err)
		}
		if got := pki.KeyName(ca.Certificate); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if got := pki.KeyName(&x509.Certificate{}); !strings.Contains(got, "unknown") {
		t.Errorf("no key: %q", got)
	}
}
