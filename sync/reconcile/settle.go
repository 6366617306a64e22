package reconcile

import (
	"context"
	"errors"
	"fmt"
)

// taken is what is to be remembered of a version that was taken out of force. Until it is, it
// counts as remembered.
type taken struct {
	name   string
	record VersionRecord
}

// turn makes a version count, or none for "". After an error what counted before still does,
// which the next look sees to if it has to.
func (s *signed) turn(name string) error {
	if err := s.Dir.SetCurrent(name); err != nil {
		return errors.Join(err, s.turnBack())
	}
	s.counts = name
	return nil
}

// turnBack has the link current lead to what counts.
func (s *signed) turnBack() error {
	current, err := s.Dir.Current()
	if err != nil || current == s.counts {
		return err
	}
	return s.Dir.SetCurrent(s.counts)
}

// settle writes down what was taken out of force and why, and then what counts: also what the disk
// or the journal has prevented before. Were the link first and the process ended, what was taken
// out could come again; as it is, the next start takes it out again. A journal that will never
// write again does not hold up the link: with it no bundle is taken.
func (s *signed) settle(ctx context.Context) {
	var err error
	if t := s.taken; t != nil {
		err = s.setRecord(ctx, t.name, t.record)
	}
	if err == nil || s.Ledger.Err() != nil {
		err = errors.Join(err, s.turnBack())
	}
	if err != nil {
		s.complain(fmt.Errorf("writing down which version counts: %w", err))
	}
}

// claimIndex remembers that the index is about to hold users of a bundle: loose files never fall
// back on those.
func (s *signed) claimIndex(ctx context.Context) error {
	if s.hasIndex() {
		return nil
	}
	return s.remember(ctx, indexKey, "bundle")
}

// releaseIndex remembers that the index holds users of loose files.
func (s *signed) releaseIndex(ctx context.Context) {
	if !s.hasIndex() {
		return
	}
	if err := s.forget(ctx, indexKey); err != nil {
		s.r.cfg.Logger.Warn("broken files of users have nothing to fall back on at the next start", "err", err)
	}
}

func (s *signed) hasIndex() bool {
	_, ok := s.Ledger.Recall(indexKey)
	return ok
}
