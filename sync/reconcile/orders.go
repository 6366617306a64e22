package reconcile

import (
	"context"
	"errors"
	"fmt"

	"gatehouse/sync/load"
)

// Loose is the name of no version, but of the loose files, to go back to.
const Loose = "loose"

// Errors of RollBack and ResetTrust.
var (
	// ErrNoBundles says that this Reconciler takes no bundles.
	ErrNoBundles = errors.New("bundles are not taken here")
	// ErrNoVersion says that there is no such version to go back to.
	ErrNoVersion = errors.New("no such version is kept here")
	// ErrUnusable says that what was asked for was not put in force, and what was there still is.
	ErrUnusable = errors.New("it cannot be put in force")
)

// A Rollback says to which version to go back, who says so, and why: all for the log.
type Rollback struct {
	To     string // a version that is kept here; "": what was in force before; Loose: the loose files
	By     string
	Reason string
}

// An order is what a person asks for, and where the answer goes.
type order struct {
	rollback *Rollback // nil: reset trust
	by       string
	done     chan error
}

// RollBack takes a version that is kept here in the place of the one in force, and waits until it
// has passed its trial. What was in force is not taken again unless somebody asks for it by name.
// Serials stay as high as they are. It may be called from any goroutine, while Run runs.
//
// Errors: ErrNoBundles, ErrNoVersion, ErrUnusable, and ctx's, which means that nobody knows.
func (r *Reconciler) RollBack(ctx context.Context, to Rollback) error {
	return r.order(ctx, order{rollback: &to})
}

// ResetTrust has the keys of gatehouse.yaml count again, and forgets which ones were removed. What
// is in force stays in force.
func (r *Reconciler) ResetTrust(ctx context.Context, by string) error {
	return r.order(ctx, order{by: by})
}

func (r *Reconciler) order(ctx context.Context, o order) error {
	if r.signed == nil {
		return ErrNoBundles
	}
	o.done = make(chan error, 1)
	select {
	case r.orders <- o:
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case err := <-o.done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// obey carries out an order, in the goroutine of Run.
func (s *signed) obey(ctx context.Context, o order) error {
	defer s.publish()
	switch {
	case o.rollback == nil:
		return s.resetTrust(ctx, o.by)
	case o.rollback.To == Loose:
		return s.backToLoose(ctx, *o.rollback)
	default:
		return s.backTo(ctx, *o.rollback)
	}
}

func (s *signed) resetTrust(ctx context.Context, by string) error {
	if err := s.forget(ctx, trustKey); err != nil {
		return fmt.Errorf("resetting trust: %w", err)
	}
	s.refused = nil // what was refused for its key may be taken now
	s.r.cfg.Logger.Warn("the keys of gatehouse.yaml may sign bundles again", "by", by, "keys", len(s.Keys))
	return nil
}

// backTo goes back to a version.
func (s *signed) backTo(ctx context.Context, to Rollback) error {
	if to.To == "" {
		if to.To = s.previous(); to.To == "" {
			return fmt.Errorf("%w: nothing that worked was in force before; say which one, or %q", ErrNoVersion, Loose)
		}
	}
	if to.To == s.inForce {
		return fmt.Errorf("%w: %s is in force", ErrNoVersion, to.To)
	}
	if err := s.isKept(to.To); err != nil {
		return err
	}
	if err := s.claimIndex(ctx); err != nil {
		return fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	l, fresh, err := s.load(ctx, to.To)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	old := s.before()
	record := s.record(to.To)
	record.Since, record.Failed, record.Confirmed, record.Starts = s.r.cfg.Now(), "", false, 1
	record.Before, record.Leaves = old.version, ""
	if old.version != "" {
		record.Leaves = to.text()
	}
	if err := s.setRecord(ctx, to.To, record); err != nil {
		return fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	if err := s.turn(to.To); err != nil {
		return fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	s.bring(l, fresh)
	s.r.cfg.Logger.Warn("rolling back to a bundle of before", "version", to.To, "from", orLoose(old.version),
		"by", to.By, "reason", to.Reason, "generation", s.r.generation)
	s.onTrial(ctx, l, old)
	if s.inForce != to.To {
		return fmt.Errorf("%w: %s", ErrUnusable, s.record(to.To).Failed)
	}
	return nil
}

// previous returns the version to go back to from the one in force: the one before it or, if that
// was left for a reason, the one applied last that was not. "": there is none.
func (s *signed) previous() string {
	if s.inForce == "" {
		return ""
	}
	lost := s.isForgotten(s.inForce)
	works := func(name string) bool {
		return name != "" && name != s.inForce && s.record(name).works(lost)
	}
	if before := s.record(s.inForce).Before; works(before) {
		return before
	}
	var best KeptVersion
	for _, v := range s.history() {
		if works(v.Name) && v.Applied.After(best.Applied) {
			best = v
		}
	}
	return best.Name
}

func (s *signed) isKept(name string) error {
	for _, v := range s.history() {
		if v.Name == name {
			return nil
		}
	}
	return fmt.Errorf("%w: %q; see bundle history", ErrNoVersion, name)
}

// text says why a version is not taken again by itself.
func (to Rollback) text() string { return fmt.Sprintf("rolled back by %s: %s", to.By, to.Reason) }

// leave has a version not be taken again by itself; for "", it may be.
func (s *signed) leave(ctx context.Context, name, why string) error {
	record := s.record(name)
	record.Failed = why
	return s.setRecord(ctx, name, record)
}

// backToLoose has the loose files count again, all of them or none.
func (s *signed) backToLoose(ctx context.Context, to Rollback) error {
	if s.RequireSigned {
		return fmt.Errorf("%w: fleet.require_signed is set in gatehouse.yaml", ErrUnusable)
	}
	if s.inForce == "" && !s.blocked {
		return fmt.Errorf("%w: the loose files are in force", ErrNoVersion)
	}
	draft, objects, problems := load.LoadObjects(s.r.cfg.FS(), load.Options{
		Now: s.r.cfg.Now(), Unchanged: s.r.cfg.Indexer.Unchanged, Named: s.r.cfg.Named})
	if draft == nil || problems.HasErrors() {
		return fmt.Errorf("%w: the loose files are not valid; run gatehouse check: %v", ErrUnusable, problems)
	}
	fresh, err := s.r.prepare(ctx, draft)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	old := s.inForce
	if err := s.turnToLoose(ctx, to); err != nil {
		return fmt.Errorf("%w: %w", ErrUnusable, err)
	}
	s.r.swap(fresh)
	s.inForce, s.blocked, s.r.inForce, s.ignored, s.passed = "", false, objects, "", nil
	s.releaseIndex(ctx)
	s.r.cfg.Logger.Warn("loose files count again", "from", old, "by", to.By, "reason", to.Reason,
		"generation", s.r.generation)
	s.r.editBundles(func(b *BundleState) { b.Ignored = nil })
	s.r.publish(Result{Generation: s.r.generation, Swapped: true, Problems: problems, At: s.r.cfg.Now()})
	return nil
}

// turnToLoose has no version count. What is left is remembered first: if the process ends before
// the link is gone, the next start forgets it again.
func (s *signed) turnToLoose(ctx context.Context, to Rollback) error {
	old := s.counts
	if old == "" {
		return s.turn("")
	}
	if err := s.leave(ctx, old, to.text()); err != nil {
		return err
	}
	if err := s.turn(""); err != nil {
		return errors.Join(err, s.leave(ctx, old, ""))
	}
	return nil
}
