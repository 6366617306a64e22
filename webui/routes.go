package webui

import "net/http"

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
	local         // whoever may open the control socket
)

func routes(c Config) []route {
	a := newAPI(c.Backend)
	return []route{
		{"GET /livez", c.Live, public},
		{"GET /readyz", c.Ready, public},
		{"GET /healthz", c.Ready, public},
		{"GET /api/v1/status", a.status, local},
		{"GET /api/v1/decisions", a.decisions, local},
		{"GET /api/v1/decisions/stream", a.stream, local},
		{"POST /api/v1/certificates/test", a.testCertificate, local},
		{"GET /api/v1/users", a.findUser, local},
		{"GET /api/v1/clock", a.clock, local},
		{"POST /api/v1/clock/reset", a.resetClock, local},
		{"GET /api/v1/ocsp", a.listOCSP, local},
		{"POST /api/v1/ocsp/check", a.checkOCSP, local},
		{"POST /api/v1/ocsp/purge", a.purgeOCSP, local},
		{"GET /api/v1/bundle", a.bundle, local},
		{"PUT /api/v1/bundle", a.putBundle, local},
		{"GET /api/v1/bundle/pushes/{sha256}", a.pushed, local},
		{"POST /api/v1/bundle/rollback", a.rollBack, local},
		{"POST /api/v1/bundle/trust/reset", a.resetTrust, local},
	}
}

// mux answers the routes that may be called by those.
func mux(c Config, may ...access) *http.ServeMux {
	m := http.NewServeMux()
	for _, r := range routes(c) {
		for _, a := range may {
			if r.access == a {
				m.Handle(r.pattern, r.handler)
			}
		}
	}
	return m
}

// NewLocal returns what the control socket serves: every route of the API, for whoever may
// open the socket may do everything.
func NewLocal(config Config) http.Handler { return mux(config, public, local) }
