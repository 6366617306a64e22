package notice

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/policy"
)

// The names of channels, as in the journal.
const (
	logChannel     = "log"
	webhookChannel = "webhook"
	mailChannel    = "mail"
)

// standardChannels returns what p sets.
func (n *Notifier) standardChannels(p policy.Notices) map[string]Channel {
	channels := map[string]Channel{logChannel: Log{n.cfg.Logger}}
	if p.Webhook != "" {
		channels[webhookChannel] = NewWebhook(p.Webhook)
	}
	if p.SMTP.Address != "" {
		channels[mailChannel] = &Mail{SMTP: p.SMTP, Logger: n.cfg.Logger}
	}
	return channels
}

func sortedNames(m map[string]Channel) []string { return slices.Sorted(maps.Keys(m)) }

// A channel is a Channel and how it is doing. While it is served it belongs to the goroutine that
// serves it, else to that of Run.
type channel struct {
	Channel
	name    string
	waiting int // notices not told yet
	sent    int // notices told in this run
	last    time.Time
	fails   int // since it was told on
	err     error
	since   time.Time // of the first of the failures
	wait    time.Duration
	retry   time.Time // not before, by the monotonic clock
}

// send sends m. A panic is a failure as any other: what talks to a stranger must not end the
// process.
func (c *channel) send(ctx context.Context, m *Message) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("internal error: %v", p)
		}
	}()
	return c.Send(ctx, m)
}

// result notes how sending went at now, guarded time.
func (c *channel) result(err error, now time.Time) {
	c.err = err
	if err == nil {
		c.fails, c.since = 0, time.Time{}
		c.wait, c.retry = 0, time.Time{}
		return
	}
	if c.fails == 0 {
		c.since = now
	}
	c.fails++
	c.wait = min(max(2*c.wait, firstRetry), lastRetry)
	c.retry = time.Now().Add(c.wait)
}

// A Status is how the Notifier is doing.
type Status struct {
	Checked  time.Time       `json:"checked,omitzero"` // by the guarded clock
	Paused   string          `json:"paused,omitempty"` // why nothing is sent
	Channels []ChannelStatus `json:"channels"`
}

// A ChannelStatus is how a channel is doing.
type ChannelStatus struct {
	Name     string    `json:"name"`
	Sent     int       `json:"sent"`               // notices, in this run
	Last     time.Time `json:"last,omitzero"`      // when one was
	Waiting  int       `json:"waiting"`            // notices that are due and not sent
	Problem  string    `json:"problem,omitempty"`  // why not
	Since    time.Time `json:"since,omitzero"`     // of the problem
	RetryS   int       `json:"retry_s,omitempty"`  // seconds between the tries
	Failures int       `json:"failures,omitempty"` // in a row
}

// Status returns how the Notifier is doing. The caller owns the result.
func (n *Notifier) Status() Status {
	n.mu.Lock()
	defer n.mu.Unlock()
	s := n.status
	s.Channels = append([]ChannelStatus{}, s.Channels...)
	return s
}

// report makes the state of all channels known.
func (n *Notifier) report(now time.Time, paused string) {
	s := Status{Checked: now.UTC(), Paused: paused}
	for _, c := range n.channels {
		one := ChannelStatus{Name: c.name, Sent: c.sent, Last: c.last.UTC(), Waiting: c.waiting}
		if c.err != nil {
			one.Problem, one.Since = audit.Printable(c.err.Error()), c.since.UTC()
			one.RetryS, one.Failures = int(c.wait/time.Second), c.fails
		}
		s.Channels = append(s.Channels, one)
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	if paused != n.status.Paused && paused != "" && paused != noConfiguration { // which others tell
		n.cfg.Logger.Info("no expiry notices are sent", "why", paused)
	}
	n.status = s
}
