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

func routes(c Config) []route {
	a := newAPI(c.Backend)
	return []route{
		{"GET /livez", c.Live, public},
		{"GET /readyz", c.Ready, public},
		{"GET /healthz", c.Ready, public},
		{"GET /api/v1/status", a.status, read},
		{"GET /api/v1/decisions", a.decisions, read},
		{"GET /api/v1/decisions/stream", a.stream, read},
		{"POST /api/v1/certificates/test", a.testCertificate, read},
		{"GET /api/v1/users", a.findUser, read},
		{"GET /api/v1/clock", a.clock, read},
		{"POST /api/v1/clock/reset", a.resetClock, admin},
		{"GET /api/v1/ocsp", a.listOCSP, read},
		{"POST /api/v1/ocsp/check", a.checkOCSP, admin},
		{"POST /api/v1/ocsp/purge", a.purgeOCSP, admin},
		{"GET /api/v1/bundle", a.bundle, bundle},
		{"PUT /api/v1/bundle", a.putBundle, bundle},
		{"GET /api/v1/bundle/pushes/{sha256}", a.pushed, bundle},
		{"POST /api/v1/bundle/rollback", a.rollBack, admin},
		{"POST /api/v1/bundle/trust/reset", a.resetTrust, local},
		{"GET /api/v1/saml/apps", a.samlApps, read},
		{"POST /api/v1/saml/apps/{app}/compare", a.compareSAML, read},
		{"POST /api/v1/saml/apps/{app}/lint", a.lintSAML, read},
		{"POST /api/v1/saml/apps/{app}/{action}", a.changeSAML, admin},
		{"GET /api/v1/saml/apps/{app}/certificate.pem", a.samlCertificate, read},
		{"GET /api/v1/saml/apps/{app}/metadata.xml", a.samlMetadata, read},
	}
}

// webMux answers what the web listener does: the routes for anybody and, to tokens, those that
// need one.
func webMux(c Config) *http.ServeMux {
	m, g := http.NewServeMux(), newGate(c.Tokens)
	for _, r := range routes(c) {
		if r.access == public {
			m.Handle(r.pattern, r.handler)
		} else if scope, ok := scopes[r.access]; ok {
			m.Handle(r.pattern, g.guard(scope, r.handler))
		}
	}
	return m
}

// NewLocal returns what the control socket serves: every route of the API, for whoever may
// open the socket may do everything.
func NewLocal(config Config) http.Handler {
	m := http.NewServeMux()
	for _, r := range routes(config) {
		m.Handle(r.pattern, r.handler)
	}
	return m
}
