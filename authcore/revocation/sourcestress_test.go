package revocation_test

import (
	"context"
	"math/rand/v2"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/authcore/pki/lab"
	"gatehouse/authcore/policy"
	"gatehouse/authcore/revocation"
)

// erratic answers, hangs, closes the connection or talks nonsense, as chance has it.
func (p *peer) erratic() {
	good := *p.answer.Load()
	p.handle(func(w http.ResponseWriter, r *http.Request) {
		switch rand.IntN(6) {
		case 0:
			panic(http.ErrAbortHandler)
		case 1:
			select {
			case <-p.over:
			case <-r.Context().Done():
			}
		case 2:
			_, _ = w.Write([]byte("nonsense"))
		default:
			good(w, r)
		}
	})
}

// TestWakeIsNeverLost: whoever is told to wait is woken once, whatever the responders do, the
// configuration, the clock and Run's end. Nothing is left running.
func TestWakeIsNeverLost(t *testing.T) { // not parallel: it counts goroutines
	before := runtime.NumGoroutine()
	t.Run("stress", stressWake)
	eventually(t, "for all goroutines to end", func() bool { return runtime.NumGoroutine() <= before })
}

func stressWake(t *testing.T) {
	s := newSite(t, func(r *policy.Revocation) {
		r.Order, r.Budget, r.Grace = []string{"ocsp", "crl"}, 20*time.Millisecond, time.Hour
	})
	s.config.Entries = 20 // fewer than there are
	s.restart()
	s.answer(lab.ResponderOptions{Life: 10 * time.Minute, Revocations: s.revoked})
	s.ocsp.erratic()
	lists := newListServer(s)
	lists.serveList(s.inter, lab.CRLOptions{})
	lists.erratic()
	var all []person
	for range 30 {
		all = append(all, s.enrolBy(s.inter, lab.Options{OCSP: []string{s.ocsp.url}, CRL: []string{lists.at}}))
	}
	stop := s.run()
	var asked, woken atomic.Int64
	var people sync.WaitGroup
	for range 8 {
		people.Go(func() {
			for range 150 {
				s.visit(all[rand.IntN(len(all))], &asked, &woken)
			}
		})
	}
	people.Go(func() { s.disturb() })
	people.Wait()
	for _, p := range all { // some are asked about when the end comes
		q := s.query(p)
		q.Wake = func() { woken.Add(1) }
		if _, ready := s.source.Standing(q); !ready {
			asked.Add(1)
		}
	}
	stop()
	eventually(t, "for everybody to be woken", func() bool { return woken.Load() >= asked.Load() })
	if a, w := asked.Load(), woken.Load(); a != w || a == 0 {
		t.Errorf("%d were told to wait, %d were woken", a, w)
	}
}

// visit asks for one standing as a conversation does.
func (s *site) visit(p person, asked, woken *atomic.Int64) {
	for range 5 {
		q := s.query(p)
		over := make(chan struct{})
		q.Wake = func() { woken.Add(1); close(over) }
		standing, ready := s.source.Standing(q)
		if ready {
			if standing.Acceptable {
				s.source.Accepted(q, revocation.Session{User: "alice"})
			}
			return
		}
		asked.Add(1)
		<-over
	}
}

// disturb does what an operator and a day may bring.
func (s *site) disturb() {
	for n := range 60 {
		s.move(time.Duration(rand.IntN(900)) * time.Second)
		switch n % 6 {
		case 0:
			s.publish()
		case 1:
			_, _ = s.source.Forget(revocation.Purge{All: n%4 == 1, CA: "acme"})
		case 2:
			s.source.Report()
			s.source.List()
		case 3:
			s.source.Credentials(s.holder.Load())
		case 4:
			s.doubt(n%12 == 4)
		}
		runtime.Gosched()
	}
	s.doubt(false)
}

// TestRunEndsTwice: a Source that never ran can be closed, with those who wait.
func TestRunEndsTwice(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil).known()
	s.ocsp.hang()
	_, woken, ready := s.once(s.enrol())
	if ready {
		t.Fatal("ready without an answer")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 2 {
		if err := s.source.Run(ctx); err != nil {
			t.Error(err)
		}
	}
	<-woken
}
