package load

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxNameBytes bounds the names of objects, clients and groups.
const maxNameBytes = 64

// isDomain accepts what may stand behind the @ of an address.
func isDomain(s string) bool {
	return s != "" && !strings.ContainsAny(s, " \t@*,;/\\\x00") &&
		!strings.HasPrefix(s, ".") && !strings.HasSuffix(s, ".")
}

// nameRemedy says what isName wants.
const nameRemedy = "use up to 64 letters, digits, dots, hyphens and underscores"

// isName reports whether s can name an object: it goes into logs, metrics and addresses of the
// UI.
func isName(s string) bool {
	if s == "" || len(s) > maxNameBytes {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool {
		plain := r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9'
		return !plain && r != '.' && r != '-' && r != '_'
	})
}

// isLabel reports whether s can name a client, a group or a VLAN.
func isLabel(s string) bool { return isPrintable(s, maxNameBytes) }

// isPrintable reports whether s is a text of 1 to most bytes that can be shown as it is.
func isPrintable(s string, most int) bool {
	if s == "" || len(s) > most || !utf8.ValidString(s) || s[0] == ' ' || s[len(s)-1] == ' ' {
		return false
	}
	return !strings.ContainsFunc(s, func(r rune) bool { return !unicode.IsPrint(r) })
}

// isMailbox reports whether s looks like an e-mail address or a UPN. What a mail server would
// make of it is not asked.
func isMailbox(s string) bool {
	local, domain, _ := strings.Cut(s, "@")
	return local != "" && isDomain(domain) && isPrintable(s, 254) && !strings.Contains(s, " ")
}
