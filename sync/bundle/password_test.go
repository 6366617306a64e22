package bundle_test

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/binary"
	"strings"
	"testing"

	"golang.org/x/crypto/blake2b"
	"golang.org/x/crypto/scrypt"

	"gatehouse/sync/bundle"
)

// encryptCheaply turns a secret key file into one under a password, as minisign does, but for
// the cost: minisign's own takes 1 GiB of memory.
func encryptCheaply(t *testing.T, text []byte, password string) []byte {
	t.Helper()
	comment, body, _ := strings.Cut(string(text), "\n")
	raw, err := base64.StdEncoding.DecodeString(strings.TrimSpace(body))
	if err != nil || len(raw) != 158 {
		t.Fatalf("%d bytes, %v", len(raw), err)
	}
	copy(raw[2:], "Sc")
	salt := raw[6:38]
	rand.Read(salt) // never fails
	binary.LittleEndian.PutUint64(raw[38:], 1<<15)
	binary.LittleEndian.PutUint64(raw[46:], 1<<24)
	sum := blake2b.Sum256(append([]byte("Ed"), raw[54:126]...))
	copy(raw[126:], sum[:])
	stream, err := scrypt.Key([]byte(password), salt, 1<<10, 8, 1, 104)
	if err != nil {
		t.Fatal(err)
	}
	for i, b := range stream {
		raw[54+i] ^= b
	}
	return []byte(comment + "\n" + base64.StdEncoding.EncodeToString(raw) + "\n")
}

// A secret key under a password opens with that and nothing else.
func TestSigningKeyPassword(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	plain, err := key.Text("")
	if err != nil {
		t.Fatal(err)
	}
	text := encryptCheaply(t, plain, "open sesame")
	if !bundle.IsEncrypted(text) || bundle.IsEncrypted(plain) {
		t.Error("IsEncrypted does not know which is which")
	}
	again, err := bundle.ParseSigningKey(text, "open sesame")
	if err != nil || !again.Trusted("").Equal(key.Trusted("")) {
		t.Errorf("got %v, %v", again, err)
	}
	for _, wrong := range []string{"", "open sesame\n"} {
		_, err := bundle.ParseSigningKey(text, wrong)
		if e := bundle.AsError(err); e == nil || e.Class != bundle.Untrusted {
			t.Errorf("password %q: got %v", wrong, err)
		}
	}
}
