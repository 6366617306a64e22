package appliance_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"gatehouse/authcore/pki/lab"
	"gatehouse/authcore/supplicant"
	"gatehouse/webui"
)

// hang takes a request and never answers.
func hang(_ http.ResponseWriter, request *http.Request) { <-request.Context().Done() }

// TestResponderKilled lets known devices in from the cache until nextUpdate, and through the
// grace where there is one, but none that was never seen.
func TestResponderKilled(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, rules string
		grace       bool
	}{{"strict", "", false}, {"grace", ", grace: 24h", true}} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, r := newOCSPSite(t, tt.rules)
			s.start()
			known := s.alice()
			s.wantOCSP(s.accept(known), "good", "responder")
			s.clock.move(10 * time.Second)
			s.wantOCSP(s.accept(known), "good", "cache")
			if n := r.count("good"); n != 1 {
				t.Errorf("asked %d times for two sign-ins, want 1", n)
			}
			r.kill()
			s.wantOCSP(s.accept(known), "good", "cache")
			s.clock.move(59 * time.Minute) // of the hour that the answer lasts
			s.wantOCSP(s.accept(known), "good", "cache")
			if d := s.rejected(s.alice(), "ocsp_unavailable"); !strings.Contains(d.Detail, "refused") {
				t.Errorf("never seen: got detail %q, want connection refused", d.Detail)
			}
			s.clock.move(time.Hour)
			if tt.grace {
				s.wantOCSP(s.accept(known), "good", "grace")
				s.clock.move(24 * time.Hour)
			}
			d := s.rejected(known, "ocsp_unavailable")
			if !strings.Contains(d.Detail, "the last answer (good) expired") {
				t.Errorf("beyond: got detail %q, want the age of the last answer in it", d.Detail)
			}
			s.wantOCSP(d, "none", "")
		})
	}
}

// TestCertificateCheckedFromCache has a certificate looked at while the responder answers and when it
// is gone: the answer says what it went by.
func TestCertificateCheckedFromCache(t *testing.T) {
	t.Parallel()
	s, r := newOCSPSite(t, ", grace: 24h")
	s.start()
	leaf := s.user(lab.UserOptions{})
	check := func(source, standing string) {
		t.Helper()
		var tests []webui.CertTest
		text := s.ask(http.MethodPost, "/api/v1/certificates/test?server=wifi", string(leaf.CertificatePEM()))
		if err := json.Unmarshal([]byte(text), &tests); err != nil {
			t.Fatal(err)
		}
		if tests[0].OCSPSource != source || tests[0].Standing != standing {
			t.Errorf("got source %q, %q; want %q, %q", tests[0].OCSPSource, tests[0].Standing, source, standing)
		}
	}
	check("responder", "good: the OCSP responder was asked")
	r.kill()
	s.clock.move(20 * time.Minute)
	check("cache", "good, from the cache: what the OCSP responder said 20 minutes ago")
	s.clock.move(2 * time.Hour)
	check("grace", "good, from the cache and expired: what the OCSP responder said 2 hours ago counts on, by grace")
	leaf = s.user(lab.UserOptions{})
	check("", "unknown: there was no answer by OCSP or CRL")
}

// TestOC10FrozenResponder has devices wait for a responder that takes their requests and never
// answers. Nobody else waits: neither those whose status is known nor those who come for the
// first time and have a responder that answers.
func TestOC10FrozenResponder(t *testing.T) {
	t.Parallel()
	const frozen = 64
	s, _ := newOCSPSite(t, "")
	stuck := s.newResponder().handle("stuck", hang)
	s.start()
	warm := s.device("1.2")
	s.signIn(warm, "accepted", false)
	newcomers := make([]supplicant.Config, 16)
	for i := range newcomers {
		newcomers[i] = s.deviceOf(s.user(lab.UserOptions{}), 200+i)
	}

	var waiting sync.WaitGroup
	results := make(chan string, frozen)
	for i := range frozen {
		device := s.deviceOf(s.user(lab.UserOptions{Options: lab.Options{OCSP: []string{stuck}}}), i)
		waiting.Go(func() { results <- s.tryToSignIn(device) })
	}
	s.eventually("waiting", func() bool { return s.standing().Asking == frozen })
	load := must(supplicant.NewLoad(supplicant.LoadConfig{Config: warm, Count: 64, Parallel: 16}))(t)
	if report := load.Run(t.Context()); !report.OK() {
		t.Errorf("of those who are known, %d of %d were accepted: %+v", report.Accepted, report.Finished, report.Reasons)
	}
	var first sync.WaitGroup
	for i := range newcomers {
		first.Go(func() {
			if got := s.tryToSignIn(newcomers[i]); got != "accept" {
				t.Errorf("one who comes for the first time: got %s, want accept", got)
			}
		})
	}
	first.Wait()
	waiting.Wait()
	for range frozen {
		if got := <-results; got != "reject" {
			t.Errorf("at the frozen responder: got %s, want reject", got)
		}
	}
	told := 0
	for _, d := range s.log.decisions() {
		if d.Result == "reject" {
			told++
			if d.Reason != "ocsp_unavailable" || !strings.Contains(d.Detail, "no answer within 3s") &&
				!strings.Contains(d.Detail, "failed too often") {
				t.Errorf("got %+v, want ocsp_unavailable for the budget", d)
			}
		}
	}
	if told != frozen {
		t.Errorf("%d were rejected, want %d", told, frozen)
	}
}

// deviceOf is a built-in client with a station of its own.
func (s *site) deviceOf(leaf *lab.Leaf, n int) supplicant.Config {
	s.t.Helper()
	certificate := leaf.TLS()
	return supplicant.Config{
		Server: s.appliance.AuthAddr().String(), Secret: []byte(sharedSecret), Identity: "anonymous",
		Certificate: &certificate, CallingStationID: fmt.Sprintf("02-00-00-00-01-%02X", n),
		Timeout: 10 * time.Second,
	}
}

// tryToSignIn returns how a device fared: accept, reject, or what went wrong. It may be called
// from any goroutine.
func (s *site) tryToSignIn(device supplicant.Config) string {
	report, err := supplicant.Run(s.t.Context(), device)
	if err != nil {
		return err.Error()
	}
	return string(report.Result)
}
