package appliance

import (
	"context"
	"time"

	"gatehouse/appliance/pairstore"
	"gatehouse/authcore/saml/pair"
)

const lapseEvery = time.Hour

// runLapses erases the keys of pairs that were replaced long ago, until ctx ends.
func (a *Appliance) runLapses(ctx context.Context) error {
	ticker := time.NewTicker(lapseEvery)
	defer ticker.Stop()
	said := map[string]bool{}
	for {
		a.lapse(said)
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
		}
	}
}

// lapse retires what is due in the Snapshot in force. What the service may not write it says once.
func (a *Appliance) lapse(said map[string]bool) {
	sn, now := a.holder.Load(), time.Time{}
	if t, sure := a.clock.Now(); sure {
		now = t
	}
	if sn == nil || now.IsZero() || a.config.Dir == "" {
		return
	}
	store := pairstore.Open(a.config.Dir, nil)
	for _, name := range sn.AppNames() {
		set := sn.App(name).Pairs
		if set.Managed || set.Previous.Key == nil || now.Before(set.Lapses(pair.PreviousFor)) {
			continue
		}
		_, err := store.Change(name, func(set pair.Set) (pair.Change, error) { return set.Lapse(pair.PreviousFor, now) })
		switch {
		case err == nil:
			a.config.Logger.Info("previous key of an app erased", "part", "saml", "app", name)
		case !said[name]:
			said[name] = true
			a.config.Logger.Warn("the previous key of an app is due to be erased: run gatehouse saml retire as root",
				"part", "saml", "app", name, "err", err)
		}
	}
}
