package appliance

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"

	"gatehouse/appliance/control"
	"gatehouse/appliance/health"
	"gatehouse/authcore"
	"gatehouse/authcore/policy"
	"gatehouse/authcore/radserver"
	"gatehouse/sync/reconcile"
	"gatehouse/sync/watch"
	"gatehouse/webui"
)

func (a *Appliance) bindControl() (err error) {
	a.control, err = control.Listen(a.config.StateDir, webui.NewLocal(a.webConfig()))
	return err
}

func (a *Appliance) webConfig() webui.Config {
	return webui.Config{
		Live: health.Live, Ready: health.Ready(a), Tokens: a.tokens,
		Backend: webui.Backend{
			Status: a.status, Decisions: a.events,
			TestCertificate: a.testCertificate, FindUser: a.findUser,
			OpenSealed: a.sealed.open, AskTime: a.askTime, Clock: a.clockStatus, ResetClock: a.resetClock,
			Validities: a.validities,
			OCSP:       a.ocsp(), Bundles: a.bundlesAPI(), SAML: a.samlAPI(), RADIUS: a.radiusAPI(), CAs: a.casAPI(),
			Support: a.supportAPI(), Onboard: a.onboard, Accounts: a.accountsAPI(),
		},
		People: webui.People{Sessions: a.sessions, Now: a.config.Now},
	}
}

// tokens returns those that let programs through to the API.
func (a *Appliance) tokens() []policy.Token {
	if sn := a.holder.Load(); sn != nil {
		return sn.Admins().Tokens
	}
	return nil
}

func (a *Appliance) bindWeb() error {
	addr := a.config.Boot.Listen.UI
	if addr == "" {
		return nil
	}
	certificate, err := a.webCertificate()
	if err != nil {
		return err
	}
	a.webLeaf = certificate.Leaf
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("opening listen.ui: %w", err)
	}
	config := a.webConfig()
	config.Certificate, config.Anyone = certificate, host != ""
	config.People = a.webPeople(certificate.Certificate[0])
	config.People.Sessions = a.sessions
	a.web, err = a.listen("listen.ui", addr, webCrowd, webui.NewServer(config))
	return err
}

func (a *Appliance) bindMetrics() (err error) {
	addr := a.config.Boot.Listen.Metrics
	if addr == "" {
		return nil
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", a.counters)
	a.metrics, err = a.listen("listen.metrics", addr, metricsCrowd, &http.Server{
		Handler: mux, ReadTimeout: metricsTimeout, WriteTimeout: metricsTimeout,
		MaxHeaderBytes: metricsHeader,
	})
	return err
}

// listen binds addr, which key of gatehouse.yaml names, for at most crowd connections at once.
func (a *Appliance) listen(key, addr string, crowd int64, server *http.Server) (*listener, error) {
	l, err := net.Listen("tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("opening %s: %w", key, err)
	}
	server.Addr = addr
	// Whoever knocks without speaking TLS is not worth a line on the flash.
	server.ErrorLog = slog.NewLogLogger(a.config.Logger.With("part", key).Handler(), slog.LevelDebug)
	return &listener{Listener: &crowdedListener{Listener: l, limit: crowd}, server: server}, nil
}

func (a *Appliance) makeReconciler() error {
	a.reconciler = reconcile.New(reconcile.Config{
		FS: func() fs.FS { return a.config.Tree }, Holder: &a.holder, Now: a.config.Now,
		Logger: a.config.Logger.With("part", "reconcile"), Indexer: a.store,
		OnResult: func(reconcile.Result) { a.revocation.Reconfigured(); a.notices.Wake(); a.firstAdmin.review() },
		Keeper:   newLastGood(a.config.StateDir), Bundles: a.bundles,
		Named: a.config.Boot.Files(), Breathe: a.breather.breathe,
	})
	a.counters.bundles = a.bundleMetrics
	a.openConfig()
	a.makeWatcher()
	a.makeArrivals()
	return nil
}

// makeWatcher has changes of the configuration directory noticed.
func (a *Appliance) makeWatcher() {
	if a.config.Dir == "" {
		return
	}
	logger := a.config.Logger.With("part", "watch")
	if isWithin(a.config.StateDir, a.config.Dir) { // it would never come to rest
		logger.Warn("changes of the configuration are not noticed: the state directory lies in it",
			"file", a.config.StateDir)
		return
	}
	a.watcher = watch.New(a.config.Dir, watch.Config{LookAgain: a.reconciler.Wake, Logger: logger})
}

// isWithin reports whether dir is outer, or lies in it.
func isWithin(dir, outer string) bool {
	dir, err1 := filepath.Abs(dir)
	outer, err2 := filepath.Abs(outer)
	rest, err3 := filepath.Rel(outer, dir)
	return errors.Join(err1, err2, err3) == nil && filepath.IsLocal(rest)
}

func (a *Appliance) bindRADIUS() (err error) {
	a.sink = sinks{newDecisionLog(a.config.Logger), a.counters, a.events}
	sink := a.sink
	a.auth = authcore.New(authcore.Config{
		Snapshots: &a.holder, Sink: sink, Now: a.config.Now, Clock: a.moment,
		Status: a.revocation, Stapler: a.revocation,
		Logger:        a.config.Logger.With("part", "authcore"),
		Conversations: a.conversations(), PerNAS: a.config.Boot.Limits.ConversationsPerClient,
	})
	a.counters.gauge("gatehouse_conversations", func() float64 {
		live, _ := a.auth.Conversations()
		return float64(live)
	})
	a.counters.gauge("gatehouse_generation", func() float64 { return float64(a.generation()) })
	addr := a.config.Boot.Listen.Auth
	if addr == "" {
		return nil
	}
	a.radius, err = radserver.New(radserver.Config{
		Address: addr, Clients: a.clients, Handler: a.auth, Sink: sink, Now: a.config.Now,
		Logger: a.config.Logger.With("part", "radserver"), Learner: a.learner,
	})
	if err != nil {
		return fmt.Errorf("opening listen.auth: %w", err)
	}
	a.counters.radius = a.radius.Stats
	return nil
}

// conversations is the limit on sign-ins under way.
func (a *Appliance) conversations() int {
	if n := a.config.Boot.Limits.Conversations; n > 0 {
		return n
	}
	return readMachine(os.DirFS("/")).conversations(debug.SetMemoryLimit(-1)) // which only tells
}

// clients is the table in force, or nil while there is none.
func (a *Appliance) clients() *policy.Clients {
	if sn := a.holder.Load(); sn != nil {
		return sn.Clients()
	}
	return nil
}

func (a *Appliance) generation() uint64 {
	if sn := a.holder.Load(); sn != nil {
		return sn.Generation()
	}
	return 0
}
