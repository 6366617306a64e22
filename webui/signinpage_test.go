package webui_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"gatehouse/webui"
)

// TestSignInPagesKeepTheirOpener: an application that signs people in by a popup has to be found
// again by it, so no page says Cross-Origin-Opener-Policy; the other headers stand.
func TestSignInPagesKeepTheirOpener(t *testing.T) {
	t.Parallel()
	server := webui.NewSignInServer(webui.SignIn{
		App: func(string) (*webui.SignInApp, error) { return nil, webui.ErrNotFound },
		Now: func() (time.Time, bool) { return time.Unix(1, 0), true },
	})
	for _, path := range []string{"/", "/saml/wiki/sso", "/saml/wiki/start", "/saml/reset", "/saml/wiki/metadata.xml"} {
		w := httptest.NewRecorder()
		server.Handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
		h := w.Header()
		if got := h.Values("Cross-Origin-Opener-Policy"); len(got) != 0 {
			t.Errorf("%s: Cross-Origin-Opener-Policy is %q", path, got)
		}
		if h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Content-Security-Policy") == "" || h.Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %v", path, h)
		}
	}
}
