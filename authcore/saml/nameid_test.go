package saml_test

import (
	"strings"
	"testing"

	"gatehouse/authcore/identity"
	"gatehouse/authcore/saml"
)

func TestNameID(t *testing.T) {
	t.Parallel()
	bare := &identity.User{Username: "machine"}
	for name, tt := range map[string]struct {
		source  saml.NameIDSource
		listed  []string // in metadata
		asked   string
		user    *identity.User
		want    saml.NameID
		refused bool
	}{
		"email":                    {want: saml.NameID{Format: saml.FormatEmailAddress, Value: anna.Email}},
		"username":                 {source: saml.NameIDUsername, want: saml.NameID{Format: saml.FormatUnspecified, Value: "anna"}},
		"any_asked":                {asked: saml.FormatUnspecified, want: saml.NameID{Format: saml.FormatEmailAddress, Value: anna.Email}},
		"persistent_asked":         {asked: saml.FormatPersistent, source: saml.NameIDUsername, want: saml.NameID{Format: saml.FormatPersistent, Value: "anna"}},
		"email_asked":              {asked: saml.FormatEmailAddress, source: saml.NameIDUsername, want: saml.NameID{Format: saml.FormatEmailAddress, Value: anna.Email}},
		"persistent_listed":        {listed: []string{saml.FormatTransient, saml.FormatPersistent}, want: saml.NameID{Format: saml.FormatPersistent, Value: anna.Email}},
		"email_listed_not_ours":    {listed: []string{saml.FormatEmailAddress}, source: saml.NameIDUsername, want: saml.NameID{Format: saml.FormatUnspecified, Value: "anna"}},
		"no_email":                 {user: bare, refused: true},
		"no_email_asked":           {user: bare, source: saml.NameIDUsername, asked: saml.FormatEmailAddress, refused: true},
		"no_email_but_a_user_name": {user: bare, source: saml.NameIDUsername, want: saml.NameID{Format: saml.FormatUnspecified, Value: "machine"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := config(provider())
			c.NameID, c.Provider.NameIDFormats = tt.source, tt.listed
			if tt.user == nil {
				tt.user = anna
			}
			r := received()
			r.NameIDFormat = tt.asked
			got, err := newIDP(t, c).Respond(r, saml.Subject{User: tt.user}, now)
			if tt.refused {
				if refused := refusal(t, err); refused.Reason != saml.NameIDMissing || refused.Request != r {
					t.Errorf("got %+v", refused)
				}
				return
			}
			if err != nil || got.NameID != tt.want {
				t.Errorf("got %+v, error %v, want %+v", got, err, tt.want)
			}
		})
	}
}

// TestTransientNameIDTellsNothing checks that the name is another one each time.
func TestTransientNameIDTellsNothing(t *testing.T) {
	t.Parallel()
	p := newIDP(t, config(provider()))
	seen := map[string]bool{}
	for _, id := range []string{"_a", "_b"} {
		r := received()
		r.ID, r.NameIDFormat = id, saml.FormatTransient
		got, err := p.Respond(r, saml.Subject{User: anna}, now)
		if err != nil || got.NameID.Format != saml.FormatTransient || len(got.NameID.Value) < 33 {
			t.Fatalf("got %+v, error %v", got, err)
		}
		if seen[got.NameID.Value] || strings.Contains(string(got.XML), "anna") {
			t.Errorf("the Response tells who it is: %s", got.XML)
		}
		seen[got.NameID.Value] = true
	}
}
