package main

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"gatehouse/authcore/audit"
)

const (
	// maxExpiringShown bounds the lines about what expires; --json has more.
	maxExpiringShown = 20
	// shownDays is how long before its end something is shown: a policy may tell earlier.
	shownDays = 60
	// soon is how many days before its end a certificate wants somebody to come at once.
	soon = 7
)

// statusExpiring is what ends soon, or has ended.
type statusExpiring struct {
	Text, Link string
	Days       int
}

// statusNotices is how telling people of that is doing.
type statusNotices struct {
	Channels []struct {
		Name, Problem string
		Waiting       int
		Since         time.Time
	}
}

// printExpiring tells what ends soon, and who cannot be told of it; nothing if nothing does.
func printExpiring(b *bytes.Buffer, list []statusExpiring, notices *statusNotices, now time.Time) {
	list = slices.DeleteFunc(slices.Clone(list), func(e statusExpiring) bool { return e.Days > shownDays })
	if len(list) > 0 {
		fmt.Fprintf(b, "expires        %d within %d days\n", len(list), shownDays)
	}
	for _, e := range list[:min(len(list), maxExpiringShown)] {
		colour := "YELLOW"
		if e.Days < soon {
			colour = "RED"
		}
		fmt.Fprintf(b, "  %s: %s\n", colour, audit.Printable(e.Text))
		if e.Link != "" {
			fmt.Fprintf(b, "    %s\n", audit.Printable(e.Link))
		}
	}
	if more := len(list) - maxExpiringShown; more > 0 {
		fmt.Fprintf(b, "  and %d more: gatehouse status --json\n", more)
	}
	for _, c := range notices.Channels {
		if c.Problem != "" {
			fmt.Fprintf(b, "notices        YELLOW: %s by %s cannot be sent, the first try %s: %s\n",
				count(c.Waiting, "notice"), c.Name, relative(c.Since, now), audit.Printable(c.Problem))
		}
	}
}

// statusHeartbeat is how telling the fleet manager that this gateway lives is doing.
type statusHeartbeat struct {
	Address, Problem string
	LastSuccess      time.Time `json:"last_success"`
	Next             time.Time
}

// printHeartbeat tells where the heartbeat goes; nothing where it is off.
func printHeartbeat(b *bytes.Buffer, h *statusHeartbeat, now time.Time) {
	switch {
	case h == nil:
	case h.Problem != "":
		fmt.Fprintf(b, "heartbeat      YELLOW: it does not get to %s, last time %s: %s\n",
			h.Address, relative(h.LastSuccess, now), audit.Printable(h.Problem))
	default:
		fmt.Fprintf(b, "heartbeat      to %s, last time %s\n", h.Address, relative(h.LastSuccess, now))
	}
}
