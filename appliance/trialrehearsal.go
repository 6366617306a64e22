package appliance

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"fmt"
	"slices"
	"strings"
	"time"

	"gatehouse/authcore"
	"gatehouse/authcore/audit"
	"gatehouse/authcore/identity"
	"gatehouse/authcore/policy"
	"gatehouse/authcore/revocation"
	"gatehouse/authcore/snapshot"
	"gatehouse/authcore/supplicant"
)

// A rehearsal is a copy of the configuration in force to which a made-up CA and user were added,
// and an Authenticator of its own for it: nothing else trusts that CA, whose key is never kept,
// and what happens here is told to nobody. It belongs to one goroutine.
type rehearsal struct {
	rules       policy.EAP
	servers     []string // names of those that take certificates
	credentials []shownCredential
	at          time.Time // of all that happens
	holder      snapshot.Holder
	auth        *authcore.Authenticator
	peer        tls.Certificate
	client      policy.Client

	shown int         // the credential that devices are shown, by index
	told  audit.Event // the last decision
}

// A shownCredential is a server credential as devices are shown it.
type shownCredential struct {
	name string
	tls  tls.Certificate
}

// rehearsalRoom is how many conversations, sessions and paths are remembered.
const rehearsalRoom = 8

// rehearse prepares sign-ins under sn. close must be called in the end.
func (a *Appliance) rehearse(sn *snapshot.Snapshot) (*rehearsal, error) {
	name := rand.Text()
	r := &rehearsal{
		rules: sn.Policy().EAP, at: a.config.Now(),
		client: policy.Client{Name: "trial", Secret: policy.Secret(name)},
	}
	shown := a.revocation.Credentials(sn) // with the OCSP answers that are stapled to them
	for i, c := range sn.Draft().Credentials {
		r.credentials = append(r.credentials, shownCredential{c.Name, shown[i]})
	}
	if err := r.copy(sn, strings.ToLower("trial-"+name+".invalid")); err != nil {
		return nil, fmt.Errorf("trying sign-ins: %w", err)
	}
	r.auth = authcore.New(authcore.Config{
		Snapshots: &r.holder, Sink: r, Stapler: r, Now: a.config.Now,
		Clock:         func() revocation.Moment { return revocation.Moment{Now: r.at, Sure: true} },
		Logger:        a.config.Logger.With("part", "trial"),
		Conversations: rehearsalRoom, Sessions: rehearsalRoom, Paths: rehearsalRoom,
	})
	return r, nil
}

// copy makes the copy of sn, with a user of that name, which no user of sn has.
func (r *rehearsal) copy(sn *snapshot.Snapshot, name string) error {
	user := &identity.User{Username: name, Email: "trial@" + name, State: identity.Active}
	made, err := makeTrialCertificates(unusedName(sn), user, r.at)
	if err != nil {
		return err
	}
	r.peer = made.peer
	draft := withCA(sn.Draft(), made.ca)
	for _, server := range draft.Servers {
		r.servers = append(r.servers, server.Name)
		user.Groups = append(user.Groups, server.Groups...)
	}
	if len(r.servers) == 0 {
		return nil
	}
	draft.Users = loneUser{user}
	copied, err := draft.Seal(sn.Generation())
	if err != nil {
		return err
	}
	r.holder.Swap(copied)
	return nil
}

// close ends what is unfinished.
func (r *rehearsal) close() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = r.auth.Run(ctx) // it only ever returns nil
}

// unusedName returns a name that no CA of sn has.
func unusedName(sn *snapshot.Snapshot) string {
	name := "trial"
	for sn.CA(name) != nil {
		name += "-"
	}
	return name
}

// withCA returns a copy of d in which every RADIUS server that takes certificates trusts ca too,
// and the others are left out, as are users and clients. Nothing of d is written.
func withCA(d *snapshot.Draft, ca *snapshot.CA) *snapshot.Draft {
	copied := *d
	copied.CAs = append(slices.Clone(d.CAs), ca)
	copied.UserSets, copied.Users, copied.Servers = nil, nil, nil
	for _, server := range d.Servers {
		if server.Method != policy.Passwordless {
			continue
		}
		s := *server
		s.CAs, s.Clients = append(slices.Clone(server.CAs), ca.Name), nil
		copied.Servers = append(copied.Servers, &s)
	}
	return &copied
}

// Credentials implements authcore.Stapler: devices are shown one credential at a time.
func (r *rehearsal) Credentials(*snapshot.Snapshot) []tls.Certificate {
	return []tls.Certificate{r.credentials[r.shown].tls}
}

// Record implements audit.Sink.
func (r *rehearsal) Record(e audit.Event) { r.told = e }

// peerConfig is a device that speaks this version of TLS only, and resumes as devices do.
func (r *rehearsal) peerConfig(version uint16) supplicant.Config {
	curves := []tls.CurveID{tls.X25519, tls.CurveP256, tls.CurveP384, tls.CurveP521}
	if r.rules.PostQuantum {
		curves = append([]tls.CurveID{tls.X25519MLKEM768}, curves...)
	}
	return supplicant.Config{
		Server: "trial:1812", Secret: r.client.Secret, Identity: "trial",
		Certificate: &r.peer, VerifyServer: leadsUp, EAPKeyName: true,
		TLSMin: version, TLSMax: version, CurvePreferences: curves,
		SessionCache: tls.NewLRUClientSessionCache(1), Retries: -1,
	}
}

// loneUser is identity.Users with one user in it.
type loneUser struct{ user *identity.User }

// Find returns the user by its username or e-mail address.
func (l loneUser) Find(space identity.Space, key string) (*identity.User, bool, error) {
	switch {
	case space == identity.Usernames && key == identity.FoldUsername(l.user.Username),
		space == identity.Addresses && key == identity.FoldAddress(l.user.Email):
		return l.user, true, nil
	}
	return nil, false, nil
}

// Len returns 1.
func (loneUser) Len() int { return 1 }
