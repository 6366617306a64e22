package main

import (
	"bytes"
	"fmt"
	"slices"
	"sort"
	"strings"
	"time"

	"gatehouse/authcore/audit"
)

// maxWithdrawnShown bounds the lines about people who were on-line; --json has them all.
const maxWithdrawnShown = 20

// statusStandings is how revocation is doing.
type statusStandings struct {
	Entries    int
	ByStatus   map[string]int `json:"by_status"`
	InGrace    int            `json:"in_grace"`
	PastGrace  int            `json:"past_grace"`
	Responders []struct {
		URL, Breaker string
		OpenUntil    time.Time `json:"open_until"`
		LastSuccess  time.Time `json:"last_success"`
		LastError    string    `json:"last_error"`
	}
	Lists []struct {
		CA, Name   string
		NextUpdate time.Time `json:"next_update"`
		Expired    bool
	}
	Staples   []statusStaple
	Withdrawn []statusWithdrawal
}

type statusStaple struct{ Subject, Responder, Status, Fault string }

type statusWithdrawal struct {
	Serial, CA, Why string
	RevokedAt       time.Time `json:"revoked_at"`
	Sessions        []statusSession
}

type statusSession struct {
	Time                  time.Time
	User, Station, Client string
}

// print tells how many certificates are known, and then only what is wrong.
func (r *statusStandings) print(b *bytes.Buffer, now time.Time) {
	fmt.Fprintf(b, "revocation     %s known", count(r.Entries, "certificate"))
	sep := ": "
	for _, status := range []string{"good", "revoked", "unknown"} {
		if n := r.ByStatus[status]; n > 0 {
			fmt.Fprintf(b, "%s%d %s", sep, n, status)
			sep = ", "
		}
	}
	b.WriteString("\n")
	if r.InGrace > 0 {
		fmt.Fprintf(b, "  YELLOW: %s only by the grace: the answer has expired, and no new one can be had\n",
			count(r.InGrace, "certificate")+counts(r.InGrace))
	}
	if r.PastGrace > 0 {
		fmt.Fprintf(b, "  RED: %s no more: the answer has expired, the grace is over, and no new one can be had\n",
			count(r.PastGrace, "certificate")+counts(r.PastGrace))
	}
	for _, responder := range r.Responders {
		if responder.Breaker != "closed" {
			fmt.Fprintf(b, "  RED: %s fails: %s; last good answer %s, next try %s\n",
				audit.Printable(responder.URL), audit.Printable(responder.LastError),
				since(responder.LastSuccess, now), nextTry(responder.OpenUntil, now))
		}
	}
	for _, list := range r.Lists {
		if list.Expired {
			fmt.Fprintf(b, "  RED: the list %s of CA %s expired %s\n", audit.Printable(list.Name), list.CA,
				relative(list.NextUpdate, now))
		}
	}
	for _, staple := range r.Staples {
		printStaple(b, &staple)
	}
	printWithdrawn(b, r.Withdrawn, now)
}

// counts is the verb behind a number of certificates.
func counts(n int) string {
	if n == 1 {
		return " counts"
	}
	return " count"
}

func since(t, now time.Time) string {
	if t.IsZero() {
		return "never"
	}
	return relative(t, now)
}

func nextTry(until, now time.Time) string {
	if !until.After(now) {
		return "with the next sign-in"
	}
	return relative(until, now)
}

// printStaple tells of a server credential that devices may refuse.
func printStaple(b *bytes.Buffer, s *statusStaple) {
	switch {
	case s.Status != "good" && s.Status != "none":
		fmt.Fprintf(b, "  RED: the server certificate %s is %s, says %s\n", audit.Printable(s.Subject), s.Status,
			audit.Printable(s.Responder))
	case s.Fault != "":
		fmt.Fprintf(b, "  RED: no OCSP answer to give to devices with the server certificate %s: %s\n",
			audit.Printable(s.Subject), audit.Printable(s.Fault))
	}
}

// printWithdrawn names who was accepted by a certificate that has been revoked since, the last
// revocation first.
func printWithdrawn(b *bytes.Buffer, withdrawn []statusWithdrawal, now time.Time) {
	shown, more := 0, 0
	for i := len(withdrawn) - 1; i >= 0; i-- {
		w := &withdrawn[i]
		sessions := slices.Clone(w.Sessions)
		sort.SliceStable(sessions, func(i, j int) bool { return sessions[i].User < sessions[j].User })
		for _, s := range sessions {
			if shown == maxWithdrawnShown {
				more++
				continue
			}
			shown++
			b.WriteString(withdrawnLine(w, &s, now))
		}
	}
	if more > 0 {
		fmt.Fprintf(b, "  and %d more: gatehouse status --json\n", more)
	}
}

func withdrawnLine(w *statusWithdrawal, s *statusSession, now time.Time) string {
	var line strings.Builder
	fmt.Fprintf(&line, "  RED: revoked while on-line: %s at %s, accepted %s", audit.Printable(s.User),
		dash(s.Station), relative(s.Time, now))
	if s.Client != "" {
		line.WriteString(" by " + audit.Printable(s.Client))
	}
	fmt.Fprintf(&line, "; certificate %s of CA %s, revoked %s", w.Serial, w.CA, relative(w.RevokedAt, now))
	if w.Why != "" {
		line.WriteString(" (" + audit.Printable(w.Why) + ")")
	}
	return line.String() + "\n"
}
