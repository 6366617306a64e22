package appliance

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"syscall"
	"time"

	"gatehouse/appliance/confdir"
	"gatehouse/sync/load"
	"gatehouse/sync/reconcile"
	"gatehouse/webui"
)

// maxEdit is how long a person waits until his change is in force.
const maxEdit = 5 * time.Second

// openConfig makes what changes the configuration directory.
func (a *Appliance) openConfig() {
	_, _ = rand.Read(a.versionKey[:]) // never fails
	if a.config.Dir == "" {
		return
	}
	a.confdir = confdir.Open(a.config.Dir, func() load.Options {
		opt := load.Options{Now: a.config.Now(), Named: a.config.Boot.Files()}
		if opt.Unchanged = a.store.Unchanged; a.managed() == nil {
			opt.LastGood = a.holder.Load()
		}
		return opt
	})
}

// managed says why the configuration directory is not changed here; nil: it is.
func (a *Appliance) managed() error {
	state := a.reconciler.Bundles()
	switch {
	case state.InForce != "" || state.Blocked:
		return fmt.Errorf("%w: the configuration is managed by head office: a signed bundle is in force, and changes come with the next one", webui.ErrRefused)
	case a.bundles.RequireSigned:
		return fmt.Errorf("%w: the configuration is managed by head office: fleet.require_signed is set in gatehouse.yaml, so that only signed bundles count", webui.ErrRefused)
	case a.confdir == nil:
		return fmt.Errorf("%w: the configuration directory cannot be changed from here", webui.ErrRefused)
	}
	return nil
}

// An edit is what somebody changes of the configuration directory.
type edit struct {
	by   string // account or console, for the log
	what string // likewise: a constant phrase
	file string // that it is about, likewise
	// prepare makes the change of the files as they are. Its error is returned as it is.
	prepare func() (confdir.Change, error)
}

// edit carries an edit out and returns the generation that has it: 0 if it is written and not in
// force yet, because the reconciler is busy or nothing can be in force for other reasons. Errors
// wrap webui.ErrInvalid where the configuration would be wrong, and webui.ErrRefused where it may
// not be written, or somebody else's change meanwhile keeps it from being in force.
func (a *Appliance) edit(e edit) (uint64, error) {
	if err := a.managed(); err != nil {
		return 0, err
	}
	var change confdir.Change
	err := a.confdir.Edit(context.Background(), func() (_ confdir.Change, err error) {
		change, err = e.prepare()
		return change, err
	})
	if err != nil {
		return 0, editError(err)
	}
	log := a.config.Logger.With("part", "edit", "by", e.by, "file", e.file)
	ctx, cancel := context.WithTimeout(context.Background(), maxEdit)
	defer cancel()
	result, err := a.reconciler.Edited(ctx, change.Remove)
	if err != nil {
		log.Warn(e.what+", and not in force yet", "err", err)
		return 0, nil
	}
	if why := notInForce(result, change); why != nil {
		log.Warn(e.what+", and not in force", "generation", result.Generation, "err", why)
		return 0, fmt.Errorf("%w: it is written, and not in force: %w", webui.ErrRefused, why)
	}
	log.Info(e.what, "generation", result.Generation)
	return result.Generation, nil
}

// notInForce says why what was written is not in force all the same: somebody may have changed
// another file meanwhile.
func notInForce(result reconcile.Result, change confdir.Change) error {
	if result.Err != nil {
		return result.Err
	}
	for _, f := range change.Write {
		for _, p := range result.Problems {
			if p.Severity == load.Error && p.File == f.Path {
				return errors.New(p.String())
			}
		}
	}
	return nil
}

// editError says to the API what kind of error it is.
func editError(err error) error {
	var refused *confdir.RefusedError
	switch {
	case errors.As(err, &refused):
		return fmt.Errorf("%w: %w", webui.ErrInvalid, err)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w: the service may not write the configuration directory: under systemd add ReadWritePaths=/etc/gatehouse in a drop-in and let its user own the directory, or change the file as root on the device (%w)",
			webui.ErrRefused, err)
	case errors.Is(err, syscall.ENOSPC), errors.Is(err, syscall.EDQUOT):
		changed := "nothing was changed"
		if errors.Is(err, confdir.ErrPartly) {
			changed = "a part of it was changed"
		}
		return fmt.Errorf("%w: the disk is full: %s; make room where the configuration lies (df and df -i on the device say how it stands), then do it again (%w)",
			webui.ErrRefused, changed, err)
	}
	return err
}
