package webui_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"gatehouse/authcore/revocation"
	"gatehouse/webui"
)

// askedOCSP is a house whose responders say check.
func askedOCSP(t *testing.T, check revocation.Check, err error) *house {
	return newHouse(t, func(c *webui.Config) {
		c.Backend.OCSP.Check = func(context.Context, []byte) (revocation.Check, error) { return check, err }
	})
}

func TestOCSPPageShowsEachStep(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 5, 4, 11, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		responder revocation.ResponderCheck
		want      []string
	}{
		"good": {revocation.ResponderCheck{URL: "http://ocsp.example/", Status: "good", ThisUpdate: at, NextUpdate: at.Add(48 * time.Hour), LatencyMS: 12.5,
			Steps: []revocation.StepCheck{{Name: "dns", State: "ok", TookMS: 1.5}, {Name: "signature", State: "ok"}}},
			[]string{"Answers: good", "DNS: passed", "(1.5 ms)", "Signature valid: passed", "12.5 ms", "1 hour ago", "in 1 day"}},
		"revoked": {revocation.ResponderCheck{URL: "http://ocsp.example/", Status: "revoked", Why: "keyCompromise"},
			[]string{"Answers: revoked", "keyCompromise", "What to do"}},
		"localhost": {revocation.ResponderCheck{URL: "http://localhost:2560/", Status: "none", Reason: "ocsp_unavailable", Detail: "not asked",
			Steps: []revocation.StepCheck{{Name: "tcp", State: "failed", Detail: "refused"}}},
			[]string{"Its answer does not count", "localhost", "allow_addresses", "TCP: failed", "What to do"}},
		"private": {revocation.ResponderCheck{URL: "http://[fd00::1]/", Status: "good"}, []string{"private address"}},
		"hostile": {revocation.ResponderCheck{URL: "http://x/<script>alert(1)</script>", Status: "good"}, []string{"&lt;script&gt;"}},
	} {
		h := askedOCSP(t, revocation.Check{Subject: "CN=alice", Serial: "0A", Responders: []revocation.ResponderCheck{c.responder}}, nil)
		w := h.do(visit{method: "POST", path: "/check/ocsp", cookie: h.signIn("tech"),
			header: multipartOf, body: multipartText})
		body := w.Body.String()
		for _, want := range append(c.want, "CN=alice") {
			if w.Code != 200 || !strings.Contains(body, want) {
				t.Errorf("%s: got %d without %q\n%s", name, w.Code, want, body)
			}
		}
		if strings.Contains(body, "<script>alert") {
			t.Errorf("%s: a script got through", name)
		}
	}
}

func TestOCSPPageSaysWhyNobodyIsAsked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		check revocation.Check
		err   error
		code  int
		want  string
	}{
		"no responder": {revocation.Check{}, nil, 200, "Nobody to ask"},
		"no issuer":    {revocation.Check{}, errors.Join(revocation.ErrNoIssuer), 400, "Its issuer is in no CA"},
	} {
		h := askedOCSP(t, c.check, c.err)
		w := h.do(visit{method: "POST", path: "/check/ocsp", cookie: h.signIn("tech"), header: multipartOf, body: multipartText})
		if w.Code != c.code || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s: got %d %s", name, w.Code, w.Body)
		}
	}
}

// TestOCSPPageAsksNobodyWhenItIsLookedAt: a GET shows what is known.
func TestOCSPPageAsksNobodyWhenItIsLookedAt(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *webui.Config) {
		c.Backend.OCSP.Check = func(context.Context, []byte) (revocation.Check, error) {
			t.Error("a responder was asked")
			return revocation.Check{}, nil
		}
		was := c.Backend.Status
		c.Backend.Status = func() webui.Status {
			s := was()
			s.Revocation.ByStatus = map[string]int{"good": 3}
			s.Revocation.Responders = []revocation.ResponderReport{{URL: "http://ocsp.example/", Breaker: "open", Asked: 5, Failed: 2,
				LastError: "connection refused", Steps: []revocation.StepCheck{{Name: "tcp", State: "failed"}}}}
			return s
		}
	})
	body := h.do(visit{path: "/check/ocsp", cookie: h.signIn("viewer")}).Body.String()
	for _, want := range []string{"Does not answer", "Asked 5 times, 2 failed.", "Connection refused.", "firewall", "3 good", "0A1B"} {
		if !strings.Contains(body, want) {
			t.Errorf("no %q in\n%s", want, body)
		}
	}
}

// multipartText is a form with the text of a certificate.
const multipartText = "--x\r\nContent-Disposition: form-data; name=\"pem\"\r\n\r\nalice\r\n--x--\r\n"

var multipartOf = map[string][]string{"Content-Type": {"multipart/form-data; boundary=x"}}
