package reconcile

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sort"

	"gatehouse/authcore/snapshot"
	"gatehouse/sync/bundle"
	"gatehouse/sync/load"
	"gatehouse/sync/versions"
)

// keepVersions is how many versions stay on the disk.
const keepVersions = 3

// before is what is in force until a version takes its place, to go back to.
type before struct {
	version  string // "": loose files, or nothing
	snapshot *snapshot.Snapshot
	inForce  load.Objects
	problems load.Problems
}

func (s *signed) before() before {
	return before{s.inForce, s.r.cfg.Holder.Load(), s.r.inForce, s.r.Last().Problems}
}

// activate puts a verified, valid bundle in force and on trial. Until the link current is
// turned, nothing has happened but that serials are raised, and an error leaves everything as it
// was. The order makes a crash harmless anywhere: the version is on the disk before its serial
// is used up, and that is before it counts.
func (s *signed) activate(ctx context.Context, a versions.Arrival, l *loaded) error {
	if err := s.claimIndex(ctx); err != nil {
		return err
	}
	fresh, err := s.r.prepare(ctx, l.draft)
	if err != nil {
		return err
	}
	v, err := s.Dir.OpenArrival(a)
	if err != nil {
		return err
	}
	defer v.Archive.Close() // opened for reading: closing loses nothing
	v.Key = l.Signer.Text()
	if err := s.Dir.Add(l.name, *v, l.Archive); err != nil {
		return err
	}
	old := s.before()
	record := s.fresh(l, s.how(a), old.version)
	if err := s.setRecord(ctx, l.name, record); err != nil {
		if !s.isForgotten(l.name) {
			return err
		}
		return errors.Join(err, s.Dir.Delete(l.name))
	}
	if err := s.raise(ctx, l.Signer.ID(), l.Manifest.Serial, l.hash); err != nil {
		return err
	}
	if err := s.turn(l.name); err != nil {
		return err
	}
	s.bring(l, fresh)
	s.r.cfg.Logger.Info("bundle in force, on trial", "bundle", l.Manifest.BundleID,
		"serial", l.Manifest.Serial, "signer", l.Signer.Name, "key", l.Signer.ID(), "sha256", l.hash,
		"arrived", record.Arrived, "generation", s.r.generation,
		"servers", len(l.draft.Servers), "users", l.draft.Users.Len())
	for _, w := range l.Warnings {
		s.r.cfg.Logger.Warn("bundle", "serial", l.Manifest.Serial, "code", w.Code, "err", w.Text)
	}
	s.damaged = ""
	s.onTrial(ctx, l, old)
	if ctx.Err() == nil {
		s.finish(a)
	}
	return nil
}

// fresh returns what is remembered of a bundle that is about to come into force.
func (s *signed) fresh(l *loaded, how, old string) VersionRecord {
	m, now := l.Manifest, s.r.cfg.Now()
	return VersionRecord{BundleID: m.BundleID, Serial: m.Serial, SHA256: l.hash,
		Signer: l.Signer.Name, SignerID: l.Signer.ID(), Created: m.Created, Expires: m.Expires,
		Canary: m.Canary, Changelog: m.Changelog, Source: m.Source,
		Arrived: how, Applied: now, Since: now, Before: old, Starts: 1}
}

// bring puts what was loaded in force.
func (s *signed) bring(l *loaded, fresh *snapshot.Snapshot) {
	l.draft.UserSets = nil // they have been indexed, and hold on to the whole archive
	s.r.swap(fresh)
	s.inForce, s.blocked, s.said = l.name, false, false
	s.r.inForce, s.r.seenAny = nil, false // loose files begin anew, should they count again
	logProblems(s.r.cfg.Logger, l.problems)
	s.r.publish(Result{Generation: s.r.generation, Swapped: true, Problems: l.problems, At: s.r.cfg.Now()})
}

// onTrial tries whether what is in force works, and goes back to old if it does not.
func (s *signed) onTrial(ctx context.Context, l *loaded, old before) {
	s.publishWith(func(b *BundleState) { b.Trying = l.name; b.settle(l.hash, Outcome{State: Trying, Version: l.name}) })
	err := s.try(ctx)
	switch {
	case ctx.Err() != nil: // it begins anew with the next start
		s.r.editBundles(func(b *BundleState) { b.Trying = "" })
	case err != nil:
		s.takeBack(ctx, l, old, err)
	default:
		s.count(ctx, l, old)
		s.passed = l
		s.confirm(ctx)
		s.publishWith(func(b *BundleState) {
			b.Trying = ""
			b.settle(l.hash, Outcome{State: Applied, Version: l.name})
		})
	}
}

func (s *signed) try(ctx context.Context) error {
	if s.Try == nil {
		return nil
	}
	wait := s.TryFor
	if wait <= 0 {
		wait = tryFor
	}
	ctx, cancel := context.WithTimeout(ctx, wait)
	defer cancel()
	return s.Try(ctx)
}

// count says how many people the new configuration refuses. That is no reason to go back: they
// may have been removed on purpose.
func (s *signed) count(ctx context.Context, l *loaded, old before) {
	if s.Refusing == nil || old.snapshot == nil {
		return
	}
	looked, refused := s.Refusing(old.snapshot, s.r.cfg.Holder.Load())
	if refused == 0 {
		return
	}
	record := s.record(l.name)
	record.Looked, record.Refused = looked, refused
	if err := s.setRecord(ctx, l.name, record); err != nil {
		s.r.cfg.Logger.Warn("how many people are refused now is forgotten with the next start", "err", err)
	}
	s.r.cfg.Logger.Warn("people who signed in lately are refused by the new configuration",
		"bundle", l.name, "refused", refused, "among", looked)
}

// confirm remembers that a version has passed its trial. Until that is on the disk it is tried
// again.
func (s *signed) confirm(ctx context.Context) {
	l := s.passed
	if l == nil {
		return
	}
	record := s.record(l.name)
	record.Confirmed, record.Worked, record.Starts = true, true, 0
	err := s.rotate(ctx, l.Bundle)
	if err == nil && record.Leaves != "" {
		err = s.leave(ctx, record.Before, record.Leaves)
		record.Leaves = ""
	}
	if err == nil {
		err = s.setRecord(ctx, l.name, record)
	}
	if err != nil {
		s.complain(fmt.Errorf("confirming bundle %s: %w", l.name, err))
		return
	}
	s.passed = nil
	s.r.cfg.Logger.Info("bundle has passed its trial", "bundle", l.Manifest.BundleID, "serial", l.Manifest.Serial)
	s.prune(ctx)
}

// takeBack goes back to what was in force before l. What serves comes first, the disk after.
func (s *signed) takeBack(ctx context.Context, l *loaded, old before, why error) {
	log := s.r.cfg.Logger
	record := s.record(l.name)
	record.Failed = why.Error()
	text := "the bundle was valid, and did not work: " + why.Error()
	if err := s.goBack(ctx, old); err != nil {
		log.Error("bundle does not work, and stays in force", "bundle", l.Manifest.BundleID,
			"serial", l.Manifest.Serial, "err", errors.Join(why, err))
		s.complain(fmt.Errorf("going back from bundle %s: %w", l.name, err))
		s.r.editBundles(func(b *BundleState) { b.Trying = "" })
		return
	}
	log.Error("bundle rolled back", "bundle", l.Manifest.BundleID, "serial", l.Manifest.Serial,
		"sha256", l.hash, "err", why, "version", orLoose(old.version), "generation", s.r.generation)
	s.counts, s.taken = old.version, &taken{l.name, record}
	s.settle(ctx)
	r := s.rolledBack(ctx, record, text)
	s.publishWith(func(b *BundleState) {
		b.Trying = ""
		b.settle(l.hash, Outcome{State: RolledBack, Version: l.name, Refusal: r})
	})
}

// rolledBack shows and remembers that a version was taken out of force.
func (s *signed) rolledBack(ctx context.Context, v VersionRecord, text string) *Refusal {
	r := &Refusal{Code: CodeRolledBack, ExitCode: exitInvalid, Text: text, At: s.r.cfg.Now(),
		SHA256: v.SHA256, BundleID: v.BundleID, Serial: v.Serial, Signer: v.Signer, SignerID: v.SignerID}
	s.showRefusal(ctx, r)
	return r
}

// showRefusal makes r the last refusal, also for the next start.
func (s *signed) showRefusal(ctx context.Context, r *Refusal) {
	if err := s.remember(ctx, refusedKey, r.bounded()); err != nil {
		s.r.cfg.Logger.Warn("the refusal is forgotten with the next start", "err", err)
	}
	s.r.editBundles(func(b *BundleState) { b.Refused = r })
}

// goBack puts in force what was before; nothing, if there was nothing.
func (s *signed) goBack(ctx context.Context, old before) error {
	if old.snapshot == nil && old.version != "" { // of before a restart
		l, again, err := s.load(ctx, old.version)
		if err != nil {
			return err
		}
		s.bring(l, again)
		return nil
	}
	s.inForce, s.r.inForce = old.version, old.inForce
	if old.snapshot == nil {
		s.r.cfg.Holder.Swap(nil)
		s.r.publish(Result{At: s.r.cfg.Now(), Err: errNothingBefore})
		return nil
	}
	draft := *old.snapshot.Draft()
	again, err := draft.Seal(s.r.generation + 1)
	if err != nil {
		return err // it was sealed before
	}
	s.r.swap(again)
	s.r.publish(Result{Generation: s.r.generation, Swapped: true, Problems: old.problems, At: s.r.cfg.Now()})
	return nil
}

var errNothingBefore = errors.New("the only bundle did not work, and there was nothing before it")

// prune removes the versions that nobody goes back to: all but what is in force, what was before
// it, and as many of the latest as are kept.
func (s *signed) prune(ctx context.Context) {
	s.crowded = false
	list := s.history()
	needed := func(v KeptVersion) bool { return v.InForce || v.Name == s.record(s.inForce).Before }
	room := keepVersions
	for _, v := range list {
		if needed(v) {
			room--
		}
	}
	for _, v := range list {
		if needed(v) {
			continue
		}
		if room--; room >= 0 {
			continue
		}
		err := s.forget(ctx, versionKey+v.Name) // first: what is still on the disk is seen again
		if err == nil {
			err = s.Dir.Delete(v.Name)
		}
		if err != nil {
			s.crowded = true
			s.retry(retryAfter)
			s.r.cfg.Logger.Warn("an old version cannot be removed", "version", v.Name, "err", err)
		}
	}
}

// history returns what is on the disk, what came into force last first.
func (s *signed) history() []KeptVersion {
	names, err := s.Dir.Names()
	if err != nil {
		s.r.cfg.Logger.Warn("the versions cannot be listed", "err", err)
	}
	var list []KeptVersion
	for _, name := range names {
		list = append(list, KeptVersion{Name: name, InForce: name == s.inForce, VersionRecord: s.record(name)})
	}
	sort.Slice(list, func(i, j int) bool { return list[i].Since.After(list[j].Since) })
	return list
}

func orLoose(version string) string {
	if version == "" {
		return "loose files"
	}
	return version
}

// hashOf returns the hash of an archive that was refused, for whoever asks what became of it.
func hashOf(v *versions.Version) string {
	if v.Size > bundle.MaxPackedBytes {
		return ""
	}
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(v.Archive, 0, v.Size)); err != nil {
		return ""
	}
	return fmt.Sprintf("%x", h.Sum(nil))
}

func (s *signed) removeScratch(dir string) {
	if err := os.RemoveAll(dir); err != nil {
		s.r.cfg.Logger.LogAttrs(context.Background(), slog.LevelWarn, "unpacked files are left", slog.Any("err", err))
	}
}
