package main

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"gatehouse/appliance"
	"gatehouse/authcore/audit"
)

// A checkVerdict is what the answers of all responders come to.
type checkVerdict struct {
	word   string // good, revoked, unknown, refused, unreachable or not_named
	code   int
	reason audit.Reason // why not good
	by     *appliance.OCSPResponderCheck
	sticky bool // it is revoked as this gateway knows, whatever a responder says now
}

// judgeCheck weighs as a sign-in does: revoked wins, then the first answer that counts.
func judgeCheck(c *appliance.OCSPCheck) checkVerdict {
	first := func(is func(r *appliance.OCSPResponderCheck) bool) *appliance.OCSPResponderCheck {
		i := slices.IndexFunc(c.Responders, func(r appliance.OCSPResponderCheck) bool { return is(&r) })
		if i < 0 {
			return nil
		}
		return &c.Responders[i]
	}
	says := func(status string) func(*appliance.OCSPResponderCheck) bool {
		return func(r *appliance.OCSPResponderCheck) bool { return r.Status == status && r.Reason == "" }
	}
	known := c.Known != nil && c.Known.Status == "revoked" && c.Known.Why != "certificateHold"
	if r := first(func(r *appliance.OCSPResponderCheck) bool { return r.Status == "revoked" }); r != nil || known {
		return checkVerdict{"revoked", exitNo, audit.CertRevoked, r, r == nil}
	}
	if len(c.Responders) == 0 {
		return checkVerdict{word: "not_named", code: exitNo, reason: audit.OCSPNoResponder}
	}
	if r := first(says("good")); r != nil {
		return checkVerdict{word: "good", code: exitOK, by: r}
	}
	if r := first(says("unknown")); r != nil {
		return checkVerdict{word: "unknown", code: exitNo, reason: audit.OCSPUnknown, by: r}
	}
	if r := first(answered); r != nil {
		return checkVerdict{word: "refused", code: exitNo, reason: audit.Reason(r.Reason), by: r}
	}
	r := &c.Responders[0]
	return checkVerdict{word: "unreachable", code: exitUnreachable, reason: audit.Reason(r.Reason), by: r}
}

// answered reports whether a responder gave something that could be judged.
func answered(r *appliance.OCSPResponderCheck) bool {
	return slices.ContainsFunc(r.Steps, func(s appliance.OCSPStep) bool {
		return s.Name == "http" && s.State == "ok"
	})
}

// printCheck prints whom the certificate is of, a ladder a responder, and the verdict.
func printCheck(w io.Writer, c *appliance.OCSPCheck, v checkVerdict, now time.Time) error {
	var b bytes.Buffer
	fmt.Fprintf(&b, "serial     %s\nsubject    %s\nissuer     %s", c.Serial, c.Subject, c.Issuer)
	if c.CA != "" {
		fmt.Fprintf(&b, " (ca/%s)", c.CA)
	}
	fmt.Fprintf(&b, "\nknown here %s\n", knownHere(c.Known, now))
	for i := range c.Responders {
		printResponder(&b, &c.Responders[i])
	}
	for _, point := range c.Points {
		fmt.Fprintf(&b, "list %s (not asked here; sign-ins use it as revocation.order says)\n", audit.Printable(point))
	}
	b.WriteString(v.text(c) + "\n")
	_, err := w.Write(b.Bytes())
	return err
}

// knownHere tells what the gateway knew before it asked.
func knownHere(e *appliance.OCSPEntry, now time.Time) string {
	if e == nil || e.Status == "none" && e.Fault == "" {
		return "nothing"
	}
	s := ocspStatus(e)
	if e.Status == "none" {
		s = "nothing"
	}
	if e.Status == "good" || e.Status == "unknown" {
		s += fmt.Sprintf(", asked %s, ends %s", relative(e.Obtained, now), relative(e.Until, now))
	}
	if !e.Refresh.IsZero() {
		s += ", is renewed " + relative(e.Refresh, now)
	}
	if e.Fault != "" {
		s += "; the last time of asking: " + e.Fault
	}
	return s
}

func printResponder(b *bytes.Buffer, r *appliance.OCSPResponderCheck) {
	fmt.Fprintf(b, "responder %s\n", audit.Printable(r.URL))
	marks := map[string]string{"ok": "✓", "failed": "✗"}
	labels := map[string]string{"dns": "DNS", "tcp": "TCP", "tls": "TLS", "http": "HTTP"}
	for _, s := range r.Steps {
		mark, label := marks[s.State], labels[s.Name]
		if mark == "" {
			mark = "–"
		}
		if label == "" {
			label = s.Name
		}
		line := fmt.Sprintf("  %s %-9s  %s", mark, label, s.Detail)
		if s.TookMS > 0 {
			line = fmt.Sprintf("%s (%.1f ms)", strings.TrimRight(line, " "), s.TookMS)
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	if r.Status == "none" {
		return
	}
	fmt.Fprintf(b, "  says %s as of %s", r.Status, r.ThisUpdate.UTC().Format(time.DateTime))
	if !r.NextUpdate.IsZero() {
		fmt.Fprintf(b, ", next at %s", r.NextUpdate.UTC().Format(time.DateTime))
	}
	fmt.Fprintf(b, " (UTC); it took %.1f ms\n", r.LatencyMS)
}

// text is the verdict, as that of cert test: reason, sentence, detail, next step.
func (v checkVerdict) text(c *appliance.OCSPCheck) string {
	if v.word == "good" {
		return "good"
	}
	e, _ := audit.Explain(v.reason)
	s := fmt.Sprintf("%s: %s — %s", strings.ReplaceAll(v.word, "_", " "), v.reason, e.Sentence)
	switch {
	case v.sticky:
		s += fmt.Sprintf("\n  Detail: it is revoked as known here, and that stays, whatever is answered now; "+
			"gatehouse ocsp purge %s --revoked forgets it", c.Serial)
	case v.word == "revoked":
		s += "\n  Detail: since " + v.by.RevokedAt.UTC().Format(time.RFC3339)
		if v.by.Why != "" {
			s += " (" + v.by.Why + ")"
		}
	case v.by != nil && v.by.Detail != "":
		s += "\n  Detail: " + v.by.Detail
	}
	return s + "\n  Next: " + e.NextStep
}
