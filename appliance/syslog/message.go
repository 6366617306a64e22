package syslog

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// Bounds of a message (RFC 5424 §6.1 wants 2,048 octets taken by everybody).
const (
	maxMessage = 8 << 10
	maxValue   = 1 << 10
	maxName    = 32 // RFC 5424 §6.3.3
)

// enterprise is the private enterprise number of the structured data: the one for documentation
// (RFC 5612), until there is an own one.
const enterprise = "radius@32473"

// Facilities (RFC 5424 §6.2.1).
const (
	daemon   = 3
	authpriv = 10 // decisions
)

// Handler returns a handler that hands records to next and, from the level of INFO on, forwards
// them.
func (f *Forwarder) Handler(next slog.Handler) slog.Handler { return &handler{Handler: next, to: f} }

// A handler keeps the attributes that were added to it, as next does.
type handler struct {
	slog.Handler
	to     *Forwarder
	attrs  []slog.Attr
	prefix string // of names, from groups
}

// Enabled implements slog.Handler.
func (h *handler) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelInfo || h.Handler.Enabled(ctx, level)
}

// Handle implements slog.Handler.
func (h *handler) Handle(ctx context.Context, r slog.Record) error {
	if r.Level >= slog.LevelInfo {
		h.to.put(h.message(r))
	}
	if !h.Handler.Enabled(ctx, r.Level) {
		return nil
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *h
	c.Handler = h.Handler.WithAttrs(attrs)
	c.attrs = append([]slog.Attr(nil), h.attrs...)
	for _, a := range attrs {
		c.attrs = append(c.attrs, slog.Attr{Key: h.prefix + a.Key, Value: a.Value})
	}
	return &c
}

// WithGroup implements slog.Handler.
func (h *handler) WithGroup(name string) slog.Handler {
	c := *h
	c.Handler = h.Handler.WithGroup(name)
	c.prefix = h.prefix + name + "."
	return &c
}

// message is r as RFC 5424 §6 has it.
func (h *handler) message(r slog.Record) []byte {
	facility, id := daemon, "-"
	if r.Message == "decision" || r.Message == "discard" {
		facility, id = authpriv, r.Message
	}
	var b strings.Builder
	b.WriteString("<" + strconv.Itoa(facility*8+severity(r.Level)) + ">1 ")
	b.WriteString(r.Time.UTC().Format("2006-01-02T15:04:05.000000Z"))
	b.WriteString(" " + headerField(h.to.cfg.Node, 255) + " gatehouse " + strconv.Itoa(h.to.cfg.PID) + " " + id + " [" + enterprise)
	for _, a := range h.attrs {
		writeParam(&b, "", a)
	}
	r.Attrs(func(a slog.Attr) bool {
		writeParam(&b, h.prefix, a)
		return b.Len() < maxMessage-2*maxValue
	})
	b.WriteString("] ")
	b.WriteString(oneLine(r.Message))
	return []byte(b.String())
}

// severity is the level as RFC 5424 §6.2.1 numbers it.
func severity(l slog.Level) int {
	switch {
	case l >= slog.LevelError:
		return 3
	case l >= slog.LevelWarn:
		return 4
	}
	return 6
}

// headerField is a field of the header: printable ASCII without spaces.
func headerField(s string, most int) string {
	s = strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return -1
		}
		return r
	}, s)
	if s == "" {
		return "-"
	}
	return s[:min(len(s), most)]
}

// writeParam writes an attribute as a parameter of structured data (RFC 5424 §6.3.3).
func writeParam(b *strings.Builder, prefix string, a slog.Attr) {
	v := a.Value.Resolve()
	if v.Kind() == slog.KindGroup {
		for _, inner := range v.Group() {
			writeParam(b, prefix+a.Key+".", inner)
		}
		return
	}
	name := strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' || r == '=' || r == ']' || r == '"' {
			return '_'
		}
		return r
	}, prefix+a.Key)
	if name == "" {
		return
	}
	b.WriteString(" " + name[:min(len(name), maxName)] + `="`)
	writeValue(b, text(v))
	b.WriteByte('"')
}

func text(v slog.Value) string {
	if v.Kind() == slog.KindTime {
		return v.Time().UTC().Format(time.RFC3339Nano)
	}
	return v.String()
}

// writeValue escapes what RFC 5424 §6.3.3 says, and bounds it.
func writeValue(b *strings.Builder, s string) {
	if len(s) > maxValue {
		s = s[:maxValue]
		for len(s) > 0 && !utf8.ValidString(s[len(s)-1:]) && !utf8.RuneStart(s[len(s)-1]) {
			s = s[:len(s)-1]
		}
	}
	for _, r := range oneLine(strings.ToValidUTF8(s, "\uFFFD")) {
		if r == '"' || r == '\\' || r == ']' {
			b.WriteByte('\\')
		}
		b.WriteRune(r)
	}
}

// oneLine has no control characters.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7F {
			return ' '
		}
		return r
	}, s)
}
