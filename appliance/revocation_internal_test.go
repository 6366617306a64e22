package appliance

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"gatehouse/authcore/revocation"
	"gatehouse/webui"
)

// revocationOf is as much of an appliance as revocation takes, without a configuration.
func revocationOf(log *bytes.Buffer) *Appliance {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	a := &Appliance{counters: newCounters()}
	a.config.Now = func() time.Time { return at }
	a.config.Logger = slog.New(slog.NewJSONHandler(log, nil))
	a.revocation = offlineSource(&a.holder, at)
	a.counters.revocation = a.revocation.Report
	return a
}

// TestWithdrawalIsToldEverywhere has a certificate revoked by which two devices are on-line.
func TestWithdrawalIsToldEverywhere(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	a := revocationOf(&log)
	revokedAt := a.config.Now().Add(-time.Hour)
	session := revocation.Session{Time: revokedAt, User: "alice", Station: "02-00-00-00-00-01", Client: "ap1"}
	a.withdraw(revocation.Withdrawal{
		Key: revocation.Key{Serial: "\x00\x0a\x1b"}, CA: "acme",
		Answer:   revocation.Answer{Status: revocation.Revoked, RevokedAt: revokedAt, Why: "keyCompromise"},
		Sessions: []revocation.Session{session, {User: "alice", Station: "02-00-00-00-00-02"}},
	})
	if n := strings.Count(log.String(), `"msg":"revoked while on-line","reason":"cert_revoked","serial":"0A1B"`); n != 2 {
		t.Errorf("got %d lines, want one for each device:\n%s", n, &log)
	}
	got := a.revocationStatus().Withdrawn
	if len(got) != 1 || got[0].Serial != "0A1B" || !got[0].RevokedAt.Equal(revokedAt) || len(got[0].Sessions) != 2 ||
		got[0].Sessions[0] != webui.OnlineSession(session) {
		t.Errorf("status: got %+v", got)
	}
	w := httptest.NewRecorder()
	a.counters.ServeHTTP(w, httptest.NewRequest("GET", "/metrics", nil))
	for _, want := range []string{"withdrawn_sessions_total 2", "in_grace 0", "past_grace 0"} {
		if !strings.Contains(w.Body.String(), "gatehouse_ocsp_"+want+"\n") {
			t.Errorf("the metrics lack gatehouse_ocsp_%s:\n%s", want, w.Body)
		}
	}
}

// TestWithdrawalsAreBounded revokes more than status shows: the last ones are kept.
func TestWithdrawalsAreBounded(t *testing.T) {
	t.Parallel()
	a := revocationOf(&bytes.Buffer{})
	for i := range 3 * maxWithdrawals {
		a.withdraw(revocation.Withdrawal{CA: fmt.Sprint(i)})
	}
	got := a.revocationStatus().Withdrawn
	if len(got) != maxWithdrawals || got[0].CA != fmt.Sprint(2*maxWithdrawals) {
		t.Errorf("got %d, the first of CA %s", len(got), got[0].CA)
	}
}

// TestOCSPWithoutConfiguration asks when nothing is in force.
func TestOCSPWithoutConfiguration(t *testing.T) {
	t.Parallel()
	o := revocationOf(&bytes.Buffer{}).ocsp()
	if got := o.List(); len(got) != 0 {
		t.Errorf("List: got %v", got)
	}
	if _, err := o.Check(t.Context(), []byte("no certificate")); !errors.Is(err, webui.ErrInvalid) {
		t.Errorf("Check of garbage: got %v, want ErrInvalid", err)
	}
	if _, err := o.Purge(revocation.Purge{CA: "acme"}); !errors.Is(err, webui.ErrNotFound) {
		t.Errorf("Purge of a CA that is not there: got %v, want ErrNotFound", err)
	}
	if got, err := o.Purge(revocation.Purge{All: true}); err != nil || got != (webui.OCSPPurged{}) {
		t.Errorf("Purge of nothing: got %+v, %v", got, err)
	}
}
