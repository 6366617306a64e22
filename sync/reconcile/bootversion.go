package reconcile

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"sort"
	"strings"

	"gatehouse/authcore/snapshot"
)

// start brings the version that counts in force, or the next best one that was kept. What is not
// confirmed yet goes on trial again.
func (s *signed) start(ctx context.Context) {
	name, err := s.Dir.Current()
	if err != nil {
		s.blocked = true
		s.complain(err)
		return
	}
	s.counts = name
	s.rememberRefused()
	if name == "" {
		return
	}
	if failed := s.countStart(ctx, name); failed {
		if name = s.record(name).Before; name == "" {
			s.r.cfg.Logger.Error("going back to loose files")
			return
		}
	}
	for _, candidate := range s.candidates(name) {
		l, fresh, err := s.load(ctx, candidate)
		if err != nil {
			s.complain(fmt.Errorf("the version of before the start cannot be used: %w", err))
			s.damaged = s.trouble
			continue
		}
		s.restart(ctx, l, fresh, name)
		return
	}
	s.r.publish(Result{At: s.r.cfg.Now(), Err: fmt.Errorf("version %s counts, and neither it nor another one "+
		"on the disk can be read: have the bundle brought here again", name)})
	s.blocked = true // loose files must not take the place of what was signed
}

// rememberRefused has the last refusal shown, also after a restart.
func (s *signed) rememberRefused() {
	var r Refusal
	if s.recall(refusedKey, &r) {
		s.r.editBundles(func(b *BundleState) { b.Refused = &r })
	}
}

// countStart counts the starts of a version on trial, and takes it out of force when there have
// been so many that it may be what ends the process, or when it was about to be taken out.
func (s *signed) countStart(ctx context.Context, name string) (failed bool) {
	record := s.record(name)
	switch {
	case record.Confirmed && record.Failed == "":
		return false
	case record.Confirmed: // the process ended before it was left for loose files
		record.Failed = ""
	default:
		record.Starts++
		if record.Starts > maxStarts && record.Failed == "" {
			record.Failed = fmt.Sprintf("the process ended %d times while it was on trial", maxStarts)
		}
	}
	if record.Failed == "" {
		if err := s.setRecord(ctx, name, record); err != nil {
			s.complain(err)
		}
		return false
	}
	s.r.cfg.Logger.Error("bundle rolled back", "bundle", record.BundleID, "serial", record.Serial,
		"sha256", record.SHA256, "err", record.Failed, "version", orLoose(record.Before))
	s.counts, s.taken = record.Before, &taken{name, record}
	s.settle(ctx)
	s.rolledBack(ctx, record, record.Failed)
	return true
}

// candidates returns the versions that may come into force at a start: the one that counts, then
// those that have worked, latest first. If what is remembered of versions was lost, any of them.
func (s *signed) candidates(name string) []string {
	list := []string{name}
	lost := s.isForgotten(name)
	kept := s.history()
	sort.Slice(kept, func(i, j int) bool {
		a, b := &kept[i], &kept[j]
		return cmp.Or(cmp.Compare(b.Serial, a.Serial), strings.Compare(b.Name, a.Name)) < 0
	})
	for _, v := range kept {
		if v.Name != name && v.works(lost) {
			list = append(list, v.Name)
		}
	}
	return list
}

// load opens a version on the disk and makes a Snapshot of it. It is verified as when it came,
// but for what was settled then: whether it is for this gateway, its serial and its dates.
func (s *signed) load(ctx context.Context, name string) (*loaded, *snapshot.Snapshot, error) {
	v, opt, err := s.stored(name, s.record(name).Signer)
	if err != nil {
		return nil, nil, err
	}
	defer v.Archive.Close() // opened for reading: closing loses nothing
	l, done, err := s.open(v, opt)
	if err != nil {
		return nil, nil, err
	}
	defer done()
	switch {
	case l.name != name:
		return nil, nil, fmt.Errorf("version %s holds %s", name, l.name)
	case !l.SecretsOpened:
		return nil, nil, errors.New("its secrets cannot be opened: this gateway has no identity")
	case l.draft == nil || l.problems.HasErrors():
		return nil, nil, fmt.Errorf("it is no longer valid: %v", l.problems)
	}
	fresh, err := s.r.prepare(ctx, l.draft)
	return l, fresh, err
}

// restart puts a version from the disk in force. It is not the one that counts if that was
// damaged.
func (s *signed) restart(ctx context.Context, l *loaded, fresh *snapshot.Snapshot, counts string) {
	if err := s.raise(ctx, l.Signer.ID(), l.Manifest.Serial, l.hash); err != nil {
		s.complain(err)
	}
	s.bring(l, fresh)
	s.r.cfg.Logger.Info("bundle in force", "bundle", l.Manifest.BundleID, "serial", l.Manifest.Serial,
		"signer", l.Signer.Name, "key", l.Signer.ID(), "sha256", l.hash, "generation", s.r.generation)
	if err := s.claimIndex(ctx); err != nil {
		s.complain(err)
	}
	record := s.record(l.name)
	switch {
	case l.name != counts: // damaged
	case record.Confirmed:
		s.prune(ctx) // what a process that was killed has left
	default:
		s.onTrial(ctx, l, before{version: record.Before})
	}
}

// reindex brings what is in force into force once more, for the index has lost users.
func (s *signed) reindex(ctx context.Context) {
	l, fresh, err := s.load(ctx, s.inForce)
	if err != nil {
		s.complain(fmt.Errorf("indexing the users again: %w", err))
		s.r.lost.Store(true)
		return
	}
	s.bring(l, fresh)
}
