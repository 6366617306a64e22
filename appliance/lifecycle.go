package appliance

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"

	"gatehouse/appliance/control"
)

const (
	metricsTimeout = 10 * time.Second
	metricsHeader  = 8 << 10
)

// A part is one piece with a life of its own.
type part struct {
	name string
	run  func(context.Context) error
}

// parts lists what runs, in the order of starting: what holds things comes first, and is closed
// last; then what shows why nothing else runs; what answers RADIUS comes last.
func (a *Appliance) parts() []part {
	var parts []part
	if a.syslog != nil { // which is to send what the others say when they stop
		parts = append(parts, part{"syslog", a.syslog.Run})
	}
	parts = append(parts, part{"store", a.runStore}, part{"journal", a.runJournal}, part{"control", a.control.Run})
	if a.web != nil {
		parts = append(parts, part{"webui", a.web.runTLS})
	}
	if a.metrics != nil {
		parts = append(parts, part{"metrics", a.metrics.run})
	}
	parts = append(parts, part{"clock", a.clock.Run}, part{"reconcile", a.reconciler.Run})
	if a.watcher != nil {
		parts = append(parts, part{"watch", a.watcher.Run})
	}
	parts = append(parts, part{"arrivals", a.arrivals.Run})
	if a.fetcher != nil {
		parts = append(parts, part{"fetch", a.fetcher.Run})
	}
	parts = append(parts, part{"revocation", a.revocation.Run}, part{"notice", a.notices.Run}, part{"authcore", a.auth.Run})
	if a.radius != nil {
		parts = append(parts, part{"radserver", a.radius.Run})
	}
	if a.heartbeat != nil {
		parts = append(parts, part{"heartbeat", a.heartbeat.Run})
	}
	parts = append(parts, part{"lapses", a.runLapses})
	if a.sso != nil {
		parts = append(parts, part{"signin", a.sso.runTLS})
	}
	if a.config.Boot.Listen.GOPS != "" {
		parts = append(parts, part{"gops", a.runGops})
	}
	return append(parts, part{"systemd", a.runNotify})
}

func (l *listener) run(ctx context.Context) error {
	return control.Serve(ctx, l.server, l.Listener)
}

func (l *listener) runTLS(ctx context.Context) error {
	return control.Serve(ctx, l.server, tls.NewListener(l.Listener, l.server.TLSConfig))
}

// running is a part that was started.
type running struct {
	part
	stop context.CancelFunc
	done chan error
}

// Run starts every part and blocks until ctx ends or a part ends early, which is fatal and
// named in the error. Parts stop in reverse, each with what it has in hand finished.
func (a *Appliance) Run(ctx context.Context) error {
	var started []running
	early := make(chan error, 1)
	for _, p := range a.parts() {
		partCtx, stop := context.WithCancel(context.WithoutCancel(ctx))
		r := running{part: p, stop: stop, done: make(chan error, 1)}
		go func() {
			err := p.run(partCtx)
			if partCtx.Err() == nil {
				select {
				case early <- fmt.Errorf("part %s ended early: %w", p.name, errOrEnded(err)):
				default: // one is enough to stop for
				}
			}
			r.done <- err
		}()
		started = append(started, r)
	}
	var result error
	select {
	case <-ctx.Done():
	case result = <-early:
	}
	for i := len(started) - 1; i >= 0; i-- {
		r := started[i]
		r.stop()
		if err := <-r.done; err != nil && result == nil {
			result = fmt.Errorf("stopping %s: %w", r.name, err)
		}
	}
	return result
}

func errOrEnded(err error) error {
	if err == nil {
		return errors.New("no error")
	}
	return err
}

// runNotify tells systemd that the process is up, keeps its watchdog content, and says when
// it stops. Without systemd it does nothing.
func (a *Appliance) runNotify(ctx context.Context) error {
	notify := func(state string) {
		if _, err := daemon.SdNotify(false, state); err != nil {
			a.config.Logger.Warn("telling systemd", "part", "systemd", "err", err)
		}
	}
	notify(daemon.SdNotifyReady)
	defer notify(daemon.SdNotifyStopping)
	interval, err := daemon.SdWatchdogEnabled(false)
	if err != nil || interval == 0 {
		<-ctx.Done()
		return nil
	}
	ticker := time.NewTicker(interval / 2)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			notify(daemon.SdNotifyWatchdog)
		}
	}
}
