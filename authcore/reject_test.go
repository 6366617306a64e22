package authcore_test

import (
	"crypto/tls"
	"crypto/x509"
	"strings"
	"testing"

	"gatehouse/authcore"
	"gatehouse/authcore/audit"
	"gatehouse/authcore/revocation"
	"gatehouse/authcore/supplicant"
)

func TestRejectAtEveryStep(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	for _, c := range []struct {
		name, user string
		change     func(*supplicant.Config)
		reason     audit.Reason
		step       audit.StepName
	}{
		{"no-certificate", "", nil, audit.CertMissing, audit.StepChain},
		{"untrusted", "stranger", nil, audit.CertUnknownCA, audit.StepChain},
		{"expired", "expired", nil, audit.CertExpired, audit.StepDates},
		{"not-yet-valid", "future", nil, audit.CertNotYetValid, audit.StepDates},
		{"wrong-purpose", "purpose", nil, audit.CertPurpose, audit.StepPurpose},
		{"nameless", "nameless", nil, audit.IdentityNone, audit.StepIdentity},
		{"unknown", "nobody", nil, audit.UserUnknown, audit.StepUser},
		{"ambiguous", "ambiguous", nil, audit.IdentityAmbiguous, audit.StepUser},
		{"suspended", "bob", nil, audit.UserSuspended, audit.StepUser},
		{"out-of-scope", "dave", nil, audit.CAOutOfScope, audit.StepScope},
		{"no-ocsp", "strict", nil, audit.OCSPUnavailable, audit.StepRevocation},
		{"wrong-group", "carol", nil, audit.UserNotInGroup, audit.StepPolicy},
		{"old-tls", "alice", func(c *supplicant.Config) { c.TLSMax = tls.VersionTLS11 },
			audit.TLSVersion, audit.StepTLS},
		{"distrusts-us", "alice", func(c *supplicant.Config) { c.RootCAs = x509.NewCertPool() },
			audit.TLSPeerAlert, audit.StepTLS},
		{"distrusts-us-tls12", "alice", func(c *supplicant.Config) {
			c.RootCAs, c.TLSMax = x509.NewCertPool(), tls.VersionTLS12
		}, audit.TLSPeerAlert, audit.StepTLS},
		{"copied-certificate", "copied", nil, audit.PossessionFailed, audit.StepTLS},
		{"copied-certificate-tls12", "copied",
			func(c *supplicant.Config) { c.TLSMax = tls.VersionTLS12 },
			audit.PossessionFailed, audit.StepTLS},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			device := g.device(c.user)
			if c.change != nil {
				c.change(&device)
			}
			report, event := g.run(device)
			if report.Result != supplicant.ResultReject || len(report.Violations) > 0 {
				t.Errorf("the device saw %+v", report)
			}
			if event.Result != audit.Reject || event.Reason != c.reason || event.Detail == "" {
				t.Errorf("got %s %s (%s), want %s", event.Result, event.Reason, event.Detail, c.reason)
			}
			checkLadder(t, event.Ladder, c.step)
			g.good()
		})
	}
	t.Cleanup(func() {
		if live, _ := g.auth.Conversations(); live != 0 {
			t.Errorf("got %d conversations left", live)
		}
	})
}

// checkLadder wants one failed step, everything passed before it, and nothing failed after.
// Where TLS failed after the decision, the steps behind it have run.
func checkLadder(t *testing.T, l audit.Ladder, failed audit.StepName) {
	t.Helper()
	got, ok := l.FailedStep()
	if !ok || got.Name != failed || got.Detail == "" {
		t.Fatalf("got failed step %+v, want %s", got, failed)
	}
	before := true
	for _, s := range l {
		switch {
		case s.Name == failed:
			before = false
		case before && s.State != audit.Passed:
			t.Errorf("step %s before %s: got %s", s.Name, failed, s.State)
		case !before && s.State == audit.Failed:
			t.Errorf("step %s failed too", s.Name)
		case !before && s.State != audit.NotRun && failed != audit.StepTLS:
			t.Errorf("step %s after %s: got %s", s.Name, failed, s.State)
		}
	}
}

// GA-1: a copied certificate leaves no accept behind, not even for a moment.
func TestGA1CopiedCertificateIsNeverAccepted(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	for range 3 {
		g.run(g.device("copied"))
	}
	if n := g.events.count(audit.Accepted); n != 0 {
		t.Errorf("got %d accepts, want none", n)
	}
	if n := g.events.count(audit.PossessionFailed); n != 3 {
		t.Errorf("got %d possession_failed, want 3", n)
	}
	if sessions, paths := g.auth.Sessions(), g.auth.Decider().Paths.Len(); sessions != 0 || paths != 0 {
		t.Errorf("got %d sessions and %d paths remembered, want none", sessions, paths)
	}
	g.good()
	if paths := g.auth.Decider().Paths.Len(); paths != 1 {
		t.Errorf("got %d paths of one that holds its key, want one", paths)
	}
}

func TestEA8NakForAPasswordMethod(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	device := g.device("alice")
	c := g.begin(device)
	if _, err := c.Step(t.Context()); err != nil {
		t.Fatal(err)
	}
	request := c.Reply().EAP
	reply, err := c.Conn.Exchange(t.Context(), []byte{2, request[1], 0, 6, 3, 25})
	if err != nil {
		t.Fatal(err)
	}
	event := g.event(device.CallingStationID)
	if reply.Code != 3 || event.Reason != audit.EAPNoCommonMethod ||
		!strings.Contains(event.Detail, "PEAP") {
		t.Errorf("got code %d and %+v, want eap_no_common_method", reply.Code, event)
	}
	checkLadder(t, event.Ladder, audit.StepEAP)
}

func TestEA7InvalidEAPIsAnsweredWithTheRequestAgain(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	device := g.device("alice")
	c := g.begin(device)
	if _, err := c.Step(t.Context()); err != nil {
		t.Fatal(err)
	}
	first := c.Reply()
	reply, err := c.Conn.Exchange(t.Context(), []byte{2, first.EAP[1], 0, 6, 25, 0})
	if err != nil {
		t.Fatal(err)
	}
	cause, ok := reply.Attributes.Lookup(101)
	if reply.Code != 11 || string(reply.EAP) != string(first.EAP) || !ok || cause[3] != 202 {
		t.Errorf("got %+v, want the Request again with Error-Cause 202", reply)
	}
	report, err := c.Finish(t.Context())
	if err != nil || report.Result != supplicant.ResultAccept {
		t.Errorf("got %+v, %v, want an accept after all", report, err)
	}
}

// A panic inside the TLS engine costs its conversation and no other.
func TestPanicInsideTheEngine(t *testing.T) {
	t.Parallel()
	g := newGateway(t, func(c *authcore.Config) {
		c.Status = statusSource(func(func()) (revocation.Standing, bool) { panic("planted") })
	})
	report, event := g.run(g.device("strict"))
	if report.Result != supplicant.ResultReject || event.Reason != audit.Internal {
		t.Errorf("got %+v and %+v, want internal", report, event)
	}
	if strings.Contains(event.Detail, "planted") {
		t.Errorf("the detail tells of the inside: %q", event.Detail)
	}
	g.good()
}
