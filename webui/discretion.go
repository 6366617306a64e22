package webui

import (
	"slices"
	"strings"
	"unicode/utf8"

	"gatehouse/authcore/audit"
)

// Viewers see of people and their devices what tells two rows apart most of the time, and not who it
// was: what follows says how much that is. Whatever is short already stays as it is.

// more stands for what is left out.
const more = "…"

// shortName keeps two letters of a name, and fewer of a very short one.
func shortName(s string) string {
	n := utf8.RuneCountInString(s)
	if n == 0 || n <= 3 && strings.HasSuffix(s, more) {
		return s
	}
	keep := 2
	if n <= 3 {
		keep = n - 2 // none of two
	}
	for i := range s {
		if keep <= 0 {
			return s[:i] + more
		}
		keep--
	}
	return more
}

// shortIdentity shortens what names somebody: an address but for its domain, the first label of a
// machine's name, any other name.
func shortIdentity(s string) string {
	if host, ok := strings.CutPrefix(s, "host/"); ok {
		label, rest, dotted := strings.Cut(host, ".")
		if dotted {
			rest = "." + rest
		}
		return "host/" + shortName(label) + rest
	}
	if at := strings.LastIndexByte(s, '@'); at >= 0 {
		return shortName(s[:at]) + s[at:]
	}
	return shortName(s)
}

// shortStation keeps the half of a MAC address that names its maker, in whatever writing.
func shortStation(s string) string {
	if digits := macDigits(s); len(digits) != 12 {
		if len(digits) == 6 && strings.HasSuffix(s, more) {
			return s
		}
		return shortIdentity(s)
	}
	digits := 0
	for i := range len(s) {
		if !strings.ContainsRune("-:. ", rune(s[i])) {
			digits++
		}
		if digits == 6 {
			return s[:i+1] + more
		}
	}
	return more
}

// shortHex keeps what tells two hashes or serial numbers on a page apart.
func shortHex(s string) string {
	if len(s) <= 6+len(more) {
		return s
	}
	return s[:6] + more
}

// vouching is what stands before a name that is nobody's: of a CA, a RADIUS server, an application.
var vouching = []string{"issued by ", "issuer ", "up to ", "CA ", "server ", "app ", "above the person's, "}

// shortText shortens in a sentence what it says of people: what stands in quotation marks, addresses,
// serial numbers, and the names that are given.
func shortText(text string, names ...string) string {
	lower := strings.ToLower(text)
	if !strings.ContainsAny(text, `"@`) && !strings.Contains(text, "serial ") &&
		!slices.ContainsFunc(names, func(n string) bool { return n != "" && strings.Contains(lower, strings.ToLower(n)) }) {
		return text
	}
	var b strings.Builder
	var people []string
	for text != "" {
		plain, rest, quoted := strings.Cut(text, `"`)
		b.WriteString(shortPlain(plain, names))
		if !quoted {
			break
		}
		end := closing(rest)
		said := rest[:end]
		vouches := slices.ContainsFunc(vouching, func(v string) bool { return strings.HasSuffix(plain, v) })
		isPerson := func(name string) bool { return len(name) > 2 && strings.Contains(said, name) }
		if !vouches {
			people = append(people, said)
			said = shortSubject(said)
		} else if slices.ContainsFunc(people, isPerson) { // who vouches for themselves
			said = shortSubject(said)
		}
		b.WriteString(`"` + said)
		if text = rest[end:]; text != "" {
			b.WriteByte('"')
			text = text[1:]
		}
	}
	return b.String()
}

// closing is where the quotation ends that text begins in.
func closing(text string) int {
	for i := 0; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return len(text)
}

// shortPlain shortens what stands in no quotation marks, word by word.
func shortPlain(text string, names []string) string {
	for _, name := range names {
		if strings.ContainsAny(name, ` "`) { // more than a word
			text = strings.ReplaceAll(text, name, shortIdentity(name))
		}
	}
	words := strings.Split(text, " ")
	for i, w := range words {
		core := strings.Trim(w, `()[]<>,;:.'`)
		known := core != "" && slices.ContainsFunc(names, func(n string) bool { return strings.EqualFold(n, core) })
		short := core
		switch {
		case known && len(macDigits(core)) == 12:
			short = shortStation(core)
		case known || strings.Contains(core, "@"):
			short = shortIdentity(core)
		case i > 0 && strings.HasSuffix(words[i-1], "serial"):
			short = shortHex(core)
		}
		if short != core {
			words[i] = strings.Replace(w, core, short, 1)
		}
	}
	return strings.Join(words, " ")
}

// shortSubject shortens an identity, or in a distinguished name whatever is not an organisation or a
// place.
func shortSubject(s string) string {
	if !strings.Contains(s, "=") {
		return shortIdentity(s)
	}
	parts := strings.Split(s, ",")
	for i, part := range parts {
		label, value, ok := strings.Cut(part, "=")
		if !ok || !slices.Contains([]string{"O", "OU", "C", "DC", "L", "ST"}, strings.TrimSpace(label)) {
			parts[i] = label + strings.Repeat("=", min(1, len(value))) + shortIdentity(value)
		}
	}
	return strings.Join(parts, ",")
}

// discreetEvent is a decision as viewers see it.
func discreetEvent(e audit.Event) audit.Event {
	names := []string{e.User, e.OuterIdentity, e.Station}
	e.Detail = shortText(e.Detail, names...)
	e.Ladder = slices.Clone(e.Ladder)
	for i := range e.Ladder {
		s := &e.Ladder[i]
		if s.Detail = shortText(s.Detail, names...); s.Name == audit.StepIdentity && s.State == audit.Passed {
			s.Detail = "" // names, and nothing else
		}
	}
	e.User, e.OuterIdentity, e.Station = shortIdentity(e.User), shortIdentity(e.OuterIdentity), shortStation(e.Station)
	e.CertSHA256 = shortHex(e.CertSHA256)
	return e
}
