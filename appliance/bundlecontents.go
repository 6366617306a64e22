package appliance

import (
	"errors"
	"fmt"
	"sync"

	"gatehouse/appliance/contents"
	"gatehouse/authcore/snapshot"
	"gatehouse/sync/bundle"
	"gatehouse/sync/reconcile"
	"gatehouse/sync/versions"
	"gatehouse/webui"
)

// maxComparisons is how many are remembered: those of every pair of versions that are kept.
const maxComparisons = 8

// comparisons are what versions change, as far as somebody has asked: versions never change, so
// that a page that is looked at again costs nothing.
type comparisons struct {
	mu   sync.Mutex // held while a version is read: one pair at a time is in memory
	done []comparison
}

// A comparison is what one version changes against another one; From and To are not filled in.
type comparison struct {
	from, to string
	changes  *webui.BundleChanges // not written any more
}

// bundleContents tells what a version consists of, or the loose files in force.
func (a *Appliance) bundleContents(version string) (*webui.BundleContents, error) {
	if objects, ok := a.reconciler.LooseObjects(); ok && (version == "" || version == LooseFiles) {
		return &webui.BundleContents{Objects: contents.OfLoose(objects)}, nil
	}
	state := a.reconciler.Bundles()
	v, err := state.KeptVersion(version)
	if err != nil {
		return nil, orderError(err)
	}
	a.compared.mu.Lock()
	defer a.compared.mu.Unlock()
	b, err := a.reconciler.ReadKept(v, contents.Wanted())
	if err != nil {
		return nil, keptError(v, err)
	}
	of := a.bundleVersion(&state, v)
	return &webui.BundleContents{Version: &of, Objects: contents.Of(b).Objects, Secrets: len(b.SecretNames())}, nil
}

// keptError says of a version that cannot be read what to do about it.
func keptError(v *reconcile.KeptVersion, err error) error {
	if bundle.AsError(err) != nil || errors.Is(err, versions.ErrDamaged) {
		return fmt.Errorf("%w: serial %d is damaged on the disk (%w): have the bundle brought here again",
			webui.ErrRefused, v.Serial, err)
	}
	return err
}

// bundleChanges tells what is different in the version to other than in from.
func (a *Appliance) bundleChanges(from, to string) (*webui.BundleChanges, error) {
	state := a.reconciler.Bundles()
	after, err := state.KeptVersion(to)
	if err != nil {
		return nil, orderError(err)
	}
	before := state.BeforeVersion(after)
	if from != "" {
		before, err = state.KeptVersion(from)
	} else if before == nil {
		err = fmt.Errorf("%w: there is none before %s to compare with", reconcile.ErrNoVersion, after.Name)
	}
	if err != nil {
		return nil, orderError(err)
	}
	found, err := a.compare(before, after)
	if err != nil {
		return nil, err
	}
	c := *found
	c.From, c.To = a.bundleVersion(&state, before), a.bundleVersion(&state, after)
	return &c, nil
}

// compare compares two versions, once.
func (a *Appliance) compare(before, after *reconcile.KeptVersion) (*webui.BundleChanges, error) {
	a.compared.mu.Lock()
	defer a.compared.mu.Unlock()
	for i := range a.compared.done {
		if c := &a.compared.done[i]; c.from == before.Name && c.to == after.Name {
			return c.changes, nil
		}
	}
	c := &webui.BundleChanges{Objects: []webui.BundleFileChange{}, Changes: []webui.BundleChange{}}
	if err := a.compareAnew(c, before, after); err != nil {
		return nil, err
	}
	if len(a.compared.done) == maxComparisons {
		a.compared.done = a.compared.done[1:]
	}
	a.compared.done = append(a.compared.done, comparison{before.Name, after.Name, c})
	return c, nil
}

// compareAnew reads both versions twice: once for their files, of which it holds little, and once
// for what they mean, if they are small enough to be held.
func (a *Appliance) compareAnew(c *webui.BundleChanges, before, after *reconcile.KeptVersion) error {
	var lists [2]*contents.List
	var bundles [2]*bundle.Bundle
	var drafts [2]*snapshot.Draft
	for i, v := range []*reconcile.KeptVersion{before, after} {
		b, err := a.reconciler.ReadKept(v, contents.Wanted())
		if err != nil {
			return keptError(v, err)
		}
		lists[i] = contents.Of(b)
	}
	contents.Files(c, lists[0], lists[1])
	for i, v := range []*reconcile.KeptVersion{before, after} {
		var err error
		if bundles[i], drafts[i], c.NotCompared, err = a.reconciler.LoadKept(v); err != nil {
			return keptError(v, err)
		}
		if c.NotCompared != "" {
			return nil
		}
	}
	return contents.Meaning(c, drafts[0], drafts[1], bundles[0].NextKeys, bundles[1].NextKeys)
}
