package appliance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"

	"gatehouse/appliance/journal"
	"gatehouse/appliance/pairstore"
	"gatehouse/authcore/saml"
	"gatehouse/authcore/saml/pair"
	"gatehouse/authcore/snapshot"
	"gatehouse/sync/load"
	"gatehouse/webui"
)

// samlAPI is what the API asks about apps.
func (a *Appliance) samlAPI() webui.SAML {
	return webui.SAML{Apps: a.apps, Change: a.changeApp, Certificate: a.appCertificate,
		Metadata: a.appMetadata, Compare: a.compareApp, Rehearse: a.rehearseApp}
}

// handed is what service providers were given of an app. It outlives the process, for the fault
// that it explains shows months later.
type handed struct {
	Downloaded string    `json:"downloaded,omitempty"` // fingerprint of the certificate
	ETag       string    `json:"etag,omitempty"`       // of the metadata
	Exported   time.Time `json:"exported,omitzero"`
}

func (a *Appliance) handed(app string) (h handed) {
	if r, ok := a.journal.Last(journal.App, app); ok {
		if json.Unmarshal(r.Value, &h) != nil {
			h = handed{}
		}
	}
	return h
}

// remember writes down what was given. A failure costs a hint.
func (a *Appliance) remember(app string, edit func(*handed)) {
	h := a.handed(app)
	before := h
	if edit(&h); h == before {
		return
	}
	value, err := json.Marshal(h)
	if err == nil {
		err = a.journal.Append(context.Background(), journal.Record{Kind: journal.App, Key: app, Value: value, Time: a.config.Now()})
	}
	if err != nil {
		a.config.Logger.Warn("what was handed out of an app is not remembered", "part", "saml", "app", app, "err", err)
	}
}

// apps tells how every app in force stands.
func (a *Appliance) apps() []webui.SAMLApp {
	list := []webui.SAMLApp{}
	sn := a.holder.Load()
	if sn == nil {
		return list
	}
	now, _ := a.clock.Now()
	for _, name := range sn.AppNames() {
		app := describeApp(sn, sn.App(name), now)
		h := a.handed(name)
		app.Downloaded, app.Exported = h.Downloaded, h.Exported
		app.Warning = sn.App(name).Pairs.DownloadWarning(h.Downloaded)
		if h.ETag != "" && app.Ready {
			if _, etag, err := metadataOf(sn, sn.App(name)); err == nil {
				app.Changed = etag != h.ETag
			}
		}
		list = append(list, app)
	}
	return list
}

// describeApp tells how an app stands, as far as its files say.
func describeApp(sn *snapshot.Snapshot, app *snapshot.App, now time.Time) webui.SAMLApp {
	d := webui.SAMLApp{Name: app.Name, Label: app.Label(), Activated: app.Activated,
		EntityID: app.SP.EntityID, ACS: []string{}, Pairs: app.Pairs.Status(now), Can: map[string]string{}, Entails: map[string][]string{}}
	for _, acs := range app.SP.ACS {
		d.ACS = append(d.ACS, acs.Location)
	}
	if signer, ok := app.Pairs.Signer(); ok {
		d.Signs = pair.Fingerprint(signer.Certificate)
	}
	if idp := sn.IDP(); idp != nil {
		d.IDPEntityID, d.SignIn = idp.EntityID, webui.SignInURL(idp.Host, app.Name, "sso")
		d.Start, d.MetadataURL = webui.SignInURL(idp.Host, app.Name, "start"), webui.SignInURL(idp.Host, app.Name, "metadata.xml")
	}
	switch {
	case sn.IDP() == nil:
		d.Reason = "saml/idp.yaml is missing: nobody can sign in anywhere"
	case !app.Activated:
		d.Reason = "activated is false in app.yaml"
	case d.Signs == "":
		d.Reason = "there is no active certificate and key: gatehouse saml activate " + app.Name
	default:
		d.Ready = true
	}
	for _, action := range []pair.Action{pair.ActionActivate, pair.ActionRegenerate, pair.ActionCompromised,
		pair.ActionPromote, pair.ActionRetire, pair.ActionDiscard, pair.ActionUpload} {
		d.Can[string(action)], d.Entails[string(action)] = "", append([]string{}, app.Pairs.Consequences(action)...)
		if err := app.Pairs.Can(action, now); err != nil {
			d.Can[string(action)] = err.Error()
		}
	}
	return d
}

// appNamed returns an app in force.
func (a *Appliance) appNamed(name string) (*snapshot.Snapshot, *snapshot.App, error) {
	sn := a.holder.Load()
	if sn == nil || sn.App(name) == nil {
		return nil, nil, fmt.Errorf("%w: no app in force has the name %q", webui.ErrNotFound, name)
	}
	return sn, sn.App(name), nil
}

// changeApp changes the pairs of an app in the configuration directory, which is then read again.
func (a *Appliance) changeApp(name string, c webui.SAMLChange) (webui.SAMLApp, error) {
	sn, app, err := a.appNamed(name)
	if err != nil {
		return webui.SAMLApp{}, err
	}
	if app.Pairs.Managed {
		return webui.SAMLApp{}, fmt.Errorf("%w: app %s is managed by head office: its pairs are changed in the bundle", webui.ErrRefused, name)
	}
	now, sure := a.clock.Now()
	if !sure {
		return webui.SAMLApp{}, fmt.Errorf("%w: the clock is not believed, and a certificate has dates; see gatehouse clock", webui.ErrRefused)
	}
	store := pairstore.Open(a.config.Dir, nil)
	set, err := ChangePairs(store, name, c, now)
	if err != nil {
		return webui.SAMLApp{}, apiError(err)
	}
	a.config.Logger.Warn("pairs of an app changed", "part", "saml", "app", name, "action", string(c.Action))
	a.reconciler.Wake()
	after := *app
	after.Pairs = set
	return describeApp(sn, &after, now), nil
}

// apiError says to the API what kind of error it is.
func apiError(err error) error {
	var refused *pair.RefusedError
	var found pair.Findings
	switch {
	case errors.Is(err, pairstore.ErrNoApp):
		return fmt.Errorf("%w: %w", webui.ErrNotFound, err)
	case errors.As(err, &refused), errors.Is(err, ErrUnconfirmed):
		return fmt.Errorf("%w: %w", webui.ErrRefused, err)
	case errors.As(err, &found):
		return fmt.Errorf("%w: %w", webui.ErrInvalid, err)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, syscall.EROFS):
		return fmt.Errorf("%w: the service may not write the configuration directory: run gatehouse saml as root on the device (%w)",
			webui.ErrRefused, err)
	}
	return err
}

// ErrUnconfirmed says that the consequences of a change have not been confirmed; its text has them.
var ErrUnconfirmed = errors.New("this has to be confirmed")

// ChangePairs carries out an action on the pairs of an app. Errors: ErrUnconfirmed, those of
// package pair, and of the disk.
func ChangePairs(store *pairstore.Store, app string, c webui.SAMLChange, now time.Time) (pair.Set, error) {
	return store.Change(app, func(set pair.Set) (pair.Change, error) {
		if err := set.Can(c.Action, now); err != nil {
			return pair.Change{}, err
		}
		if consequences := set.Consequences(c.Action); len(consequences) > 0 && !c.Confirm && c.Action != pair.ActionUpload {
			return pair.Change{}, fmt.Errorf("%w: %w", ErrUnconfirmed, consequencesError(consequences))
		}
		switch c.Action {
		case pair.ActionActivate:
			return set.Activate(pair.Generate, now)
		case pair.ActionRegenerate:
			return set.Regenerate(pair.Generate, now)
		case pair.ActionCompromised:
			return set.RegenerateCompromised(pair.Generate, now)
		case pair.ActionPromote:
			return set.Promote(now)
		case pair.ActionRetire:
			return set.Retire(now)
		case pair.ActionDiscard:
			return set.Discard(now)
		default:
			return set.Upload(half(c.Certificate), half(c.Key), now)
		}
	})
}

// half is nil if nothing was uploaded.
func half(text string) []byte {
	if text == "" {
		return nil
	}
	return []byte(text)
}

// consequencesError are the consequences of a change, as an error, a line each.
type consequencesError []string

func (c consequencesError) Error() string {
	text := ""
	for i, line := range c {
		if i > 0 {
			text += "; "
		}
		text += line
	}
	return text
}

// appCertificate returns certificate.pem. Whoever takes that of next has a sticky warning until it
// is promoted.
func (a *Appliance) appCertificate(name string, role pair.Role) ([]byte, error) {
	_, app, err := a.appNamed(name)
	if err != nil {
		return nil, err
	}
	slots := map[pair.Role]pair.Slot{pair.Active: app.Pairs.Active, pair.Next: app.Pairs.Next, pair.Previous: app.Pairs.Previous}
	slot, ok := slots[role]
	if !ok || slot.Certificate == nil {
		return nil, fmt.Errorf("%w: app %s has no %s certificate", webui.ErrNotFound, name, role)
	}
	fingerprint := pair.Fingerprint(slot.Certificate)
	a.remember(name, func(h *handed) { h.Downloaded = fingerprint })
	if warning := app.Pairs.DownloadWarning(fingerprint); warning != "" {
		a.config.Logger.Warn("certificate downloaded that does not sign", "part", "saml", "app", name, "role", string(role), "err", warning)
	}
	return pair.CertificatePEM(slot.Certificate), nil
}

func (a *Appliance) appMetadata(name string) ([]byte, string, error) {
	sn, app, err := a.appNamed(name)
	if err != nil {
		return nil, "", err
	}
	data, etag, err := metadataOf(sn, app)
	if err != nil {
		return nil, "", fmt.Errorf("%w: %w", webui.ErrRefused, err)
	}
	now := a.config.Now()
	a.remember(name, func(h *handed) {
		if h.ETag != etag {
			h.ETag, h.Exported = etag, now
		}
	})
	return data, etag, nil
}

var errNoIDP = errors.New("saml/idp.yaml is missing")

// metadataOf returns our metadata for an app, with every key that signs or will.
func metadataOf(sn *snapshot.Snapshot, app *snapshot.App) ([]byte, string, error) {
	if sn.IDP() == nil {
		return nil, "", errNoIDP
	}
	provider, err := identityProvider(sn.IDP(), app, &saml.RequestMemory{})
	if err != nil {
		return nil, "", err
	}
	data, etag := provider.Metadata()
	return data, etag, nil
}

func (a *Appliance) compareApp(name string, data []byte) (*pair.Comparison, error) {
	_, app, err := a.appNamed(name)
	if err != nil {
		return nil, err
	}
	return pair.Compare(data, app.Pairs), nil
}

// What commands about apps ask and print, by the names of their makers.
type (
	SAMLApp        = webui.SAMLApp
	SAMLChange     = webui.SAMLChange
	SAMLLint       = webui.SAMLLint
	SAMLTrial      = webui.SAMLTrial
	SAMLComparison = pair.Comparison
)

// A SAMLAction is what may be done to the pairs of an app.
type SAMLAction = pair.Action

// The actions of a SAMLChange.
const (
	SAMLActivate    = pair.ActionActivate
	SAMLRegenerate  = pair.ActionRegenerate
	SAMLCompromised = pair.ActionCompromised
	SAMLPromote     = pair.ActionPromote
	SAMLRetire      = pair.ActionRetire
	SAMLDiscard     = pair.ActionDiscard
	SAMLUpload      = pair.ActionUpload
)

// LintSAML looks for what copying and pasting does to a certificate.
func LintSAML(data []byte) SAMLLint { return webui.LintSAML(data) }

// ErrManaged says that a bundle is in force, so that pairs are changed by head office.
var ErrManaged = errors.New("a bundle is in force: pairs are managed by head office, and changed there")

// ChangeApp changes the pairs of an app in a configuration directory, as root on the device does. The
// files belong to the service, whose state directory says who that is; a running service notices by
// itself. Errors: ErrManaged, ErrUnconfirmed, and those of ChangePairs.
func ChangeApp(configDir, stateDir, app string, c SAMLChange, now time.Time) (pair.Status, error) {
	if _, err := os.Lstat(filepath.Join(stateDir, "current")); err == nil {
		return pair.Status{}, ErrManaged
	}
	owner, err := pairstore.OwnerOf(stateDir)
	if err != nil {
		owner = nil // nobody has run on it yet
	}
	set, err := ChangePairs(pairstore.Open(configDir, owner), app, c, now)
	if err != nil {
		return pair.Status{}, err
	}
	return set.Status(now), nil
}

// LookAtApps tells how the apps of a configuration directory stand, without a running process.
func LookAtApps(fsys fs.FS, now time.Time) ([]SAMLApp, error) {
	sn, _, err := sealOffline(fsys, load.Options{Now: now})
	if err != nil {
		return nil, err
	}
	apps := []SAMLApp{}
	for _, name := range sn.AppNames() {
		apps = append(apps, describeApp(sn, sn.App(name), now))
	}
	return apps, nil
}

// SAMLAdvice leads from what service providers show to the check that explains it, for commands.
func SAMLAdvice() []pair.Advice { return pair.Advices() }
