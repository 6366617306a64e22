package appliance_test

import (
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
)

// TestFetchingSaysNoPermission has a gateway fetch from presigned addresses, whose query is a
// permission: one where nobody is, one that refuses and repeats the query, one that leads on to
// another with it. What it logs, shows and measures holds the address without it.
func TestFetchingSaysNoPermission(t *testing.T) {
	t.Parallel()
	const permission = "X-Amz-Signature=planted-permission-0c1"
	p := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/moved.tar.gz":
			http.Redirect(w, r, "/refused.tar.gz?"+r.URL.RawQuery, http.StatusFound)
		case "/away.tar.gz":
			http.Redirect(w, r, "http://127.0.0.1:1/elsewhere.tar.gz?"+r.URL.RawQuery, http.StatusFound)
		default:
			http.Error(w, "no access with "+r.URL.RawQuery, http.StatusForbidden)
		}
	}))
	t.Cleanup(p.Close)
	for name, address := range map[string]string{"nobody": "https://127.0.0.1:1/nobody.tar.gz", "refused": p.URL + "/refused.tar.gz",
		"moved": p.URL + "/moved.tar.gz", "away": p.URL + "/away.tar.gz"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			s.write("web.pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Certificate().Raw})))
			s.boot.Fleet.Pull.URL, s.boot.Fleet.Pull.CA = address+"?"+permission, "web.pem"
			s.boot.Fleet.Pull.Interval = 50 * time.Millisecond
			s.start()
			s.eventually("failing", func() bool { return strings.Contains(s.scrape(), "gatehouse_fetch_failing 1") })
			told := map[string]string{"log": s.log.String(), "metrics": s.scrape(), "status": s.ask(http.MethodGet, "/api/v1/status", ""),
				"bundle": s.ask(http.MethodGet, "/api/v1/bundle", "")}
			if !strings.Contains(told["bundle"], address+`"`) || !strings.Contains(told["log"], "/"+name+".tar.gz") {
				t.Errorf("nobody says where it fetches from: %s", told["bundle"])
			}
			for face, text := range told {
				for _, form := range []string{permission, "planted-permission", url.QueryEscape(permission)} {
					if strings.Contains(text, form) {
						t.Errorf("%s: the permission is in it", face)
					}
				}
			}
		})
	}
}
