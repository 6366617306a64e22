package pair_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/authcore/saml/pair"
)

// lights are the states and colours of a status in one line each.
func lights(st pair.Status) []string {
	list := []string{fmt.Sprintf("app %s/%s %s/%s", st.Certificate.State, st.Certificate.Colour, st.Key.State, st.Key.Colour)}
	for _, p := range st.Pairs {
		list = append(list, fmt.Sprintf("%s %s/%s %s/%s", p.Role, p.Certificate.State, p.Certificate.Colour, p.Key.State, p.Key.Colour))
	}
	return list
}

// TestSA03GreySA04Green and the states between and after.
func TestSA03GreySA04Green(t *testing.T) {
	t.Parallel()
	full := fullSet(t)
	cert, key := pair.Slot{Certificate: full.Active.Certificate}, pair.Slot{Key: full.Active.Key}
	weak := pair.Slot{Certificate: withAlgorithm(t, full.Active.Certificate, 5), Key: full.Active.Key}
	end := full.Active.Certificate.NotAfter
	for _, tt := range []struct {
		name string
		set  pair.Set
		at   time.Time
		want []string
	}{
		{"sa03_empty", pair.Set{}, now, []string{"app none/grey none/grey"}},
		{"sa04_active", pair.Set{Active: full.Active}, now, []string{"app active/green active/green", "active active/green active/green"}},
		{"all", full, now, []string{"app active/green active/green", "active active/green active/green",
			"next next/green next/green", "previous previous/green previous/green"}},
		{"next_alone", pair.Set{Next: full.Next}, now, []string{"app next/green next/green", "next next/green next/green"}},
		{"half_next_alone", pair.Set{Next: cert}, now, []string{"app half/amber none/grey", "next half/amber none/grey"}},
		{"active_certificate_alone", pair.Set{Active: cert}, now, []string{"app half/amber none/grey", "active half/amber none/grey"}},
		{"active_key_alone", pair.Set{Active: key}, now, []string{"app none/grey half/amber", "active none/grey half/amber"}},
		{"mismatch", pair.Set{Active: pair.Slot{Certificate: full.Active.Certificate, Key: full.Next.Key}}, now,
			[]string{"app mismatch/red mismatch/red", "active mismatch/red mismatch/red"}},
		{"retired", pair.Set{Previous: cert}, now, []string{"app none/grey none/grey", "previous retired/grey none/grey"}},
		{"61_days_left", pair.Set{Active: full.Active}, end.Add(-61 * day), []string{"app active/green active/green", "active active/green active/green"}},
		{"60_days_left", pair.Set{Active: full.Active}, end.Add(-60 * day), []string{"app expiring/amber active/green", "active expiring/amber active/green"}},
		{"last_second", pair.Set{Active: full.Active}, end, []string{"app expiring/amber active/green", "active expiring/amber active/green"}},
		{"expired", pair.Set{Active: full.Active}, end.Add(time.Second), []string{"app expired/red active/green", "active expired/red active/green"}},
		{"clock_far_behind", pair.Set{Active: full.Active}, now.Add(-99 * day), []string{"app not_yet_valid/red active/green", "active not_yet_valid/red active/green"}},
		{"weak", pair.Set{Active: weak}, now, []string{"app unusable/red active/green", "active unusable/red active/green"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if d := cmp.Diff(tt.want, lights(tt.set.Status(tt.at))); d != "" {
				t.Errorf("Status (-want +got):\n%s", d)
			}
		})
	}
}

// TestSA16Status shows expiry date and fingerprint of every pair, and which one is active.
func TestSA16Status(t *testing.T) {
	t.Parallel()
	full := fullSet(t)
	st := full.Status(now)
	want := []pair.Slot{full.Active, full.Next, full.Previous}
	if len(st.Pairs) != len(want) {
		t.Fatalf("got %d pairs", len(st.Pairs))
	}
	for i, p := range st.Pairs {
		if d := cmp.Diff(pair.FactsOf(want[i].Certificate), *p.Facts); d != "" {
			t.Errorf("facts of %s (-want +got):\n%s", p.Role, d)
		}
		if p.KeySHA256 != want[i].Key.Fingerprint() || !p.Since.Equal(want[i].Since) {
			t.Errorf("got %+v", p)
		}
		if p.Certificate.Text != "valid until 2028-11-28 05:06 UTC" {
			t.Errorf("%s says %q", p.Role, p.Certificate.Text)
		}
	}
}
