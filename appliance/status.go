package appliance

import (
	"errors"
	"fmt"
	"math"
	"runtime"
	"runtime/debug"

	"gatehouse/appliance/health"
	"gatehouse/authcore/audit"
	"gatehouse/authcore/identity"
	"gatehouse/sync/load"
	"gatehouse/webui"
)

// Report says whether RADIUS is served. It implements health.Checker.
func (a *Appliance) Report() health.Report {
	r := health.Report{Generation: a.generation()}
	for _, p := range a.reconciler.Last().Problems {
		if p.Severity == load.Error {
			r.Errors++
		} else {
			r.Warnings++
		}
	}
	switch {
	case r.Generation == 0:
		r.Reason = string(audit.NotReady)
		r.Detail = "no valid configuration; run gatehouse check on the configuration directory"
		if err := a.reconciler.Last().Err; err != nil {
			r.Detail = err.Error()
		}
	case a.radius == nil:
		r.Reason = string(audit.NotReady)
		r.Detail = "listen.auth is off in gatehouse.yaml"
	default:
		r.Ready = true
	}
	return r
}

// status says how the gateway is doing.
func (a *Appliance) status() webui.Status {
	report := a.Report()
	s := webui.Status{
		Ready: report.Ready, Reason: report.Reason, Detail: report.Detail,
		Node: a.config.Boot.Node.ID, Version: a.config.Version, Started: a.started,
		Configuration: a.configuration(), RADIUS: a.radiusStatus(), Store: a.storeStatus(),
		Journal: a.journalStatus(), Clock: a.clockStatus(), Revocation: a.revocationStatus(), Memory: memory(),
		Expiring: a.expiring(), Notices: a.noticeStatus(), Syslog: a.syslogStatus(),
		Heartbeat: a.heartbeatStatus(),
	}
	if s.Bundle = a.bundleState(); a.firstAdmin != nil {
		s.Fingerprint = a.firstAdmin.fingerprint
	}
	return s
}

func (a *Appliance) configuration() webui.Configuration {
	last := a.reconciler.Last()
	c := webui.Configuration{Read: last.At, Servers: []string{}, Problems: []webui.Problem{}}
	if sn := a.holder.Load(); sn != nil {
		c.Generation, c.Users, c.Servers = sn.Generation(), sn.Users().Len(), sn.ServerNames()
	}
	c.Problems = append(c.Problems, problems(last.Problems)...)
	return c
}

func (a *Appliance) radiusStatus() webui.RADIUS {
	r := webui.RADIUS{
		Responses: map[string]uint64{}, Discards: map[string]uint64{},
		Unknown: []webui.UnknownSource{}, WrongSecrets: []webui.WrongSecret{}, Heard: []webui.HeardClient{},
	}
	r.Conversations, _ = a.auth.Conversations()
	if a.radius == nil {
		return r
	}
	stats := a.radius.Stats()
	r.Address = a.radius.Addr().String()
	r.Requests, r.Duplicates = stats.Requests, stats.Duplicates
	r.StatusServer, r.Panics, r.Delayed = stats.StatusServer, stats.Panics, stats.Delayed
	for code, n := range stats.Responses {
		r.Responses[code.String()] = n
	}
	for why, n := range stats.Discards {
		if n > 0 {
			r.Discards[string(why)] = n
		}
	}
	for _, u := range stats.UnknownSources {
		r.Unknown = append(r.Unknown, webui.UnknownSource{Address: u.Source, Count: u.Count, Last: u.Last})
	}
	for _, c := range stats.WrongSecrets {
		r.WrongSecrets = append(r.WrongSecrets, webui.WrongSecret{
			Server: c.Server, Client: c.Client, Address: c.Source, Count: c.Count, Last: c.Last,
		})
	}
	for _, c := range stats.Heard {
		r.Heard = append(r.Heard, webui.HeardClient{
			Server: c.Server, Client: c.Client, Address: c.Source, Count: c.Count, Last: c.Last,
		})
	}
	return r
}

func memory() webui.Memory {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	limit := debug.SetMemoryLimit(-1) // negative: only tell
	if limit == math.MaxInt64 {
		limit = 0
	}
	return webui.Memory{
		Heap: m.HeapAlloc, Runtime: m.Sys, Limit: limit, Goroutines: runtime.NumGoroutine(),
	}
}

// testCertificate decides as the running process does, without effect.
func (a *Appliance) testCertificate(certificate []byte, server string) ([]CertTest, error) {
	chain, err := parseChain(certificate)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", webui.ErrInvalid, err)
	}
	sn := a.holder.Load()
	if sn == nil {
		return nil, fmt.Errorf("%w: %w", webui.ErrNotFound, ErrNoConfiguration)
	}
	tests, err := testChain(a.auth.Decider(), sn, chain, server)
	if errors.Is(err, ErrNoServer) {
		err = fmt.Errorf("%w: %w", webui.ErrNotFound, err)
	}
	return tests, err
}

func (a *Appliance) lookUp(name string) (*identity.User, error) {
	sn := a.holder.Load()
	if sn == nil {
		return nil, fmt.Errorf("%w: %w", webui.ErrNotFound, ErrNoConfiguration)
	}
	for _, try := range []struct { // the name itself comes first
		space identity.Space
		key   string
	}{
		{identity.Usernames, identity.FoldUsername(name)}, {identity.Addresses, identity.FoldAddress(name)},
	} {
		if user, ok, err := sn.Users().Find(try.space, try.key); err != nil || ok {
			return user, err
		}
	}
	return nil, fmt.Errorf("%w: no user has the name or address %q", webui.ErrNotFound, audit.Printable(name))
}
