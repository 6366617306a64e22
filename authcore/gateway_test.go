package authcore_test

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/authcore"
	"gatehouse/authcore/audit"
	"gatehouse/authcore/policy"
	"gatehouse/authcore/radserver"
	"gatehouse/authcore/revocation"
	"gatehouse/authcore/snapshot"
	"gatehouse/authcore/supplicant"
)

// A recorder is the Sink of a gateway.
type recorder struct {
	mu     sync.Mutex
	events []audit.Event
}

func (r *recorder) Record(e audit.Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.events = append(r.events, e)
}

// of returns the events of one station.
func (r *recorder) of(station string) []audit.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	var found []audit.Event
	for _, e := range r.events {
		if e.Station == station {
			found = append(found, e)
		}
	}
	return found
}

// count returns how many events say reason.
func (r *recorder) count(reason audit.Reason) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		if e.Reason == reason {
			n++
		}
	}
	return n
}

// A gateway is an Authenticator behind a radserver on loopback.
type gateway struct {
	t        testing.TB
	holder   *snapshot.Holder
	auth     *authcore.Authenticator
	events   *recorder
	address  string
	stations atomic.Int64
}

// newGateway starts a gateway; change may change its configuration.
func newGateway(t testing.TB, change func(*authcore.Config)) *gateway {
	t.Helper()
	g := &gateway{t: t, holder: &snapshot.Holder{}, events: &recorder{}}
	g.holder.Swap(newSnapshot(t, 1, nil))
	logger := slog.New(slog.DiscardHandler)
	config := authcore.Config{Snapshots: g.holder, Sink: g.events, Logger: logger}
	if change != nil {
		change(&config)
	}
	g.auth = authcore.New(config)
	server, err := radserver.New(radserver.Config{
		Address: "127.0.0.1:0", Now: config.Now, Handler: g.auth, Sink: g.events, Logger: logger,
		Drain: time.Millisecond, ReplyLife: 2 * time.Second,
		Clients: func() *policy.Clients {
			if sn := g.holder.Load(); sn != nil {
				return sn.Clients()
			}
			return nil
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	g.address = server.Addr().String()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- server.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("running the server: %v", err)
		}
	})
	return g
}

// device returns a supplicant's configuration with that user's certificate, "" for none, and a
// station of its own.
func (g *gateway) device(user string) supplicant.Config {
	w := getWorld(g.t)
	n := g.stations.Add(1)
	c := supplicant.Config{
		Server: g.address, Secret: []byte(secret), Identity: "anonymous@acme.example",
		RootCAs: w.roots, ServerName: serverName, Timeout: 10 * time.Second, Retries: -1,
		CallingStationID: fmt.Sprintf("02-00-00-%02X-%02X-%02X", n>>16&255, n>>8&255, n&255),
	}
	if user != "" {
		certificate, ok := w.users[user]
		if !ok {
			g.t.Fatalf("no user %q", user)
		}
		c.Certificate = &certificate
	}
	return c
}

// run authenticates and returns what the device saw and the one event that came of it.
func (g *gateway) run(c supplicant.Config) (*supplicant.Report, audit.Event) {
	g.t.Helper()
	report, err := supplicant.Run(g.t.Context(), c)
	if err != nil {
		g.t.Fatalf("running %s: %v", c.CallingStationID, err)
	}
	return report, g.event(c.CallingStationID)
}

// event returns the one event of a station.
func (g *gateway) event(station string) audit.Event {
	g.t.Helper()
	events := g.events.of(station)
	if len(events) != 1 {
		g.t.Fatalf("got %d events of %s, want one: %+v", len(events), station, events)
	}
	return events[0]
}

// good fails the test unless a good device is let in.
func (g *gateway) good() {
	g.t.Helper()
	report, event := g.run(g.device("alice"))
	if !report.OK() || event.Result != audit.Accept {
		g.t.Fatalf("a good device got %+v and %+v", report, event)
	}
}

// begin starts a conversation that is taken round by round.
func (g *gateway) begin(c supplicant.Config) *supplicant.Conversation {
	g.t.Helper()
	conversation, err := supplicant.Begin(c)
	if err != nil {
		g.t.Fatal(err)
	}
	g.t.Cleanup(conversation.Close)
	return conversation
}

// until takes a conversation to the message beyond stage, which is not sent.
func (g *gateway) until(c supplicant.Config, stage supplicant.Stage) *supplicant.Conversation {
	g.t.Helper()
	conversation := g.begin(c)
	if err := conversation.Until(g.t.Context(), stage); err != nil {
		g.t.Fatal(err)
	}
	return conversation
}

// A statusSource lets a test decide about good standing.
type statusSource func(wake func()) (revocation.Standing, bool)

func (s statusSource) Standing(q revocation.Query) (revocation.Standing, bool) { return s(q.Wake) }

func (statusSource) Accepted(revocation.Query, revocation.Session) {}

var goodStanding = revocation.Standing{Acceptable: true, Status: "good", Source: "responder"}
