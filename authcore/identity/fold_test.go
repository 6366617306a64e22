package identity_test

import (
	"testing"

	"gatehouse/authcore/identity"
)

func TestCV12Fold(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, in, want string }{
		{"folded", "alice@example.org", "alice@example.org"},
		{"ascii", "Alice@EXAMPLE.org", "alice@example.org"},
		{"umlaut", "JÜRGEN@Bücher.example", "jürgen@bücher.example"},
		{"decomposed", "JU\u0308RGEN", "jürgen"},
		{"greek", "ΣΟΦΙΑ", "σοφια"},
		{"empty", "", ""},
		{"invalid_utf8_does_not_crash", "A\xffB", "a\ufffdb"},
	}
	for _, tt := range tests {
		if got := identity.FoldUsername(tt.in); got != tt.want {
			t.Errorf("FoldUsername(%q): got %q, want %q", tt.in, got, tt.want)
		}
		if got := identity.FoldAddress(tt.in); got != tt.want {
			t.Errorf("FoldAddress(%q): got %q, want %q", tt.in, got, tt.want)
		}
	}
}

func FuzzFold(f *testing.F) {
	f.Add("Alice")
	f.Add("\u0130\u0307")
	f.Add("ǅ\u0323\u0301")
	f.Fuzz(func(t *testing.T, s string) {
		once := identity.FoldUsername(s)
		if twice := identity.FoldUsername(once); twice != once {
			t.Errorf("FoldUsername(%q): got %q, then %q", s, once, twice)
		}
	})
}
