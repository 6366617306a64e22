package bundle

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"

	"aead.dev/minisign"
)

const (
	// MaxSignatureBytes bounds a .minisig file. One that `bundle build` or minisign writes has some
	// 300 bytes, unless somebody puts a novel into its comments.
	MaxSignatureBytes = 4 << 10
	maxKeyBytes       = 4 << 10 // of a key file, public or secret
)

// A TrustedKey is a minisign public key that may sign bundles. Its zero value signs nothing.
type TrustedKey struct {
	Name string // for people: the file it came from
	key  minisign.PublicKey
}

// ParseTrustedKey reads a minisign public key file, or the one line of it that counts. The
// error is an *Error.
func ParseTrustedKey(name string, text []byte) (TrustedKey, error) {
	k := TrustedKey{Name: name}
	text = bytes.TrimSpace(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")))
	if len(text) > maxKeyBytes {
		return k, untrusted(KeyMalformed, "%s is too large for a public key", name)
	}
	if err := k.key.UnmarshalText(text); err != nil {
		return k, untrusted(KeyMalformed, "%s is no minisign public key", name)
	}
	return k, nil
}

// ID returns the key's number as minisign prints it.
func (k TrustedKey) ID() string { return keyID(k.key.ID()) }

// Text returns the key as a minisign public key file.
func (k TrustedKey) Text() []byte {
	text, err := k.key.MarshalText()
	if err != nil {
		return nil // it never fails
	}
	return append(text, '\n')
}

// Equal reports whether both are the same key, whatever they are called.
func (k TrustedKey) Equal(other TrustedKey) bool { return k.key.Equal(other.key) }

// String names the key.
func (k TrustedKey) String() string { return fmt.Sprintf("%s (%s)", k.Name, k.ID()) }

func keyID(id uint64) string { return fmt.Sprintf("%016X", id) }

// checkKeys refuses two different keys of the same number: serials are counted by it.
func checkKeys(keys []TrustedKey) error {
	for i, k := range keys {
		for _, other := range keys[:i] {
			if other.key.ID() == k.key.ID() {
				return untrusted(KeyMalformed, "%s and %s have the same number", other.Name, k.Name)
			}
		}
	}
	return nil
}

// A SigningKey is a minisign secret key. It never shows itself when printed or logged.
type SigningKey struct{ key minisign.PrivateKey }

// String, GoString and LogValue keep the key to themselves.
func (SigningKey) String() string       { return "[redacted]" }
func (SigningKey) GoString() string     { return "[redacted]" }
func (SigningKey) LogValue() slog.Value { return slog.StringValue("[redacted]") }

// GenerateKey makes a new key.
func GenerateKey() (SigningKey, error) {
	_, key, err := minisign.GenerateKey(nil)
	if err != nil {
		return SigningKey{}, fmt.Errorf("making a signing key: %w", err)
	}
	return SigningKey{key}, nil
}

// IsEncrypted reports whether a secret key file needs a password.
func IsEncrypted(text []byte) bool {
	return len(text) <= maxKeyBytes && minisign.IsEncrypted(bytes.TrimSpace(text))
}

// ParseSigningKey reads a minisign secret key file, encrypted under password unless that is
// empty. Decrypting takes as much memory as the file says, up to 1 GiB. The error is an *Error
// and holds nothing of the key.
func ParseSigningKey(text []byte, password string) (SigningKey, error) {
	var k SigningKey
	text = bytes.TrimSpace(text)
	var err error
	switch {
	case len(text) > maxKeyBytes:
		return k, malformed(KeyMalformed, "the file is too large for a secret key")
	case !minisign.IsEncrypted(text):
		err = k.key.UnmarshalText(text)
	case password == "":
		return k, untrusted(KeyMalformed, "the secret key is encrypted, and no password is given")
	default:
		if k.key, err = minisign.DecryptKey(password, text); err != nil {
			return k, untrusted(KeyMalformed, "the password does not open the secret key")
		}
	}
	if err != nil {
		return k, malformed(KeyMalformed, "the file is no minisign secret key")
	}
	return k, nil
}

// Text returns the key as a minisign secret key file, encrypted under password unless that is
// empty. Encrypting takes 1 GiB of memory, as minisign's own keys do.
func (k SigningKey) Text(password string) ([]byte, error) {
	text, err := k.key.MarshalText()
	if password != "" {
		text, err = minisign.EncryptKey(password, k.key)
	}
	if err != nil {
		return nil, fmt.Errorf("writing the secret key: %w", err)
	}
	return append(text, '\n'), nil
}

// Trusted returns the public half, under a name.
func (k SigningKey) Trusted(name string) TrustedKey {
	public, _ := k.key.Public().(minisign.PublicKey) // it is of no other type
	return TrustedKey{Name: name, key: public}
}

// Sign signs what archive yields and returns the content of the .minisig file. The comment is
// signed too and must be one line.
func (k SigningKey) Sign(archive io.Reader, comment string) ([]byte, error) {
	if strings.ContainsAny(comment, "\r\n") {
		return nil, fmt.Errorf("signing: the comment is more than one line")
	}
	r := minisign.NewReader(archive)
	if _, err := io.Copy(io.Discard, r); err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	return r.SignWithComments(k.key, comment, "signature of a Gatehouse bundle"), nil
}

// ActivePairs returns the fingerprints of the certificates that apps show once the bundle is in
// force, by app. The caller owns the map.
func (m *Manifest) ActivePairs() map[string]string {
	pairs := make(map[string]string, len(m.Activates))
	for _, p := range m.Activates {
		pairs[p.App] = p.SHA256
	}
	return pairs
}

// Comment returns what is signed beside a bundle with manifest m, for people who look at the
// .minisig file.
func (m *Manifest) Comment() string {
	s := fmt.Sprintf("bundle=%s serial=%d", m.BundleID, m.Serial)
	if !m.Expires.IsZero() {
		s += " expires=" + m.Expires.Format("2006-01-02")
	}
	return s
}

// TooLong says that a signature has more than MaxSignatureBytes.
func TooLong() *Error {
	return untrusted(SignatureMalformed, "the signature has more than %d KiB, so it is none by minisign: "+
		"give the .minisig file that belongs to the bundle", MaxSignatureBytes>>10)
}

// parseSignature reads a .minisig file. Base64 has several spellings of the same bytes, so that
// only the one that minisign writes is taken: nothing that could be altered unnoticed is left
// but the untrusted comment, which nobody reads. CRLF line ends are those of mail and Windows.
func parseSignature(text []byte) (*minisign.Signature, []byte, error) {
	var s minisign.Signature
	bad := untrusted(SignatureMalformed, "the signature is no minisign signature")
	if len(text) > MaxSignatureBytes {
		return nil, nil, TooLong()
	}
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	if err := s.UnmarshalText(text); err != nil {
		return nil, nil, bad
	}
	if again, err := s.MarshalText(); err != nil || !bytes.Equal(again, text) {
		return nil, nil, bad
	}
	// Verify of a prehashed message does not look at this: it would take a signature over the
	// 64 bytes of a hash as a file for one over what they are the hash of.
	if s.Algorithm != minisign.HashEdDSA {
		return nil, nil, untrusted(SignatureLegacy,
			"the signature is of minisign's old kind: sign with `minisign -H` or a newer minisign")
	}
	return &s, text, nil
}

// signer returns the key that signed what r has read.
func signer(r *minisign.Reader, text []byte, keys []TrustedKey) (TrustedKey, string, error) {
	s, text, err := parseSignature(text)
	if err != nil {
		return TrustedKey{}, "", err
	}
	for _, k := range keys {
		if k.key.ID() != s.KeyID {
			continue
		}
		if !r.Verify(k.key, text) {
			return TrustedKey{}, "", untrusted(SignatureWrong,
				"the signature by %s is wrong: the archive or the signature was altered", k)
		}
		return k, plain(s.TrustedComment), nil
	}
	return TrustedKey{}, "", untrusted(UnknownKey,
		"the signature is by the key %s, which is not trusted here", keyID(s.KeyID))
}

// KeyChanges returns which keys may sign once a bundle that brings b is in force where those of a
// may, and which no longer. One that brings none changes nothing about them.
func KeyChanges(a, b []TrustedKey) (added, removed []TrustedKey) {
	if len(b) == 0 {
		return nil, nil
	}
	return without(b, a), without(a, b)
}

// without returns those of list that are not among others.
func without(list, others []TrustedKey) (rest []TrustedKey) {
	for _, k := range list {
		if !slices.ContainsFunc(others, k.Equal) {
			rest = append(rest, k)
		}
	}
	return rest
}
