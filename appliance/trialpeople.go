package appliance

import (
	"crypto/x509"
	"slices"
	"strings"

	"gatehouse/appliance/eventlog"
	"gatehouse/authcore/audit"
	"gatehouse/authcore/identity"
	"gatehouse/authcore/policy"
	"gatehouse/authcore/snapshot"
)

// refusing counts the people among the last sign-ins, and those of them whom fresh refuses.
func (a *Appliance) refusing(old, fresh *snapshot.Snapshot) (looked, refused int) {
	return refusedPeople(a.events.After(0, eventlog.DefaultSize), old, fresh)
}

// refusedPeople counts the distinct users whom recent shows as accepted, and those of them whom
// fresh no longer has, has suspended, has not in the groups of a RADIUS server that they used, or
// who used one that is gone or no longer trusts the CA that vouched for them. Whom old refused
// already is not counted, nor who cannot be looked up. Either may be nil.
func refusedPeople(recent []audit.Entry, old, fresh *snapshot.Snapshot) (looked, refused int) {
	people := map[string]bool{} // whether refused
	for _, entry := range recent {
		e := entry.Event
		if e.Result != audit.Accept || e.User == "" || isEscaped(e.User) {
			continue
		}
		now := verdictOn(e, fresh, old)
		if now == cannotTell || verdictOn(e, old, old) == wouldRefuse {
			continue
		}
		key := identity.FoldUsername(e.User)
		people[key] = people[key] || now == wouldRefuse
	}
	for _, no := range people {
		if no {
			refused++
		}
	}
	return len(people), refused
}

// isEscaped reports whether a name in an Event may be another than the user's.
func isEscaped(name string) bool { return strings.ContainsAny(name, `\…`) }

// A verdict is what a Snapshot would say to somebody who signed in before.
type verdict uint8

const (
	cannotTell verdict = iota
	wouldAdmit
	wouldRefuse
)

// verdictOn says what sn would say to the user of e, who was accepted while old was in force, or
// earlier.
func verdictOn(e audit.Event, sn, old *snapshot.Snapshot) verdict {
	if sn == nil {
		return cannotTell
	}
	user, ok, err := sn.Users().Find(identity.Usernames, identity.FoldUsername(e.User))
	switch {
	case err != nil: // old ones may have been replaced
		return cannotTell
	case !ok || user.State != identity.Active:
		return wouldRefuse
	}
	server := sn.Server(e.Server)
	if server == nil {
		if old != nil && old.Server(e.Server) != nil {
			return wouldRefuse
		}
		return wouldAdmit // was gone before, or is none
	}
	subject := policy.Subject{Username: user.Username, Groups: user.Groups}
	if _, ok := policy.Authorize(server.Server, subject, nil); !ok {
		return wouldRefuse
	}
	if old != nil && !trusts(server, old.CA(e.CA)) {
		return wouldRefuse
	}
	return wouldAdmit
}

// trusts reports whether server trusts an anchor of ca, by whatever name; nil: it is not known.
func trusts(server *snapshot.Server, ca *snapshot.CA) bool {
	if ca == nil {
		return true
	}
	for _, trusted := range server.Trust.CAs() {
		for _, anchor := range trusted.Anchors {
			if slices.ContainsFunc(ca.Anchors, func(c *x509.Certificate) bool { return c.Equal(anchor) }) {
				return true
			}
		}
	}
	return false
}
