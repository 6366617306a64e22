package identity

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// FoldUsername returns the key under which a username is found: Unicode normalization form C,
// lower case. It accepts any string; what may stand in a certificate is Names' business.
func FoldUsername(s string) string { return fold(s) }

// FoldAddress returns the key under which an e-mail address or alias is found: form C, lower
// case, on both sides of the @. Where the part before the @ counts by case, Match compares it
// after the look-up. A domain is compared as it is written: bücher.example and its xn-- form
// are two names; a user may have both as aliases.
func FoldAddress(s string) string { return fold(s) }

func fold(s string) string {
	if isFolded(s) {
		return s
	}
	return norm.NFC.String(strings.ToLower(norm.NFC.String(s)))
}

// isFolded is the common case: ASCII without capitals.
func isFolded(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c >= utf8.RuneSelf || 'A' <= c && c <= 'Z' {
			return false
		}
	}
	return true
}

// maxNameBytes bounds a name; an e-mail address has at most 254 (RFC 5321 §4.5.3.1.3).
const maxNameBytes = 254

// unusable says why s cannot be a name to look users up by, or "". What it refuses are
// characters that a person cannot see or tell apart from others: control and format characters
// (bidirectional ones too), spaces other than the plain one, unassigned ones, letters that
// fold to ASCII without being ASCII (the Kelvin sign), and words that mix Latin with Cyrillic
// or Greek letters.
func unusable(s string) string {
	switch {
	case s == "":
		return "is empty"
	case len(s) > maxNameBytes:
		return "is too long"
	case !utf8.ValidString(s):
		return "is not valid UTF-8"
	case s[0] == ' ' || s[len(s)-1] == ' ':
		return "begins or ends with a space"
	case s[len(s)-1] == '.':
		return "ends with a dot"
	}
	if isFolded(s) && printableASCII(s) {
		return ""
	}
	if why := oddCharacter(s); why != "" {
		return why
	}
	return oddCharacter(norm.NFC.String(s)) // I and a combining dot make a letter that folds to i
}

func printableASCII(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < ' ' || s[i] > '~' {
			return false
		}
	}
	return true
}

// oddCharacter is unusable for what lies in single characters.
func oddCharacter(s string) string {
	var latin, other bool
	for _, r := range s {
		switch {
		case r == 0:
			return "has a NUL character"
		case !unicode.IsPrint(r):
			return "has a character that cannot be seen (control, format or unassigned)"
		case r >= utf8.RuneSelf && foldsToASCII(r):
			return "has a character that only looks like an ASCII letter"
		}
		latin = latin || unicode.Is(unicode.Latin, r)
		other = other || unicode.In(r, unicode.Cyrillic, unicode.Greek)
	}
	if latin && other {
		return "mixes Latin with Cyrillic or Greek letters"
	}
	return ""
}

// foldsToASCII reports whether fold makes ASCII of r, which is not.
func foldsToASCII(r rune) bool {
	for _, f := range norm.NFC.String(string(unicode.ToLower(r))) {
		if f < utf8.RuneSelf {
			return true
		}
	}
	return false
}
