package radserver_test

import (
	"context"
	"encoding/binary"
	"io"
	"log/slog"
	"net/netip"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"gatehouse/authcore/radius"
	"gatehouse/authcore/radserver"
)

// A bubble is a server over a Pipe in virtual time.
type bubble struct {
	*radserver.Server
	pipe *radserver.Pipe
	stop func()
}

// newBubble starts a server inside synctest.Test; stop must be called before it ends.
func newBubble(t *testing.T, config radserver.Config) *bubble {
	t.Helper()
	config.Clients = clients(t, everybody())
	config.Sink = &events{}
	config.Logger = slog.New(slog.NewTextHandler(io.Discard, nil))
	pipe := radserver.NewPipe()
	b := &bubble{Server: radserver.NewOver(config, pipe), pipe: pipe}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- b.Run(ctx) }()
	synctest.Wait() // until the loop reads
	b.stop = func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
	}
	return b
}

// source is the n-th NAS.
func source(n int) netip.AddrPort {
	addr := [4]byte{10, 0, 0, 0}
	binary.BigEndian.PutUint32(addr[:], 10<<24+uint32(n))
	return netip.AddrPortFrom(netip.AddrFrom4(addr), 1812)
}

// deliver hands over a datagram and waits until it has been dealt with.
func (b *bubble) deliver(datagram []byte, from netip.AddrPort) {
	b.pipe.Deliver(datagram, from, netip.Addr{})
	synctest.Wait()
}

func (b *bubble) wantSent(t *testing.T, n int, when string) {
	t.Helper()
	synctest.Wait()
	if got := len(b.pipe.Sent()); got != n {
		t.Errorf("%s: %d packets sent, want %d", when, got, n)
	}
}

func TestRP13DelayCountsFromReceipt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		handler, held := holding()
		b := newBubble(t, radserver.Config{Handler: handler})
		defer b.stop()
		b.deliver(request{attrs: []attr{eap}}.bytes(), source(1))
		r := <-held
		time.Sleep(400 * time.Millisecond) // the decision took a while
		r.Respond(accept(), time.Second)
		time.Sleep(599 * time.Millisecond)
		b.wantSent(t, 0, "after 999 ms")
		if st := b.Stats(); st.Delayed != 1 || st.InHand != 1 {
			t.Errorf("stats %+v, want one delayed", st)
		}
		time.Sleep(time.Millisecond)
		b.wantSent(t, 1, "after 1 s")

		b.deliver(request{id: 1, attrs: []attr{eap}}.bytes(), source(1))
		r = <-held
		time.Sleep(2 * time.Second)
		r.Respond(accept(), time.Second)
		b.wantSent(t, 2, "when the time is over already")

		b.deliver(request{id: 2, attrs: []attr{eap}}.bytes(), source(1))
		(<-held).Respond(accept(), time.Hour)
		time.Sleep(10 * time.Second)
		b.wantSent(t, 3, "at the longest delay")
	})
}

func TestRP13DelayedInOrderOfTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		handler, held := holding()
		b := newBubble(t, radserver.Config{Handler: handler})
		defer b.stop()
		for id, delay := range []time.Duration{3, 1, 2, 1} {
			b.deliver(request{id: byte(id), attrs: []attr{eap}}.bytes(), source(1))
			(<-held).Respond(accept(), delay*time.Second)
		}
		time.Sleep(time.Second)
		b.wantSent(t, 2, "after 1 s")
		time.Sleep(time.Second)
		b.wantSent(t, 3, "after 2 s")
		time.Sleep(time.Second)
		b.wantSent(t, 4, "after 3 s")
		sent := b.pipe.Sent()
		if sent[2].Packet[1] != 2 || sent[3].Packet[1] != 0 {
			t.Errorf("answers to %d and %d came last, want 2 and 0",
				sent[2].Packet[1], sent[3].Packet[1])
		}
	})
}

func TestRP5DuplicateWhileDelayed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, radserver.Config{Handler: rejecting(time.Second)})
		defer b.stop()
		datagram := request{attrs: []attr{eap}}.bytes()
		for range 5 {
			b.deliver(datagram, source(1))
			time.Sleep(100 * time.Millisecond)
		}
		b.wantSent(t, 0, "while delayed")
		time.Sleep(time.Minute)
		b.wantSent(t, 1, "after a minute")
		if st := b.Stats(); st.Requests != 1 || st.Duplicates != 4 {
			t.Errorf("stats %+v, want one request and four duplicates", st)
		}
	})
}

func TestRP6SupersededWhileDelayed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, radserver.Config{Handler: rejecting(time.Second)})
		defer b.stop()
		for range 100 {
			b.deliver(request{id: 5, attrs: []attr{eap}}.bytes(), source(1))
		}
		if st := b.Stats(); st.Delayed != 1 || st.InHand != 1 {
			t.Errorf("stats %+v, want one delayed: the others are superseded", st)
		}
		last := request{id: 5, attrs: []attr{eap}}.bytes()
		b.deliver(last, source(1))
		time.Sleep(time.Minute)
		b.wantSent(t, 1, "after a minute")
		verify(t, b.pipe.Sent()[0].Packet, last)
	})
}

func TestTenThousandRejectsAtOnce(t *testing.T) {
	t.Parallel()
	const many = 10_000
	synctest.Test(t, func(t *testing.T) {
		b := newBubble(t, radserver.Config{Handler: rejecting(time.Second)})
		defer b.stop()
		var asked [][]byte
		before := runtime.NumGoroutine()
		for i := range many {
			datagram := request{id: byte(i), attrs: []attr{eap}}.bytes()
			asked = append(asked, datagram)
			b.pipe.Deliver(datagram, source(i/4), netip.Addr{})
		}
		// Half of them ask again, and a tenth gives up and asks anew.
		for i := 0; i < many; i += 2 {
			b.pipe.Deliver(asked[i], source(i/4), netip.Addr{})
		}
		for i := 0; i < many; i += 10 {
			asked[i] = request{id: byte(i), attrs: []attr{eap}}.bytes()
			b.pipe.Deliver(asked[i], source(i/4), netip.Addr{})
		}
		synctest.Wait()
		// Other tests run beside this one, so allow for theirs.
		if n := runtime.NumGoroutine(); n > before+100 {
			t.Errorf("%d goroutines hold 10,000 rejects, %d before", n, before)
		}
		if st := b.Stats(); st.Delayed != many || st.InHand != many {
			t.Errorf("%d delayed, %d in hand, want 10,000", st.Delayed, st.InHand)
		}
		time.Sleep(2 * time.Second)
		b.wantSent(t, many, "after the delay")
		byKey := make(map[string]bool)
		for _, s := range b.pipe.Sent() {
			byKey[s.To.String()+"/"+string(s.Packet[1])] = true
		}
		if len(byKey) != many {
			t.Errorf("%d different requests were answered, want 10,000", len(byKey))
		}
		sent := b.pipe.Sent()
		for _, s := range sent {
			i := int(binary.BigEndian.Uint32(s.To.Addr().AsSlice())-10<<24)*4 + int(s.Packet[1])%4
			verify(t, s.Packet, asked[i])
		}
		time.Sleep(time.Minute)
		b.wantSent(t, many, "a minute later")
		if st := b.Stats(); st.Cached != 0 || st.CacheBytes != 0 {
			t.Errorf("%d answers of %d bytes are kept for ever", st.Cached, st.CacheBytes)
		}
	})
}

func TestRP7CacheExpires(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		handler, held := holding()
		b := newBubble(t, radserver.Config{Handler: handler})
		defer b.stop()
		datagram := request{attrs: []attr{eap}}.bytes()
		b.deliver(datagram, source(1))
		(<-held).Respond(accept(), 0)
		time.Sleep(9 * time.Second)
		b.deliver(datagram, source(1))
		b.wantSent(t, 2, "after 9 s: resent")
		time.Sleep(2 * time.Second)
		b.deliver(datagram, source(1))
		late := <-held // forgotten: a new request
		time.Sleep(radserver.WorkLife + time.Second)
		late.Respond(accept(), 0)
		b.wantSent(t, 2, "an answer that comes after 30 s")
		if st := b.Stats(); st.InHand != 0 || st.Cached != 0 || st.CacheBytes != 0 {
			t.Errorf("stats %+v, want an empty cache", st)
		}
	})
}

func TestRP7CacheIsBounded(t *testing.T) {
	t.Parallel()
	t.Run("entries", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			handler, held := holding()
			b := newBubble(t, radserver.Config{Handler: handler, CacheEntries: 4})
			defer b.stop()
			for i := range 10 {
				b.deliver(request{id: byte(i), attrs: []attr{eap}}.bytes(), source(1))
				(<-held).Respond(accept(), 0)
			}
			if st := b.Stats(); st.Cached != 4 {
				t.Errorf("%d answers are kept, want 4", st.Cached)
			}
			for i := range 6 { // answered ones make room for four; two are too many
				b.deliver(request{id: byte(i), attrs: []attr{eap}}.bytes(), source(2))
			}
			st := b.Stats()
			if st.InHand != 4 || st.Discards[radserver.WhyOverloaded] != 2 || len(held) != 4 {
				t.Errorf("stats %+v, want four in hand and two too many", st)
			}
			(<-held).Respond(accept(), 0)
			b.deliver(request{id: 99, attrs: []attr{eap}}.bytes(), source(2))
			if st := b.Stats(); st.InHand != 4 || st.Discards[radserver.WhyOverloaded] != 2 {
				t.Errorf("stats %+v, want room again after an answer", st)
			}
		})
	})
	t.Run("bytes", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			handler, held := holding()
			const limit = 3 * (radserver.EntryOverhead + 1100)
			b := newBubble(t, radserver.Config{Handler: handler, CacheBytes: limit})
			defer b.stop()
			big := radius.NewResponse(radius.CodeAccessChallenge)
			big.SetEAPMessage(make([]byte, 1020))
			for i := range 10 {
				b.deliver(request{id: byte(i), attrs: []attr{eap}}.bytes(), source(1))
				(<-held).Respond(big, 0)
				if st := b.Stats(); st.CacheBytes > limit {
					t.Errorf("%d bytes are kept, want at most %d", st.CacheBytes, limit)
				}
			}
			if st := b.Stats(); st.Cached < 2 {
				t.Errorf("%d answers are kept, want some", st.Cached)
			}
		})
	})
}

func TestRunLetsAnswersGo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		handler, held := holding()
		b := newBubble(t, radserver.Config{Handler: handler})
		b.deliver(request{id: 1, attrs: []attr{eap}}.bytes(), source(1))
		b.deliver(request{id: 2, attrs: []attr{eap}}.bytes(), source(1))
		b.deliver(request{id: 3, attrs: []attr{eap}}.bytes(), source(1))
		began := time.Now()
		(<-held).Respond(accept(), time.Second)
		late, never := <-held, <-held
		go func() {
			time.Sleep(3 * time.Second)
			late.Respond(accept(), 0)
			time.Sleep(time.Second)
			never.Drop()
		}()
		b.stop()
		b.wantSent(t, 2, "after Run")
		if took := time.Since(began); took != 4*time.Second {
			t.Errorf("Run ended after %v, want 4 s: when the last request was dropped", took)
		}
	})
}

func TestRunGivesUpAfterDrain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		handler, held := holding()
		b := newBubble(t, radserver.Config{Handler: handler})
		b.deliver(request{attrs: []attr{eap}}.bytes(), source(1))
		began := time.Now()
		b.stop()
		if took := time.Since(began); took != radserver.DefaultDrain {
			t.Errorf("Run ended after %v, want 5 s", took)
		}
		(<-held).Respond(accept(), 0) // harmless
	})
}
