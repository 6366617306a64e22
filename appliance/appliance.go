// Package appliance plugs the parts together and owns their birth and death: New allocates and
// binds, Run starts every part in one place, in order, and stops them in reverse. It decides
// nothing itself. Only cmd imports it.
package appliance

import (
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"time"

	"gatehouse/appliance/bootconf"
	"gatehouse/appliance/clock"
	"gatehouse/appliance/confdir"
	"gatehouse/appliance/control"
	"gatehouse/appliance/eventlog"
	"gatehouse/appliance/heartbeat"
	"gatehouse/appliance/journal"
	"gatehouse/appliance/notice"
	"gatehouse/appliance/store"
	"gatehouse/appliance/syslog"
	"gatehouse/authcore"
	"gatehouse/authcore/audit"
	"gatehouse/authcore/radserver"
	"gatehouse/authcore/revocation"
	"gatehouse/authcore/snapshot"
	"gatehouse/sync/fetch"
	"gatehouse/sync/reconcile"
	"gatehouse/sync/watch"
	"gatehouse/webui/websession"
)

// Config is what an Appliance is made from. All fields are required but
// Dir, Now, Version and Built.
type Config struct {
	Boot     *bootconf.Config
	Tree     fs.FS  // the configuration directory
	Dir      string // where it is, to be watched; empty: it is read only when Reload says so
	StateDir string // made if it is not there
	Logger   *slog.Logger
	Now      func() time.Time // nil: time.Now
	Version  string           // of the program
	Built    time.Time        // of the program; zero: unknown

	step func(string) error // for tests that pull the plug; nil: nothing
}

// An Appliance is the whole of Gatehouse in one process.
type Appliance struct {
	sealed   *sealedFiles
	config   Config
	started  time.Time
	holder   snapshot.Holder
	counters *counters
	events   *eventlog.Log
	syslog   *syslog.Sender // nil: log.syslog is off
	console  *slog.Logger   // the log of the device alone: no collector hears it

	breather   breather
	store      *store.Store
	journal    *journal.Journal
	clock      *clock.Clock
	learner    learner
	revocation *revocation.Source
	withdrawn  withdrawals
	notices    *notice.Notifier
	noted      notePlan
	auth       *authcore.Authenticator
	reconciler *reconcile.Reconciler
	watcher    *watch.Watcher // nil: nobody watches
	confdir    *confdir.Dir   // nil: where the configuration directory is, is not known
	versionKey [32]byte       // of versionOf
	bundles    *reconcile.Bundles
	compared   comparisons
	incoming   string // where bundles arrive
	arrivals   *watch.Watcher
	fetcher    *fetch.Fetcher    // nil: fleet.pull is off
	heartbeat  *heartbeat.Sender // nil: fleet.heartbeat is off
	radius     *radserver.Server // nil: listen.auth is off
	control    *control.Server
	web        *listener            // nil: listen.ui is off
	webLeaf    *x509.Certificate    // its certificate; nil: it has none
	firstAdmin *firstAdmin          // nil: likewise
	sessions   *websession.Sessions // of the pages; nil: likewise
	metrics    *listener            // nil: listen.metrics is off
	sso        *listener            // nil: listen.sso is off
	sink       audit.Sink
}

// A listener is a bound web server that has not been started.
type listener struct {
	net.Listener
	server *http.Server
}

// New allocates everything and binds every address, so that what cannot be had is a start-up
// error; it starts nothing. An address in use satisfies errors.Is(err, syscall.EADDRINUSE),
// another process on the state directory errors.Is(err, control.ErrRunning).
func New(config Config) (_ *Appliance, err error) {
	if config.Now == nil {
		config.Now = time.Now
	}
	if err := os.MkdirAll(config.StateDir, 0o700); err != nil {
		return nil, fmt.Errorf("making the state directory: %w", err)
	}
	a := &Appliance{
		config: config, console: config.Logger, started: config.Now(), counters: newCounters(), events: eventlog.New(0),
		sealed: newSealedFiles(),
	}
	if config.Boot.Listen.UI != "" {
		a.sessions = websession.New(config.Now)
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.close())
		}
	}()
	for _, part := range []func() error{
		a.openSyslog, a.bindControl, a.openStore, a.openJournal, a.openClock, a.bindWeb, a.bindMetrics,
		a.openBundles, a.openHeartbeat, a.makeReconciler,
		a.makeRevocation, a.makeNotices, a.bindRADIUS, a.bindSignIn,
	} {
		if err := part(); err != nil {
			return nil, err
		}
	}
	return a, nil
}

// close frees what New bound, for an Appliance that is never run.
func (a *Appliance) close() error {
	var errs []error
	if a.control != nil {
		errs = append(errs, a.control.Close())
	}
	for _, l := range []*listener{a.web, a.metrics, a.sso} {
		if l != nil {
			errs = append(errs, l.Close())
		}
	}
	if a.radius != nil {
		errs = append(errs, a.radius.Close())
	}
	if a.journal != nil {
		errs = append(errs, a.journal.Close())
	}
	if a.store != nil {
		errs = append(errs, a.store.Close())
	}
	return errors.Join(errs...)
}

// Reload makes the configuration directory be read again, as one that is complete: deletions
// count at once. It returns at once.
func (a *Appliance) Reload() { a.reconciler.Reload() }

// AuthAddr returns the address that RADIUS authentication is served on; the zero AddrPort if
// it is off.
func (a *Appliance) AuthAddr() netip.AddrPort {
	if a.radius == nil {
		return netip.AddrPort{}
	}
	return a.radius.Addr()
}

// MetricsAddr and WebAddr return the addresses that metrics and web pages are served on; ""
// if they are off.
func (a *Appliance) MetricsAddr() string { return a.metrics.addr() }
func (a *Appliance) WebAddr() string     { return a.web.addr() }

// SignInAddr returns the address that people sign in to web applications at; "" if it is off.
func (a *Appliance) SignInAddr() string { return a.sso.addr() }

func (l *listener) addr() string {
	if l == nil {
		return ""
	}
	return l.Addr().String()
}
