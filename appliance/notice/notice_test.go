package notice_test

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/appliance/journal"
	"gatehouse/appliance/notice"
	"gatehouse/authcore/policy"
)

const day = 24 * time.Hour

// A world is a Notifier in a bubble: its clock is that of the bubble, put off by ahead.
type world struct {
	t       *testing.T
	path    string
	journal *journal.Journal
	n       *notice.Notifier
	stop    func()

	mu       sync.Mutex // guards what follows
	ahead    time.Duration
	unsure   bool
	plan     *notice.Plan
	channels map[string]*recorder
}

// A recorder is a channel that notes what it is told.
type recorder struct {
	mu    sync.Mutex
	err   error
	block bool
	panic bool
	takes time.Duration
	tries []time.Time
	got   []string // "NAME DAYS"
	sizes []int

	alone map[string]error // by whom it can tell alone, what Send says then
	told  []string         // "WHOM NAME DAYS"
}

// A personal recorder tells people alone.
type personal struct{ *recorder }

func (p personal) TellsAlone(to string) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	_, ok := p.alone[to]
	return ok
}

func (r *recorder) Send(ctx context.Context, m *notice.Message) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.tries = append(r.tries, time.Now())
	if r.block {
		<-ctx.Done()
		return ctx.Err()
	}
	if r.panic {
		panic("no")
	}
	time.Sleep(r.takes) // of the bubble
	if m.To != "" {
		if err := r.alone[m.To]; err != nil {
			return err
		}
		for _, e := range m.Notices {
			r.told = append(r.told, fmt.Sprintf("%s %s %d", m.To, e.Name, e.Days))
		}
		return nil
	}
	if r.err != nil {
		return r.err
	}
	for _, e := range m.Notices {
		r.got = append(r.got, fmt.Sprintf("%s %d", e.Name, e.Days))
	}
	r.sizes = append(r.sizes, len(m.Notices))
	return nil
}

func (r *recorder) set(change func(*recorder)) {
	r.mu.Lock()
	defer r.mu.Unlock()
	change(r)
}

// newWorld has one channel, "a", and no items.
func newWorld(t *testing.T) *world {
	return &world{t: t, path: filepath.Join(t.TempDir(), "journal"),
		plan:     &notice.Plan{Notices: policy.Default().Notices},
		channels: map[string]*recorder{"a": {}}}
}

// start starts the Notifier as after a boot.
func (w *world) start() {
	w.t.Helper()
	j, err := journal.Open(w.path, journal.Config{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		w.t.Fatal(err)
	}
	w.journal = j
	w.n = notice.New(notice.Config{
		Logger: slog.New(slog.DiscardHandler), Journal: j, Node: "oslo-1",
		Clock: func() (time.Time, bool) {
			w.mu.Lock()
			defer w.mu.Unlock()
			return time.Now().Add(w.ahead), !w.unsure
		},
		Plan: func() *notice.Plan {
			w.mu.Lock()
			defer w.mu.Unlock()
			return w.plan
		},
		NewChannels: func(policy.Notices) map[string]notice.Channel {
			w.mu.Lock()
			defer w.mu.Unlock()
			m := map[string]notice.Channel{}
			for name, c := range w.channels {
				if m[name] = c; c.alone != nil {
					m[name] = personal{c}
				}
			}
			return m
		},
	})
	ctx, cancel := context.WithCancel(w.t.Context())
	done := make(chan error, 1)
	go func() { done <- w.n.Run(ctx) }()
	w.stop = func() {
		w.t.Helper()
		cancel()
		if err := <-done; err != nil {
			w.t.Errorf("Run: %v", err)
		}
		if err := j.Close(); err != nil {
			w.t.Error(err)
		}
	}
	synctest.Wait()
}

// pass lets d pass.
func (w *world) pass(d time.Duration) {
	time.Sleep(d) // of the bubble
	synctest.Wait()
}

// change changes the world as a change of configuration does.
func (w *world) change(f func()) {
	w.mu.Lock()
	f()
	w.mu.Unlock()
	w.n.Wake()
	synctest.Wait()
}

func (w *world) want(channel string, want ...string) {
	w.t.Helper()
	c := w.channels[channel]
	c.mu.Lock()
	defer c.mu.Unlock()
	if diff := cmp.Diff(want, c.got); diff != "" {
		w.t.Errorf("told on %s (- want, + got)\n%s", channel, diff)
	}
}

func (w *world) status(channel string) notice.ChannelStatus {
	w.t.Helper()
	list := w.n.Status().Channels
	i := slices.IndexFunc(list, func(s notice.ChannelStatus) bool { return s.Name == channel })
	if i < 0 {
		w.t.Fatalf("no channel %s in %+v", channel, list)
	}
	return list[i]
}

// item ends in left, and lasts for a year.
func item(name string, left time.Duration) notice.Item {
	end := time.Now().Add(left)
	return notice.Item{Kind: notice.Server, Name: name, NotBefore: end.Add(-365 * day), NotAfter: end,
		Fingerprint: sha256.Sum256([]byte(name)), Page: "/server/" + name}
}

func TestNoticesAreToldOnceAStage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.plan.Items = []notice.Item{item("s", 70*day+30*time.Minute), item("later", 3000*day)}
		w.start()
		w.want("a")
		w.pass(75 * day)
		w.want("a", "s 59", "s 29", "s 6", "s 0", "s -1")
		w.stop()
	})
}

func TestNoticesSurviveRestarts(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.plan.Items = []notice.Item{item("s", 61*day+30*time.Minute)}
		for range 63 {
			w.start()
			w.pass(day)
			w.stop()
		}
		w.want("a", "s 59", "s 29", "s 6", "s 0", "s -1")
	})
}

// TestNoticesAfterALongPowerOff tells the most urgent stage alone, then those that are left.
func TestNoticesAfterALongPowerOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.plan.Items = []notice.Item{item("s", 61*day), item("gone", 20*day)}
		w.start()
		w.want("a", "gone 20")
		w.stop()
		w.pass(56 * day)
		w.start()
		w.pass(day)
		w.want("a", "gone 20", "gone -37", "s 5")
		w.pass(4 * day)
		w.want("a", "gone 20", "gone -37", "s 5", "s 1", "s -1")
		w.stop()
	})
}

func TestNoticesWaitForTheClock(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.plan.Items = []notice.Item{item("s", 5*day)}
		w.unsure = true
		w.start()
		w.pass(10 * time.Minute)
		w.want("a")
		if s := w.n.Status(); !strings.Contains(s.Paused, "clock") {
			t.Errorf("got status %+v, want the clock in paused", s)
		}
		w.mu.Lock()
		w.unsure = false
		w.mu.Unlock()
		w.pass(time.Minute) // nobody wakes it
		w.want("a", "s 4")
		if s := w.n.Status(); s.Paused != "" {
			t.Errorf("got paused %q, want none", s.Paused)
		}
		w.stop()
	})
}

func TestNoticesWaitForAConfiguration(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		plan := w.plan
		w.plan = nil
		w.start()
		if s := w.n.Status(); s.Paused == "" {
			t.Errorf("got status %+v, want a reason in paused", s)
		}
		plan.Items = []notice.Item{item("s", 5*day)}
		w.change(func() { w.plan = plan })
		w.want("a", "s 5")
		w.stop()
	})
}

// TestNoticesOfAClockThatWasWrong do not keep the true ones from being told.
func TestNoticesOfAClockThatWasWrong(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.plan.Items = []notice.Item{item("s", 90*day)}
		w.ahead = 365 * day
		w.start()
		w.want("a", "s -276")
		w.change(func() { w.ahead = 0 })
		w.pass(91 * day)
		w.want("a", "s -276", "s 60", "s 30", "s 7", "s 1", "s -1")
		w.stop()
	})
}

// TestNoticesAndAClockPutBackALittle repeat nothing.
func TestNoticesAndAClockPutBackALittle(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.plan.Items = []notice.Item{item("s", 7*day)}
		w.start()
		w.change(func() { w.ahead = -3 * time.Hour })
		w.pass(5 * day)
		w.want("a", "s 7")
		w.stop()
	})
}

// TestNoticesFailingChannels are tried again later and later, and hold nobody up.
func TestNoticesFailingChannels(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.channels["b"] = &recorder{err: errors.New("unreachable")}
		w.channels["d"] = &recorder{panic: true}
		w.plan.Items = []notice.Item{item("s", 10*day)}
		w.start()
		w.pass(10 * time.Hour)
		b := w.channels["b"]
		var waits []time.Duration
		for i := 1; i < min(len(b.tries), 9); i++ {
			waits = append(waits, b.tries[i].Sub(b.tries[i-1])/time.Minute)
		}
		if diff := cmp.Diff([]time.Duration{1, 2, 4, 8, 16, 32, 60, 60}, waits); diff != "" {
			t.Errorf("minutes between tries (- want, + got)\n%s", diff)
		}
		if s := w.status("b"); s.Waiting != 1 || s.Problem != "unreachable" || s.RetryS != 3600 || s.Since.IsZero() {
			t.Errorf("got status %+v", s)
		}
		if s := w.status("d"); s.Problem != "internal error: no" {
			t.Errorf("got status %+v", s)
		}
		b.set(func(r *recorder) { r.err = nil })
		w.pass(2 * time.Hour)
		w.want("b", "s 9")
		w.want("a", "s 10")
		if s := w.status("b"); s.Waiting != 0 || s.Problem != "" || s.Failures != 0 || s.Sent != 1 {
			t.Errorf("got status %+v", s)
		}
		w.stop()
	})
}

// TestNoticesChannelThatHangs holds up neither the other channel nor the end.
func TestNoticesChannelThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.channels["b"] = &recorder{block: true}
		w.plan.Items = []notice.Item{item("s", 10*day)}
		w.start()
		w.want("a", "s 10")
		w.pass(2 * time.Minute)
		if s := w.status("b"); s.Waiting != 1 || s.Problem != context.DeadlineExceeded.Error() {
			t.Errorf("got status %+v", s)
		}
		w.pass(90 * time.Second) // in the midst of a try
		begin := time.Now()
		w.stop()
		if took := time.Since(begin); took != 0 {
			t.Errorf("the end takes %s", took)
		}
	})
}

// TestNoticesOfARepairedChannel go out when the settings change, not an hour later; and what was
// told stays told.
func TestNoticesOfARepairedChannel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.channels["b"] = &recorder{err: errors.New("wrong password")}
		w.plan.Items = []notice.Item{item("s", 10*day)}
		w.start()
		w.pass(5 * time.Hour)
		w.change(func() {}) // another change of configuration is no reason to try
		if got := len(w.channels["b"].tries); got != 10 {
			t.Errorf("got %d tries, want 10", got)
		}
		w.change(func() {
			w.channels["b"] = &recorder{}
			repaired := *w.plan
			repaired.Notices.SMTP.Password = policy.Secret("right")
			w.plan = &repaired
		})
		w.want("b", "s 9")
		w.want("a", "s 10")
		w.stop()
	})
}

// TestNoticesOfABrokenJournal are told once a run all the same.
func TestNoticesOfABrokenJournal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.plan = nil
		w.start()
		if err := w.journal.Close(); err != nil {
			t.Fatal(err)
		}
		w.change(func() {
			w.plan = &notice.Plan{Notices: policy.Default().Notices, Items: []notice.Item{item("s", 8*day)}}
		})
		w.pass(2 * day)
		w.want("a", "s 8", "s 7")
		w.stop()
	})
}

// TestNoticesAreForgotten looks into the journal: what left the configuration is kept until long
// after its end.
func TestNoticesAreForgotten(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		stays := item("stays", -1000*day)
		w.plan.Items = []notice.Item{stays, item("leaves", 5*day)}
		w.start()
		records := func() int { return len(slices.Collect(w.journal.Each(journal.Notice))) }
		w.change(func() { w.plan = &notice.Plan{Notices: w.plan.Notices, Items: []notice.Item{stays}} })
		w.pass(94 * day)
		if got := records(); got != 2 {
			t.Errorf("got %d records before the time, want 2", got)
		}
		w.pass(2 * day)
		if got := records(); got != 1 {
			t.Errorf("got %d records, want that of what stays", got)
		}
		w.want("a", "stays -1001", "leaves 5")
		w.stop()
	})
}

// TestNoticesManyAtOnce come in few messages.
func TestNoticesManyAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		for i := range 1120 {
			w.plan.Items = append(w.plan.Items, item(fmt.Sprint("s", i), 5*day))
		}
		w.plan.Items = append(w.plan.Items, w.plan.Items[7]) // which stands there twice
		w.start()
		if got := len(w.channels["a"].sizes); got != 20 {
			t.Errorf("got %d messages at once, want 20", got)
		}
		w.pass(3 * time.Hour)
		if diff := cmp.Diff([]int{50, 50, 50, 20}, w.channels["a"].sizes[19:]); diff != "" {
			t.Errorf("notices a message (- want, + got)\n%s", diff)
		}
		w.stop()
	})
}

// TestNoticesOfASlowChannel do not hold up what is due on another meanwhile.
func TestNoticesOfASlowChannel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.channels["b"] = &recorder{takes: 40 * time.Second}
		for i := range 500 {
			w.plan.Items = append(w.plan.Items, item(fmt.Sprint("s", i), 5*day))
		}
		w.start()
		w.change(func() {
			more := *w.plan
			more.Items = append(slices.Clone(more.Items), item("urgent", day))
			w.plan = &more
		})
		w.pass(90 * time.Second)
		a := w.channels["a"]
		if got := a.got[len(a.got)-1]; got != "urgent 0" {
			t.Errorf("told last on a: got %q, want urgent", got)
		}
		w.pass(time.Hour)
		if got := w.status("b"); got.Sent != 501 || got.Waiting != 0 {
			t.Errorf("got status %+v, want all told in the end", got)
		}
		w.stop()
	})
}

// TestNoticesToPeopleAlone tells whom an item names about that item, each once, and not whom the
// channel tells everything.
func TestNoticesToPeopleAlone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.channels["a"].alone = map[string]error{"ann@x": nil, "bob@x": nil}
		wiki, shop, again := item("wiki", 31*day+time.Minute), item("shop", 5*day), item("wiki", 31*day+time.Minute)
		wiki.Notify = []string{"bob@x", "ann@x", "bob@x", "it@x"} // who has it anyway
		again.Notify = []string{"cy@x", "ann@x"}
		w.channels["a"].alone["cy@x"] = nil
		w.plan.Items = []notice.Item{wiki, shop, again, item("server", 5*day)}
		shop.Notify = []string{"ann@x"}
		w.plan.Items[1] = shop
		for range 5 {
			w.start()
			w.pass(day)
			w.stop()
		}
		a := w.channels["a"]
		want := []string{"ann@x shop 5", "ann@x wiki 31", "bob@x wiki 31", "cy@x wiki 31",
			"ann@x wiki 29", "bob@x wiki 29", "cy@x wiki 29", "ann@x shop 1", "ann@x shop -1"}
		if diff := cmp.Diff(want, a.told); diff != "" {
			t.Errorf("told alone (- want, + got)\n%s", diff)
		}
		w.want("a", "shop 5", "server 5", "wiki 31", "wiki 29", "shop 1", "server 1", "shop -1", "server -1")
	})
}

// TestNoticesToPeopleWhoCannotBeTold hold up nobody: who never can is given up, who cannot now is
// tried again.
func TestNoticesToPeopleWhoCannotBeTold(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		a := w.channels["a"]
		a.alone = map[string]error{"ann@x": &notice.RefusedError{Err: errors.New("moved away"), ForGood: true},
			"bob@x": fmt.Errorf("a: %w", &notice.RefusedError{Err: errors.New("mailbox full")}), "cy@x": nil}
		a.err = &notice.RefusedError{Err: errors.New("nobody reads this")}
		wiki := item("wiki", 5*day)
		wiki.Notify = []string{"ann@x", "bob@x", "cy@x"}
		w.plan.Items = []notice.Item{wiki}
		w.start()
		w.pass(time.Second)
		told := func(want ...string) {
			t.Helper()
			if diff := cmp.Diff(want, a.told); diff != "" {
				t.Errorf("told alone (- want, + got)\n%s", diff)
			}
		}
		told("cy@x wiki 5")
		if s := w.status("a"); s.Waiting != 2 || s.Sent != 1 || s.Failures != 1 || !strings.Contains(s.Problem, "mailbox full") {
			t.Errorf("got status %+v, want two who are waiting", s)
		}
		a.set(func(r *recorder) { r.err, r.alone["bob@x"] = errors.New("unreachable"), nil })
		w.pass(3 * time.Minute)
		told("cy@x wiki 5") // the channel failed
		a.set(func(r *recorder) { r.err = nil })
		w.pass(time.Hour)
		told("cy@x wiki 5", "bob@x wiki 4")
		w.want("a", "wiki 4")
		if s := w.status("a"); s.Waiting != 0 || s.Problem != "" || s.Last.IsZero() {
			t.Errorf("got status %+v", s)
		}
		w.stop()
	})
}

func TestNoticesAreOff(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t)
		w.plan.Items = []notice.Item{item("s", -day)}
		w.plan.Notices.Days = nil
		w.start()
		w.pass(day)
		w.want("a")
		w.stop()
	})
}
