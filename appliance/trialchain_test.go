package appliance_test

import (
	"crypto/x509"
	"slices"
	"strings"
	"testing"
	"time"

	"gatehouse/appliance"
	"gatehouse/authcore/pki/lab"
)

// TestLeadsUp judges the certificates that a credential shows by whether they are one chain, and
// by nothing else.
func TestLeadsUp(t *testing.T) {
	t.Parallel()
	root := must(lab.NewCA(lab.CAOptions{Name: "Root"}))(t)
	middle := must(root.NewIntermediate(lab.CAOptions{Name: "Middle"}))(t)
	rekeyed := must(root.NewIntermediate(lab.CAOptions{Name: "Middle"}))(t)
	anonymous := must(root.NewIntermediate(lab.CAOptions{Name: "Middle", Options: lab.Options{NoKeyIDs: true}}))(t)
	low := must(middle.NewIntermediate(lab.CAOptions{Name: "Low"}))(t)
	other := must(lab.NewCA(lab.CAOptions{Name: "Another root"}))(t)
	issue := func(ca *lab.CA, o lab.ServerOptions) *x509.Certificate {
		o.DNSNames = []string{"radius.acme.example"}
		return must(ca.IssueServer(o))(t).Certificate
	}
	leaf := issue(low, lab.ServerOptions{})
	expired := issue(low, lab.ServerOptions{Options: lab.Options{
		NotBefore: time.Now().AddDate(-3, 0, 0), NotAfter: time.Now().AddDate(-2, 0, 0)}})
	weak := issue(low, lab.ServerOptions{Options: lab.Options{SHA1: true}})
	damaged := issue(low, lab.ServerOptions{Options: lab.Options{Damaged: true}})
	ofMiddle := issue(middle, lab.ServerOptions{Options: lab.Options{NoKeyIDs: true}})
	tests := []struct {
		name  string
		chain []*x509.Certificate
		want  string // in the error; empty: none
	}{
		{"leaf_alone", []*x509.Certificate{leaf}, ""},
		{"without_root", []*x509.Certificate{leaf, low.Certificate, middle.Certificate}, ""},
		{"with_root", []*x509.Certificate{leaf, low.Certificate, middle.Certificate, root.Certificate}, ""},
		{"out_of_order", []*x509.Certificate{leaf, root.Certificate, middle.Certificate, low.Certificate}, ""},
		{"one_of_two", []*x509.Certificate{leaf, low.Certificate}, ""},
		{"twice", []*x509.Certificate{leaf, leaf, low.Certificate, low.Certificate}, ""},
		{"gap", []*x509.Certificate{leaf, low.Certificate, root.Certificate}, ""},
		{"two_roots", []*x509.Certificate{leaf, low.Certificate, middle.Certificate, root.Certificate, other.Certificate}, ""},
		{"two_keys_of_one_name", []*x509.Certificate{leaf, low.Certificate, rekeyed.Certificate, middle.Certificate}, ""},
		{"self_signed", []*x509.Certificate{root.Certificate}, ""},
		{"expired", []*x509.Certificate{expired, low.Certificate}, ""},
		{"sha1", []*x509.Certificate{weak, low.Certificate}, ""},
		{"nothing", nil, "no certificate"},
		{"stranger", []*x509.Certificate{leaf, other.Certificate}, "none of the certificates sent with it"},
		{"grandmother_only", []*x509.Certificate{leaf, middle.Certificate}, "none of the certificates sent with it"},
		{"damaged", []*x509.Certificate{damaged, low.Certificate}, "did not issue it"},
		{"other_key", []*x509.Certificate{ofMiddle, anonymous.Certificate}, "did not issue it"},
	}
	for _, tt := range tests {
		given := slices.Clone(tt.chain)
		err := appliance.LeadsUp(tt.chain)
		switch {
		case tt.want == "" && err != nil:
			t.Errorf("%s: got %v, want nil", tt.name, err)
		case tt.want != "" && (err == nil || !strings.Contains(err.Error(), tt.want)):
			t.Errorf("%s: got %v, want %q in it", tt.name, err, tt.want)
		}
		if !slices.Equal(given, tt.chain) {
			t.Errorf("%s: the chain was written", tt.name)
		}
	}
}
