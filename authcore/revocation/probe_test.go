package revocation_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"time"

	"gatehouse/authcore/revocation"

	"github.com/google/go-cmp/cmp"
)

// stepStates are the outcomes of DNS, TCP, TLS and HTTP.
func stepStates(s revocation.Steps) []string {
	var out []string
	for _, step := range []revocation.Step{s.DNS, s.TCP, s.TLS, s.HTTP} {
		out = append(out, step.State.String())
	}
	return out
}

func TestProbeSteps(t *testing.T) {
	t.Parallel()
	answers := func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("answer")) }
	plain := fetchServer(t, answers)
	missing := fetchServer(t, http.NotFound)
	secure, roots := fetchTLS(t, answers)
	untrusted, _ := fetchTLS(t, func(http.ResponseWriter, *http.Request) {})
	untrusted.URL = strings.Replace(untrusted.URL, "127.0.0.1", "localhost", 1) // not in its certificate
	untrusted.Allow = append(untrusted.Allow, netip.MustParsePrefix("::1/128"))
	hung := fetchRawTarget(t, func(_ net.Conn, over <-chan struct{}) { <-over })
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed := revocation.Target{URL: "http://" + l.Addr().String(), Allow: fetchLoopback}
	l.Close()
	refused := revocation.Target{URL: "http://localhost/"}
	tests := []struct {
		name   string
		target revocation.Target
		want   []string
		method string
		detail string // of the step that failed
	}{
		{"good", plain, []string{"not_run", "ok", "not_run", "ok"}, "GET", ""},
		{"tls", secure, []string{"not_run", "ok", "ok", "ok"}, "GET", ""},
		{"not_found", missing, []string{"not_run", "ok", "not_run", "failed"}, "POST", "404"},
		{"wrong_certificate", untrusted, []string{"ok", "ok", "failed", "not_run"}, "GET", "certificate"},
		{"hung", hung, []string{"not_run", "ok", "not_run", "failed"}, "GET", "no answer in time"},
		{"closed", closed, []string{"not_run", "failed", "not_run", "not_run"}, "GET", "connection refused"},
		{"loopback", refused, []string{"ok", "failed", "not_run", "not_run"}, "GET", "is loopback"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			ctx := fetchContext(t)
			if tt.name == "hung" {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, 600*time.Millisecond)
				defer cancel()
			}
			f := newFetcher(t, revocation.FetchConfig{Roots: roots})
			got := f.Probe(ctx, tt.target, awkward)
			if diff := cmp.Diff(tt.want, stepStates(got)); diff != "" {
				t.Errorf("dns, tcp, tls, http (-want +got):\n%s\n%+v", diff, got)
			}
			if got.Method != tt.method || got.Took <= 0 {
				t.Errorf("got %q after %v, want %q", got.Method, got.Took, tt.method)
			}
			if tt.detail == "" {
				if got.Err != nil || string(got.Answer) != "answer" {
					t.Errorf("got %q, %v", got.Answer, got.Err)
				}
				return
			}
			var failed *revocation.FetchError
			if !errors.As(got.Err, &failed) || !strings.Contains(failed.Detail, tt.detail) {
				t.Errorf("got %v, want %q", got.Err, tt.detail)
			}
			if health := f.Responders(); len(health) != 1 || health[0].LastError != failed.Detail {
				t.Errorf("Responders() = %+v, want the error there", health)
			}
		})
	}
}

func TestProbeConnectsAnew(t *testing.T) {
	t.Parallel()
	target, _ := fetchResponder(t, []byte("answer"), nil)
	target.URL += "/ocsp"
	f := newFetcher(t, revocation.FetchConfig{})
	if _, err := f.OCSP(fetchContext(t), target, awkward); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if got := f.Probe(fetchContext(t), target, awkward); got.TCP.State != revocation.StepOK {
			t.Errorf("Probe() = %+v, want a connection of its own", got)
		}
	}
	if got := f.Probe(fetchContext(t), revocation.Target{URL: "ldap://x/"}, awkward); got.Err == nil {
		t.Error("a malformed address: no error")
	}
}
