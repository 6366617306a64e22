package pair_test

import (
	"errors"
	"strings"
	"testing"

	"gatehouse/authcore/saml/pair"
)

// foundWith wants Findings with the one code.
func foundWith(t testing.TB, err error, code pair.Code) {
	t.Helper()
	var found pair.Findings
	if !errors.As(err, &found) || len(found) != 1 || found[0].Code != code {
		t.Errorf("got %v, want the finding %s", err, code)
	}
}

// TestSA05Upload uploads a whole pair, first to an app that has none.
func TestSA05Upload(t *testing.T) {
	t.Parallel()
	d := disk{}
	a, b, c := newPair(t, 0, certOptions{}), newPair(t, 1, certOptions{}), newPair(t, 2, certOptions{})
	change, err := d.read(t).Upload(a.CertificatePEM(), keyPEM(t, a), now)
	set := apply(t, d, change, err)
	if _, ok := set.Signer(); ok {
		t.Error("an uploaded pair signs without a person asking for it")
	}
	change, err = set.Activate(never(t), now)
	set = apply(t, d, change, err)
	for _, p := range []*pair.Pair{b, c} { // the second takes the place of the first
		windows := strings.ReplaceAll(string(p.CertificatePEM()), "\n", "\r\n")
		change, err = set.Upload([]byte(windows), keyPEM(t, p), now)
		set = apply(t, d, change, err)
		if set.RoleOf(pair.Fingerprint(p.Certificate)) != pair.Next {
			t.Errorf("got %s", shape(set))
		}
		if text := d["saml/mail/next/certificate.pem"]; string(text) != string(p.CertificatePEM()) {
			t.Errorf("the certificate is stored as %q", text)
		}
	}
	if set.RoleOf(pair.Fingerprint(a.Certificate)) != pair.Active {
		t.Errorf("the active pair changed: %s", shape(set))
	}
	_, err = set.Upload(nil, nil, now)
	foundWith(t, err, pair.Empty)
}

// TestSA06HalfPair uploads the halves one by one, in either order.
func TestSA06HalfPair(t *testing.T) {
	t.Parallel()
	p := newPair(t, 3, certOptions{})
	cert, key := p.CertificatePEM(), keyPEM(t, p)
	for _, tt := range []struct {
		name   string
		halves [2][2][]byte
		lacks  pair.Part
	}{
		{"certificate_first", [2][2][]byte{{cert, nil}, {nil, key}}, pair.PartKey},
		{"key_first", [2][2][]byte{{nil, key}, {cert, nil}}, pair.PartCertificate},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			full := fullSet(t)
			before := pair.Set{App: "mail", Active: full.Active}
			d := save(t, before)
			change, err := before.Upload(tt.halves[0][0], tt.halves[0][1], now)
			set := apply(t, d, change, err)
			if set.Next.Missing() != tt.lacks {
				t.Errorf("missing: got %q, want %q", set.Next.Missing(), tt.lacks)
			}
			checkHalf(t, before, set, tt.lacks)
			change, err = set.Upload(tt.halves[1][0], tt.halves[1][1], now)
			set = apply(t, d, change, err)
			if n := len(set.SigningCertificates()); n != 2 || set.Next.Missing() != "" {
				t.Errorf("got %d certificates in metadata, want 2: %s", n, shape(set))
			}
			_, err = set.Upload(tt.halves[0][0], tt.halves[0][1], now)
			refusedWith(t, err, pair.NextWaiting)
		})
	}
}

// checkHalf wants nothing active to change for half a pair, and its status to name the rest.
func checkHalf(t *testing.T, before, set pair.Set, lacks pair.Part) {
	t.Helper()
	was, _ := before.Signer()
	is, ok := set.Signer()
	if !ok || !is.Certificate.Equal(was.Certificate) || len(set.SigningCertificates()) != 1 {
		t.Errorf("half a pair changed what is active: %s", shape(set))
	}
	st := set.Status(now).Pairs[1]
	there, missing := st.Certificate, st.Key
	if lacks == pair.PartCertificate {
		there, missing = st.Key, st.Certificate
	}
	if st.Missing != lacks || there.State != pair.StateHalf || there.Colour != pair.Amber || missing.State != pair.StateNone || missing.Colour != pair.Grey {
		t.Errorf("got status %+v", st)
	}
	if !strings.Contains(there.Text, "is missing: upload it") {
		t.Errorf("the status says %q", there.Text)
	}
	refusedWith(t, set.Can(pair.ActionPromote, now), pair.HalfWaiting)
}

// TestSA07HalfMismatch refuses the second half if it does not fit the first.
func TestSA07HalfMismatch(t *testing.T) {
	t.Parallel()
	full := fullSet(t)
	b := newPair(t, 3, certOptions{})
	withCert := pair.Set{App: "mail", Active: full.Active, Next: pair.Slot{Certificate: full.Next.Certificate}}
	_, err := withCert.Upload(nil, keyPEM(t, b), now)
	foundWith(t, err, pair.Mismatch)
	for _, fingerprint := range []string{full.Next.Key.Fingerprint(), b.Key.Fingerprint()} {
		if !strings.Contains(err.Error(), fingerprint) {
			t.Errorf("%q does not name %s", err, fingerprint)
		}
	}
	withKey := pair.Set{App: "mail", Active: full.Active, Next: pair.Slot{Key: full.Next.Key}}
	_, err = withKey.Upload(b.CertificatePEM(), nil, now)
	foundWith(t, err, pair.Mismatch)
	_, err = withKey.Upload(b.CertificatePEM(), keyPEM(t, newPair(t, 2, certOptions{})), now)
	foundWith(t, err, pair.Mismatch)
}

// TestSA06KeyReused refuses a new certificate for a key that is or was in use.
func TestSA06KeyReused(t *testing.T) {
	t.Parallel()
	full := fullSet(t)
	set := pair.Set{App: "mail", Active: full.Active, Previous: pair.Slot{Certificate: full.Previous.Certificate}}
	for _, n := range []int{0, 2} {
		again := newPair(t, n, certOptions{serial: 77})
		for _, halves := range [][2][]byte{
			{again.CertificatePEM(), keyPEM(t, again)}, {again.CertificatePEM(), nil}, {nil, keyPEM(t, again)},
		} {
			_, err := set.Upload(halves[0], halves[1], now)
			foundWith(t, err, pair.KeyReused)
		}
	}
}

// TestSA08UploadRefusesBadInput leaves everything as it is.
func TestSA08UploadRefusesBadInput(t *testing.T) {
	t.Parallel()
	full := fullSet(t)
	set := pair.Set{App: "mail", Active: full.Active}
	good := newPair(t, 3, certOptions{})
	expired := newPair(t, 3, certOptions{notBefore: now.Add(-9 * day), notAfter: now.Add(-day)})
	for _, tt := range []struct {
		cert, key []byte
		want      pair.Code
	}{
		{good.Certificate.Raw, nil, pair.DER},
		{expired.CertificatePEM(), nil, pair.Expired},
		{expired.CertificatePEM(), keyPEM(t, expired), pair.Expired},
		{keyPEM(t, good), nil, pair.KeyForCertificate},
		{nil, good.CertificatePEM(), pair.CertificateForKey},
		{[]byte{}, nil, pair.Empty},
		{nil, []byte{}, pair.Empty},
	} {
		change, err := set.Upload(tt.cert, tt.key, now)
		foundWith(t, err, tt.want)
		if len(change.Ops) > 0 {
			t.Errorf("%s: steps are planned: %v", tt.want, change.Ops)
		}
	}
}
