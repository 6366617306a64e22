package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"gatehouse/appliance/clock"
)

const clockLong = `Show what is known of the time, and whether this gateway's wall clock is believed.

Certificates and answers about them are good until a date, so whoever sets the clock back could
make old ones good again, and a gateway whose clock starts in 1970 would refuse everybody. Decisions
therefore go by the guarded time. It is the wall clock, as long as that is no more than 5 minutes
behind and 3 years ahead of what is known: the time when this program was made, the time that the
state directory remembers, and what has elapsed since. Otherwise the wall clock is not believed, the
guarded time goes on from what is known, and what becomes of sign-ins is said by clock.when_unsure
in policy.yaml. A time server that corrects the wall clock mends that by itself.

If the wall clock is right and still not believed (the gateway was off for years, or somebody had
set the clock wrong for a day), say so with gatehouse clock reset.

Exit codes: 0, the wall clock is believed; 1, it is not.`

const clockResetLong = `Say that this gateway's wall clock is right now: decisions go by it at once, and whatever was known
of the time before is forgotten. Look at the wall clock first (gatehouse clock shows it): whoever
resets it to the past makes expired certificates and withdrawn answers good again.

Exit codes: 0, done; 7, the wall clock is before the time at which this program was made.`

func newClockCommand() *cobra.Command {
	cmd := clockCommand(&cobra.Command{
		Use:     "clock",
		Short:   "Show whether the clock is believed, what hangs on it, or say that it is right",
		Long:    clockLong,
		Example: example("gatehouse clock"),
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) > 0 {
				return unknownCommand(cmd, args[0])
			}
			return nil
		},
	}, false)
	cmd.AddCommand(clockCommand(&cobra.Command{
		Use:     "reset",
		Short:   "Say that the wall clock is right now",
		Long:    clockResetLong,
		Example: example("gatehouse clock reset"),
		Args:    noArgs,
	}, true), newClockFlipsCommand(), newClockAskCommand())
	return cmd
}

// clockCommand gives cmd its flags and its body, which resets the clock or only shows it.
func clockCommand(cmd *cobra.Command, reset bool) *cobra.Command {
	var stateDir string
	var asJSON bool
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		report, err := askClock(cmd, stateDir, reset)
		if err != nil {
			return err
		}
		if asJSON {
			err = printJSON(cmd.OutOrStdout(), report)
		} else {
			err = printClock(cmd.OutOrStdout(), report)
		}
		if err == nil && !report.Sure {
			return answerNo()
		}
		return err
	}
	addStateFlag(cmd, &stateDir)
	addJSONFlag(cmd, &asJSON)
	return cmd
}

// askClock asks the running process. Where nobody runs it looks itself, and says so.
func askClock(cmd *cobra.Command, stateDir string, reset bool) (clock.Report, error) {
	if p := (process{stateDir}); p.running() {
		method, path := http.MethodGet, "/api/v1/clock"
		if reset {
			method, path = http.MethodPost, "/api/v1/clock/reset"
		}
		var report clock.Report
		err := p.ask(cmd.Context(), method, path, nil, nil, &report)
		if !errors.Is(err, syscall.ECONNREFUSED) { // which is a socket that a crash left
			return report, err
		}
	}
	report, err := lookAtClock(stateDir, reset)
	if err == nil {
		_, _ = fmt.Fprintf(cmd.ErrOrStderr(), "gatehouse: nobody runs on %s: this is by the file there "+
			"and this machine's clock\n", stateDir) // the answer goes to stdout all the same
	}
	return report, err
}

// lookAtClock opens the clock without a process.
func lookAtClock(stateDir string, reset bool) (clock.Report, error) {
	if _, err := os.Stat(stateDir); err != nil {
		return clock.Report{}, unreadable(fmt.Errorf("looking for the state directory: %w", err))
	}
	c, err := clock.Open(clock.Config{
		Path: filepath.Join(stateDir, clock.FileName), Floor: buildTime(),
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil && !errors.Is(err, clock.ErrDamaged) { // of which the report tells
		return clock.Report{}, unreadable(err)
	}
	if reset {
		err := c.Reset()
		if errors.Is(err, clock.ErrBelowFloor) {
			return clock.Report{}, exitWith(exitRefused, err)
		}
		if err != nil {
			return clock.Report{}, unreadable(err)
		}
	}
	return c.Report(), nil
}

func printClock(w io.Writer, r clock.Report) error {
	var b bytes.Buffer
	if !r.Sure {
		b.WriteString("UNSURE: ")
	}
	fmt.Fprintf(&b, "%s\n", r.Why)
	line := func(name string, t time.Time, what string) {
		fmt.Fprintf(&b, "%-9s %s  %s\n", name, t.UTC().Format(time.DateTime), what)
	}
	line("guarded", r.Now, "what decisions go by (UTC)")
	line("wall", r.Wall, "what this machine says; time server: "+kernelWord(r.Kernel))
	line("known", r.Expected, "it cannot be before")
	line("floor", r.Floor, "this program is no older")
	if !r.Mark.IsZero() {
		line("mark", r.Mark, "what the next start would know")
	}
	for _, h := range r.Hints {
		line("hint", h.Time, fmt.Sprintf("told by %s at %s (not believed by itself)", h.Source,
			h.Heard.UTC().Format(time.DateTime)))
	}
	if r.Problem != "" {
		fmt.Fprintf(&b, "file      RED: %s\n", r.Problem)
	}
	_, err := w.Write(b.Bytes())
	return err
}

func kernelWord(synchronised *bool) string {
	switch {
	case synchronised == nil:
		return "not known"
	case *synchronised:
		return "synchronised"
	}
	return "not synchronised"
}
