package reconcile

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"time"

	"gatehouse/sync/bundle"
	"gatehouse/sync/load"
	"gatehouse/sync/versions"
)

// Codes of refusals by the gateway, beside those of package bundle.
const (
	CodeInvalid    bundle.Code = "configuration_invalid" // exit 1: see the problems
	CodeRolledBack bundle.Code = "rolled_back"           // tried here before, and taken back
	CodeNoKeyLeft  bundle.Code = "no_key_left"
)

const exitInvalid = 1

// arrivals deals with what lies in incoming/, oldest first.
func (s *signed) arrivals(ctx context.Context) {
	list, err := s.Dir.Arrivals()
	if err != nil {
		s.complain(err)
		return
	}
	s.passOver()
	if s.passed != nil {
		return // it may bring the keys by which the next one is judged
	}
	refused := map[string]string{}
	var waiting []string
	for _, a := range list {
		if ctx.Err() != nil {
			return
		}
		switch {
		case !a.Signed:
			waiting = append(waiting, a.Name)
		case s.refused[a.Name] == a.Stamp, s.arrival(ctx, a):
			refused[a.Name] = a.Stamp
		}
	}
	s.refused = refused
	s.r.editBundles(func(b *BundleState) { b.Waiting = waiting })
}

// arrival deals with one bundle, and reports whether it was refused, so that it is not looked at
// again until it changes. What was dealt with otherwise is removed; what the disk or the journal
// prevented is tried again at the next look.
func (s *signed) arrival(ctx context.Context, a versions.Arrival) (refused bool) {
	l, done, err := s.examine(a)
	defer done()
	switch e := bundle.AsError(err); {
	case errors.Is(err, fs.ErrNotExist):
		return false // gone again
	case e != nil && e.Code == bundle.NotYet:
		s.wait(l, e)
		return false
	case e != nil:
		s.refuse(ctx, a, l, refusalOf(e))
		return true
	case err != nil:
		s.complain(fmt.Errorf("examining %s: %w", a.Name, err))
		return false
	}
	if l.name == s.inForce {
		s.r.editBundles(func(b *BundleState) { b.settle(l.hash, Outcome{State: Unchanged, Version: l.name}) })
		s.finish(a)
		return false
	}
	if r := s.objection(l); r != nil {
		s.refuse(ctx, a, l, *r)
		return true
	}
	if err := s.activate(ctx, a, l); err != nil && ctx.Err() == nil {
		s.complain(fmt.Errorf("putting bundle %s in force: %w", l.name, err))
		s.r.editBundles(func(b *BundleState) { b.settle(l.hash, Outcome{State: Pending, Text: err.Error()}) })
		return false
	}
	return false
}

// examine opens what has arrived, as far as it is trusted. When it returns an error l may still
// tell what the archive's hash is.
func (s *signed) examine(a versions.Arrival) (l *loaded, done func(), err error) {
	v, err := s.Dir.OpenArrival(a)
	if err != nil {
		return nil, func() {}, err
	}
	defer v.Archive.Close() // opened for reading: closing loses nothing
	if err := s.Ledger.Err(); err != nil {
		return nil, func() {}, fmt.Errorf("no bundle can be taken, for serials cannot be remembered: %w", err)
	}
	keys, _ := s.keys()
	l, done, err = s.open(v, bundle.VerifyOptions{Keys: keys, As: &s.Node, Serials: s.serials,
		Clock: s.Clock, Version: s.Version, Identity: s.Identity})
	if bundle.AsError(err) != nil {
		l = &loaded{hash: hashOf(v)}
	}
	return l, done, err
}

// objection returns why a verified bundle cannot be put in force, or nil.
func (s *signed) objection(l *loaded) *Refusal {
	if !l.SecretsOpened {
		return &Refusal{Code: bundle.NoRecipient, ExitCode: int(bundle.Refused),
			Text: "the secrets in the bundle cannot be opened: this gateway has no identity"}
	}
	if l.problems.HasErrors() || l.draft == nil {
		return &Refusal{Code: CodeInvalid, ExitCode: exitInvalid, Problems: l.problems,
			Text: "the configuration in the bundle is not valid, and a bundle is taken whole or not at all"}
	}
	if record := s.record(l.name); record.Failed != "" {
		return &Refusal{Code: CodeRolledBack, ExitCode: int(bundle.Refused),
			Text: "this version was taken back here: " + record.Failed +
				"; publish a new serial, or say bundle rollback " + l.name + " at the device"}
	}
	if s.isSuperseded(l) {
		return &Refusal{Code: bundle.SerialOld, ExitCode: int(bundle.Refused),
			Text: fmt.Sprintf("serial %d was in force here before, and something else has taken its place; "+
				"publish a new serial, or say bundle rollback %s at the device", l.Manifest.Serial, l.name)}
	}
	if len(l.NextKeys) == 0 {
		return nil
	}
	if _, err := s.successor(l.Bundle); err != nil {
		return &Refusal{Code: CodeNoKeyLeft, ExitCode: int(bundle.Refused), Text: err.Error()}
	}
	return nil
}

// isSuperseded reports whether a bundle with the highest serial of its key has been in force, and
// what another key signed has taken its place. An arrival of it is no news then, but a way back.
// One whose activation was cut short is another matter, and so is one that mends a damaged version.
func (s *signed) isSuperseded(l *loaded) bool {
	highest, _, ok := s.serials(l.Signer.ID())
	return ok && highest == l.Manifest.Serial && l.name != s.counts &&
		(s.isForgotten(l.name) || s.record(l.name).Worked)
}

func refusalOf(e *bundle.Error) Refusal {
	return Refusal{Code: e.Code, ExitCode: e.ExitCode(), Text: e.Error()}
}

// refuse says why a bundle is not put in force, and remembers it.
func (s *signed) refuse(ctx context.Context, a versions.Arrival, l *loaded, r Refusal) {
	r.File, r.At, r.SHA256 = a.Name, s.r.cfg.Now(), l.hash
	if l.Bundle != nil {
		r.BundleID, r.Serial = l.Manifest.BundleID, l.Manifest.Serial
		r.Signer, r.SignerID = l.Signer.Name, l.Signer.ID()
	}
	log := s.r.cfg.Logger
	log.Error("bundle refused", "file", a.Name, "code", r.Code, "err", r.Text, "sha256", r.SHA256,
		"bundle", r.BundleID, "serial", r.Serial, "signer", r.Signer, "generation", s.r.generation)
	logProblems(log, r.Problems)
	s.showRefusal(ctx, &r)
	s.r.editBundles(func(b *BundleState) { b.settle(r.SHA256, Outcome{State: Refused, Refusal: &r}) })
	if s.how(a) == Pushed {
		s.finish(a) // whoever pushed it has been answered
	}
}

// finish removes what was dealt with.
func (s *signed) finish(a versions.Arrival) {
	if err := s.Dir.Remove(a); err != nil {
		s.half = true
		s.complain(err)
	}
}

// How a bundle has come.
const (
	ByDirectory = "directory"
	Pushed      = "push"
	Pulled      = "pull"
)

func (s *signed) how(a versions.Arrival) string {
	if s.Arrived == nil {
		return ByDirectory
	}
	return s.Arrived(a.Name)
}

// wait has a bundle that is not to be applied yet looked at again later.
func (s *signed) wait(l *loaded, e *bundle.Error) {
	s.retry(notYetAfter)
	if o, ok := s.r.outcome(l.hash); !ok || o.Text != e.Error() {
		s.r.cfg.Logger.Info("bundle waits for its time", "sha256", l.hash, "err", e)
	}
	s.r.editBundles(func(b *BundleState) { b.settle(l.hash, Outcome{State: Pending, Text: e.Error()}) })
}

const (
	retryAfter  = 30 * time.Second // what the disk or the journal prevented
	notYetAfter = 5 * time.Minute
)

// retry asks for a look after at most that time, though nothing may have changed.
func (s *signed) retry(after time.Duration) {
	if s.retryIn == 0 || after < s.retryIn {
		s.retryIn = after
	}
}

// complain says what keeps bundles from being dealt with: once, as long as it stays the same.
func (s *signed) complain(err error) {
	s.retry(retryAfter)
	s.trouble = err.Error()
	if s.trouble != s.stuck {
		s.stuck = s.trouble
		s.r.cfg.Logger.Error("bundles cannot be dealt with; this is tried again", "err", err)
	}
}

// logProblems writes a line for each problem, as far as there are not too many.
func logProblems(log *slog.Logger, problems load.Problems) {
	for i, p := range problems {
		if i == maxLogged {
			log.Warn("more configuration problems than are logged", "count", len(problems)-i)
			return
		}
		level := slog.LevelWarn
		if p.Severity == load.Error {
			level = slog.LevelError
		}
		log.Log(context.Background(), level, "configuration problem",
			"file", p.File, "err", p.String(), "object", p.Object, "effect", p.Effect)
	}
}
