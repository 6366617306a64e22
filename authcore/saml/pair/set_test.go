package pair_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"gatehouse/authcore/saml/pair"
)

// fullSet has an active, a next and a previous pair.
func fullSet(t testing.TB) pair.Set {
	t.Helper()
	slot := func(n int, serial int64) pair.Slot {
		p := newPair(t, n, certOptions{serial: serial})
		return pair.Slot{Certificate: p.Certificate, Key: p.Key}
	}
	set := pair.Set{App: "mail", Active: slot(0, 1), Next: slot(1, 2), Previous: slot(2, 3)}
	set.Previous.Since = now.Add(-day)
	return set
}

// shape is a set in one line: the names of its keys and certificates in each place.
func shape(set pair.Set) string {
	var b strings.Builder
	for _, s := range []pair.Slot{set.Active, set.Next, set.Previous} {
		b.WriteString("[")
		if s.Certificate != nil {
			b.WriteString("c:" + pair.Fingerprint(s.Certificate)[:8])
		}
		if s.Key != nil {
			b.WriteString(" k:" + s.Key.Fingerprint()[:8])
		}
		if !s.Since.IsZero() && s.Key != nil {
			b.WriteString(" " + s.Since.Format(time.RFC3339))
		}
		b.WriteString("] ")
	}
	return b.String()
}

// refusedWith wants a *RefusedError with the code.
func refusedWith(t testing.TB, err error, code pair.RefusedCode) {
	t.Helper()
	var refusal *pair.RefusedError
	if !errors.As(err, &refusal) || refusal.Code != code || refusal.Text == "" {
		t.Errorf("got %v, want it refused with %s", err, code)
	}
}

// TestPinned applies what a bundle says.
func TestPinned(t *testing.T) {
	t.Parallel()
	full := fullSet(t)
	for _, tt := range []struct {
		name     string
		pin      pair.Slot
		previous pair.Slot
	}{
		{"active", full.Active, full.Previous}, {"next", full.Next, full.Active}, {"previous", full.Previous, full.Active},
	} {
		set, err := full.Pin(pair.Fingerprint(tt.pin.Certificate))
		if err != nil {
			t.Fatal(err)
		}
		if p, ok := set.Signer(); !ok || !p.Certificate.Equal(tt.pin.Certificate) || !set.Previous.Certificate.Equal(tt.previous.Certificate) {
			t.Errorf("%s: got %s", tt.name, shape(set))
		}
		if !set.Status(now).Managed {
			t.Errorf("%s: the status does not say that it is managed", tt.name)
		}
	}
	_, err := full.Pin(strings.Repeat("0", 64))
	refusedWith(t, err, pair.PinUnknown)
	full.Next.Key = nil
	_, err = full.Pin(pair.Fingerprint(full.Next.Certificate))
	refusedWith(t, err, pair.PinUnknown)
	if full.Managed {
		t.Error("Pin changed the set it was asked of")
	}
}

// TestSA15DownloadedButNotActive is the most common fault.
func TestSA15DownloadedButNotActive(t *testing.T) {
	t.Parallel()
	full := fullSet(t)
	for _, tt := range []struct {
		downloaded, want string
	}{
		{"", ""},
		{pair.Fingerprint(full.Active.Certificate), ""},
		{pair.Fingerprint(full.Next.Certificate), "probably has next, we still sign with active"},
		{pair.Fingerprint(full.Previous.Certificate), "is previous"},
		{strings.Repeat("0", 64), "no longer in use"},
	} {
		if got := full.DownloadWarning(tt.downloaded); got != tt.want && (tt.want == "" || !strings.Contains(got, tt.want)) {
			t.Errorf("DownloadWarning(%.8s): got %q, want %q", tt.downloaded, got, tt.want)
		}
	}
}
