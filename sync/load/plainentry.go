package load

import (
	"slices"
	"strings"
)

// plainEntry reads an entry that is written plainly, in ASCII and without comment: in braces on one
// line, or with a key to a line, its lists in brackets or with an entry to a line. It reports
// whether the entry is like that. Whatever is not quite so is not judged: false only says that
// strictyaml has to read it. What is taken means the same there.
func plainEntry(text []byte, to *userYAML) bool {
	s, found := strings.CutPrefix(strings.TrimRight(string(text), "\n"), "- ")
	if !found {
		return false
	}
	p := plain{rest: s, to: to}
	if p.take("{") {
		return p.flow() && p.rest == ""
	}
	return p.block()
}

// maxPlainKeys is how many keys a user has.
const maxPlainKeys = 10

// A plain is an entry being read. Its methods report whether all is plain so far.
type plain struct {
	rest string
	to   *userYAML
	seen [maxPlainKeys]string // keys
	keys int
}

// take takes s, if it comes next.
func (p *plain) take(s string) (taken bool) {
	p.rest, taken = strings.CutPrefix(p.rest, s)
	return taken
}

func (p *plain) spaces() { p.rest = strings.TrimLeft(p.rest, " ") }

// key takes a key with its colon, and returns where the value goes.
func (p *plain) key() (text *string, list *[]string, ok bool) {
	key, rest, found := strings.Cut(p.rest, ":")
	if !found || p.keys == maxPlainKeys || slices.Contains(p.seen[:p.keys], key) {
		return nil, nil, false
	}
	text, list = p.to.field(key)
	p.seen[p.keys], p.rest = key, rest
	p.keys++
	return text, list, text != nil || list != nil
}

// flow reads up to the closing brace.
func (p *plain) flow() bool {
	for {
		p.spaces()
		text, list, ok := p.key()
		if !ok || !p.take(" ") || !p.value(text, list, flowEnds) {
			return false
		}
		if p.spaces(); p.take("}") {
			return true
		}
		if !p.take(",") {
			return false
		}
	}
}

// block reads keys and values, each on its line.
func (p *plain) block() bool {
	for {
		text, list, ok := p.key()
		switch {
		case !ok:
			return false
		case list != nil && p.take("\n"):
			if !p.lines(list) {
				return false
			}
		case !p.take(" ") || !p.value(text, list, "\n"):
			return false
		}
		if p.rest == "" {
			return true
		}
		if !p.take("\n  ") {
			return false
		}
	}
}

// lines reads a list of which each entry has its line, in the same column, and leaves the end of
// the last one.
func (p *plain) lines(to *[]string) bool {
	start := p.rest[:len(p.rest)-len(strings.TrimLeft(p.rest, " "))] + "- "
	if len(start) < len("  - ") || len(start) > len("        - ") {
		return false
	}
	for p.take(start) {
		value, ok := p.scalar("\n")
		if !ok {
			return false
		}
		*to = append(*to, value)
		if !strings.HasPrefix(p.rest, "\n"+start) {
			return true
		}
		p.take("\n")
	}
	return false
}

// value reads a text or a list in brackets. A word ends before one of ends.
func (p *plain) value(text *string, list *[]string, ends string) (ok bool) {
	p.spaces()
	if list == nil {
		*text, ok = p.scalar(ends)
		return ok
	}
	if !p.take("[") {
		return false
	}
	for *list = []string{}; ; {
		p.spaces()
		if len(*list) == 0 && p.take("]") {
			return true
		}
		value, ok := p.scalar(flowEnds)
		if !ok {
			return false
		}
		*list = append(*list, value)
		if p.spaces(); p.take("]") {
			return true
		}
		if !p.take(",") {
			return false
		}
	}
}

const flowEnds = ",]}"

// scalar reads a text, in quotes or not. In a line of its own nothing may follow it.
func (p *plain) scalar(ends string) (string, bool) {
	for _, quote := range []string{`"`, `'`} {
		if p.take(quote) {
			end := strings.IndexAny(p.rest, "\"'\\\n")
			if end < 0 || p.rest[end:end+1] != quote || !isPrintableASCII(p.rest[:end]) {
				return "", false
			}
			value := p.rest[:end]
			p.rest = p.rest[end+1:]
			return value, ends != "\n" || p.rest == "" || p.rest[0] == '\n'
		}
	}
	end := strings.IndexAny(p.rest, ends)
	if end < 0 {
		end = len(p.rest)
	}
	value := p.rest[:end]
	p.rest = p.rest[end:]
	if ends != "\n" {
		value = strings.TrimRight(value, " ")
	}
	return value, isWords(value)
}

func isPrintableASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// isWords reports whether s is text and nothing else also without quotes: it begins with a letter
// or with what a hash begins with, and has no sign that may mean something.
func isWords(s string) bool {
	before := byte(' ')
	for i := range len(s) {
		c := s[i]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '$'
		inner := c >= '0' && c <= '9' || strings.IndexByte("_.@+/=-", c) >= 0
		switch {
		case letter, i > 0 && before != ' ' && (inner || c == ' '), i > 0 && c >= '0' && c <= '9':
		default:
			return false
		}
		before = c
	}
	return before != ' ' && !isReserved(s)
}

// isReserved reports whether s, without quotes, is no text in some YAML or other.
func isReserved(s string) bool {
	return len(s) <= len("false") && slices.Contains(reservedWords, strings.ToLower(s))
}

var reservedWords = []string{
	"null", "true", "false", "yes", "no", "on", "off", "y", "n", "nan", "inf",
}
