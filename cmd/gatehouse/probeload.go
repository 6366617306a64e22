package main

import (
	"errors"
	"os"
	"os/signal"
	"runtime/debug"
	"syscall"
	"time"

	"gatehouse/authcore/supplicant"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// loadGCPercent lets a load collect garbage less often: its heap is small, and CPU time spent
// here is taken from a server on the same machine. GOGC overrides it.
const loadGCPercent = 400

// openParallel is how many authentications may be under way with --rate, unless --parallel
// says: room enough that it is the rate that counts.
const openParallel = 1000

// loadFlags is the part of probe's command line that makes it a load generator.
type loadFlags struct {
	count, parallel int
	duration        time.Duration
	rate            float64
	resume          bool
	countGiven      bool
	parallelGiven   bool
	wanted          bool // any of the flags was given
}

func (f *loadFlags) register(fl *pflag.FlagSet) {
	fl.IntVar(&f.count, "count", 0, "authenticate `N` times in all (default: once for each of "+
		"--parallel, twice with --resume; with --duration no bound)")
	fl.IntVar(&f.parallel, "parallel", 1, "`P` authentications at a time, each with a socket and a "+
		"Calling-Station-Id of its own, counted up from --station")
	fl.DurationVar(&f.duration, "duration", 0, "begin no authentication after this long")
	fl.Float64Var(&f.rate, "rate", 0, "begin `N` authentications a second, however many are under "+
		"way: an open load (with --parallel at most, 1000 unless given)")
	fl.BoolVar(&f.resume, "resume", false, "have each of --parallel take its last TLS session up "+
		"again (TLS 1.2: by ticket)")
}

// given looks which flags were given.
func (f *loadFlags) given(fl *pflag.FlagSet) {
	f.countGiven, f.parallelGiven = fl.Changed("count"), fl.Changed("parallel")
	for _, name := range []string{"count", "parallel", "duration", "rate", "resume"} {
		f.wanted = f.wanted || fl.Changed(name)
	}
}

// check refuses numbers that mean nothing, and fills in how many authentications are meant.
func (f *loadFlags) check() error {
	switch {
	case f.countGiven && f.count <= 0:
		return usagef("--count must be above zero")
	case f.parallel <= 0:
		return usagef("--parallel must be above zero")
	case f.duration < 0:
		return usagef("--duration must not be negative")
	case f.rate < 0:
		return usagef("--rate must not be negative")
	case f.rate > 0 && !f.countGiven && f.duration == 0:
		return usagef("--rate needs --count or --duration")
	}
	if f.rate > 0 && !f.parallelGiven {
		f.parallel = openParallel
	}
	switch {
	case f.countGiven || f.duration > 0:
		return nil
	}
	f.count = f.parallel
	if f.resume {
		f.count *= 2
	}
	return nil
}

// runLoad authenticates many times and prints what came of it, also when it is interrupted.
func runLoad(cmd *cobra.Command, f *probeFlags, cfg supplicant.Config) error {
	load, err := supplicant.NewLoad(supplicant.LoadConfig{
		Config: cfg, Count: f.load.count, Duration: f.load.duration, Parallel: f.load.parallel,
		Resume: f.load.resume, Rate: f.load.rate,
	})
	switch {
	case errors.Is(err, supplicant.ErrUnreachable):
		return exitWith(exitUnreachable, err)
	case err != nil:
		return usageError(err)
	}
	if os.Getenv("GOGC") == "" {
		old := debug.SetGCPercent(loadGCPercent)
		defer debug.SetGCPercent(old)
	}
	ctx, stop := signal.NotifyContext(contextOf(cmd), os.Interrupt, syscall.SIGTERM)
	defer stop()
	hide := showProgress(cmd.ErrOrStderr(), load, f.load.count)
	report := load.Run(ctx)
	hide()
	if f.json {
		err = printJSON(cmd.OutOrStdout(), report)
	} else {
		err = writeLoad(cmd.OutOrStdout(), report)
	}
	if err != nil {
		return exitf(exitInternal, "writing the report: %w", err)
	}
	return loadVerdict(report)
}

// loadVerdict turns the outcome into an exit code. No verdict goes before a negative one: what
// was not answered could have been either.
func loadVerdict(r *supplicant.LoadReport) error {
	answered := r.Finished - r.Unanswered()
	switch {
	case r.Finished == 0:
		return exitf(exitUnreachable, "it ended before the first authentication did")
	case r.Unanswered() > 0 && answered > 0:
		return exitf(exitUnreachable, "%d of %d authentications got no verdict; others did: too "+
			"much load, or packets are lost", r.Unanswered(), r.Finished)
	case r.Unanswered() > 0:
		return exitf(exitUnreachable, "no authentication got a verdict: %s%s", r.Reasons[0].Text,
			loadHint(r))
	case !r.OK():
		return answerNo()
	}
	return nil
}

func loadHint(r *supplicant.LoadReport) string {
	if r.Timeouts > 0 {
		return probeHint(supplicant.ErrTimeout)
	}
	return ""
}
