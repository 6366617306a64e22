package audit_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"gatehouse/authcore/audit"
)

// TestReasonsAreComplete holds the table to its promise: every reason once, with a sentence
// and a next step that end as sentences do.
func TestReasonsAreComplete(t *testing.T) {
	t.Parallel()
	seen := map[audit.Reason]bool{}
	for _, e := range audit.Explanations() {
		if seen[e.Reason] {
			t.Errorf("%s stands in the table twice", e.Reason)
		}
		seen[e.Reason] = true
		for _, text := range []string{e.Sentence, e.NextStep} {
			if !strings.HasSuffix(text, ".") || strings.TrimSpace(text) != text {
				t.Errorf("%s: %q is no sentence", e.Reason, text)
			}
		}
		if got, ok := audit.Explain(e.Reason); !ok || got != e {
			t.Errorf("Explain(%s): got %v, %v", e.Reason, got, ok)
		}
	}
	if _, ok := audit.Explain("no_such_reason"); ok {
		t.Error("Explain knows a reason that is not on the list")
	}
}

func TestReasonsInWords(t *testing.T) {
	t.Parallel()
	for reason, want := range map[audit.Reason]string{
		"": "", audit.Accepted: "Accepted", audit.CertExpired: "Certificate expired", audit.OCSPNoResponder: "OCSP no responder",
		audit.CAOutOfScope: "CA out of scope", audit.EAPNoCommonMethod: "EAP no common method", audit.MFARequired: "MFA required",
		audit.SAMLRequestInvalid: "SAML request invalid", audit.CRLStale: "CRL stale", audit.CertUnknownCA: "Certificate unknown CA",
	} {
		if got := reason.Words(); got != want {
			t.Errorf("%q: got %q, want %q", reason, got, want)
		}
	}
}

func TestLadder(t *testing.T) {
	t.Parallel()
	l := audit.CertificateLadder()
	if _, failed := l.FailedStep(); failed {
		t.Error("a ladder on which nothing ran has a failed step")
	}
	l.Pass(audit.StepChain, "up to the anchor")
	l.Fail(audit.StepDates, "expired")
	l.Fail("no such step", "ignored")
	step, failed := l.FailedStep()
	if want := (audit.Step{Name: audit.StepDates, State: audit.Failed, Detail: "expired"}); !failed || step != want {
		t.Errorf("got %+v, want %+v", step, want)
	}
	states := map[audit.StepState]int{}
	for _, s := range l {
		states[s.State]++
	}
	want := map[audit.StepState]int{audit.Passed: 1, audit.Failed: 1, audit.NotRun: len(l) - 2}
	if diff := cmp.Diff(want, states); diff != "" {
		t.Errorf("states (-want +got):\n%s", diff)
	}
}

func TestPrintable(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, in, want string }{
		{"plain", "alice@acme.example", "alice@acme.example"},
		{"utf8", "bjørn", "bjørn"},
		{"empty", "", ""},
		{"control", "a\x00b\nc\x1b[31m", `a\x00b\nc\x1b[31m`},
		{"bidi", "a\u202eb", `a\u202eb`},
		{"invalid", "a\xffb", `a\xffb`},
		{"backslash", `ACME\alice`, `ACME\\alice`},
		{"long", strings.Repeat("x", 300), strings.Repeat("x", 256) + "…"},
	}
	for _, tt := range tests {
		if got := audit.Printable(tt.in); got != tt.want {
			t.Errorf("%s: Printable(%q): got %q, want %q", tt.name, tt.in, got, tt.want)
		}
	}
}

func FuzzPrintable(f *testing.F) {
	f.Add("alice")
	f.Add("\x00\xff\u202e")
	f.Fuzz(func(t *testing.T, in string) {
		got := audit.Printable(in)
		if !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool { return r < ' ' || r == '\u202e' }) {
			t.Errorf("Printable(%q): got %q", in, got)
		}
		if n := utf8.RuneCountInString(got); n > 256*10+1 {
			t.Errorf("Printable of %d octets: got %d characters", len(in), n)
		}
	})
}

// TestLogLineAndEntryAgree compares the log line with the JSON of the API: the same names and
// values, and the sentence beside them.
func TestLogLineAndEntryAgree(t *testing.T) {
	t.Parallel()
	event := audit.Event{
		Time: time.Unix(1, 0).UTC(), Result: audit.Reject, Reason: audit.UserSuspended,
		Server: "wifi", Client: "ap1", NAS: "192.0.2.1", Station: "02-00", User: "sam",
		OuterIdentity: "anonymous", Method: audit.MethodEAPTLS, TLSVersion: "1.3",
		CertSHA256: "ab", CA: "acme", OCSP: "good", OCSPSource: "cache", OCSPAge: 90 * time.Second,
		Duration: 1500 * time.Microsecond, Rounds: 4, Generation: 7, Detail: "user sam is suspended",
		Ladder: audit.CertificateLadder(),
	}
	var line bytes.Buffer
	slog.New(slog.NewJSONHandler(&line, nil)).LogAttrs(t.Context(), slog.LevelInfo, "decision", event.Attrs()...)
	logged := decode(t, line.Bytes())
	encoded, err := json.Marshal(audit.Entry{ID: 3, Event: event})
	if err != nil {
		t.Fatal(err)
	}
	entry := decode(t, encoded)
	if entry["id"] != 3.0 || entry["sentence"] == "" || entry["next_step"] == "" || entry["ladder"] == nil {
		t.Errorf("the entry lacks what people read: %s", encoded)
	}
	for _, key := range []string{"time", "level", "msg", "id", "sentence", "next_step", "ladder"} {
		delete(logged, key)
		delete(entry, key)
	}
	if diff := cmp.Diff(logged, entry); diff != "" {
		t.Errorf("log line and entry differ (-log +entry):\n%s", diff)
	}
	if entry["duration_ms"] != 1.5 || entry["ocsp_age_s"] != 90.0 || entry["resumed"] != false {
		t.Errorf("units: got %s", encoded)
	}
}

func decode(t *testing.T, data []byte) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal(data, &m); err != nil {
		t.Fatalf("%v: %s", err, data)
	}
	return m
}
