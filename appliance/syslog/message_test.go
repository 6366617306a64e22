package syslog_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"gatehouse/appliance/syslog"
	"gatehouse/authcore/audit"
	"gatehouse/authcore/policy"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 123456789, time.FixedZone("", 3600))

// wire returns the message that log makes.
func wire(t testing.TB, transport string, log func(slog.Handler)) string {
	t.Helper()
	s, err := syslog.New(syslog.Config{Transport: transport, Address: "127.0.0.1:9", Node: "oslo-1",
		Logger: slog.New(slog.DiscardHandler), Now: time.Now})
	if err != nil {
		t.Fatal(err)
	}
	log(s.Handler(slog.LevelDebug))
	return string(s.Waiting(0))
}

func record(level slog.Level, msg string, attrs ...slog.Attr) slog.Record {
	r := slog.NewRecord(noon, level, msg, 0)
	r.AddAttrs(attrs...)
	return r
}

func handle(r slog.Record) func(slog.Handler) {
	return func(h slog.Handler) { _ = h.Handle(context.Background(), r) }
}

// TestMessages shows the octets.
func TestMessages(t *testing.T) {
	t.Parallel()
	reject := audit.Event{Result: audit.Reject, Reason: audit.CertRevoked, Server: "branch-wifi", Client: "ap1",
		NAS: "192.0.2.7", Station: "AA-BB-CC-DD-EE-FF", User: "alice", Method: audit.MethodEAPTLS, TLSVersion: "1.3",
		Duration: 41500 * time.Microsecond, Rounds: 7, Generation: 3, Detail: `revoked "yesterday" [by C:\x]`}
	accept := audit.Event{Result: audit.Accept, Reason: audit.Accepted, User: "Åse Å", Rounds: 1}
	head := "1 2026-03-01T11:00:00.123456Z oslo-1 gatehouse " + strconv.Itoa(os.Getpid()) + " "
	for name, tt := range map[string]struct {
		log  func(slog.Handler)
		want string
	}{
		"reject": {handle(record(slog.LevelInfo, "decision", reject.Attrs()...)),
			"<85>" + head + `decision [radius@32473 result="reject" reason="cert_revoked" server="branch-wifi" client="ap1" nas="192.0.2.7"` +
				` station="AA-BB-CC-DD-EE-FF" user="alice" method="eap-tls" tls_version="1.3" resumed="false" duration_ms="41.5"` +
				` rounds="7" generation="3" detail="revoked \"yesterday\" [by C:\\x\]"]` +
				` decision result=reject reason=cert_revoked server=branch-wifi client=ap1 station=AA-BB-CC-DD-EE-FF user=alice`},
		"accept": {handle(record(slog.LevelInfo, "decision", accept.Attrs()...)),
			"<86>" + head + `decision [radius@32473 result="accept" reason="accepted" user="Åse Å" duration_ms="0" rounds="1" generation="0"]` +
				" \ufeffdecision result=accept reason=accepted user=\"Åse Å\""},
		"warning": {func(h slog.Handler) {
			l := h.WithAttrs([]slog.Attr{slog.String("part", "notice")})
			_ = l.Handle(t.Context(), record(slog.LevelWarn, "certificate expires", slog.Int("days", 5), slog.Any("err", errors.New("a b"))))
		}, "<84>" + head + `certificate_expires [radius@32473 part="notice" days="5" err="a b"] certificate expires part=notice days=5 err="a b"`},
		"error": {handle(record(slog.LevelError, "x")), "<83>" + head + "x - x"},
		"groups": {func(h slog.Handler) {
			_ = h.WithGroup("").WithGroup("a").WithAttrs([]slog.Attr{slog.Bool("b", true)}).Handle(t.Context(),
				record(slog.LevelInfo, "x", slog.Group("c", slog.Duration("d", time.Second), slog.Group("", slog.Time("e", noon))), slog.Attr{}))
		}, "<86>" + head + `x [radius@32473 a.b="true" a.c.d="1s" a.c.e="2026-03-01T11:00:00.123456789Z"] x`},
		"secret": {handle(record(slog.LevelInfo, "x", slog.Any("secret", policy.Secret("golden")),
			slog.Any("in", struct{ S policy.Secret }{policy.Secret("golden")}))),
			"<86>" + head + `x [radius@32473 secret="[redacted\]" in="{S:[redacted\]}"] x`},
		"hostile_value": {handle(record(slog.LevelInfo, "x", slog.String("user", "a\"] x\n<0>1 \x1b[2J\xff\u202e"))),
			"<86>" + head + `x [radius@32473 user="a\"\] x\\n<0>1 \\x1b[2J\\xff\\u202e"] x user="a\"] x\n<0>1 \x1b[2J\xff\u202e"`},
		"hostile_name": {handle(record(slog.LevelInfo, "a\nb c", slog.Int("x y]\"=\n"+strings.Repeat("z", 40), 1))),
			"<86>" + head + `ab_c [radius@32473 x_y` + strings.Repeat("z", 29) + `="1"] a\nb c`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := wire(t, syslog.TCP, tt.log)
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("(- want, + got)\n%s", diff)
			}
			if _, err := parse(got); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestMessagesBelowInfo are not sent, whatever the level.
func TestMessagesBelowInfo(t *testing.T) {
	t.Parallel()
	got := wire(t, syslog.TCP, func(h slog.Handler) {
		slog.New(h).Debug("packet")
	})
	if got != "" {
		t.Errorf("got %q, want nothing", got)
	}
}

func TestMessagesOfALevel(t *testing.T) {
	t.Parallel()
	s, err := syslog.New(syslog.Config{Transport: "udp", Address: "127.0.0.1:9"})
	if err != nil {
		t.Fatal(err)
	}
	h := s.Handler(slog.LevelWarn)
	if h.Enabled(t.Context(), slog.LevelInfo) || !h.Enabled(t.Context(), slog.LevelWarn) {
		t.Error("the level is not heeded")
	}
}

// TestMessagesAreBounded shows that what is too long is cut, and what does not fit left out.
func TestMessagesAreBounded(t *testing.T) {
	t.Parallel()
	for transport, limit := range map[string]int{syslog.TCP: 8192, syslog.TLS: 8192, syslog.UDP: 2048} {
		for _, filler := range []string{"x", `"`, "\n", "\xff", "Å", `\]`} {
			var attrs []slog.Attr
			for i := range 40 {
				attrs = append(attrs, slog.String("k"+strconv.Itoa(i), strings.Repeat(filler, 100*i)))
			}
			attrs = append(attrs, slog.String("err", strings.Repeat(filler, 10_000)), slog.String("last", "small"))
			raw := wire(t, transport, handle(record(slog.LevelInfo, "x", attrs...)))
			m, err := parse(raw)
			if err != nil {
				t.Fatal(err)
			}
			if len(raw) > limit || len(raw) < limit/2 {
				t.Errorf("%s, %q: got %d bytes, want up to %d", transport, filler, len(raw), limit)
			}
			for _, p := range m.params {
				if len(p[1]) > limit/8 {
					t.Errorf("%s, %q: got %d bytes of %s", transport, filler, len(p[1]), p[0])
				}
			}
		}
	}
}

// FuzzMessage logs what a stranger sends: what comes out is one message that reads back.
func FuzzMessage(f *testing.F) {
	f.Add("decision", "user", "alice", "oslo-1")
	f.Add("", "", "", "")
	f.Add("a b", "x]=\" ", "\"]\\\n\xff\u202e\U0010ffff…", "ø b\n")
	f.Fuzz(func(t *testing.T, msg, key, value, node string) {
		s, err := syslog.New(syslog.Config{Transport: syslog.TCP, Address: "127.0.0.1:9", Node: node})
		if err != nil {
			t.Fatal(err)
		}
		_ = s.Handler(slog.LevelInfo).WithGroup(key).Handle(t.Context(), record(slog.LevelInfo, msg, slog.String(key, value)))
		raw := string(s.Waiting(0))
		m, err := parse(raw)
		if err != nil {
			t.Fatal(err)
		}
		plain := value != "" && utf8.ValidString(value) && len(value) < 1000 &&
			!strings.ContainsFunc(value, func(r rune) bool { return !strconv.IsPrint(r) })
		if plain && key != "" && (len(m.params) != 1 || m.params[0][1] != value) {
			t.Errorf("got %q of %q", m.params, value)
		}
	})
}
