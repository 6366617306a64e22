package snapshot

import (
	"crypto/tls"
	"fmt"
	"maps"
	"slices"

	"gatehouse/authcore/policy"
	"gatehouse/authcore/saml"
	"gatehouse/authcore/saml/pair"
)

// An IDP is saml/idp.yaml: the identity provider that people sign in to web applications with.
type IDP struct {
	EntityID string
	Host     string          // name, and port if it is not 443, that browsers reach listen.sso by
	CAs      []string        // names of the CAs whose certificates sign in
	TLS      tls.Certificate // of the listener; without a certificate: the web listener's own
}

// An App is one saml/<name>: a service provider that people sign in to, and its pairs.
type App struct {
	Name               string // its folder's
	Title              string // for people; empty: Name
	Activated          bool
	SP                 *saml.ServiceProvider
	NameID             saml.NameIDSource
	Attributes         []saml.Attribute
	Groups             []string // whose members are admitted; empty: every active user
	Sign               saml.Signing
	WantSignedRequests bool
	Notify             []string // addresses for notices about its certificates
	Pairs              pair.Set

	door *Server // nil: not sealed, or not to be opened
}

// Label is what people call the app.
func (a *App) Label() string {
	if a.Title != "" {
		return a.Title
	}
	return a.Name
}

// Door returns the app as what a certificate opens, by the one decision that RADIUS servers have
// as well; nil if it is not activated, or there is no identity provider.
func (a *App) Door() *Server { return a.door }

// openDoors gives each activated app the trust by which certificates open it.
func (s *Snapshot) openDoors(d *Draft) error {
	s.idp, s.apps = d.IDP, make(map[string]*App, len(d.Apps))
	for _, app := range d.Apps {
		open := *app // d may be sealed again, for another Snapshot
		s.apps[app.Name] = &open
		if d.IDP == nil || !app.Activated {
			continue
		}
		var cas []*CA
		for _, name := range d.IDP.CAs {
			ca, ok := s.cas[name]
			if !ok {
				return fmt.Errorf("sealing the configuration: saml/idp.yaml names the unknown CA %q", name)
			}
			cas = append(cas, ca)
		}
		open.door = newServer(&policy.Server{Name: "saml/" + app.Name, Method: policy.Passwordless,
			CAs: d.IDP.CAs, Groups: app.Groups}, cas, &d.Policy)
	}
	return nil
}

// IDP returns the identity provider, or nil if none is configured.
func (s *Snapshot) IDP() *IDP { return s.idp }

// App returns the named app, or nil.
func (s *Snapshot) App(name string) *App { return s.apps[name] }

// AppNames returns the names of all apps in order. The caller owns the slice.
func (s *Snapshot) AppNames() []string { return slices.Sorted(maps.Keys(s.apps)) }
