package appliance

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"gatehouse/appliance/control"
	"gatehouse/appliance/store"
	"gatehouse/webui"
)

// openStore opens the database. Whatever is wrong with it, there is one afterwards, if only in
// memory, unless another process has it.
func (a *Appliance) openStore() (err error) {
	a.store, err = store.Open(store.Config{
		Dir: filepath.Join(a.config.StateDir, "db"), Now: a.config.Now,
		Logger: a.config.Logger.With("part", "store"),
		Bulk:   saveMemory, Breathe: a.breather.breathe,
		OnLost: func() { a.reconciler.Reindex() }, // called by parts that run only
	})
	if errors.Is(err, store.ErrInUse) {
		return fmt.Errorf("%w: %w", control.ErrRunning, err)
	}
	if err != nil {
		return err
	}
	a.countStore()
	return nil
}

// runStore looks after the database, and closes it in the end.
func (a *Appliance) runStore(ctx context.Context) error {
	return errors.Join(a.store.Run(ctx), a.store.Close())
}

// countStore adds the metrics of the database.
func (a *Appliance) countStore() {
	for name, read := range map[string]func(store.Health, store.Stats) float64{
		"gatehouse_store_red": func(h store.Health, _ store.Stats) float64 {
			if h.Red {
				return 1
			}
			return 0
		},
		"gatehouse_store_rebuilt_total": func(h store.Health, _ store.Stats) float64 { return float64(h.Rebuilt) },
		"gatehouse_store_bytes":         func(h store.Health, _ store.Stats) float64 { return float64(h.BytesOnDisk) },
		"gatehouse_store_users":         func(_ store.Health, s store.Stats) float64 { return float64(s.Users) },
		"gatehouse_store_puts_total":    func(_ store.Health, s store.Stats) float64 { return float64(s.Puts) },
		"gatehouse_store_deletes_total": func(_ store.Health, s store.Stats) float64 { return float64(s.Deletes) },
		"gatehouse_store_written_bytes_total": func(_ store.Health, s store.Stats) float64 {
			return float64(s.BytesWritten)
		},
	} {
		a.counters.gauge(name, func() float64 { return read(a.store.Health(), a.store.Stats()) })
	}
}

func (a *Appliance) storeStatus() webui.Store {
	h, s := a.store.Health(), a.store.Stats()
	return webui.Store{
		Mode: string(h.Mode), Red: h.Red, Reason: h.Reason, Since: h.Since,
		Rebuilt: h.Rebuilt, RebuiltWhy: h.RebuiltWhy,
		Bytes: h.BytesOnDisk, Records: s.Puts, BytesWritten: s.BytesWritten, Users: s.Users,
	}
}
