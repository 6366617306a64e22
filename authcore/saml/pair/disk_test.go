package pair_test

import (
	"bytes"
	"maps"
	"strings"
	"testing"
	"time"

	"gatehouse/authcore/saml/pair"
)

// disk is a configuration directory in memory.
type disk map[string][]byte

// do carries out steps as Op wants it.
func (d disk) do(t testing.TB, ops []pair.Op) {
	t.Helper()
	for _, op := range ops {
		if !strings.HasPrefix(op.Path, "saml/mail/") {
			t.Fatalf("a step outside of the app: %s", op)
		}
		if isKey := strings.HasSuffix(op.Path, "key.pem"); isKey != op.Secret {
			t.Errorf("%s: Secret is %t", op, op.Secret)
		}
		switch op.Kind {
		case pair.Write:
			d[op.Path] = bytes.Clone(op.Data())
		case pair.Rename:
			data, ok := d[op.Path]
			if !ok || !strings.HasPrefix(op.To, "saml/mail/") {
				t.Fatalf("%s: there is nothing to rename", op)
			}
			d[op.To] = data
			delete(d, op.Path)
		case pair.Erase:
			delete(d, op.Path)
		default:
			t.Fatalf("%s: an unknown step", op)
		}
	}
}

// read makes a set of what is on the disk, and wants it readable.
func (d disk) read(t testing.TB) pair.Set {
	t.Helper()
	files := map[string][]byte{}
	for name, data := range d {
		files[strings.TrimPrefix(name, "saml/mail/")] = data
	}
	set, found := pair.Read("mail", files)
	if len(found) > 0 {
		t.Fatalf("reading the disk: %v", found)
	}
	return set
}

// recover reads the disk after a loss of power.
func (d disk) recover(t testing.TB) pair.Set {
	t.Helper()
	change, err := d.read(t).Repair()
	if err != nil {
		t.Fatal(err)
	}
	d.do(t, change.Ops)
	if again, err := d.read(t).Repair(); err != nil || len(again.Ops) > 0 {
		t.Fatalf("the repair wants repair: %v, %v", again.Ops, err)
	}
	return change.Set
}

// save puts a set on an empty disk.
func save(t testing.TB, set pair.Set) disk {
	t.Helper()
	d := disk{}
	for _, s := range []struct {
		slot      pair.Slot
		cert, key string
	}{
		{set.Active, pair.CertificateFile, pair.KeyFile},
		{set.Next, pair.NextCertificateFile, pair.NextKeyFile},
		{set.Previous, pair.PreviousCertificateFile, pair.PreviousKeyFile},
	} {
		if s.slot.Certificate != nil {
			d["saml/mail/"+s.cert] = pair.CertificatePEM(s.slot.Certificate)
		}
		if s.slot.Key != nil {
			data, err := s.slot.Key.PEM()
			if err != nil {
				t.Fatal(err)
			}
			d["saml/mail/"+s.key] = data
		}
	}
	if !set.Previous.Since.IsZero() {
		d["saml/mail/"+pair.PreviousSinceFile] = []byte("since: " + set.Previous.Since.Format(time.RFC3339) + "\n")
	}
	return d
}

// apply carries a change out and wants the disk to say what the change says.
func apply(t testing.TB, d disk, change pair.Change, err error) pair.Set {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	d.do(t, change.Ops)
	if got, want := shape(d.read(t)), shape(change.Set); got != want {
		t.Fatalf("the disk has %s, want %s", got, want)
	}
	return change.Set
}

// TestCrashAnywhere cuts every change off after each of its steps. What is made of the files
// then signs with the old pair or the new one, whole; if the change had not happened, it can be
// asked for again, and if it had, it is complete.
func TestCrashAnywhere(t *testing.T) {
	t.Parallel()
	fresh := newPair(t, 3, certOptions{serial: 9})
	generate := func(string, time.Time) (*pair.Pair, error) { return fresh, nil }
	full := fullSet(t)
	actions := map[string]func(pair.Set) (pair.Change, error){
		"activate":   func(s pair.Set) (pair.Change, error) { return s.Activate(generate, now) },
		"regenerate": func(s pair.Set) (pair.Change, error) { return s.Regenerate(generate, now) },
		"compromised": func(s pair.Set) (pair.Change, error) {
			return s.RegenerateCompromised(generate, now)
		},
		"promote": func(s pair.Set) (pair.Change, error) { return s.Promote(now) },
		"retire":  func(s pair.Set) (pair.Change, error) { return s.Retire(now) },
		"discard": func(s pair.Set) (pair.Change, error) { return s.Discard(now) },
		"upload":  func(s pair.Set) (pair.Change, error) { return s.Upload(fresh.CertificatePEM(), keyPEM(t, fresh), now) },
		"lapse":   func(s pair.Set) (pair.Change, error) { return s.Lapse(0, now.Add(20*day)) },
	}
	starts := map[string]pair.Set{
		"none": {App: "mail"}, "full": full,
		"active":          {App: "mail", Active: full.Active},
		"active_next":     {App: "mail", Active: full.Active, Next: full.Next},
		"active_previous": {App: "mail", Active: full.Active, Previous: full.Previous},
		"next":            {App: "mail", Next: full.Next},
		"half_next":       {App: "mail", Active: full.Active, Next: pair.Slot{Certificate: full.Next.Certificate}},
		"retired":         {App: "mail", Active: full.Active, Next: full.Next, Previous: pair.Slot{Certificate: full.Previous.Certificate}},
	}
	cuts := 0
	for action, do := range actions {
		for start, set := range starts {
			change, err := do(set)
			if err != nil {
				continue // refused from here
			}
			apply(t, save(t, set), change, nil)
			for n := range change.Ops {
				cuts++
				checkCut(t, action+"_"+start, set, change, n)
			}
		}
	}
	if cuts < 60 {
		t.Errorf("only %d cuts were made", cuts)
	}
}

// checkCut carries out n steps of a change and recovers.
func checkCut(t *testing.T, name string, before pair.Set, change pair.Change, n int) {
	t.Helper()
	d := save(t, before)
	d.do(t, change.Ops[:n])
	raw := d.read(t)
	for _, s := range []pair.Slot{raw.Next, raw.Previous} {
		if _, fits := s.Pair(); s.Certificate != nil && s.Key != nil && !fits {
			t.Errorf("%s after %d steps: a key beside another's certificate: %s", name, n, shape(raw))
		}
	}
	after := d.recover(t)
	if a, p := after.Active.Certificate, after.Previous.Certificate; a != nil && p != nil && a.Equal(p) {
		t.Errorf("%s after %d steps: previous is a copy of active: %s", name, n, shape(after))
	}
	was, _ := before.Signer()
	will, _ := change.Set.Signer()
	is, signs := after.Signer()
	switch {
	case was != nil && !signs:
		t.Errorf("%s after %d steps: nothing signs: %s", name, n, shape(after))
	case signs && (was == nil || !is.Certificate.Equal(was.Certificate)) &&
		(will == nil || !is.Certificate.Equal(will.Certificate)):
		t.Errorf("%s after %d steps: another pair signs: %s", name, n, shape(after))
	case !after.Active.IsEmpty() && !signs:
		t.Errorf("%s after %d steps: the active pair does not fit: %s", name, n, shape(after))
	}
	if signs && will != nil && was != nil && !was.Certificate.Equal(will.Certificate) &&
		is.Certificate.Equal(will.Certificate) && shape(after) != shape(change.Set) {
		t.Errorf("%s after %d steps: half a change: got %s, want %s", name, n, shape(after), shape(change.Set))
	}
}

// TestReadFindings names the files that cannot be read and reads the others.
func TestReadFindings(t *testing.T) {
	t.Parallel()
	set := fullSet(t)
	d := save(t, set)
	files := map[string][]byte{}
	for name, data := range maps.All(d) {
		files[strings.TrimPrefix(name, "saml/mail/")] = data
	}
	files[pair.NextKeyFile] = []byte("junk")
	files[pair.PreviousCertificateFile] = keyPEM(t, newPair(t, 2, certOptions{}))
	files[pair.PreviousSinceFile] = []byte("since: yesterday")
	got, found := pair.Read("mail", files)
	if _, ok := got.Signer(); !ok || got.Next.Missing() != pair.PartKey || got.Previous.Missing() != pair.PartCertificate {
		t.Errorf("got %s", shape(got))
	}
	where := ""
	for _, f := range found {
		where += f.File + ":" + string(f.Code) + " "
	}
	want := "next/key.pem:no_key previous/certificate.pem:key_instead_of_certificate previous/since.yaml:since_unreadable "
	if where != want {
		t.Errorf("got findings %s, want %s", where, want)
	}
	leaks(t, found.Error(), rsaKeys[2]())
}

func TestParseSince(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"since: 2026-03-04T05:06:07Z\n", "since: \"2026-03-04T07:06:07+02:00\"", "since:   2026-03-04T05:06:07Z"} {
		if got, err := pair.ParseSince([]byte(text)); err != nil || !got.Equal(now) {
			t.Errorf("ParseSince(%q): got %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "since:", "2026-03-04T05:06:07Z", "since: 2026-03-04", "until: 2026-03-04T05:06:07Z", strings.Repeat(" ", 64<<10+1)} {
		if got, err := pair.ParseSince([]byte(text)); err == nil || !got.IsZero() {
			t.Errorf("ParseSince(%.40q): got %v, want an error", text, got)
		}
	}
}

// FuzzRead wants no panic, whatever lies on the disk, and nothing to sign that does not fit.
func FuzzRead(f *testing.F) {
	p := newPair(f, 0, certOptions{})
	f.Add(p.CertificatePEM(), keyPEM(f, p), []byte("since: 2026-03-04T05:06:07Z\n"))
	f.Add([]byte(nil), []byte("x"), []byte("since: "))
	f.Fuzz(func(t *testing.T, cert, key, since []byte) {
		set, _ := pair.Read("mail", map[string][]byte{
			pair.NextCertificateFile: cert, pair.KeyFile: key,
			pair.PreviousCertificateFile: cert, pair.PreviousSinceFile: since,
		})
		change, err := set.Repair()
		if err != nil {
			t.Fatal(err)
		}
		if p, ok := change.Set.Signer(); ok {
			if _, err := pair.New(p.Certificate, p.Key); err != nil {
				t.Error(err)
			}
		}
		change.Set.Status(now)
	})
}
