package appliance

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"time"

	"gatehouse/authcore/revocation"
	"gatehouse/authcore/snapshot"
	"gatehouse/sync/load"
	"gatehouse/webui"
)

// What commands about the standing of certificates ask and print, by the names of their makers:
// commands know the appliance alone.
type (
	OCSPCheck          = revocation.Check
	OCSPResponderCheck = revocation.ResponderCheck
	OCSPStep           = revocation.StepCheck
	OCSPEntry          = revocation.EntryReport
	OCSPList           = webui.OCSPList
	OCSPPurge          = webui.OCSPPurge
	OCSPPurged         = webui.OCSPPurged
)

// ErrNoIssuer is what CheckOCSP returns for a certificate that nobody can be asked about.
var ErrNoIssuer = revocation.ErrNoIssuer

// ParseSerial reads a serial number in hexadecimal, however it is written, and returns it as
// OCSPEntry has it.
func ParseSerial(text string) (string, error) { return revocation.ParseSerial(text) }

// ocsp is what `gatehouse ocsp` asks. That nothing is in force is no reason not to ask a responder.
func (a *Appliance) ocsp() webui.OCSP {
	return webui.OCSP{
		List: func() []revocation.EntryReport { return a.revocation.List() },
		Check: func(ctx context.Context, certificate []byte) (revocation.Check, error) {
			chain, err := parseChain(certificate)
			if err != nil {
				return revocation.Check{}, fmt.Errorf("%w: %w", webui.ErrInvalid, err)
			}
			check, err := a.revocation.Check(ctx, chain)
			if errors.Is(err, revocation.ErrNoIssuer) {
				err = fmt.Errorf("%w: %w", webui.ErrNotFound, err)
			}
			return check, err
		},
		Purge: a.purgeOCSP,
	}
}

// purgeOCSP forgets answers. The next sign-in by one of those certificates asks anew.
func (a *Appliance) purgeOCSP(p revocation.Purge) (webui.OCSPPurged, error) {
	if p.CA != "" && !a.hasCA(p.CA) {
		return webui.OCSPPurged{}, fmt.Errorf("%w: no CA in force has the name %q", webui.ErrNotFound, p.CA)
	}
	var done webui.OCSPPurged
	if !p.Revoked {
		for _, e := range a.revocation.List() {
			named := p.All || e.CA == p.CA && p.CA != "" || e.Serial == p.Serial && p.Serial != ""
			if named && e.Status == revocation.Revoked.String() {
				done.KeptRevoked++
			}
		}
	}
	var err error
	done.Forgotten, err = a.revocation.Forget(p)
	a.config.Logger.Info("a person has answers about certificates forgotten", "part", "revocation",
		"serial", p.Serial, "ca", p.CA, "all", p.All, "revoked", p.Revoked, "count", done.Forgotten)
	return done, err
}

func (a *Appliance) hasCA(name string) bool {
	sn := a.holder.Load()
	return sn != nil && slices.ContainsFunc(sn.Draft().CAs, func(ca *snapshot.CA) bool { return ca.Name == name })
}

// CheckOCSP asks, by the configuration in fsys, every responder about the first certificate in
// data (PEM with its chain, or DER). It is what the running process would find out, but for what
// that knows already. Errors: ErrNoConfiguration, revocation.ErrNoIssuer, or what is wrong with
// data.
func CheckOCSP(ctx context.Context, fsys fs.FS, data []byte, now time.Time) (revocation.Check, error) {
	chain, err := parseChain(data)
	if err != nil {
		return revocation.Check{}, err
	}
	sn, _, err := sealOffline(fsys, load.Options{Now: now})
	if err != nil {
		return revocation.Check{}, err
	}
	var holder snapshot.Holder
	holder.Swap(sn)
	return offlineSource(&holder, now).Check(ctx, chain)
}

// offlineSource knows nothing, and asks.
func offlineSource(holder *snapshot.Holder, now time.Time) *revocation.Source {
	return revocation.NewSource(revocation.Config{
		Snapshots: holder, Logger: slog.New(slog.DiscardHandler),
		Clock:   func() revocation.Moment { return revocation.Moment{Now: now, Sure: true} },
		Fetcher: revocation.NewFetcher(revocation.FetchConfig{}),
	})
}
