package revocation_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/authcore/revocation"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// fetchFlaky is a responder that fails while down.
func fetchFlaky(t *testing.T, down *atomic.Bool) revocation.Target {
	t.Helper()
	target := fetchServer(t, func(w http.ResponseWriter, _ *http.Request) {
		if down.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = w.Write([]byte("answer"))
	})
	target.URL += "/ocsp"
	return target
}

func TestOC10BreakerOfAResponder(t *testing.T) {
	t.Parallel()
	var down atomic.Bool
	target := fetchFlaky(t, &down)
	clock := newFetchClock()
	var log bytes.Buffer
	f := newFetcher(t, revocation.FetchConfig{
		Now: clock.Now, Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	ready := func() bool { ok, _ := f.Ready(target.URL, clock.Now()); return ok }
	down.Store(true)
	for range 3 {
		if !ready() {
			t.Fatal("held back before the third failure")
		}
		if _, err := f.OCSP(fetchContext(t), target, awkward); err == nil {
			t.Fatal("no error")
		}
	}
	ok, until := f.Ready(target.URL, clock.Now())
	if ok || until.Sub(clock.Now()) > 5*time.Second {
		t.Errorf("after three failures: got %v, %v", ok, until)
	}
	if got := f.Responders(); len(got) != 1 || got[0].Breaker != "open" || !got[0].Until.Equal(until) {
		t.Errorf("Responders() = %+v, want one, open until %v", got, until)
	}
	if ok, _ := f.Ready(strings.TrimSuffix(target.URL, "/ocsp")+"/list", clock.Now()); !ok {
		t.Error("another path of the host is held back with it")
	}
	clock.move(5 * time.Second)
	down.Store(false)
	if got := f.Responders(); len(got) != 1 || got[0].Breaker != "half_open" || !got[0].Until.IsZero() {
		t.Errorf("in time: got %+v, want it half open", got)
	}
	if first, second := ready(), ready(); !first || second {
		t.Error("half open: want one let through")
	}
	if _, err := f.OCSP(fetchContext(t), target, awkward); err != nil {
		t.Fatal(err)
	}
	if ready() {
		t.Error("an answer nobody has judged closes the breaker")
	}
	f.Judged(target.URL, nil)
	if first, second := ready(), ready(); !first || !second {
		t.Error("a good answer does not close it")
	}
	for _, want := range []string{"responder not asked for a while", "503", "responder answers again"} {
		if n := strings.Count(log.String(), want); n != 1 {
			t.Errorf("the log says %q %d times, want once:\n%s", want, n, &log)
		}
	}
}

// TestOC10GarbageOpensTheBreaker: answering is not enough.
func TestOC10GarbageOpensTheBreaker(t *testing.T) {
	t.Parallel()
	var down atomic.Bool
	target := fetchFlaky(t, &down)
	clock := newFetchClock()
	f := newFetcher(t, revocation.FetchConfig{Now: clock.Now})
	for range 3 {
		if ok, _ := f.Ready(target.URL, clock.Now()); !ok {
			t.Fatal("held back before the third failure")
		}
		if _, err := f.OCSP(fetchContext(t), target, awkward); err != nil {
			t.Fatal(err)
		}
		f.Judged(target.URL, errors.New("signature wrong"))
	}
	if ok, _ := f.Ready(target.URL, clock.Now()); ok {
		t.Error("it is still asked")
	}
	got := f.Responders()[0]
	if got.HTTP.State != revocation.StepOK || got.Signature.State != revocation.StepFailed ||
		got.Signature.Detail != "signature wrong" || got.LastError != "signature wrong" {
		t.Errorf("Responders() = %+v", got)
	}
}

// TestOC10HalfOpenLetsOneThrough, however many ask at once.
func TestOC10HalfOpenLetsOneThrough(t *testing.T) {
	t.Parallel()
	clock := newFetchClock()
	f := newFetcher(t, revocation.FetchConfig{Now: clock.Now})
	const url = "http://ocsp.acme.example/"
	for range 3 {
		f.Judged(url, errors.New("garbage"))
	}
	clock.move(5 * time.Second)
	var through atomic.Int32
	var all sync.WaitGroup
	for range 50 {
		all.Go(func() {
			if ok, _ := f.Ready(url, clock.Now()); ok {
				through.Add(1)
			}
			_ = f.Responders()
		})
	}
	all.Wait()
	if n := through.Load(); n != 1 {
		t.Errorf("%d were let through, want 1", n)
	}
}

// TestOC10WhoIsToBlame: an asker that gives up, or has no time left, says nothing of a responder.
func TestOC10WhoIsToBlame(t *testing.T) {
	t.Parallel()
	target := fetchRawTarget(t, func(_ net.Conn, over <-chan struct{}) { <-over })
	f := newFetcher(t, revocation.FetchConfig{})
	askAll := func(ctx context.Context) {
		var all sync.WaitGroup
		for range 3 {
			all.Go(func() { _, _ = f.OCSP(ctx, target, awkward) })
		}
		all.Wait()
	}
	cancelled, cancel := context.WithCancel(fetchContext(t))
	cancel()
	askAll(cancelled)
	short, cancel := context.WithTimeout(fetchContext(t), time.Millisecond)
	defer cancel()
	askAll(short)
	if got := f.Responders()[0]; got.Breaker != "closed" || got.Failed != 0 || got.Asked != 6 {
		t.Errorf("after askers that gave up: %+v", got)
	}
	fair, cancel := context.WithTimeout(fetchContext(t), 600*time.Millisecond)
	defer cancel()
	askAll(fair)
	if got := f.Responders()[0]; got.Breaker != "open" || got.Failed != 3 {
		t.Errorf("after a fair chance: %+v", got)
	}
}

func TestRespondersAreBounded(t *testing.T) {
	t.Parallel()
	clock := newFetchClock()
	f := newFetcher(t, revocation.FetchConfig{Now: clock.Now})
	for i := range 200 {
		f.Judged("http://first.example/", nil)
		f.Judged(fmt.Sprintf("http://ocsp%d.example/", i), nil)
		f.Ready(fmt.Sprintf("http://never%d.example/", i), clock.Now())
	}
	got := f.Responders()
	if len(got) != 64 || got[0].URL != "http://first.example/" {
		t.Errorf("%d responders, the first %s; want 64 and the one used most", len(got), got[0].URL)
	}
}

func TestRespondersHealth(t *testing.T) {
	t.Parallel()
	var down atomic.Bool
	target := fetchFlaky(t, &down)
	clock := newFetchClock()
	f := newFetcher(t, revocation.FetchConfig{Now: clock.Now})
	start := clock.Now()
	this, next := start.Add(-time.Hour), start.Add(time.Hour)
	for range 2 { // the second over the same connection
		if _, err := f.OCSP(fetchContext(t), target, awkward); err != nil {
			t.Fatal(err)
		}
		f.Judged(target.URL, nil)
		f.Dated(target.URL, this, next)
	}
	address := strings.TrimSuffix(strings.TrimPrefix(target.URL, "http://"), "/ocsp")
	want := revocation.Responder{
		URL: target.URL, Breaker: "closed",
		TCP:        revocation.Step{State: revocation.StepOK, Detail: address},
		HTTP:       revocation.Step{State: revocation.StepOK, Detail: "GET"},
		Signature:  revocation.Step{State: revocation.StepOK},
		ThisUpdate: this, NextUpdate: next, LastSuccess: start, Asked: 2, Good: 2,
	}
	durations := cmpopts.IgnoreTypes(time.Duration(0))
	if diff := cmp.Diff([]revocation.Responder{want}, f.Responders(), durations); diff != "" {
		t.Errorf("Responders() (-want +got):\n%s", diff)
	}
	if got := f.Responders()[0]; got.Latency <= 0 || got.HTTP.Took <= 0 || got.TCP.Took <= 0 {
		t.Errorf("durations: %+v", got)
	}
	down.Store(true)
	clock.move(time.Minute)
	_, err := f.OCSP(fetchContext(t), target, awkward)
	if err == nil {
		t.Fatal("no error")
	}
	failed := "asking " + address + ": answered 503 Service Unavailable"
	want.HTTP = revocation.Step{State: revocation.StepFailed, Detail: failed}
	want.LastFailure, want.LastError = start.Add(time.Minute), failed
	want.Asked, want.Failed = 3, 1
	if diff := cmp.Diff([]revocation.Responder{want}, f.Responders(), durations); diff != "" {
		t.Errorf("after a failure (-want +got):\n%s", diff)
	}
}

func TestResponderNames(t *testing.T) {
	t.Parallel()
	f := newFetcher(t, revocation.FetchConfig{})
	for _, url := range []string{
		"http://OCSP.acme.example:80", "http://ocsp.acme.example/?ca=1", "http://ocsp.acme.example/#x",
		"https://ocsp.acme.example:443/a%2fb", "https://ocsp.acme.example:444", "http://[2001:db8::1]:80/",
	} {
		f.Judged(url, nil)
	}
	f.Judged("ldap://ocsp.acme.example/", nil)
	var got []string
	for _, r := range f.Responders() {
		got = append(got, r.URL)
	}
	want := []string{
		"http://[2001:db8::1]/", "http://ocsp.acme.example/", "https://ocsp.acme.example/a%2fb",
		"https://ocsp.acme.example:444/",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}
