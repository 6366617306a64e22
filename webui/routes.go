package webui

import (
	"net/http"

	"gatehouse/authcore/policy"
)

// A route is one line of the table that says what is answered, and to whom.
type route struct {
	pattern string
	handler http.HandlerFunc
	access  access
	role    policy.Role // that a person who is signed in needs; "": people do not come this way
}

// access is who may call a route. The zero value is nobody.
type access uint8

const (
	_      access = iota
	public        // anybody who can reach the listener
	read          // a token with the scope read
	bundle        // a token with the scope bundle
	admin         // a token with the scope admin
	local         // whoever may open the control socket, and nobody else: a person at the device
)

// scopes are what a token needs for a route.
var scopes = map[access]policy.TokenScope{
	read: policy.ScopeRead, bundle: policy.ScopeBundle, admin: policy.ScopeAdmin,
}

const (
	viewer = policy.RoleViewer
	tech   = policy.RoleTech
	chief  = policy.RoleAdmin
)

// routes are those of the API, which has every thing that pages show.
func routes(c Config, a *api) []route {
	return []route{
		{"GET /livez", c.Live, public, ""},
		{"GET /readyz", c.Ready, public, ""},
		{"GET /healthz", c.Ready, public, ""},
		{"GET /api/v1/status", a.status, read, viewer},
		{"GET /api/v1/openapi.yaml", a.contract, read, viewer},
		{"POST /api/v1/support", a.support, admin, tech},
		{"GET /api/v1/licences", a.licences, read, viewer},
		{"GET /api/v1/sessions", a.signedIn(a.listSessions), admin, viewer},
		{"DELETE /api/v1/sessions", a.signedIn(a.endSessions), admin, viewer},
		{"DELETE /api/v1/sessions/{id}", a.signedIn(a.endSession), admin, viewer},
		{"POST /api/v1/password", a.signedIn(a.changePassword), admin, viewer},
		{"GET /api/v1/accounts", a.listAccounts, admin, chief},
		{"PUT /api/v1/accounts/{name}/password", a.signedIn(a.setPassword), local, ""},
		{"GET /api/v1/decisions", a.decisions, read, viewer},
		{"GET /api/v1/decisions/stream", a.stream, read, viewer},
		{"POST /api/v1/certificates/test", a.testCertificate, read, tech},
		{"GET /api/v1/users", a.findUser, read, viewer},
		{"GET /api/v1/clock", a.clock, read, viewer},
		{"GET /api/v1/clock/flips", a.getFlips, read, viewer},
		{"POST /api/v1/clock/ask", a.askClock, admin, tech},
		{"POST /api/v1/clock/reset", a.resetClock, admin, chief},
		{"GET /api/v1/ocsp", a.listOCSP, read, viewer},
		{"POST /api/v1/ocsp/check", a.checkOCSP, admin, tech},
		{"POST /api/v1/ocsp/purge", a.purgeOCSP, admin, chief},
		{"GET /api/v1/bundle", a.bundle, bundle, viewer},
		{"PUT /api/v1/bundle", a.putBundle, bundle, chief},
		{"GET /api/v1/bundle/contents", a.bundleContents, bundle, viewer},
		{"GET /api/v1/bundle/changes", a.bundleChanges, bundle, viewer},
		{"GET /api/v1/bundle/pushes/{sha256}", a.pushed, bundle, viewer},
		{"POST /api/v1/bundle/rollback", a.rollBack, admin, chief},
		{"POST /api/v1/bundle/trust/reset", a.resetTrust, local, ""},
		{"GET /api/v1/radius", a.listRADIUS, read, viewer},
		{"GET /api/v1/radius/{name}", a.getRADIUS, read, viewer},
		{"PUT /api/v1/radius/{name}", a.putRADIUS, admin, chief},
		{"DELETE /api/v1/radius/{name}", a.deleteRADIUS, admin, chief},
		{"POST /api/v1/radius/{name}/clients", a.putRADIUSClient, admin, chief},
		{"DELETE /api/v1/radius/{name}/clients/{client}", a.deleteRADIUSClient, admin, chief},
		{"GET /api/v1/clients/seen", a.seenClients, read, viewer},
		{"GET /api/v1/ca", a.listCAs, read, viewer},
		{"GET /api/v1/ca/{name}", a.getCA, read, viewer},
		{"GET /api/v1/ca/{name}/chain.pem", a.caPEM, read, viewer},
		{"GET /api/v1/ca/{name}/users", a.caPeople, read, viewer},
		{"PUT /api/v1/ca/{name}", a.putCA, admin, chief},
		{"DELETE /api/v1/ca/{name}", a.deleteCA, admin, chief},
		{"POST /api/v1/onboard", a.onboard, read, tech},
		{"GET /api/v1/saml/apps", a.samlApps, read, viewer},
		{"POST /api/v1/saml/apps/{app}/compare", a.compareSAML, read, tech},
		{"POST /api/v1/saml/apps/{app}/lint", a.lintSAML, read, tech},
		{"POST /api/v1/saml/apps/{app}/test", a.rehearseSAML, read, tech},
		{"POST /api/v1/saml/apps/{app}/{action}", a.changeSAML, admin, chief},
		{"GET /api/v1/saml/apps/{app}/certificate.pem", a.samlCertificate, read, viewer},
		{"GET /api/v1/saml/apps/{app}/metadata.xml", a.samlMetadata, read, viewer},
	}
}

// A pageRoute is one line of the table of pages. A page without a role is for anybody.
type pageRoute struct {
	pattern string
	anybody http.HandlerFunc // of a page without a role
	handler pageHandler      // of one with a role
	role    policy.Role
}

func pageRoutes(p *pages) []pageRoute {
	return []pageRoute{
		{"GET /static/", serveAssets(p.assets), nil, ""},
		{"GET /sign-in", p.signInForm, nil, ""},
		{"POST /sign-in", p.signIn, nil, ""},
		{"GET /first-boot", p.firstBootForm, nil, ""},
		{"POST /first-boot", p.firstBoot, nil, ""},
		{"POST /sign-out", nil, p.signOut, viewer},
		{"GET /{$}", nil, p.status, viewer},
		{"GET /sign-ins", nil, p.signIns, viewer},
		{"GET /sign-ins/stream", nil, p.signInStream, viewer},
		{"GET /sign-ins/{id}", nil, p.oneSignIn, viewer},
		{"GET /check", nil, p.check, tech},
		{"POST /check/certificate", nil, p.checkCertificate, tech},
		{"GET /check/clock", nil, p.checkClock, viewer},
		{"POST /check/clock", nil, p.askTime, tech},
		{"GET /check/ap", nil, p.aps, viewer},
		{"POST /check/ap", nil, p.addAP, chief},
		{"GET /check/ap/{name}/{client}", nil, p.watchAP, viewer},
		{"GET /check/ap/{name}/{client}/stream", nil, p.watchAPStream, viewer},
		{"GET /check/ocsp", nil, p.ocsp, viewer},
		{"POST /check/ocsp", nil, p.checkOCSP, tech},
		{"GET /setup", nil, p.setup, viewer},
		{"GET /setup/config", nil, p.config, viewer},
		{"GET /setup/config/contents", nil, p.contents, viewer},
		{"GET /setup/config/changes", nil, p.changes, viewer},
		{"POST " + bundleUpload, nil, p.uploadBundle, chief},
		{"GET /setup/config/pushes/{sha256}", nil, p.pushedPage, viewer},
		{"POST /setup/config/rollback", nil, p.rollBackForm, chief},
		{"GET /setup/radius", nil, p.radiusServers, viewer},
		{"GET /setup/add-radius", nil, p.addRADIUSForm, chief},
		{"POST /setup/add-radius", nil, p.addRADIUS, chief},
		{"GET /setup/radius/{name}", nil, p.oneRADIUS, viewer},
		{"POST /setup/radius/{name}", nil, p.changeRADIUS, chief},
		{"POST /setup/radius/{name}/remove", nil, p.removeRADIUS, chief},
		{"GET /setup/ca", nil, p.cas, viewer},
		{"POST /setup/ca", nil, p.uploadCA, chief},
		{"GET /setup/ca/{name}", nil, p.oneCA, viewer},
		{"GET /setup/ca/{name}/chain.pem", nil, p.downloadCA, viewer},
		{"POST /setup/ca/{name}", nil, p.replaceCA, chief},
		{"POST /setup/ca/{name}/remove", nil, p.removeCA, chief},
		{"GET /setup/onboard", nil, p.onboardForm, tech},
		{"POST /setup/onboard", nil, p.onboardPerson, tech},
		{"GET /people", nil, p.people, viewer},
		{"GET /people/{device}", nil, p.guide, viewer},
		{"GET /setup/users", nil, p.users, viewer},
		{"GET /setup/saml", nil, p.samlApps, viewer},
		{"GET /setup/saml/{app}", nil, p.samlApp, viewer},
		{"GET /setup/saml/{app}/certificate.pem", nil, p.samlCertificate, viewer},
		{"GET /setup/saml/{app}/metadata.xml", nil, p.samlMetadata, viewer},
		{"POST /setup/saml/{app}/compare", nil, p.compareSAML, tech},
		{"POST /setup/saml/{app}/test", nil, p.rehearseSAML, tech},
		{"POST /setup/saml/{app}/pair", nil, p.uploadPair, chief},
		{"GET /setup/saml/{app}/do/{action}", nil, p.askSAML, chief},
		{"POST /setup/saml/{app}/do/{action}", nil, p.changeSAML, chief},
		{"GET /more", nil, p.more, viewer},
		{"POST /more/revoke", nil, p.revoke, viewer},
		{"POST /more/theme", nil, p.setTheme, viewer},
		{"POST /more/password", nil, p.changePassword, viewer},
		{"POST /more/support", nil, p.supportBundle, tech},
	}
}

// webMux answers what the web listener does: what is for anybody, the API to tokens and people,
// and the pages.
func webMux(c Config) http.Handler {
	e, a := newEntry(c.People), newAPI(c.Backend)
	a.entry = e
	quiet := a.discreet()
	m, g := http.NewServeMux(), newGate(c.Tokens, e)
	forViewers := routes(c, quiet)
	for i, r := range routes(c, a) {
		if r.access == public {
			m.Handle(r.pattern, r.handler)
		} else if scope, ok := scopes[r.access]; ok {
			m.Handle(r.pattern, g.guard(pass{scope, r.role}, byCaller(r.handler, forViewers[i].handler)))
		}
	}
	if p := newPages(e, a); p != nil {
		forViewers := pageRoutes(p.discreet(quiet))
		for i, r := range pageRoutes(p) {
			if r.role == "" {
				m.Handle(r.pattern, r.anybody)
			} else {
				m.Handle(r.pattern, p.guard(r.role, byPerson(r.handler, forViewers[i].handler)))
			}
		}
	}
	return m
}

// byCaller has viewers answered by the second. A token is what an admin has given to a program, and
// sees as much as its scope says.
func byCaller(whole, discreet http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if c, ok := r.Context().Value(callerKey{}).(caller); ok && c.person != nil && !c.person.Tech() {
			discreet(w, r)
			return
		}
		whole(w, r)
	}
}

func byPerson(whole, discreet pageHandler) pageHandler {
	return func(w http.ResponseWriter, r *http.Request, who person) {
		if who.Tech() {
			whole(w, r, who)
			return
		}
		discreet(w, r, who)
	}
}

// NewLocal returns what the control socket serves: every route of the API, for whoever may
// open the socket may do everything.
func NewLocal(config Config) http.Handler {
	m, a := http.NewServeMux(), newAPI(config.Backend)
	a.entry = newConsole(config.People)
	for _, r := range routes(config, a) {
		m.Handle(r.pattern, r.handler)
	}
	return m
}
