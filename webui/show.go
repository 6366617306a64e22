package webui

import (
	"fmt"
	"html/template"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"gatehouse/authcore/audit"
)

const (
	// maxShown bounds, in bytes, what is looked at of one string before it is cut for show.
	maxShown = 2 << 10
	// maxRunes bounds what is shown of it.
	maxRunes = 400
)

// clean makes text fit to be shown, wherever it came from. What audit.Printable has made of it
// already stays as it is.
func clean(text any) string {
	s := fmt.Sprint(text)
	parts := strings.Split(s[:min(len(s), maxShown)], `\`)
	for i, part := range parts {
		parts[i] = audit.Printable(part)
	}
	runes := []rune(strings.Join(parts, `\`))
	if len(runes) > maxRunes {
		return string(runes[:maxRunes]) + "…"
	}
	return string(runes)
}

// advice shows a next step; what stands between backticks in it is shown as what somebody types.
func advice(text string) template.HTML {
	var b strings.Builder
	for i, part := range strings.Split(clean(text), "`") {
		part = template.HTMLEscapeString(part)
		if i%2 == 1 {
			part = "<code>" + part + "</code>"
		}
		b.WriteString(part)
	}
	return template.HTML(b.String()) // #nosec: every part of it is escaped
}

// ago says how long before now t was, or how long after.
func ago(t, now time.Time) string {
	d := now.Sub(t)
	if d < 0 {
		return "in " + span(-d)
	}
	if d < 2*time.Second {
		return "now"
	}
	return span(d) + " ago"
}

// span is a duration in its largest unit.
func span(d time.Duration) string {
	for _, unit := range []struct {
		size time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}} {
		if n := int(d / unit.size); n == 1 {
			return "1 " + unit.name
		} else if n > 1 {
			return fmt.Sprintf("%d %ss", n, unit.name)
		}
	}
	return fmt.Sprintf("%d s", int(d/time.Second))
}

// when shows a time: how far away, and exactly, in the time zone of the gateway.
func when(t, now time.Time) template.HTML {
	if t.IsZero() {
		return "never"
	}
	local := t.In(now.Location())
	layout := "2 Jan 2006 15:04:05 MST"
	if local.YearDay() == now.YearDay() && local.Year() == now.Year() {
		layout = "15:04:05 MST"
	}
	return template.HTML(fmt.Sprintf(`<time datetime="%s">%s, %s</time>`, // #nosec: numbers and names of zones
		local.Format(time.RFC3339), template.HTMLEscapeString(ago(t, now)),
		template.HTMLEscapeString(local.Format(layout))))
}

// count is a number of things in words.
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}

// sentence has text begin and end as one.
func sentence(text string) string {
	if text == "" {
		return ""
	}
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + strings.TrimSuffix(text[size:], ".") + "."
}

// said is an error as people are told it, without the word that says its kind.
func said(err error) string {
	text := err.Error()
	for _, kind := range []error{ErrNotFound, ErrInvalid, ErrRefused, ErrBusy} {
		text = strings.TrimPrefix(text, kind.Error()+": ")
	}
	return sentence(text)
}

// A mark is a state in word, shape and colour. Its zero value says nothing.
type mark struct {
	Class string // ok, warn, bad or off
	Word  string
}

// Shape is what tells the state to who sees no colour.
func (m mark) Shape() string {
	switch m.Class {
	case "ok":
		return "●"
	case "warn":
		return "▲"
	case "bad":
		return "✖"
	}
	return "○"
}

// resultMark is that of a decision.
func resultMark(r audit.Result) mark {
	switch r {
	case audit.Accept:
		return mark{"ok", "Accepted"}
	case audit.Discard:
		return mark{"off", "Discarded"}
	}
	return mark{"bad", "Rejected"}
}

// stepMark is that of a step of a ladder.
func stepMark(s audit.StepState) mark {
	switch s {
	case audit.Passed:
		return mark{"ok", "passed"}
	case audit.Failed:
		return mark{"bad", "failed"}
	}
	return mark{"off", "not run"}
}

// stepNames are the steps as people call them.
var stepNames = map[audit.StepName]string{
	audit.StepClient: "Access point known", audit.StepMessageAuthenticator: "Shared secret",
	audit.StepEAP: "EAP", audit.StepTLS: "TLS", audit.StepChain: "Certificate chain",
	audit.StepDates: "Dates", audit.StepPurpose: "Purpose", audit.StepIdentity: "Name in the certificate",
	audit.StepUser: "User", audit.StepScope: "CA may vouch for the user",
	audit.StepRevocation: "Not revoked", audit.StepPolicy: "Group and policy",
}

// A rung is a step of a ladder, to be shown.
type rung struct {
	mark
	Name, Detail string
	Failed       bool
}

func rungs(l audit.Ladder) []rung {
	list := make([]rung, 0, len(l))
	for _, s := range l {
		name, ok := stepNames[s.Name]
		if !ok {
			name = string(s.Name)
		}
		list = append(list, rung{stepMark(s.State), name, s.Detail, s.State == audit.Failed})
	}
	return list
}
