package radserver_test

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	"gatehouse/authcore/radius"
	"gatehouse/authcore/radserver"
)

// TestPingReachesEveryLoop asks servers of every kind of address, several times over and while
// others ask, and finds nothing counted or told.
func TestPingReachesEveryLoop(t *testing.T) {
	t.Parallel()
	addresses := []string{":0", "0.0.0.0:0", "127.0.0.1:0", "127.9.8.7:0"}
	if hasIPv6(t) {
		addresses = append(addresses, "[::]:0", "[::1]:0")
	}
	for _, address := range addresses {
		for _, sockets := range []int{1, 2, 4} {
			w := start(t, radserver.Config{Address: address, Sockets: sockets})
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			var asking sync.WaitGroup
			for range 3 {
				asking.Go(func() {
					for range 5 {
						if err := w.Ping(ctx); err != nil {
							t.Errorf("%s, %d sockets: Ping = %v, want nil", address, sockets, err)
						}
					}
				})
			}
			asking.Wait()
			cancel()
			w.untouched(t)
		}
	}
}

// untouched fails the test if the server has counted or told anything.
func (w *world) untouched(t *testing.T) {
	t.Helper()
	stats := w.Stats()
	for why, n := range stats.Discards {
		if n != 0 {
			t.Errorf("%d discards for %q, want none", n, why)
		}
	}
	if n := len(stats.UnknownSources); n != 0 || stats.Requests != 0 || stats.ReadErrors != 0 {
		t.Errorf("got %+v, want nothing counted", stats)
	}
	if e := w.events.all(); len(e) != 0 {
		t.Errorf("got events %+v, want none", e)
	}
}

// TestPingNoticesSilence pings a server that does not run, which finds the pings waiting later
// and does not count them.
func TestPingNoticesSilence(t *testing.T) {
	t.Parallel()
	sink := &events{}
	server, err := radserver.New(radserver.Config{
		Address: "127.0.0.1:0", Sockets: 2, Clients: loopback(t), Handler: rejecting(0),
		Sink: sink, Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), quiet)
	defer cancel()
	err = server.Ping(ctx)
	if !errors.Is(err, radserver.ErrNoAnswer) || !errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("Ping = %v, want no answer in time", err)
	}
	run, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- server.Run(run) }()
	w := &world{Server: server, events: sink}
	patient, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := server.Ping(patient); err != nil {
		t.Errorf("Ping of the running server = %v, want nil", err)
	}
	w.untouched(t)
	stop()
	if err := <-done; err != nil {
		t.Errorf("Run = %v, want nil", err)
	}
	gone, cancel := context.WithTimeout(t.Context(), quiet)
	defer cancel()
	if err := server.Ping(gone); !errors.Is(err, radserver.ErrNoAnswer) {
		t.Errorf("Ping of the stopped server = %v, want no answer", err)
	}
}

// TestPingNoticesOneStuckLoop has a handler that does not come back hold one of two loops.
func TestPingNoticesOneStuckLoop(t *testing.T) {
	t.Parallel()
	stuck, release := make(chan struct{}), make(chan struct{})
	w := start(t, radserver.Config{Sockets: 2, Handler: handlerFunc(func(r *radserver.Request) {
		close(stuck)
		<-release
		r.Drop()
	})})
	dial(t, w.Addr()).send(request{attrs: []attr{eap}}.bytes())
	<-stuck
	ctx, cancel := context.WithTimeout(t.Context(), 2*quiet)
	defer cancel()
	if err := w.Ping(ctx); !errors.Is(err, radserver.ErrNoAnswer) {
		t.Errorf("Ping = %v, want no answer from one of two loops", err)
	}
	close(release)
	patient, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	if err := w.Ping(patient); err != nil {
		t.Errorf("Ping after the handler came back = %v, want nil", err)
	}
}

// TestPingOfStrangersIsDiscarded sends what has the length of a ping, and is none.
func TestPingOfStrangersIsDiscarded(t *testing.T) {
	t.Parallel()
	w := start(t, radserver.Config{})
	forged := make([]byte, 16)
	rand.Read(forged)
	dial(t, w.Addr()).send(forged)
	w.discarded(t, radius.WhyShort, 1)
}

// TestPingUnderTraffic pings while others are answered.
func TestPingUnderTraffic(t *testing.T) {
	t.Parallel()
	w := start(t, radserver.Config{Sockets: 3})
	stop := make(chan struct{})
	var traffic sync.WaitGroup
	for i := range 4 {
		n := dial(t, w.Addr())
		traffic.Go(func() {
			buf := make([]byte, radius.MaxPacketLength)
			for {
				select {
				case <-stop:
					return
				default:
				}
				n.conn.SetDeadline(time.Now().Add(patience))
				n.conn.Write(request{id: byte(i), attrs: []attr{eap}}.bytes())
				if _, err := n.conn.Read(buf); err != nil {
					t.Errorf("request unanswered: %v", err)
					return
				}
			}
		})
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	for range 20 {
		if err := w.Ping(ctx); err != nil {
			t.Errorf("Ping = %v, want nil", err)
		}
	}
	close(stop)
	traffic.Wait()
}

// TestPingWithoutSocket has no address to ask.
func TestPingWithoutSocket(t *testing.T) {
	t.Parallel()
	server := radserver.NewOver(radserver.Config{
		Clients: loopback(t), Handler: rejecting(0), Sink: &events{}, Logger: slog.New(slog.DiscardHandler),
	}, radserver.NewPipe())
	if err := server.Ping(t.Context()); !errors.Is(err, radserver.ErrNoAnswer) {
		t.Errorf("Ping = %v, want no answer", err)
	}
}

// BenchmarkPing is what a Ping costs a server at rest.
func BenchmarkPing(b *testing.B) {
	w := start(b, radserver.Config{Sockets: 2})
	for b.Loop() {
		if err := w.Ping(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
