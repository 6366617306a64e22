package webui

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// sameOrigin refuses what another site has a browser send: requests to a name that is none of the
// gateway's, as after DNS rebinding, and requests that change something and come from another
// origin. Who sends a token is no browser, and monitors ask for health by any name.
func sameOrigin(hosts []string, next http.Handler) http.Handler {
	origin := http.NewCrossOriginProtection()
	origin.SetDenyHandler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "this was sent by another site: open the gateway's own page and try again", http.StatusForbidden)
	}))
	guarded := origin.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, token := r.Header["Authorization"]
		if !token && !isHealth(r.URL.Path) && !isHost(hosts, r.Host) {
			http.Error(w, "this gateway does not answer to that name: use its address, "+
				"or set node.url in gatehouse.yaml", http.StatusMisdirectedRequest)
			return
		}
		guarded.ServeHTTP(w, r)
	})
}

func isHealth(path string) bool { return path == "/livez" || path == "/readyz" || path == "/healthz" }

// isHost reports whether host, with or without a port, is an address, localhost or one of hosts.
func isHost(hosts []string, host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.ToLower(strings.TrimSuffix(strings.Trim(host, "[]"), "."))
	if _, err := netip.ParseAddr(host); err == nil {
		return true
	}
	return host == "localhost" || slices.Contains(hosts, host)
}
