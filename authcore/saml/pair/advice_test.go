package pair_test

import (
	"strings"
	"testing"

	"gatehouse/authcore/saml/pair"
)

// TestSA20WordsLeadToAChecks looks up what service providers are known to show.
func TestSA20WordsLeadToAChecks(t *testing.T) {
	t.Parallel()
	known := map[string]string{}
	for _, a := range pair.Advices() {
		if known[a.Words] != "" || a.Check == "" {
			t.Errorf("%q is there twice, or leads nowhere", a.Words)
		}
		known[a.Words] = a.Check
	}
	for words, check := range map[string]string{
		"Invalid Assertion": "saml compare", "Signature Validation Failed": "saml compare",
		"SAML Response Invalid": "entity_id", "Login loop": "/saml/reset",
	} {
		if !strings.Contains(known[words], check) {
			t.Errorf("%q leads to %q, want %q in it", words, known[words], check)
		}
	}
}
