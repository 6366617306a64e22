package webui

import "net/http"

// A route is one line of the table that says what is answered, and to whom.
type route struct {
	pattern string
	handler http.Handler
	access  access
}

// access is who may call a route. The zero value is nobody.
type access uint8

const (
	_ access = iota
	public
)

func routes(c Config) []route {
	return []route{
		{"GET /livez", c.Live, public},
		{"GET /readyz", c.Ready, public},
		{"GET /healthz", c.Ready, public},
	}
}
