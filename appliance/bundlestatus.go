package appliance

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"time"

	"gatehouse/sync/fetch"
	"gatehouse/sync/load"
	"gatehouse/sync/reconcile"
	"gatehouse/sync/versions"
	"gatehouse/webui"
)

// What commands about bundles ask and print, by the names of their makers: commands know the
// appliance alone.
type (
	Bundle         = webui.Bundle
	BundleVersion  = webui.BundleVersion
	BundleRefusal  = webui.BundleRefusal
	BundlePush     = webui.BundlePush
	BundleRollback = webui.BundleRollback
	BundleContents = webui.BundleContents
	BundleChanges  = webui.BundleChanges
	BundleChange   = webui.BundleChange
)

// The states of a BundlePush.
const (
	PushPending    = webui.PushPending
	PushTrying     = webui.PushTrying
	PushApplied    = webui.PushApplied
	PushUnchanged  = webui.PushUnchanged
	PushRefused    = webui.PushRefused
	PushRolledBack = webui.PushRolledBack
)

// LooseFiles is what a BundleRollback goes back to if that is no bundle.
const LooseFiles = reconcile.Loose

// maxRollback is how long a person waits for a rollback: the trial, and what comes before it.
const maxRollback = 90 * time.Second

// bundlesAPI is what the API asks about bundles.
func (a *Appliance) bundlesAPI() webui.Bundles {
	return webui.Bundles{
		State: a.bundleState, Contents: a.bundleContents, Changes: a.bundleChanges, Push: a.pushBundle, Pushed: a.pushed,
		RollBack: func(o webui.BundleRollback) error {
			ctx, cancel := context.WithTimeout(context.Background(), maxRollback)
			defer cancel()
			return orderError(a.reconciler.RollBack(ctx, reconcile.Rollback{To: o.To, By: o.By, Reason: o.Reason}))
		},
		ResetTrust: func(by string) error {
			ctx, cancel := context.WithTimeout(context.Background(), maxRollback)
			defer cancel()
			return orderError(a.reconciler.ResetTrust(ctx, by))
		},
	}
}

// orderError says to the API what kind of error it is.
func orderError(err error) error {
	switch {
	case errors.Is(err, reconcile.ErrNoVersion):
		return fmt.Errorf("%w: %w", webui.ErrNotFound, err)
	case errors.Is(err, reconcile.ErrUnusable):
		return fmt.Errorf("%w: %w", webui.ErrRefused, err)
	}
	return err
}

// bundleState tells what is in force and what was refused.
func (a *Appliance) bundleState() webui.Bundle {
	state := a.reconciler.Bundles()
	b := webui.Bundle{
		Trying: state.Trying, Kept: []webui.BundleVersion{}, Waiting: listed(state.Waiting), Strays: listed(state.Strays),
		RequireSigned: a.bundles.RequireSigned, Ignored: listed(state.Ignored), Keys: []webui.BundleKey{},
		Rotated: state.Rotated, Serials: []webui.BundleSerial{}, Recipient: a.bundles.Identity.Recipient(),
		Problem: state.Err, Damaged: state.Damaged, Refused: refusal(state.Refused),
	}
	for i := range state.Kept {
		b.Kept = append(b.Kept, a.bundleVersion(&state, &state.Kept[i]))
		if state.Kept[i].InForce {
			b.InForce = &b.Kept[len(b.Kept)-1]
		}
	}
	if b.InForce != nil { // the slice has grown since
		inForce := *b.InForce
		b.InForce = &inForce
	}
	for _, k := range state.Keys {
		b.Keys = append(b.Keys, webui.BundleKey{Name: k.Name, ID: k.ID()})
	}
	for _, id := range slices.Sorted(maps.Keys(state.Serials)) {
		b.Serials = append(b.Serials, webui.BundleSerial{KeyID: id, Serial: state.Serials[id]})
	}
	if a.fetcher != nil {
		b.Pull = bundlePull(a.fetcher.Status())
	}
	return b
}

func listed(names []string) []string { return append([]string{}, names...) }

func (a *Appliance) bundleVersion(state *reconcile.BundleState, v *reconcile.KeptVersion) webui.BundleVersion {
	version := webui.BundleVersion{
		Name: v.Name, BundleID: v.BundleID, Serial: v.Serial, SHA256: v.SHA256,
		Signer:  webui.BundleKey{Name: v.Signer, ID: v.SignerID},
		Created: v.Created, Expires: v.Expires, Expired: a.isExpired(v.VersionRecord),
		Applied: v.Applied, Since: v.Since, Arrived: v.Arrived, Confirmed: v.Confirmed, Canary: v.Canary,
		Changelog: v.Changelog, SourceURL: v.Source.URL, SourceCommit: v.Source.Commit,
		InForce: v.InForce, Failed: v.Failed, Refused: v.Refused, Looked: v.Looked,
	}
	if before := state.BeforeVersion(v); before != nil {
		version.Before = before.Name
	}
	return version
}

func bundlePull(s fetch.Status) *webui.BundlePull {
	return &webui.BundlePull{
		Address: s.Address, LastTry: s.LastTry, LastSuccess: s.LastSuccess, LastArrival: s.LastArrival,
		Next: s.Next, Error: s.Err, Requests: s.Requests, Bytes: s.Bytes, NotModified: s.NotModified,
		Failures: s.Failures,
	}
}

func refusal(r *reconcile.Refusal) *webui.BundleRefusal {
	if r == nil {
		return nil
	}
	return &webui.BundleRefusal{
		At: r.At, File: r.File, SHA256: r.SHA256, BundleID: r.BundleID, Serial: r.Serial,
		Signer: webui.BundleKey{Name: r.Signer, ID: r.SignerID},
		Code:   string(r.Code), ExitCode: r.ExitCode, Text: r.Text, Problems: problems(r.Problems),
	}
}

// problems are those of a load, for the API.
func problems(found load.Problems) []webui.Problem {
	list := make([]webui.Problem, 0, len(found))
	for _, p := range found {
		list = append(list, webui.Problem{
			File: p.File, Line: p.Line, Column: p.Column, Severity: string(p.Severity),
			Object: p.Object, Text: p.Text, Remedy: p.Remedy, Effect: string(p.Effect),
		})
	}
	return list
}

// pushed tells what became of an archive that was pushed.
func (a *Appliance) pushed(hash string) (webui.BundlePush, bool) {
	push := webui.BundlePush{SHA256: hash, State: webui.PushPending}
	state := a.reconciler.Bundles()
	if o, ok := state.Outcome(hash); ok {
		push.State, push.Version, push.Text, push.Refusal = o.State, o.Version, o.Text, refusal(o.Refusal)
		return push, true
	}
	_, err := os.Lstat(filepath.Join(a.incoming, pushPrefix+filepath.Base(hash)+versions.ArchiveSuffix))
	return push, !errors.Is(err, fs.ErrNotExist)
}
