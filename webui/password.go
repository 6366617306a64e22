package webui

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/crypto/bcrypt"
)

// The cost of a hash: what OWASP asks for of argon2id where memory is short (RFC 9106 §4).
const (
	hashMemory = 19 << 10 // KiB
	hashPasses = 2
	hashLanes  = 1
	hashSalt   = 16 // bytes
	hashBytes  = 32

	minPassword = 12   // characters, of one that is chosen in the pages
	maxPassword = 1024 // bytes

	// maxHashing bounds the passwords that are checked at once: each takes 19 MiB or more.
	maxHashing = 2
	// hashWait is how long somebody waits for their turn.
	hashWait = 5 * time.Second
)

// errHashing is told to who signs in while too many others do.
var errHashing = errors.New("too many people are signing in at once: try again in a moment")

// A hasher makes and checks hashes of passwords, a few at a time.
type hasher struct {
	turns chan struct{}
}

func newHasher() *hasher { return &hasher{turns: make(chan struct{}, maxHashing)} }

// turn waits until something may be hashed; whoever got no error calls done.
func (h *hasher) turn(ctx context.Context) (done func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, hashWait)
	defer cancel()
	select {
	case h.turns <- struct{}{}:
		return func() { <-h.turns }, nil
	case <-ctx.Done():
		return nil, errHashing
	}
}

// check reports whether password is the one that hash is of. Error: errHashing.
func (h *hasher) check(ctx context.Context, hash, password string) (bool, error) {
	done, err := h.turn(ctx)
	if err != nil {
		return false, err
	}
	defer done()
	return isPassword(hash, password), nil
}

// make returns the hash of a password that somebody has chosen. Error: errHashing.
func (h *hasher) make(ctx context.Context, password string) (string, error) {
	done, err := h.turn(ctx)
	if err != nil {
		return "", err
	}
	defer done()
	var salt [hashSalt]byte
	rand.Read(salt[:]) // never fails
	return argon2id(password, salt), nil
}

// passwordProblem says why a password cannot be chosen; "": it can.
func passwordProblem(password string) string {
	switch {
	case !utf8.ValidString(password) || len(password) > maxPassword:
		return fmt.Sprintf("The password has more than %d bytes, or is no text.", maxPassword)
	case utf8.RuneCountInString(password) < minPassword:
		return fmt.Sprintf("The password has fewer than %d characters.", minPassword)
	}
	return ""
}

// isPassword knows the hashes that admins.yaml may hold, whose cost was bounded when they were read.
func isPassword(hash, password string) bool {
	if len(password) > maxPassword {
		return false
	}
	if !strings.HasPrefix(hash, "$argon2id$") {
		return bcrypt.CompareHashAndPassword([]byte(hash), []byte(password)) == nil
	}
	parts := strings.Split(hash, "$") // "", argon2id, v=19, m=…,t=…,p=…, salt, hash
	if len(parts) != 6 {
		return false
	}
	var version int
	var memory, passes uint32
	var lanes uint8
	_, err1 := fmt.Sscanf(parts[2], "v=%d", &version)
	_, err2 := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &memory, &passes, &lanes)
	salt, err3 := base64.RawStdEncoding.Strict().DecodeString(parts[4])
	want, err4 := base64.RawStdEncoding.Strict().DecodeString(parts[5])
	if errors.Join(err1, err2, err3, err4) != nil || version != argon2.Version ||
		passes == 0 || lanes == 0 || len(want) < hashBytes/2 {
		return false
	}
	got := argon2.IDKey([]byte(password), salt, passes, memory, lanes, uint32(len(want)))
	return subtle.ConstantTimeCompare(got, want) == 1
}

// argon2id returns the hash of password as a PHC string.
func argon2id(password string, salt [hashSalt]byte) string {
	key := argon2.IDKey([]byte(password), salt[:], hashPasses, hashMemory, hashLanes, hashBytes)
	b64 := base64.RawStdEncoding.EncodeToString
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, hashMemory, hashPasses, hashLanes,
		b64(salt[:]), b64(key))
}
