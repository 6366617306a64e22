package notice

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"gatehouse/authcore/audit"
)

// A letter is what is due on a channel: to all whom it tells, or to one person.
type letter struct {
	name string // of the channel and the person, as the journal knows them
	to   string // empty: all
	due  []notice
}

// letters returns what is due on c, that for all first, and counts it.
func (n *Notifier) letters(c *channel, items []Item, now time.Time, days []int) []letter {
	all := []letter{{name: c.name, due: n.ledger.due(c.name, items, now, days)}}
	if p, ok := c.Channel.(Personal); ok {
		people := map[string][]Item{}
		for _, i := range items {
			for _, to := range slices.Compact(slices.Sorted(slices.Values(i.Notify))) {
				if p.TellsAlone(to) {
					people[to] = append(people[to], i)
				}
			}
		}
		for _, to := range slices.Sorted(maps.Keys(people)) {
			name := c.name + ":" + to
			all = append(all, letter{name, to, n.ledger.due(name, people[to], now, days)})
		}
	}
	c.waiting = 0
	for _, l := range all {
		c.waiting += len(l.due)
	}
	return all
}

// serve tells letters on c, as far as it gets. Who cannot be reached keeps nobody else from being
// told.
func (n *Notifier) serve(ctx context.Context, c *channel, letters []letter, now time.Time) {
	var failure error
	messages, begun := 0, time.Now()
	for _, l := range letters {
		for part := range slices.Chunk(l.due, maxNotices) {
			if messages++; messages > maxMessages || time.Since(begun) > sendTimeout {
				n.served(c, failure, now)
				return // the others have waited for long enough
			}
			err := n.tell(ctx, c, &l, part, now)
			if ctx.Err() != nil {
				return // it is we who stop
			}
			if err == nil {
				continue
			}
			failure = err
			if refused := (*RefusedError)(nil); errors.As(err, &refused) {
				break
			}
			n.served(c, failure, now)
			return
		}
	}
	n.served(c, failure, now)
}

// served notes how serving c went.
func (n *Notifier) served(c *channel, err error, now time.Time) {
	c.result(err, now)
	if err != nil {
		n.cfg.Logger.Warn("expiry notices not sent", "channel", c.name, "count", c.waiting,
			"retry_s", int(time.Until(c.retry).Seconds()), "err", err)
	}
}

// tell tells part of l, and writes down that it did. A person who can never be reached goes
// without, and counts as told: all whom the channel tells have it.
func (n *Notifier) tell(ctx context.Context, c *channel, l *letter, part []notice, now time.Time) error {
	m := &Message{Node: n.cfg.Node, At: now.UTC(), To: l.to}
	for _, d := range part {
		m.Notices = append(m.Notices, d.item.expiring(now, n.cfg.URL))
	}
	sendCtx, cancel := context.WithTimeout(ctx, sendTimeout)
	err := c.send(sendCtx, m)
	cancel()
	var refused *RefusedError
	switch {
	case err == nil:
		c.sent, c.last = c.sent+len(part), now
	case l.to != "" && errors.As(err, &refused) && refused.ForGood:
		n.cfg.Logger.Warn("a recipient gets no expiry notices", "channel", c.name,
			"name", audit.Printable(l.to), "err", err)
	default:
		return err
	}
	c.waiting -= len(part)
	// What has gone out is written down even if we are to stop.
	if err := n.ledger.told(context.WithoutCancel(ctx), l.name, part, now); err != nil {
		n.cfg.Logger.Warn("expiry notices may come again after a restart", "channel", c.name, "err", err)
	}
	return nil
}
