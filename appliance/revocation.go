package appliance

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/revocation"
	"gatehouse/webui"
)

// maxWithdrawals bounds those that status shows.
const maxWithdrawals = 32

// withdrawals are the revocations that met somebody on-line, the last ones.
type withdrawals struct {
	mu  sync.Mutex
	all []webui.Withdrawal
}

// makeRevocation makes the source of good standing, over the store's caches and the guarded
// clock.
func (a *Appliance) makeRevocation() error {
	logger := a.config.Logger.With("part", "revocation")
	a.revocation = revocation.NewSource(revocation.Config{
		Snapshots: &a.holder, Logger: logger, Clock: a.moment,
		Fetcher: revocation.NewFetcher(revocation.FetchConfig{
			Now: func() time.Time { return a.moment().Now }, Logger: logger,
		}),
		Answers: a.store.Answers(), Lists: a.store.Lists(),
		OnWithdrawal: a.withdraw, Hint: a.clock.Hint,
	})
	a.counters.revocation = a.revocation.Report
	return nil
}

// moment is the guarded time.
func (a *Appliance) moment() revocation.Moment {
	now, sure := a.clock.Now()
	return revocation.Moment{Now: now, Sure: sure}
}

// withdraw raises the event that somebody who was accepted holds a certificate that has been
// revoked since.
func (a *Appliance) withdraw(w revocation.Withdrawal) {
	seen := webui.Withdrawal{
		Time: a.config.Now(), Serial: w.Key.SerialHex(), CA: w.CA, RevokedAt: w.Answer.RevokedAt.UTC(),
		Why: w.Answer.Why, Sessions: []webui.OnlineSession{},
	}
	for _, s := range w.Sessions {
		seen.Sessions = append(seen.Sessions, webui.OnlineSession(s))
		a.config.Logger.LogAttrs(context.Background(), slog.LevelWarn, "revoked while on-line",
			slog.String("reason", string(audit.CertRevoked)), slog.String("serial", seen.Serial),
			slog.String("ca", w.CA), slog.String("why", w.Answer.Why), slog.Time("revoked_at", seen.RevokedAt),
			slog.String("user", s.User), slog.String("station", s.Station), slog.String("client", s.Client),
			slog.String("nas", s.NAS), slog.String("server", s.Server), slog.Time("accepted_at", s.Time))
	}
	a.counters.withdrawals.Add(uint64(len(w.Sessions)))
	a.withdrawn.mu.Lock()
	defer a.withdrawn.mu.Unlock()
	a.withdrawn.all = append(a.withdrawn.all, seen)
	if extra := len(a.withdrawn.all) - maxWithdrawals; extra > 0 {
		a.withdrawn.all = a.withdrawn.all[extra:]
	}
}

func (a *Appliance) revocationStatus() webui.Revocation {
	a.withdrawn.mu.Lock()
	defer a.withdrawn.mu.Unlock()
	return webui.Revocation{
		Report: a.revocation.Report(), Standings: a.counters.standingCounts(),
		Withdrawn: append([]webui.Withdrawal{}, a.withdrawn.all...),
	}
}
