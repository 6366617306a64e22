package appliance

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"
	"time"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/eap/eaptls"
	"gatehouse/authcore/supplicant"
)

// An attempt is one sign-in to be tried.
type attempt struct {
	server     string // name of the RADIUS server
	credential int    // index
	version    uint16 // of TLS
}

// attempts lists every RADIUS server with every credential and TLS version, so that after one
// for each server every credential and version has had its turn, if servers suffice.
func (r *rehearsal) attempts() []attempt {
	type pair struct {
		credential int
		version    uint16
	}
	var pairs []pair
	for credential := range r.credentials {
		for _, version := range r.versions() {
			pairs = append(pairs, pair{credential, version})
		}
	}
	var list []attempt
	for round := range pairs {
		for i, server := range r.servers {
			p := pairs[(i+round)%len(pairs)]
			list = append(list, attempt{server, p.credential, p.version})
		}
	}
	return list
}

// versions lists the TLS versions that the policy allows.
func (r *rehearsal) versions() (list []uint16) {
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		if v >= r.rules.TLSMin && v <= r.rules.TLSMax {
			list = append(list, v)
		}
	}
	return list
}

// trySignIns signs a made-up user in at every RADIUS server that takes certificates, with every
// credential and TLS version. A slow device with many of them tries as many as fit into two
// thirds of the time that there is, and says so.
func (a *Appliance) trySignIns(ctx context.Context) []finding {
	sn := a.holder.Load()
	if sn == nil {
		return []finding{{ErrNoConfiguration, "no configuration is in force"}}
	}
	r, err := a.rehearse(sn)
	if err != nil {
		return []finding{{errNoSignIn, err.Error()}}
	}
	defer r.close()
	var found []finding
	list, enough := r.attempts(), enoughOf(ctx)
	for i, at := range list {
		if !enough.IsZero() && time.Now().After(enough) || ctx.Err() != nil {
			a.config.Logger.Warn("the trial had no time for all sign-ins", "part", "trial",
				"count", i, "among", len(list))
			break
		}
		if text := r.try(ctx, at); text != "" && ctx.Err() == nil {
			found = append(found, finding{errNoSignIn, text})
		}
		if len(found) > maxFindings {
			break
		}
	}
	return found
}

// enoughOf returns when two thirds of the time that ctx leaves are over; zero: ctx sets no end.
func enoughOf(ctx context.Context) time.Time {
	end, ok := ctx.Deadline()
	if !ok {
		return time.Time{}
	}
	return end.Add(-time.Until(end) / 3)
}

// try signs in once, and says what goes wrong; "": nothing does.
func (r *rehearsal) try(ctx context.Context, at attempt) string {
	r.shown, r.told = at.credential, audit.Event{}
	conn, err := supplicant.Over(r.peerConfig(at.version), r.link(at.server))
	if err != nil {
		return r.words(at, err.Error())
	}
	conversation := conn.Begin()
	defer conversation.Close()
	report, err := conversation.Finish(ctx)
	if err == nil && report.Result == supplicant.ResultAccept && report.KeysOK {
		return ""
	}
	why := report.Reason
	if err != nil && !errors.Is(err, supplicant.ErrTimeout) {
		why = err.Error()
	}
	for _, step := range report.Steps {
		if step.State == supplicant.StepFailed {
			why = fmt.Sprintf("it fails at the step %q: %s", step.Name, why)
			break
		}
	}
	return r.words(at, why)
}

// words says in one line what was tried and why it failed.
func (r *rehearsal) words(at attempt, why string) string {
	shown := r.credentials[at.credential]
	size := 0
	for _, der := range shown.tls.Certificate {
		size += len(der)
	}
	text := fmt.Sprintf("RADIUS server %q, credential %q (%d bytes of certificates, "+
		"in fragments of %d), %s: nobody can sign in: %s", at.server, shown.name, size,
		min(r.rules.FragmentSize, eaptls.DefaultFragmentSize), tls.VersionName(at.version), why)
	if r.told.Reason != "" && r.told.Reason != audit.Accepted {
		text += strings.TrimSuffix(fmt.Sprintf("; the gateway's own reason is %s: %s",
			r.told.Reason, r.told.Detail), ": ")
	}
	return text
}
