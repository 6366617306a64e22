package syslog

import (
	"log/slog"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

// Bounds, in bytes. A collector must take 2,048 octets of a stream and should take 8,192 (RFC 5425
// §4.3.1); of UDP it should take 2,048 (RFC 5426 §3.2).
const (
	maxStreamMessage = 8 << 10
	maxPacketMessage = 2 << 10
	valueShare       = 8  // a value takes an eighth of a message at most
	maxWord          = 32 // of MSGID and PARAM-NAME
	maxHost          = 255
	maxProblem       = 300
)

const (
	facility = 10 // authpriv: who comes and goes is not for everybody's eyes
	// The severities of RFC 5424 §6.2.1.
	severityError   = 3
	severityWarning = 4
	severityNotice  = 5
	severityInfo    = 6
)

// told are the attributes that stand in the text too: many collectors show nothing else.
var told = []string{"result", "reason", "user", "station", "client", "server", "part", "kind", "name", "days",
	"count", "err"}

// A form is what all messages have in common. It is safe for concurrent use.
//
//	<PRI>1 TIMESTAMP HOSTNAME gatehouse PROCID MSGID [radius@32473 NAME="VALUE"…] MSG    (RFC 5424 §6)
type form struct {
	origin   string // HOSTNAME to PROCID
	maxBytes int
}

func newForm(node, transport string) form {
	f := form{maxBytes: maxStreamMessage}
	if transport == UDP {
		f.maxBytes = maxPacketMessage
	}
	f.origin = word(node, maxHost) + " gatehouse " + strconv.Itoa(os.Getpid())
	return f
}

// message puts a message together. It is never longer than may be: params that do not fit are left
// out, and the text is cut.
func (f *form) message(at time.Time, level slog.Level, msg string, params []param) []byte {
	timestamp := "-"
	if !at.IsZero() {
		timestamp = at.UTC().Format("2006-01-02T15:04:05.000000Z")
	}
	limit := f.maxBytes / valueShare
	b := make([]byte, 0, 512)
	b = append(b, '<')
	b = strconv.AppendInt(b, int64(facility*8+severity(level, params)), 10)
	b = append(b, ">1 "+timestamp+" "+f.origin+" "+word(msg, maxWord)+" "...)
	start := len(b)
	b = append(b, "[radius@32473"...)
	room := f.maxBytes - 2*limit // for the text, and the bracket
	for _, p := range params {
		name, value := paramName(p.name), escape(plain(p.value, limit))
		if p.value != "" && len(b)+len(name)+len(value)+len(` =""`) <= room {
			b = append(b, ' ')
			b = append(append(append(b, name...), `="`...), value...)
			b = append(b, '"')
		}
	}
	b = append(b, ']')
	if len(params) == 0 {
		b = append(b[:start], '-')
	}
	said := plain(sentence(msg, params), limit)
	b = append(b, ' ')
	if !isASCII(said) {
		b = append(b, "\ufeff"...) // MSG-UTF8
	}
	return append(b, said...)
}

// gap is the message that says that count were dropped.
func (f *form) gap(at time.Time, count int) []byte {
	return f.message(at, slog.LevelWarn, "messages dropped", []param{
		{"part", "syslog"}, {"count", strconv.Itoa(count)},
	})
}

func severity(level slog.Level, params []param) int {
	switch {
	case level >= slog.LevelError:
		return severityError
	case level >= slog.LevelWarn:
		return severityWarning
	case slices.Contains(params, param{"result", "reject"}):
		return severityNotice
	}
	return severityInfo
}

// sentence is the text for people.
func sentence(msg string, params []param) string {
	var b strings.Builder
	b.WriteString(msg)
	for _, p := range params {
		if p.value == "" || !slices.Contains(told, p.name) {
			continue
		}
		b.WriteString(" " + p.name + "=")
		if strings.ContainsAny(p.value, ` "=`) {
			b.WriteString(`"` + strings.ReplaceAll(p.value, `"`, `\"`) + `"`)
		} else {
			b.WriteString(p.value)
		}
	}
	return b.String()
}

// word returns s as one word of printable ASCII, of at most limit bytes; "-" if nothing is left.
func word(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r == ' ':
			return '_'
		case r > ' ' && r < 0x7f:
			return r
		}
		return -1
	}, s)
	if s == "" {
		return "-"
	}
	return s[:min(len(s), limit)]
}

// paramName returns s as a PARAM-NAME (RFC 5424 §6.3.3).
func paramName(s string) string {
	return word(strings.Map(func(r rune) rune {
		if r == '=' || r == ']' || r == '"' {
			return -1
		}
		return r
	}, s), maxWord)
}

// plain returns s in one line that does nothing to a terminal, and about limit bytes of it at most:
// what is longer is cut and marked.
func plain(s string, limit int) string {
	clean := len(s) <= limit
	for _, r := range s {
		clean = clean && r != utf8.RuneError && unicode.IsPrint(r)
		if !clean {
			break
		}
	}
	if clean {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		shown := s[i : i+size]
		switch {
		case r == utf8.RuneError && size == 1:
			const hex = "0123456789abcdef"
			shown = `\x` + string([]byte{hex[s[i]>>4], hex[s[i]&15]})
		case !unicode.IsPrint(r):
			shown = strings.Trim(strconv.QuoteRuneToASCII(r), "'")
		}
		if b.Len()+len(shown) > limit-len("…") {
			return b.String() + "…"
		}
		b.WriteString(shown)
		i += size
	}
	return b.String()
}

// escape makes s a PARAM-VALUE (RFC 5424 §6.3.3).
func escape(s string) string {
	if !strings.ContainsAny(s, `"\]`) {
		return s
	}
	return strings.NewReplacer(`"`, `\"`, `\`, `\\`, `]`, `\]`).Replace(s)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}
