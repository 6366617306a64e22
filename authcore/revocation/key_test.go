package revocation_test

import (
	"crypto/x509"
	"math/big"
	"testing"

	"gatehouse/authcore/pki/lab"
	"gatehouse/authcore/revocation"
)

func TestOC11KeysDoNotCollide(t *testing.T) {
	t.Parallel()
	f := codecPKI()
	numbers := map[string]*big.Int{
		"zero": big.NewInt(0), "one": big.NewInt(1), "minus one": big.NewInt(-1),
		"128": big.NewInt(128), "minus 128": big.NewInt(-128), "255": big.NewInt(255), "256": big.NewInt(256),
		"20 octets":       new(big.Int).Lsh(big.NewInt(1), 159),
		"minus 20 octets": new(big.Int).Neg(new(big.Int).Lsh(big.NewInt(1), 159)),
		"64 octets":       new(big.Int).Lsh(big.NewInt(1), 511),
		"none":            nil,
	}
	seen := map[revocation.Key]string{}
	for name, n := range numbers {
		key := revocation.KeyOf(&x509.Certificate{SerialNumber: n}, f.ca.Certificate)
		if name == "none" {
			if key.Serial != "\x00" {
				t.Errorf("KeyOf without a serial number: got %q, want that of zero", key.Serial)
			}
			continue
		}
		if other, ok := seen[key]; ok {
			t.Errorf("KeyOf: %s and %s collide", name, other)
		}
		seen[key] = name
	}
}

func TestOC11KeyNamesTheIssuer(t *testing.T) {
	t.Parallel()
	f := codecPKI()
	if revocation.KeyOf(f.leaf, f.ca.Certificate) == revocation.KeyOf(f.twin, f.other.Certificate) {
		t.Error("KeyOf: the same serial number of two CAs collides")
	}
	renamed := must(f.root.NewIntermediate(lab.CAOptions{Options: lab.Options{Key: f.ca.Key, Now: codecNow}, Name: "renamed"}))
	rekeyed := must(f.root.NewIntermediate(lab.CAOptions{Options: lab.Options{Now: codecNow}, Name: f.ca.Certificate.Subject.CommonName}))
	crossed := must(f.other.NewIntermediate(lab.CAOptions{
		Options: lab.Options{Key: f.ca.Key, Now: codecNow}, Name: f.ca.Certificate.Subject.CommonName,
	}))
	own := revocation.IssuerOf(f.ca.Certificate)
	if own == revocation.IssuerOf(renamed.Certificate) || own == revocation.IssuerOf(rekeyed.Certificate) {
		t.Error("IssuerOf: a CA with another name or key is the same issuer")
	}
	if own != revocation.IssuerOf(crossed.Certificate) {
		t.Error("IssuerOf: the cross certificate of a CA is another issuer")
	}
	if got, want := revocation.KeyFor(own, f.leaf), revocation.KeyOf(f.leaf, f.ca.Certificate); got != want {
		t.Errorf("KeyFor: got %x, want what KeyOf returns: %x", got, want)
	}
	if f.leaf.SerialNumber.Sign() == 0 || revocation.KeyOf(f.leaf, f.ca.Certificate).Serial[0] != 0 {
		t.Error("KeyOf: the sign octet of a positive number is not zero")
	}
}
