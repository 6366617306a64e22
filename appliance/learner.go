package appliance

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"path/filepath"

	"gatehouse/appliance/control"
	"gatehouse/appliance/journal"
	"gatehouse/webui"
)

// A learner remembers in the journal who is able to send Message-Authenticator. It implements
// radserver.MALearner.
type learner struct {
	*journal.MessageAuthenticator
	journal *journal.Journal
}

// Learnt reports whether addr was learnt. While the journal cannot be relied on, everybody was:
// who had been may have been forgotten, and the door must not open again for that. It concerns
// requests without EAP only.
func (l learner) Learnt(addr netip.Addr) bool {
	return l.journal.Err() != nil || l.MessageAuthenticator.Learnt(addr)
}

func (a *Appliance) openJournal() (err error) {
	a.journal, err = journal.Open(filepath.Join(a.config.StateDir, "journal"),
		journal.Config{Logger: a.config.Logger.With("part", "journal")})
	if errors.Is(err, journal.ErrInUse) {
		return fmt.Errorf("%w: %w", control.ErrRunning, err)
	}
	if err != nil {
		return err
	}
	a.learner = learner{journal.NewMessageAuthenticator(a.journal, a.config.Now), a.journal}
	a.counters.gauge("gatehouse_journal_red", func() float64 {
		if a.journal.Err() != nil {
			return 1
		}
		return 0
	})
	return nil
}

// journalStatus says whether the journal can be relied on.
func (a *Appliance) journalStatus() webui.Journal {
	if err := a.journal.Err(); err != nil {
		return webui.Journal{Red: true, Reason: err.Error()}
	}
	return webui.Journal{}
}

// runJournal writes what is learnt, and closes the journal in the end.
func (a *Appliance) runJournal(ctx context.Context) error {
	return errors.Join(a.learner.Run(ctx), a.journal.Close())
}
