package bundle

import (
	"path"
	"slices"
	"strings"
)

// A Kind says what a file in a bundle is.
type Kind string

// The kinds. A bundle with a file of any other is refused.
const (
	KindPolicy     Kind = "policy"
	KindRADIUS     Kind = "radius"
	KindCA         Kind = "ca"
	KindServer     Kind = "server"
	KindUsers      Kind = "users"
	KindSAML       Kind = "saml"
	KindAdmins     Kind = "admins"
	KindTrustedKey Kind = "trusted_key"
	KindSecrets    Kind = "secrets"
)

// Names of what is the bundle's own.
const (
	manifestName    = "manifest.json"
	trustedKeysDir  = "fleet/trusted_keys"
	secretsDir      = "secrets"
	sealedExt       = ".age"
	recipientsExt   = ".recipients"
	maxPathSegments = 4
)

// isPath reports whether p may stand in an archive: relative, of plain letters, and the only
// spelling of itself.
func isPath(p string) bool {
	if p == "" || len(p) > maxPathBytes || strings.Count(p, "/") >= maxPathSegments {
		return false
	}
	for segment := range strings.SplitSeq(p, "/") {
		if !isSegment(segment) {
			return false
		}
	}
	return true
}

// isSegment accepts a name of letters, digits, dots, hyphens and underscores that neither
// begins nor ends with a dot: no "..", no hidden file, and the same file on every system.
func isSegment(s string) bool {
	if s == "" || s[0] == '.' || s[len(s)-1] == '.' || s[0] == '-' {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		plain := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		return !plain && r != '.' && r != '-' && r != '_'
	})
}

// kindOf returns what the file called p is, or "" if it has no business in a bundle.
func kindOf(p string) Kind {
	if !isPath(p) {
		return ""
	}
	dir, base, ext := path.Dir(p), path.Base(p), path.Ext(p)
	top, _, _ := strings.Cut(p, "/")
	depth := strings.Count(p, "/")
	switch {
	case p == "policy.yaml":
		return KindPolicy
	case p == "admins.yaml":
		return KindAdmins
	case dir == "radius" && ext == ".yaml":
		return KindRADIUS
	case dir == "ca" && slices.Contains([]string{".pem", ".yaml", ".crl"}, ext):
		return KindCA
	case top == "server" && depth == 2 && (base == "certificate.pem" || base == "key.pem"):
		return KindServer
	case dir == "users" && slices.Contains([]string{".yaml", ".jsonl", ".csv"}, ext):
		return KindUsers
	case top == "saml" && slices.Contains([]string{".yaml", ".xml", ".pem"}, ext):
		return KindSAML
	case dir == trustedKeysDir && ext == ".pub":
		return KindTrustedKey
	case dir == secretsDir && ext == sealedExt:
		return KindSecrets
	}
	return ""
}

// isKeyFile reports whether p holds a private key.
func isKeyFile(p string) bool {
	kind := kindOf(p)
	return (kind == KindServer || kind == KindSAML) && path.Base(p) == "key.pem"
}

// maySeal reports whether the file p may travel encrypted as a whole. Under saml/ a key may have
// any name: saml/idp.yaml names that of the listener.
func maySeal(p string) bool {
	kind := kindOf(p)
	return isKeyFile(p) || kind == KindUsers || kind == KindAdmins || kind == KindSAML && path.Ext(p) == ".pem"
}

// isRef reports whether s can name a secret value.
func isRef(s string) bool {
	if s == "" || len(s) > 256 {
		return false
	}
	for segment := range strings.SplitSeq(s, "/") {
		if !isSegment(segment) {
			return false
		}
	}
	return true
}
