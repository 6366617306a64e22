package pair_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/authcore/saml/pair"
)

// gives is a generator of the pair with the nth key.
func gives(t testing.TB, n int) pair.Generator {
	return func(app string, at time.Time) (*pair.Pair, error) {
		if app != "mail" || !at.Equal(now) {
			t.Errorf("a pair was asked for app %s at %s", app, at)
		}
		return newPair(t, n, certOptions{}), nil
	}
}

// never is a generator that must not be asked.
func never(t testing.TB) pair.Generator {
	return func(string, time.Time) (*pair.Pair, error) {
		t.Error("a pair was generated")
		return nil, errors.New("unexpected")
	}
}

// TestSA01ActivateGenerates takes an app from nothing to a pair that signs.
func TestSA01ActivateGenerates(t *testing.T) {
	t.Parallel()
	d := disk{}
	change, err := d.read(t).Activate(gives(t, 0), now)
	set := apply(t, d, change, err)
	p, ok := set.Signer()
	if !ok || p.Key.Fingerprint() != newPair(t, 0, certOptions{}).Key.Fingerprint() {
		t.Fatalf("nothing signs: %s", shape(set))
	}
	if st := set.Status(now); st.Certificate.State != pair.StateActive || st.Key.Colour != pair.Green {
		t.Errorf("got status %+v", st)
	}
	_, err = set.Activate(never(t), now)
	refusedWith(t, err, pair.AlreadyActive)
}

// TestSA01ActivateTakesWhatWaits generates nothing over a pair that was uploaded before.
func TestSA01ActivateTakesWhatWaits(t *testing.T) {
	t.Parallel()
	full := fullSet(t)
	d := save(t, pair.Set{App: "mail", Next: full.Next})
	change, err := d.read(t).Activate(never(t), now)
	set := apply(t, d, change, err)
	if set.RoleOf(pair.Fingerprint(full.Next.Certificate)) != pair.Active {
		t.Errorf("got %s", shape(set))
	}
	half := pair.Set{App: "mail", Next: pair.Slot{Key: full.Next.Key}}
	_, err = half.Activate(never(t), now)
	refusedWith(t, err, pair.HalfWaiting)
}

func TestSA01ActivateGeneratorFails(t *testing.T) {
	t.Parallel()
	cause := errors.New("no entropy")
	fails := func(string, time.Time) (*pair.Pair, error) { return nil, cause }
	if change, err := (pair.Set{App: "mail"}).Activate(fails, now); !errors.Is(err, cause) || len(change.Ops) > 0 {
		t.Errorf("got %v, %v", change, err)
	}
	if _, err := (pair.Set{App: "../etc"}).Activate(never(t), now); !errors.Is(err, pair.ErrApp) {
		t.Errorf("a path that leaves the directory: got %v, want ErrApp", err)
	}
}

// TestSA02NoRegenerateBeforeActivation offers no action that needs an active pair.
func TestSA02NoRegenerateBeforeActivation(t *testing.T) {
	t.Parallel()
	set := pair.Set{App: "mail"}
	for _, action := range []pair.Action{pair.ActionRegenerate, pair.ActionCompromised, pair.ActionPromote} {
		refusedWith(t, set.Can(action, now), pair.NotActivated)
	}
	_, err := set.Regenerate(never(t), now)
	refusedWith(t, err, pair.NotActivated)
	_, err = set.RegenerateCompromised(never(t), now)
	refusedWith(t, err, pair.NotActivated)
	_, err = set.Promote(now)
	refusedWith(t, err, pair.NotActivated)
	if err := set.Can(pair.ActionActivate, now); err != nil {
		t.Errorf("activation is refused: %v", err)
	}
}

// TestSA10Consequences names what a person confirms.
func TestSA10Consequences(t *testing.T) {
	t.Parallel()
	const metadata = "SPs that use this app's metadata need the new metadata"
	full := fullSet(t)
	plain := pair.Set{App: "mail", Active: full.Active}
	for _, action := range []pair.Action{pair.ActionRegenerate, pair.ActionCompromised, pair.ActionPromote, pair.ActionUpload} {
		if list := plain.Consequences(action); !slices.Contains(list, metadata) {
			t.Errorf("%s: got %q, want %q", action, list, metadata)
		}
		erased := slices.ContainsFunc(full.Consequences(action), func(s string) bool { return strings.Contains(s, "next pair that is waiting is erased") })
		if want := action != pair.ActionPromote; erased != want {
			t.Errorf("%s: says that next is erased: %t, want %t", action, erased, want)
		}
	}
}

// TestSA11RegenerateMakesANewKey, which signs only once it is promoted.
func TestSA11RegenerateMakesANewKey(t *testing.T) {
	t.Parallel()
	full := fullSet(t)
	d := save(t, pair.Set{App: "mail", Active: full.Active})
	change, err := d.read(t).Regenerate(gives(t, 3), now)
	set := apply(t, d, change, err)
	if set.Next.Key.Fingerprint() == full.Active.Key.Fingerprint() {
		t.Error("the key is the old one")
	}
	if p, _ := set.Signer(); !p.Certificate.Equal(full.Active.Certificate) {
		t.Error("the new pair signs already")
	}
	if certs := set.SigningCertificates(); len(certs) != 2 || !certs[0].Equal(full.Active.Certificate) || !certs[1].Equal(set.Next.Certificate) {
		t.Errorf("metadata has %d certificates, want active and next", len(certs))
	}
	change, err = set.Promote(now)
	set = apply(t, d, change, err)
	if p, _ := set.Signer(); p.Key.Fingerprint() != newPair(t, 3, certOptions{}).Key.Fingerprint() {
		t.Error("the new pair does not sign")
	}
	if certs := set.SigningCertificates(); len(certs) != 2 || !certs[1].Equal(full.Active.Certificate) {
		t.Errorf("metadata has %d certificates, want active and previous", len(certs))
	}
	refusedWith(t, set.Can(pair.ActionPromote, now), pair.NothingNext)
}

// TestPromoteRefusesAnExpiredPair that waited too long.
func TestPromoteRefusesAnExpiredPair(t *testing.T) {
	t.Parallel()
	full := fullSet(t)
	_, err := full.Promote(now.Add(1001 * day))
	refusedWith(t, err, pair.NextUnusable)
	full.Next.Key = full.Previous.Key
	_, err = full.Promote(now)
	refusedWith(t, err, pair.NextUnusable)
}

// TestPreviousLapses moves the clock: the key goes after 14 days, the certificate stays.
func TestPreviousLapses(t *testing.T) {
	t.Parallel()
	full := fullSet(t)
	d := save(t, pair.Set{App: "mail", Active: full.Active, Next: full.Next})
	change, err := d.read(t).Promote(now)
	set := apply(t, d, change, err)
	if want := now.Add(14 * day); !set.Lapses(0).Equal(want) || !set.Lapses(7*day).Equal(now.Add(7*day)) {
		t.Errorf("it lapses at %s, want %s", set.Lapses(0), want)
	}
	for _, tt := range []struct {
		after time.Duration
		at    time.Time
		want  bool
	}{
		{0, now.Add(-30 * day), false}, // the clock was set back
		{0, now.Add(14*day - time.Second), false},
		{7 * day, now.Add(7 * day), true},
		{30 * day, now.Add(29 * day), false},
		{0, now.Add(14 * day), true},
	} {
		change, err := set.Lapse(tt.after, tt.at)
		if err != nil || (len(change.Ops) > 0) != tt.want {
			t.Errorf("Lapse(%s, %s): got %v, %v, want it to lapse: %t", tt.after, tt.at, change.Ops, err, tt.want)
		}
	}
	change, err = set.Lapse(0, now.Add(14*day))
	set = apply(t, d, change, err)
	if set.Previous.Key != nil || set.Previous.Certificate == nil || len(set.SigningCertificates()) != 1 {
		t.Errorf("got %s, want the certificate alone", shape(set))
	}
	if got := pair.Compare(pair.CertificatePEM(full.Active.Certificate), set).Equals(); got != pair.Previous {
		t.Errorf("the retired certificate equals %s", got)
	}
	if change, err = set.Lapse(0, now.Add(99*day)); err != nil || len(change.Ops) > 0 {
		t.Errorf("it lapses again: %v, %v", change.Ops, err)
	}
	refusedWith(t, set.Can(pair.ActionRetire, now), pair.NothingToDo)
}

// TestPreviousWithoutSince counts from when it is first seen.
func TestPreviousWithoutSince(t *testing.T) {
	t.Parallel()
	full := fullSet(t)
	full.Previous.Since = time.Time{}
	d := save(t, full)
	change, err := d.read(t).Lapse(0, now.Add(99*day))
	set := apply(t, d, change, err)
	if set.Previous.Key == nil || !set.Previous.Since.Equal(now.Add(99*day)) {
		t.Errorf("got %s", shape(set))
	}
}

// TestSA21RetireAndDiscardErase leave no key behind.
func TestSA21RetireAndDiscardErase(t *testing.T) {
	t.Parallel()
	d := save(t, fullSet(t))
	change, err := d.read(t).Retire(now)
	set := apply(t, d, change, err)
	change, err = set.Discard(now)
	apply(t, d, change, err)
	keys := 0
	for name := range d {
		if strings.HasSuffix(name, "key.pem") {
			keys++
		}
	}
	if keys != 1 {
		t.Errorf("%d keys are left, want the active one", keys)
	}
	refusedWith(t, d.read(t).Can(pair.ActionDiscard, now), pair.NothingNext)
}

// TestSA21Compromised signs with a new key at once and erases all others.
func TestSA21Compromised(t *testing.T) {
	t.Parallel()
	full := fullSet(t)
	d := save(t, full)
	change, err := d.read(t).RegenerateCompromised(gives(t, 3), now)
	set := apply(t, d, change, err)
	p, ok := set.Signer()
	if !ok || p.Key.Fingerprint() != newPair(t, 3, certOptions{}).Key.Fingerprint() {
		t.Fatalf("the new pair does not sign: %s", shape(set))
	}
	if certs := set.SigningCertificates(); len(certs) != 1 {
		t.Errorf("metadata has %d certificates, want the new one alone", len(certs))
	}
	for name, data := range d {
		leaks(t, string(data), rsaKeys[0](), rsaKeys[1](), rsaKeys[2]())
		if strings.HasSuffix(name, "since.yaml") {
			t.Errorf("%s is left", name)
		}
	}
	if set.RoleOf(pair.Fingerprint(full.Active.Certificate)) != pair.Previous {
		t.Error("the old certificate is not kept to compare")
	}
	_, err = set.Upload(pair.CertificatePEM(full.Active.Certificate), keyPEM(t, newPair(t, 0, certOptions{})), now)
	var found pair.Findings
	if !errors.As(err, &found) || !found.Has(pair.KeyReused) {
		t.Errorf("the compromised key is taken again: %v", err)
	}
}

// TestBrokenActive is half a pair, or one that does not fit, in the place of the active one.
func TestBrokenActive(t *testing.T) {
	t.Parallel()
	full := fullSet(t)
	for name, slot := range map[string]pair.Slot{
		"no_key":         {Certificate: full.Active.Certificate},
		"no_certificate": {Key: full.Active.Key},
		"mismatch":       {Certificate: full.Active.Certificate, Key: full.Previous.Key},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			set := pair.Set{App: "mail", Active: slot}
			if _, ok := set.Signer(); ok || len(set.SigningCertificates()) > 0 {
				t.Error("it signs")
			}
			refusedWith(t, set.Can(pair.ActionActivate, now), pair.HalfActive)
			refusedWith(t, set.Can(pair.ActionRegenerate, now), pair.HalfActive)
			d := save(t, set)
			change, err := set.RegenerateCompromised(gives(t, 3), now)
			if set = apply(t, d, change, err); set.Active.Missing() != "" {
				t.Errorf("got %s", shape(set))
			}
			set = pair.Set{App: "mail", Active: slot, Next: full.Next}
			d = save(t, set)
			change, err = set.Promote(now)
			if set = apply(t, d, change, err); set.Previous.Key != nil {
				t.Errorf("a key is kept beside no certificate of its own: %s", shape(set))
			}
		})
	}
}

// TestManaged refuses every local change under a bundle.
func TestManaged(t *testing.T) {
	t.Parallel()
	set := fullSet(t)
	set.Managed = true
	for _, action := range []pair.Action{pair.ActionActivate, pair.ActionRegenerate, pair.ActionCompromised,
		pair.ActionPromote, pair.ActionRetire, pair.ActionDiscard, pair.ActionUpload} {
		refusedWith(t, set.Can(action, now), pair.ManagedByHead)
	}
	_, err := set.Regenerate(never(t), now)
	refusedWith(t, err, pair.ManagedByHead)
	if change, err := set.Lapse(0, now.Add(99*day)); err != nil || len(change.Ops) > 0 {
		t.Errorf("a bundle's pair lapses: %v, %v", change.Ops, err)
	}
	set.Previous = set.Active
	if change, err := set.Repair(); err != nil || len(change.Ops) > 0 {
		t.Errorf("a bundle's files are repaired: %v, %v", change.Ops, err)
	}
}

// TestSA15PromoteEndsTheWarning about a certificate that was downloaded before it was active.
func TestSA15PromoteEndsTheWarning(t *testing.T) {
	t.Parallel()
	full := fullSet(t)
	downloaded := pair.Fingerprint(full.Next.Certificate)
	if full.DownloadWarning(downloaded) == "" {
		t.Error("there is no warning before")
	}
	change, err := full.Promote(now)
	if err != nil {
		t.Fatal(err)
	}
	if got := change.Set.DownloadWarning(downloaded); got != "" {
		t.Errorf("after the promotion it still says %q", got)
	}
}

// TestTransitionsLeaveTheSet as it was: others may be reading it.
func TestTransitionsLeaveTheSet(t *testing.T) {
	t.Parallel()
	full := fullSet(t)
	before := shape(full)
	for _, do := range []func() (pair.Change, error){
		func() (pair.Change, error) { return full.Regenerate(gives(t, 3), now) },
		func() (pair.Change, error) { return full.RegenerateCompromised(gives(t, 3), now) },
		func() (pair.Change, error) { return full.Promote(now) },
		func() (pair.Change, error) { return full.Retire(now) },
		func() (pair.Change, error) { return full.Discard(now) },
		func() (pair.Change, error) { return full.Lapse(0, now.Add(99*day)) },
	} {
		change, err := do()
		if err != nil {
			t.Fatal(err)
		}
		if d := cmp.Diff(before, shape(full)); d != "" {
			t.Errorf("the set changed:\n%s", d)
		}
		if shape(change.Set) == before || len(change.Ops) == 0 {
			t.Errorf("nothing changes: %s", shape(change.Set))
		}
	}
}
