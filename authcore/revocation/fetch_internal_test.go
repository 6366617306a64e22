package revocation

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptrace"
	"net/netip"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestClip(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, in, want string }{
		{"plain", "connection refused", "connection refused"},
		{"control", "a\x1b[31m\r\nb\x00", "a?[31m??b?"},
		{"not_utf8", "a\xffb", "a?b"},
		{"invisible", "a\u202eb", "a?b"},
		{"long", strings.Repeat("o", 300), strings.Repeat("o", 253) + "…"},
		{"long_of_wide_letters", strings.Repeat("é", 200), strings.Repeat("é", 126) + "…"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := clip(tt.in)
			if got != tt.want || len(got) > maxDetail || !utf8.ValidString(got) {
				t.Errorf("clip(%q) = %q, want %q", tt.in, got, tt.want)
			}
		})
	}
}

func TestStageWords(t *testing.T) {
	t.Parallel()
	var got []string
	for s := range numStages + 1 {
		got = append(got, s.String())
	}
	if want := "address dns tcp tls http body stage(6)"; strings.Join(got, " ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestTraceGoesForward: what comes late, of a connection made for nothing, changes nothing.
func TestTraceGoesForward(t *testing.T) {
	t.Parallel()
	trace := new(fetchTrace)
	hooks := trace.hooks()
	trace.begin(http.MethodGet)
	hooks.GetConn("ocsp.acme.example:80")
	steps := []struct {
		name string
		hook func()
		want string
	}{
		{"waiting", func() {}, "tcp: connecting to ocsp.acme.example"},
		{"lookup", func() { hooks.DNSStart(httptrace.DNSStartInfo{}) }, "dns: looking up ocsp.acme.example"},
		{"connect", func() { hooks.ConnectStart("tcp", "") }, "tcp: connecting to ocsp.acme.example"},
		{"second_address", func() { hooks.ConnectStart("tcp", "") }, "tcp: connecting to ocsp.acme.example"},
		{"handshake", hooks.TLSHandshakeStart, "tls: setting up TLS with ocsp.acme.example"},
		{"connected", func() { hooks.GotConn(httptrace.GotConnInfo{}) }, "http: asking ocsp.acme.example"},
		{"late_connect", func() { hooks.ConnectStart("tcp", "") }, "http: asking ocsp.acme.example"},
		{"late_handshake", hooks.TLSHandshakeStart, "http: asking ocsp.acme.example"},
		{"body", func() { trace.enter(StageBody) }, "body: reading the answer of ocsp.acme.example"},
	}
	for _, s := range steps {
		s.hook()
		stage, doing := trace.progress()
		if got := stage.String() + ": " + doing; got != s.want {
			t.Errorf("%s: got %q, want %q", s.name, got, s.want)
		}
	}
	before := trace.finish(nil)
	hooks.GetConn("elsewhere:80")
	hooks.DNSStart(httptrace.DNSStartInfo{})
	if after := trace.finish(nil); after.TLS != before.TLS || after.TCP != before.TCP {
		t.Errorf("after the end: got %+v, want %+v", after, before)
	}
	if _, doing := trace.progress(); !strings.HasSuffix(doing, "ocsp.acme.example") {
		t.Errorf("after the end: %q", doing)
	}
}

func TestTransportsAreBounded(t *testing.T) {
	t.Parallel()
	p := &transportPool{own: new(ownAddresses)}
	for i := range 100 {
		allow := []netip.Prefix{netip.MustParsePrefix(fmt.Sprintf("10.0.%d.0/24", i))}
		if first, again := p.direct(allow), p.direct(allow); first != again {
			t.Fatal("the same rules, and another transport")
		}
		if len(p.all) > maxTransports {
			t.Fatalf("%d transports, want at most %d", len(p.all), maxTransports)
		}
	}
}

func TestLongValidatorsAreForgotten(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("o", maxValidator+1)
	got := validatorsOf(http.Header{"Etag": {long}, "Last-Modified": {long}})
	if got != (Validators{}) {
		t.Errorf("got %+v, want none", got)
	}
	got = validatorsOf(http.Header{"Etag": {long[1:]}, "Last-Modified": {"x"}})
	if want := (Validators{ETag: long[1:], LastModified: "x"}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

// TestExplainKeepsWhatIsKnown: an error that is already one for people goes through as it is.
func TestExplainKeepsWhatIsKnown(t *testing.T) {
	t.Parallel()
	known := addressError("malformed")
	got := new(fetchTrace).explain(context.Background(), fmt.Errorf("asking: %w", known))
	if got != known || errors.Unwrap(got) != nil {
		t.Errorf("got %#v, want %#v", got, known)
	}
}
