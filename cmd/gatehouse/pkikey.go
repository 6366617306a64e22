package main

import (
	"strings"

	"gatehouse/authcore/pki/lab"
)

// keyKinds are the keys that can be asked for, the usual ones first.
var keyKinds = []struct {
	name string
	kind lab.KeyKind
}{
	{"ecdsa", lab.P256}, {"rsa", lab.RSA2048}, {"p384", lab.P384}, {"p521", lab.P521},
	{"ed25519", lab.Ed25519}, {"rsa3072", lab.RSA3072},
	{"weak-rsa1024", lab.WeakRSA1024}, {"weak-p224", lab.WeakP224},
}

func keyKindNames() []string {
	var names []string
	for _, k := range keyKinds {
		names = append(names, k.name)
	}
	return names
}

func keyKindList() string { return strings.Join(keyKindNames(), ", ") }

// parseKeyKind reads the value of flag.
func parseKeyKind(flag, s string) (lab.KeyKind, error) {
	for _, k := range keyKinds {
		if k.name == s {
			return k.kind, nil
		}
	}
	return 0, unknownValue(flag, s, keyKindNames())
}

// unknownValue is the usage error for a flag whose value is none of known.
func unknownValue(flag, s string, known []string) error {
	return usagef("%s %q is unknown (known: %s)%s",
		flag, s, strings.Join(known, ", "), didYouMean(s, known))
}
