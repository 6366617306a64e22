package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/appliance"
	"gatehouse/authcore/audit"
)

// watchPause is how long watch waits before it looks again.
const watchPause = 500 * time.Millisecond

const apWatchLong = `Wait until somebody gets in by an access point, and say what is heard of it meanwhile: its first packet, a
wrong secret, a reject with its reason, and the Access-Accept, which ends the waiting. What was before is
printed first and does not count. --json prints one object a line.

Exit codes: 0, an Access-Accept was sent; 1, none within the time, or Ctrl-C; 4, nobody answers.`

func newAPWatchCommand() *cobra.Command {
	w := &apWatch{shown: map[string]string{}}
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:     "watch ADDRESS",
		Short:   "Wait for the first sign-in by an access point",
		Long:    apWatchLong,
		Example: example("gatehouse ap watch 192.0.2.7 --timeout 10m"),
		Args:    oneArg("ADDRESS"),
		RunE: func(cmd *cobra.Command, args []string) error {
			address, err := addressArg(args[0])
			if err != nil {
				return err
			}
			if timeout <= 0 {
				return usagef("--timeout must be above zero")
			}
			ctx, stop := signal.NotifyContext(contextOf(cmd), os.Interrupt, syscall.SIGTERM)
			defer stop()
			ctx, cancel := context.WithTimeout(ctx, timeout)
			defer cancel()
			w.out, w.address = cmd.OutOrStdout(), address.String()
			return w.run(ctx, timeout)
		},
	}
	cmd.Flags().DurationVar(&timeout, "timeout", 5*time.Minute, "how long to wait")
	addStateFlag(cmd, &w.stateDir)
	addJSONFlag(cmd, &w.asJSON)
	return cmd
}

// An apWatch waits for an access point.
type apWatch struct {
	process
	out     io.Writer
	address string
	asJSON  bool
	shown   map[string]string // what was last said of each client, by server and name
	begun   bool
	before  uint64 // number of the newest decision when the waiting began
	last    string // what was said last
}

// run looks again and again, until there is an accept or ctx ends.
func (w *apWatch) run(ctx context.Context, timeout time.Duration) error {
	tick := time.NewTicker(watchPause)
	defer tick.Stop()
	for {
		accepted, err := w.look(ctx)
		switch {
		case ctx.Err() == context.DeadlineExceeded:
			return exitf(exitNo, "no Access-Accept within %v; so far: %s", timeout, w.last)
		case ctx.Err() != nil:
			return answerNo()
		case accepted || err != nil:
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// look says what is new, and whether an accept is.
func (w *apWatch) look(ctx context.Context) (accepted bool, err error) {
	seen, err := w.clientsSeen(ctx, w.address)
	if err != nil {
		return false, err
	}
	if !w.begun {
		w.begun, w.before = true, seen.LastDecision
	}
	if len(seen.Clients) == 0 {
		return false, w.stranger(&seen)
	}
	for i := range seen.Clients {
		c := &seen.Clients[i]
		if err := w.say(c); err != nil {
			return false, err
		}
		accepted = accepted || c.State == "accepted" && c.Decision > w.before
	}
	return accepted, nil
}

// stranger speaks of an address that is no client's.
func (w *apWatch) stranger(seen *appliance.ClientsSeen) error {
	c := appliance.ClientSeen{State: "elsewhere", Summary: "No client has this address",
		Sentence: "It has sent nothing.", NextStep: "Add it: gatehouse ap add NAME " + w.address}
	for _, u := range seen.Unknown {
		if u.Address.String() == w.address {
			c.Sentence = "It asks, and gets no answer."
		}
	}
	return w.say(&c)
}

// say prints a state that was not printed last.
func (w *apWatch) say(c *appliance.ClientSeen) error {
	key := c.Server + "/" + c.Client
	state := fmt.Sprint(c.State, " ", c.Decision, c.Summary, c.Sentence)
	// Another access point of the same prefix may have sent the last packet: what was heard, was.
	was := w.shown[key]
	if was == state || silent(c.State) && was != "" && !silent(was) {
		return nil
	}
	w.shown[key] = state
	w.last = c.Summary + ". " + c.Sentence
	if w.asJSON {
		return json.NewEncoder(w.out).Encode(c)
	}
	line := time.Now().Format(time.TimeOnly) + "  "
	if c.Client != "" {
		line += audit.Printable(c.Client) + " of " + c.Server + "  "
	}
	line += w.last
	if c.NextStep != "" {
		line += "\n          Next: " + c.NextStep
	}
	_, err := fmt.Fprintln(w.out, line)
	return err
}

// silent reports whether a state begins as those do in which nothing was heard.
func silent(state string) bool {
	return strings.HasPrefix(state, "silent") || strings.HasPrefix(state, "elsewhere")
}
