package saml_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/authcore/identity"
	"gatehouse/authcore/saml"
)

// TestRehearsalIsTheAnswer: it says what Start would send, with every signature verified, for every
// way to sign.
func TestRehearsalIsTheAnswer(t *testing.T) {
	t.Parallel()
	for name, want := range signings {
		c := config(provider())
		c.Attributes, c.NameID = attributes(t), saml.NameIDEmail
		signed(strings.TrimSuffix(name, ",demand"), want.demand, t)(&c)
		end := now.Add(time.Hour)
		got, err := newIDP(t, c).Rehearse(saml.Subject{User: anna, NotAfter: end}, now)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		found := map[string]bool{}
		for _, s := range got.Signatures {
			if found[s.Of] = true; !s.Valid || len(s.SHA256) != 64 {
				t.Errorf("%s: %+v", name, s)
			}
		}
		if found["response"] != want.response || found["assertion"] != want.assertion {
			t.Errorf("%s: signatures %v, want %+v", name, found, want)
		}
		got.Signatures, got.Attributes = nil, nil
		if diff := cmp.Diff(&saml.Rehearsal{Issuer: ourEntity, Audience: spEntity, Recipient: spACS, NameID: anna.Email,
			NameIDFormat: saml.FormatEmailAddress, NotBefore: now.Add(-time.Minute).Truncate(time.Second).UTC(),
			NotOnOrAfter: now.Add(5 * time.Minute).Truncate(time.Second).UTC(), SessionEnd: end.Truncate(time.Second).UTC()}, got,
			cmp.Comparer(func(a, b time.Time) bool { return a.Sub(b).Abs() <= time.Second })); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}

// TestRehearsalOfAttributes: values come back as they are, whatever XML minds.
func TestRehearsalOfAttributes(t *testing.T) {
	t.Parallel()
	c := config(provider())
	c.Attributes = attributes(t)
	got, err := newIDP(t, c).Rehearse(saml.Subject{User: anna}, now)
	if err != nil {
		t.Fatal(err)
	}
	all := fmt.Sprint(got.Attributes)
	for _, want := range []string{anna.Name, "R&D"} {
		if !strings.Contains(all, want) {
			t.Errorf("%q is not in %q", want, all)
		}
	}
}

// TestRehearsalFailsAsStart does.
func TestRehearsalFailsAsStart(t *testing.T) {
	t.Parallel()
	c := config(provider())
	c.NameID = saml.NameIDEmail
	var refused *saml.RefusedError
	if r, err := newIDP(t, c).Rehearse(saml.Subject{User: &identity.User{Username: "nomail"}}, now); !errors.As(err, &refused) || r != nil {
		t.Errorf("without an address: %v, %v", r, err)
	}
	if r, err := newIDP(t, c).Rehearse(saml.Subject{}, now); err == nil || r != nil {
		t.Errorf("without a user: %v, %v", r, err)
	}
}
