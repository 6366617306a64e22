package pki_test

import (
	"crypto"
	"crypto/ecdh"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"io"
	"math/big"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/pki"
	"gatehouse/authcore/pki/lab"
)

func TestVerifyPaths(t *testing.T) {
	t.Parallel()
	root := newCA(t, lab.CAOptions{Name: "Root"})
	inter := below(t, root, lab.CAOptions{Name: "Inter"})
	lower := below(t, inter, lab.CAOptions{Name: "Lower"})
	leaf := user(t, lower, lab.UserOptions{}).Certificate
	noHints := below(t, root, lab.CAOptions{Name: "No hints", Options: lab.Options{NoKeyIDs: true}})
	plain := user(t, noHints, lab.UserOptions{Options: lab.Options{NoKeyIDs: true}}).Certificate
	r, i, l := root.Certificate, inter.Certificate, lower.Certificate
	tests := []struct {
		name          string
		trusted, path []*x509.Certificate
		presented     []*x509.Certificate
	}{
		{"intermediates_presented", chain(r), chain(leaf, l, i, r), chain(leaf, l, i)},
		{"presented_in_any_order", chain(r), chain(leaf, l, i, r), chain(leaf, i, l)},
		{"root_presented_too", chain(r), chain(leaf, l, i, r), chain(leaf, l, i, r)},
		{"leaf_presented_twice", chain(r, i, l), chain(leaf, l, i, r), chain(leaf, leaf)},
		{"intermediates_in_ca_file", chain(r, i, l), chain(leaf, l, i, r), chain(leaf)},
		{"one_of_each", chain(r, i), chain(leaf, l, i, r), chain(leaf, l)},
		{"intermediate_as_anchor", chain(i), chain(leaf, l, i), chain(leaf, l, i, r)},
		{"issuer_as_anchor", chain(l), chain(leaf, l), chain(leaf)},
		{"stray_certificates", chain(r, i, l), chain(leaf, l, i, r), chain(leaf, noHints.Certificate, plain)},
		{"no_key_identifiers", chain(r), chain(plain, noHints.Certificate, r), chain(plain, noHints.Certificate)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p, err := trust(t, tt.trusted...).Verify(tt.presented, options)
			checkAccepted(t, p, err, tt.path...)
			if p.CA == nil || p.CA.Name != "acme" {
				t.Errorf("got CA %v, want acme", p.CA)
			}
		})
	}
}

func TestVerifyKeyKinds(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]lab.KeyKind{
		"p256": lab.P256, "p384": lab.P384, "p521": lab.P521, "ed25519": lab.Ed25519, "rsa2048": lab.RSA2048,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ca := newCA(t, lab.CAOptions{Options: lab.Options{KeyKind: kind}})
			leaf := user(t, ca, lab.UserOptions{Options: lab.Options{Key: ca.Key}}).Certificate
			p, err := trust(t, ca.Certificate).Verify(chain(leaf), options)
			checkAccepted(t, p, err, leaf, ca.Certificate)
		})
	}
}

func TestVerifyUnknownCA(t *testing.T) {
	t.Parallel()
	root := newCA(t, lab.CAOptions{Name: "Acme CA"})
	other := newCA(t, lab.CAOptions{Name: "Other CA"})
	inter := below(t, other, lab.CAOptions{Name: "Other Inter"})
	namesake := newCA(t, lab.CAOptions{Name: "Acme CA"})
	noID := newCA(t, lab.CAOptions{Name: "Acme CA", Options: lab.Options{NoKeyIDs: true}})
	good := trust(t, root.Certificate)
	tests := []struct {
		name  string
		trust *pki.Trust
		chain []*x509.Certificate
		want  refusal
	}{
		{"issuer_unknown", good, chain(user(t, other, lab.UserOptions{}).Certificate),
			refusal{"cert_unknown_ca", "chain", 0, `its issuer "CN=Other CA,O=Gatehouse lab" is unknown: this RADIUS server trusts acme`}},
		{"issuer_of_presented_unknown", good, user(t, inter, lab.UserOptions{}).Presented(),
			refusal{"cert_unknown_ca", "chain", 1, `its issuer "CN=Other CA,O=Gatehouse lab" is unknown`}},
		{"presented_root_is_not_trusted", good,
			append(user(t, inter, lab.UserOptions{}).Presented(), other.Certificate),
			refusal{"cert_unknown_ca", "chain", 2, "is unknown"}},
		{"namesake_with_other_key", good, chain(user(t, namesake, lab.UserOptions{}).Certificate),
			refusal{"cert_unknown_ca", "chain", 0, "with another key than the one in ca/acme"}},
		{"namesake_without_identifiers", good, chain(user(t, noID, lab.UserOptions{Options: lab.Options{NoKeyIDs: true}}).Certificate),
			refusal{"cert_chain", "chain", 0, "was not made with the key"}},
		{"damaged_signature", good, chain(user(t, root, lab.UserOptions{Options: lab.Options{Damaged: true}}).Certificate),
			refusal{"cert_chain", "chain", 0, "damaged or forged"}},
		{"no_ca", pki.NewTrust(nil), chain(user(t, root, lab.UserOptions{}).Certificate),
			refusal{"cert_unknown_ca", "chain", 0, "trusts no CA"}},
		{"nil_trust", nil, chain(user(t, root, lab.UserOptions{}).Certificate),
			refusal{"cert_unknown_ca", "chain", 0, "trusts no CA"}},
		{"nothing_presented", good, nil, refusal{"cert_missing", "chain", 0, "no certificate"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := tt.trust.Verify(tt.chain, options)
			checkRefused(t, err, tt.want)
		})
	}
}

func TestCV3IssuersMayIssue(t *testing.T) {
	t.Parallel()
	root := newCA(t, lab.CAOptions{})
	limited := newCA(t, lab.CAOptions{LimitPath: true, PathLen: 1})
	lower := below(t, limited, lab.CAOptions{})
	tests := []struct {
		name   string
		trust  *pki.Trust
		leaf   *lab.Leaf
		depth  int
		detail string // empty: accepted
	}{
		{"ca_false", trust(t, root.Certificate), user(t, below(t, root, lab.CAOptions{NoCA: true}), lab.UserOptions{}), 1, "CA:FALSE"},
		{"no_cert_sign", trust(t, root.Certificate), user(t, below(t, root, lab.CAOptions{NoCertSign: true}), lab.UserOptions{}), 1, "keyCertSign"},
		{"leaf_as_issuer", trust(t, root.Certificate), user(t, asCA(user(t, root, lab.UserOptions{Options: lab.Options{Key: mustKey(lab.P384)}, Kind: lab.UsernameCN, Identity: "mallory"})), lab.UserOptions{}), 1, "basicConstraints"},
		{"path_length_met", trust(t, limited.Certificate), user(t, lower, lab.UserOptions{}), 0, ""},
		{"path_length_exceeded", trust(t, limited.Certificate), user(t, below(t, lower, lab.CAOptions{Name: "Lower"}), lab.UserOptions{}), 3, "allows 1 CA"},
		{"path_length_zero", trust(t, root.Certificate), user(t, below(t, below(t, root, lab.CAOptions{LimitPath: true}),
			lab.CAOptions{Name: "Lower"}), lab.UserOptions{}), 2, "allows 0 CA"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := tt.trust.Verify(tt.leaf.Presented(), options)
			if tt.detail == "" {
				if err != nil {
					t.Errorf("got %v, want a path", err)
				}
				return
			}
			checkRefused(t, err, refusal{"cert_chain", "chain", tt.depth, tt.detail})
		})
	}
}

// asCA lets a person's certificate issue others, as its owner might try.
func asCA(l *lab.Leaf) *lab.CA {
	return &lab.CA{Certificate: l.Certificate, Key: l.Key, Chain: append(chain(l.Certificate), l.Chain...)}
}

func TestCV4UnknownCriticalExtension(t *testing.T) {
	t.Parallel()
	odd := asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 99999, 7}
	ext := pkix.Extension{Id: odd, Critical: true, Value: []byte{5, 0}}
	root := newCA(t, lab.CAOptions{})
	inter := below(t, root, lab.CAOptions{Options: lab.Options{Extensions: []pkix.Extension{ext}}})
	oddRoot := newCA(t, lab.CAOptions{Name: "Odd", Options: lab.Options{Extensions: []pkix.Extension{ext}}})
	tests := []struct {
		name  string
		leaf  *lab.Leaf
		depth int
	}{
		{"leaf", user(t, root, lab.UserOptions{CriticalExtension: odd}), 0},
		{"intermediate", user(t, inter, lab.UserOptions{}), 1},
		{"anchor", user(t, oddRoot, lab.UserOptions{}), 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := trust(t, root.Certificate, oddRoot.Certificate).Verify(tt.leaf.Presented(), options)
			checkRefused(t, err, refusal{"cert_critical_extension", "chain", tt.depth, "1.3.6.1.4.1.99999.7"})
		})
	}
	// Neither a critical subject alternative name that crypto/x509 cannot read, nor the same
	// extension uncritical, is a reason to refuse.
	upn := user(t, root, lab.UserOptions{Kind: lab.UserUPN, Identity: "a@corp", CriticalNames: true})
	if len(upn.Certificate.UnhandledCriticalExtensions) == 0 {
		t.Error("crypto/x509 reads UPNs now: this test is pointless")
	}
	ext.Critical = false
	mild := user(t, root, lab.UserOptions{Options: lab.Options{Extensions: []pkix.Extension{ext}}})
	for _, leaf := range []*lab.Leaf{upn, mild} {
		p, err := trust(t, root.Certificate).Verify(leaf.Presented(), options)
		checkAccepted(t, p, err, leaf.Certificate, root.Certificate)
	}
}

func TestCV5WeakKeysAndSignatures(t *testing.T) {
	t.Parallel()
	root := newCA(t, lab.CAOptions{})
	weakCA := newCA(t, lab.CAOptions{Name: "Weak", Options: lab.Options{Key: weakRSA()}})
	sha1CA := newCA(t, lab.CAOptions{Name: "Old", Options: lab.Options{SHA1: true}})
	rsaCA := newCA(t, lab.CAOptions{Name: "RSA", Options: lab.Options{KeyKind: lab.RSA2048}})
	sha1Inter := below(t, root, lab.CAOptions{Options: lab.Options{SHA1: true}})
	hugeRSA := &rsa.PublicKey{N: new(big.Int).Lsh(big.NewInt(1), 8199), E: 65537}
	x25519, err := ecdh.X25519().NewPublicKey(make([]byte, 32))
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name   string
		leaf   *lab.Leaf
		depth  int
		detail string
	}{
		{"rsa_1024", user(t, root, lab.UserOptions{Options: lab.Options{Key: weakRSA()}}), 0, "1024 bits"},
		{"p224", user(t, root, lab.UserOptions{Options: lab.Options{KeyKind: lab.WeakP224, Key: mustKey(lab.WeakP224)}}), 0, "P-224"},
		{"rsa_8200", user(t, root, lab.UserOptions{Options: lab.Options{Key: hollowKey{hugeRSA}}}), 0, "8200 bits"},
		{"x25519", user(t, root, lab.UserOptions{Options: lab.Options{Key: hollowKey{x25519}}}), 0, "not supported"},
		{"sha1_ecdsa", user(t, root, lab.UserOptions{Options: lab.Options{SHA1: true}}), 0, "SHA-1"},
		{"sha1_rsa", user(t, rsaCA, lab.UserOptions{Options: lab.Options{SHA1: true}}), 0, "SHA-1"},
		{"sha1_intermediate", user(t, sha1Inter, lab.UserOptions{}), 1, "SHA-1"},
		{"weak_anchor", user(t, weakCA, lab.UserOptions{}), 1, "1024 bits"},
	}
	tr := trust(t, root.Certificate, weakCA.Certificate, sha1CA.Certificate, rsaCA.Certificate)
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := tr.Verify(tt.leaf.Presented(), options)
			checkRefused(t, err, refusal{"cert_weak", "chain", tt.depth, tt.detail})
		})
	}
	leaf := user(t, sha1CA, lab.UserOptions{}) // an anchor's signature on itself does not matter
	p, err := tr.Verify(leaf.Presented(), options)
	checkAccepted(t, p, err, leaf.Certificate, sha1CA.Certificate)
}

// hollowKey is a public key that nobody can sign with.
type hollowKey struct{ public crypto.PublicKey }

func (k hollowKey) Public() crypto.PublicKey { return k.public }

func (hollowKey) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) {
	return nil, errors.New("no private key")
}

func TestCV6Dates(t *testing.T) {
	t.Parallel()
	root := newCA(t, lab.CAOptions{})
	window := func(from, to time.Time) lab.Options { return lab.Options{NotBefore: from, NotAfter: to} }
	past := window(now.AddDate(-1, 0, 0), now.AddDate(0, 0, -3))
	oldRoot := newCA(t, lab.CAOptions{Name: "Old root", Options: past})
	tests := []struct {
		name string
		now  time.Time
		leaf *lab.Leaf
		want refusal
	}{
		{"expired", now, user(t, root, lab.UserOptions{Options: past}),
			refusal{audit.CertExpired, "dates", 0, "expired 3 days ago, on 2026-09-30 12:00 UTC"}},
		{"expired_a_minute_ago", now, user(t, root, lab.UserOptions{Options: window(now.Add(-time.Hour), now.Add(-time.Minute))}),
			refusal{audit.CertExpired, "dates", 0, "expired 1 minute ago"}},
		{"clock_at_2000", time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC), user(t, root, lab.UserOptions{}),
			refusal{audit.CertNotYetValid, "dates", 0, "not yet valid by 26 years: it is valid from 2026-10-03 11:55 UTC, and this gateway's clock says 2000-01-01 00:00 UTC: is that right?"}},
		{"not_yet", now, user(t, root, lab.UserOptions{Options: window(now.Add(30*time.Hour), now.AddDate(1, 0, 0))}),
			refusal{audit.CertNotYetValid, "dates", 0, "not yet valid by 30 hours"}},
		{"intermediate_expired", now, user(t, below(t, root, lab.CAOptions{Options: past}), lab.UserOptions{}),
			refusal{audit.CertExpired, "dates", 1, "expired 3 days ago"}},
		{"anchor_expired", now, user(t, oldRoot, lab.UserOptions{}),
			refusal{audit.CertExpired, "dates", 1, "expired 3 days ago"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			opt := options
			opt.Now = tt.now
			_, err := trust(t, root.Certificate, oldRoot.Certificate).Verify(tt.leaf.Presented(), opt)
			checkRefused(t, err, tt.want)
		})
	}
}

func TestCV6DatesToTheSecond(t *testing.T) {
	t.Parallel()
	root := newCA(t, lab.CAOptions{})
	leaf := user(t, root, lab.UserOptions{Options: lab.Options{NotBefore: now, NotAfter: now.Add(time.Hour)}})
	for offset, good := range map[time.Duration]bool{
		-time.Second: false, 0: true, time.Hour: true, time.Hour + time.Second: false,
	} {
		opt := options
		opt.Now = now.Add(offset)
		if _, err := trust(t, root.Certificate).Verify(leaf.Presented(), opt); (err == nil) != good {
			t.Errorf("%v after the start: got %v, want accepted %v", offset, err, good)
		}
	}
}

func TestCV7RenewedCA(t *testing.T) {
	t.Parallel()
	oldCA := newCA(t, lab.CAOptions{Name: "Acme CA", Options: lab.Options{
		NotBefore: now.AddDate(-3, 0, 0), NotAfter: now.AddDate(0, 0, -1)}})
	sameKey := newCA(t, lab.CAOptions{Name: "Acme CA", Options: lab.Options{Key: oldCA.Key}})
	newKey := newCA(t, lab.CAOptions{Name: "Acme CA"})
	ofOld, ofNew := user(t, oldCA, lab.UserOptions{}), user(t, newKey, lab.UserOptions{})

	// Renewed with the same key: the person's certificate goes on working.
	tr := trust(t, oldCA.Certificate, sameKey.Certificate, newKey.Certificate)
	p, err := tr.Verify(ofOld.Presented(), options)
	checkAccepted(t, p, err, ofOld.Certificate, sameKey.Certificate)
	p, err = tr.Verify(ofNew.Presented(), options)
	checkAccepted(t, p, err, ofNew.Certificate, newKey.Certificate)

	// With a new key: of two failures the expired path is the one to tell about.
	tr = trust(t, newKey.Certificate, oldCA.Certificate)
	_, err = tr.Verify(ofOld.Presented(), options)
	checkRefused(t, err, refusal{"cert_expired", "dates", 1, "expired 24 hours ago"})
}

func TestCV7CrossSigned(t *testing.T) {
	t.Parallel()
	a, b := newCA(t, lab.CAOptions{Name: "A"}), newCA(t, lab.CAOptions{Name: "B"})
	aByB := below(t, b, lab.CAOptions{Name: "A", Options: lab.Options{Key: a.Key}})
	bByA := below(t, a, lab.CAOptions{Name: "B", Options: lab.Options{Key: b.Key}})
	leaf := user(t, a, lab.UserOptions{}).Certificate
	loop := chain(leaf, aByB.Certificate, bByA.Certificate)

	p, err := trust(t, b.Certificate).Verify(loop, options)
	checkAccepted(t, p, err, leaf, aByB.Certificate, b.Certificate)
	p, err = trust(t, a.Certificate, b.Certificate).Verify(loop, options)
	checkAccepted(t, p, err, leaf, a.Certificate)
	_, err = trust(t, newCA(t, lab.CAOptions{Name: "C"}).Certificate).Verify(loop, options)
	checkRefused(t, err, refusal{"cert_unknown_ca", "chain", 2, "is unknown"})
}

func TestCV7SearchIsBounded(t *testing.T) {
	t.Parallel()
	// Twelve keys of one name, each certified by each: every permutation is a path upwards.
	const n = 12
	cas := make([]*lab.CA, n)
	for i := range cas {
		cas[i] = newCA(t, lab.CAOptions{Name: "Same"})
	}
	var all []*x509.Certificate
	for i := range cas {
		for j := range cas {
			if i != j {
				o := lab.CAOptions{Name: "Same", Options: lab.Options{Key: cas[j].Key, NoKeyIDs: true}}
				all = append(all, below(t, cas[i], o).Certificate)
			}
		}
	}
	tr := pki.NewTrust([]*pki.CA{{Name: "loops", Intermediates: all}})
	leaf := user(t, cas[0], lab.UserOptions{Options: lab.Options{NoKeyIDs: true}})
	_, err := tr.Verify(leaf.Presented(), options)
	if err == nil || !strings.Contains(err.Error(), "given up") {
		t.Errorf("got %v, want the search given up", err)
	}
}

func TestCV8NotAPersonsCertificate(t *testing.T) {
	t.Parallel()
	root := newCA(t, lab.CAOptions{})
	inter := below(t, root, lab.CAOptions{})
	self := newCA(t, lab.CAOptions{Name: "Self", NoCA: true})
	tests := []struct {
		name  string
		chain []*x509.Certificate
		want  refusal
	}{
		{"anchor", chain(root.Certificate), refusal{"cert_purpose", "purpose", 0, "ca/acme"}},
		{"intermediate_in_ca_file", chain(inter.Certificate), refusal{"cert_purpose", "purpose", 0, "ca/acme"}},
		{"self_signed", chain(self.Certificate), refusal{"cert_unknown_ca", "chain", 0, "self-signed"}},
		{"ca_true", user(t, root, lab.UserOptions{CA: true}).Presented(), refusal{"cert_purpose", "purpose", 0, "CA:TRUE"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := trust(t, root.Certificate, inter.Certificate).Verify(tt.chain, options)
			checkRefused(t, err, tt.want)
		})
	}
}

func TestCV9PathBelongsToItsCA(t *testing.T) {
	t.Parallel()
	root := newCA(t, lab.CAOptions{Name: "Public root"})
	acme, beta := below(t, root, lab.CAOptions{Name: "Acme"}), below(t, root, lab.CAOptions{Name: "Beta"})
	own := newCA(t, lab.CAOptions{Name: "Own"})
	tr := pki.NewTrust([]*pki.CA{
		namedCA(t, "own", own.Certificate),
		namedCA(t, "acme", root.Certificate, acme.Certificate),
		namedCA(t, "beta", root.Certificate, beta.Certificate),
	})
	for name, leaf := range map[string]*lab.Leaf{
		"own": user(t, own, lab.UserOptions{}), "acme": user(t, acme, lab.UserOptions{}), "beta": user(t, beta, lab.UserOptions{}),
	} {
		p, err := tr.Verify(leaf.Presented(), options)
		if err != nil || p.CA.Name != name {
			t.Errorf("got CA %v and %v, want %s", p.CA, err, name)
		}
	}
	if got := len(tr.CAs()); got != 3 {
		t.Errorf("got %d CAs, want 3", got)
	}
}

func TestCV16Bounds(t *testing.T) {
	t.Parallel()
	root := newCA(t, lab.CAOptions{})
	leaf := user(t, root, lab.UserOptions{}).Certificate
	tr := trust(t, root.Certificate)
	presented := chain(leaf)
	for len(presented) < 10 {
		presented = append(presented, leaf)
	}
	p, err := tr.Verify(presented, options)
	checkAccepted(t, p, err, leaf, root.Certificate)
	_, err = tr.Verify(append(presented, leaf), options)
	checkRefused(t, err, refusal{"cert_chain", "chain", 0, "at most 10"})

	sized := func(names int) []*x509.Certificate { // 74 octets each
		name := lab.DNS(strings.Repeat("x", 60) + ".example.org")
		return chain(user(t, root, lab.UserOptions{Names: slices.Repeat([]lab.GeneralName{name}, names)}).Certificate)
	}
	fits, large := sized(870), sized(890)
	if below, above := len(fits[0].Raw), len(large[0].Raw); below > 65536 || above <= 65536 {
		t.Fatalf("got %d and %d octets, want them on either side of the bound", below, above)
	}
	p, err = tr.Verify(fits, options)
	checkAccepted(t, p, err, fits[0], root.Certificate)
	_, err = tr.Verify(large, options)
	checkRefused(t, err, refusal{"cert_chain", "chain", 0, "at most 65536"})

	deep := root
	for i := 0; i < 10; i++ {
		deep = below(t, deep, lab.CAOptions{Name: strings.Repeat("x", i+1)})
	}
	end := user(t, deep, lab.UserOptions{})
	_, err = trust(t, append(deep.Chain, root.Certificate)...).Verify(chain(end.Certificate), options)
	checkRefused(t, err, refusal{"cert_chain", "chain", 8, "longer than 10"})
}

func TestCV16OddSerials(t *testing.T) {
	t.Parallel()
	root := newCA(t, lab.CAOptions{})
	for _, serial := range []*big.Int{big.NewInt(0), new(big.Int).Lsh(big.NewInt(1), 8*60)} {
		leaf := user(t, root, lab.UserOptions{Options: lab.Options{Serial: serial}})
		p, err := trust(t, root.Certificate).Verify(leaf.Presented(), options)
		checkAccepted(t, p, err, leaf.Certificate, root.Certificate)
		_ = pki.Describe(leaf.Certificate)
	}
	// crypto/x509 refuses to parse negative ones, but a caller may have made one otherwise.
	if got := pki.Describe(&x509.Certificate{SerialNumber: big.NewInt(-26)}); !strings.Contains(got, "serial -1a") {
		t.Errorf("got %s, want the negative serial number", got)
	}
}

func TestVerifyPolicies(t *testing.T) {
	t.Parallel()
	insist := pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 36}, Critical: true, Value: []byte{0x30, 3, 0x80, 1, 0}}
	// 1.2.3.4 in certificatePolicies
	policy := pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 32}, Value: []byte{0x30, 7, 0x30, 5, 6, 3, 0x2A, 3, 4}}
	root := newCA(t, lab.CAOptions{})
	inter := below(t, root, lab.CAOptions{Options: lab.Options{Extensions: []pkix.Extension{insist, policy}}})
	good := user(t, inter, lab.UserOptions{Options: lab.Options{Extensions: []pkix.Extension{policy}}})
	p, err := trust(t, root.Certificate).Verify(good.Presented(), options)
	checkAccepted(t, p, err, good.Certificate, inter.Certificate, root.Certificate)
	_, err = trust(t, root.Certificate).Verify(user(t, inter, lab.UserOptions{}).Presented(), options)
	checkRefused(t, err, refusal{"cert_chain", "chain", 0, "certificate policy"})
}

func TestVerifyIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	root := newCA(t, lab.CAOptions{})
	inter := below(t, root, lab.CAOptions{Constraints: lab.NameConstraints{Permitted: []lab.GeneralName{lab.Email("example.org")}}})
	good, bad := user(t, inter, lab.UserOptions{}), user(t, inter, lab.UserOptions{Identity: "x@evil.example"})
	tr := trust(t, root.Certificate, inter.Certificate)
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := tr.Verify(good.Presented(), options); err != nil {
				t.Errorf("got %v, want a path", err)
			}
			if _, err := tr.Verify(bad.Presented(), options); err == nil {
				t.Error("got a path, want it refused")
			}
		})
	}
	wg.Wait()
}
