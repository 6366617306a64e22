package websession

import (
	"crypto/rand"
	"crypto/subtle"
	"strings"
	"sync"
)

// SetupTries is how many wrong codes end a set-up.
const SetupTries = 10

const setupLetters = 10 // of base32, which are 50 bits

// NewSetupCode makes a code for a label or a console: 10 letters and digits without those that
// look alike, in two groups.
func NewSetupCode() string {
	code := rand.Text()[:setupLetters] // base32 (RFC 4648 §6): no 0, 1, 8 or 9
	return code[:setupLetters/2] + "-" + code[setupLetters/2:]
}

// A Setup is the first boot: whoever knows the code may make the first account, once. Its zero
// value takes no code.
type Setup struct {
	mu    sync.Mutex
	code  string // "": it is over
	tries int
}

// Begin has the code count.
func (s *Setup) Begin(code string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.code, s.tries = plain(code), 0
}

// End has no code count any more.
func (s *Setup) End() { s.Begin("") }

// Open reports whether a code counts.
func (s *Setup) Open() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.code != ""
}

// Check reports whether code is the one. It does not end the set-up: what is done with the code
// may fail. The last of SetupTries wrong ones does.
func (s *Setup) Check(code string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.code == "" {
		return false
	}
	if subtle.ConstantTimeCompare([]byte(plain(code)), []byte(s.code)) == 1 {
		return true
	}
	if s.tries++; s.tries >= SetupTries {
		s.code = ""
	}
	return false
}

// plain is a code as people may type it.
func plain(code string) string {
	return strings.ToUpper(strings.NewReplacer("-", "", " ", "").Replace(strings.TrimSpace(code)))
}
