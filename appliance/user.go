package appliance

import (
	"errors"
	"slices"
	"strings"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/identity"
	"gatehouse/authcore/policy"
	"gatehouse/authcore/snapshot"
	"gatehouse/webui"
)

// maxUserCertificates bounds the certificates that are told of one user.
const maxUserCertificates = 20

// findUser looks up a user by every kind of name, and what is remembered of him.
func (a *Appliance) findUser(name string) (webui.User, error) {
	user, err := a.lookUp(name)
	if errors.Is(err, identity.ErrStale) { // the configuration changed on the way
		user, err = a.lookUp(name)
	}
	if err != nil {
		return webui.User{}, err
	}
	u := webui.User{
		Username: user.Username, Email: user.Email, Aliases: user.Aliases, Name: user.Name, Groups: user.Groups,
		State: string(user.State), VLAN: user.VLAN, Source: user.Source,
		Names: []webui.UserName{}, Certificates: []webui.UserCertificate{},
	}
	if sn := a.holder.Load(); sn != nil {
		u.Names = certificateNames(sn, user)
	}
	a.recall(&u)
	return u, nil
}

// certificateNames are the names in certificates that name a user, in the order that counts.
func certificateNames(sn *snapshot.Snapshot, user *identity.User) []webui.UserName {
	names := []webui.UserName{}
	for _, kind := range sn.Policy().Identity.Order {
		if kind == policy.CN {
			names = append(names, webui.UserName{Kind: string(kind), Name: user.Username})
			continue
		}
		for _, address := range append([]string{user.Email}, user.Aliases...) {
			if address != "" {
				names = append(names, webui.UserName{Kind: string(kind), Name: address})
			}
		}
	}
	return names
}

// recall fills in what the last decisions say of a user.
func (a *Appliance) recall(u *webui.User) {
	events := a.events.After(0, maxRemembered)
	for _, e := range slices.Backward(events) {
		v := e.Event
		if !strings.EqualFold(v.User, u.Username) {
			continue
		}
		if u.Last == nil {
			u.Last = &webui.UserSignIn{ID: e.ID, Time: v.Time, Result: string(v.Result), Reason: string(v.Reason),
				Server: v.Server, Device: v.Station}
		}
		known := slices.ContainsFunc(u.Certificates, func(c webui.UserCertificate) bool { return c.SHA256 == v.CertSHA256 })
		if v.Result == audit.Accept && v.CertSHA256 != "" && !known && len(u.Certificates) < maxUserCertificates {
			u.Certificates = append(u.Certificates, webui.UserCertificate{SHA256: v.CertSHA256, CA: v.CA, Seen: v.Time})
		}
	}
}

// User is what commands print about one, by the name of its maker.
type User = webui.User
