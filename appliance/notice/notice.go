// Package notice tells people that certificates expire: when, once, to whom. Everything in the
// configuration that ends is told about as it reaches the days of policy.yaml's notices, and when
// it has ended: to the log, and where they are set to a webhook and by mail, each with a link to
// the page that mends it.
//
//	once               what was told is in the journal, by channel and fingerprint. A message that
//	                   was sent when the power went may come again
//	the most urgent    after a long time without power one notice about each, not one a stage
//	the guarded clock  while it is unsure nothing is sent, and the status says so. What was told
//	                   by a clock that was ahead does not count once it is put right
//	failing channels   are tried again after a minute, then two, up to an hour; others do not wait
//	                   for longer than two messages may take
//	bounds             10,000 items; 50 notices a message; a minute a message; no more than 20
//	                   messages, and none begun after a minute, before all channels are looked
//	                   after again
//
// What has been told on a channel stays told when its address changes; a channel that is new
// begins with what is urgent then.
//
// The wall: it reads no configuration and knows no page. It starts goroutines only while Run
// runs, which waits for them.
package notice

import (
	"context"
	"log/slog"
	"reflect"
	"sync"
	"time"

	"gatehouse/appliance/journal"
	"gatehouse/authcore/policy"
)

// Bounds, and how often.
const (
	maxItems    = 10_000
	maxSoon     = 100
	maxNotices  = 50 // a message
	maxMessages = 20 // a channel and check

	checkEvery  = time.Hour
	unsureEvery = time.Minute // while the clock is unsure
	firstRetry  = time.Minute
	lastRetry   = time.Hour
	sendTimeout = time.Minute

	noConfiguration = "no configuration is in force"
)

// A Plan is what the configuration in force has to say.
type Plan struct {
	Notices policy.Notices
	Items   []Item
}

// A Message is what a channel is handed: one or more notices, most urgent first.
type Message struct {
	Node    string
	At      time.Time // guarded
	To      string    // for this person alone; empty: for all whom the channel tells
	Notices []Expiring
}

// A Channel tells a Message. Send returns within ctx and keeps no part of m. Its errors are shown:
// they hold no secret.
type Channel interface {
	Send(ctx context.Context, m *Message) error
}

// A Personal Channel can tell people alone whom an Item names in Notify. TellsAlone reports whether
// it does: not whom it tells everything anyway. Send returns a *RefusedError if they cannot be told,
// and it is not the channel that fails.
type Personal interface {
	Channel
	TellsAlone(to string) bool
}

// A RefusedError says that a Message does not reach those whom it is for. Others may be reached.
type RefusedError struct {
	Err     error // why
	ForGood bool  // it never will
}

func (e *RefusedError) Error() string { return e.Err.Error() }

// Unwrap returns why.
func (e *RefusedError) Unwrap() error { return e.Err }

// Config is what a Notifier works with. All fields are required but NewChannels and URL.
type Config struct {
	Logger  *slog.Logger
	Journal *journal.Journal
	Clock   func() (now time.Time, sure bool) // the guarded clock
	// Plan returns the plan in force, or nil while there is none. The Notifier does not write to it.
	Plan func() *Plan
	Node string // by what name people know this gateway
	URL  string // node.url; empty: notices have no links
	// NewChannels makes the channels by their names, which the journal knows them by; nil: the
	// log, and the webhook and mail that are set.
	NewChannels func(policy.Notices) map[string]Channel
}

// A Notifier tells what expires. It is safe for concurrent use.
type Notifier struct {
	cfg  Config
	wake chan struct{}

	// Of the goroutine of Run.
	ledger   *ledger
	notices  policy.Notices
	channels []*channel

	mu     sync.Mutex // guards status
	status Status
}

// New returns a Notifier that does nothing until Run.
func New(cfg Config) *Notifier {
	n := &Notifier{cfg: cfg, wake: make(chan struct{}, 1), ledger: newLedger(cfg.Journal)}
	n.status.Channels = []ChannelStatus{}
	if n.cfg.NewChannels == nil {
		n.cfg.NewChannels = n.standardChannels
	}
	return n
}

// Wake makes Run look at the plan at once. It never waits.
func (n *Notifier) Wake() {
	select {
	case n.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// Run looks at what expires at once, every hour, and when woken, until ctx ends; then it returns
// nil.
func (n *Notifier) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-n.wake:
		case <-timer.C:
		}
		timer.Reset(n.check(ctx))
	}
}

// check tells what is due, and returns how long it is until there may be more to do.
func (n *Notifier) check(ctx context.Context) time.Duration {
	now, sure := n.cfg.Clock()
	plan := n.cfg.Plan()
	switch {
	case plan == nil:
		n.report(now, noConfiguration)
		return checkEvery
	case !sure:
		n.report(now, "the clock is not sure: see gatehouse clock")
		return unsureEvery
	}
	n.configure(plan.Notices)
	items := unique(plan.Items)
	var all sync.WaitGroup
	for _, c := range n.channels {
		letters := n.letters(c, items, now, plan.Notices.Days)
		if c.waiting > 0 && !time.Now().Before(c.retry) {
			all.Go(func() { n.serve(ctx, c, letters, now) })
		}
	}
	all.Wait()
	n.ledger.prune(ctx, items, now)
	n.report(now, "")
	return n.pause()
}

// configure makes the channels anew if their settings have changed.
func (n *Notifier) configure(p policy.Notices) {
	p.Days = nil // no business of a channel
	if n.channels != nil && reflect.DeepEqual(p, n.notices) {
		return
	}
	made := n.cfg.NewChannels(p)
	before := n.channels
	n.notices, n.channels = p, []*channel{}
	for _, name := range sortedNames(made) {
		c := &channel{name: name, Channel: made[name]}
		for _, old := range before {
			if old.name == name {
				c.sent, c.last = old.sent, old.last
			}
		}
		n.channels = append(n.channels, c)
	}
}

// pause returns how long it is until the next check.
func (n *Notifier) pause() time.Duration {
	pause := checkEvery
	for _, c := range n.channels {
		switch {
		case c.waiting == 0:
		case c.err == nil: // more than a check may send
			pause = min(pause, firstRetry)
		default:
			pause = min(pause, max(time.Until(c.retry), 0))
		}
	}
	return pause
}
