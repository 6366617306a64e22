package webui_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"gatehouse/authcore/policy"
	"gatehouse/webui"
)

// TestEveryAnswerCarriesTheHeaders walks pages and API: with a session and without one, sent by
// another site and to another name. Answers, refusals and redirects alike must keep a browser from
// doing anything with them.
func TestEveryAnswerCarriesTheHeaders(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	api, pages := webui.RolesOf(h.config)
	cookie := h.signIn("admin")
	for _, table := range []map[string]policy.Role{api, pages, {"GET /nowhere": "", "TRACE /": "", "PUT /more": "", "GET /livez": ""}} {
		for pattern := range table {
			for name, change := range map[string]func(*visit){
				"stranger": func(*visit) {}, "admin": func(v *visit) { v.cookie = cookie },
				"other_site": func(v *visit) { v.cookie, v.header = cookie, http.Header{"Sec-Fetch-Site": {"cross-site"}} },
				"other_host": func(v *visit) { v.cookie, v.host = cookie, "evil.example" },
				"far_away":   func(v *visit) { v.cookie, v.source = cookie, "192.0.2.1:1" },
				"wrong":      func(v *visit) { v.header = http.Header{"Authorization": {"Bearer wrong"}} },
			} {
				v := at(pattern)
				change(&v)
				goesOn := isStream(pattern) && (name == "admin" || name == "other_site") // it is a GET, and answered
				if goesOn || strings.HasSuffix(pattern, "/sign-out") && name == "admin" {
					continue
				}
				w := h.do(v)
				checkHeaders(t, name+" "+pattern, w.Code, w.Header())
			}
		}
	}
}

func checkHeaders(t *testing.T, who string, code int, h http.Header) {
	t.Helper()
	csp := h.Get("Content-Security-Policy")
	if !strings.Contains(csp, "default-src 'none'") || !strings.Contains(csp, "frame-ancestors 'none'") || strings.Contains(csp, "unsafe") {
		t.Errorf("%s: %d: Content-Security-Policy is %q", who, code, csp)
	}
	for key, want := range map[string]string{"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
		"Cross-Origin-Opener-Policy": "same-origin", "Strict-Transport-Security": ""} {
		if got := h.Get(key); got != want {
			t.Errorf("%s: %d: %s is %q, want %q", who, code, key, got, want)
		}
	}
	if h.Get("Permissions-Policy") == "" || h.Get("Access-Control-Allow-Origin") != "" || h.Get("Server") != "" {
		t.Errorf("%s: %d: %v", who, code, h)
	}
	for _, cookie := range h.Values("Set-Cookie") {
		for _, want := range []string{"__Host-", "Path=/", "HttpOnly", "Secure", "SameSite=Strict"} {
			if !strings.Contains(cookie, want) {
				t.Errorf("%s: the cookie %q lacks %s", who, cookie, want)
			}
		}
	}
}

// certificateOf returns a certificate, in DER.
func certificateOf(t *testing.T, subject, issuer string) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	leaf := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: subject}, NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, leaf, &x509.Certificate{Subject: pkix.Name{CommonName: issuer}}, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// quickCertificate returns one in PEM.
func quickCertificate(t *testing.T) []byte {
	t.Helper()
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificateOf(t, "a", "b")})
}

// TestHTTPSOnly is said with a certificate that somebody vouches for, and not with one's own.
func TestHTTPSOnly(t *testing.T) {
	t.Parallel()
	issue := func(subject, issuer string) tls.Certificate {
		return tls.Certificate{Certificate: [][]byte{certificateOf(t, subject, issuer)}}
	}
	for name, tt := range map[string]struct {
		certificate tls.Certificate
		want        string
	}{
		"own": {issue("gw", "gw"), ""}, "of_a_ca": {issue("gw", "Acme CA"), "max-age=2592000"}, "none": {tls.Certificate{}, ""},
		"unreadable": {tls.Certificate{Certificate: [][]byte{{0}}}, ""},
	} {
		h := newHouse(t, func(c *webui.Config) { c.Certificate = tt.certificate })
		for _, path := range []string{"/livez", "/sign-in", "/nowhere", "/api/v1/status"} {
			if got := h.do(visit{path: path}).Header().Get("Strict-Transport-Security"); got != tt.want {
				t.Errorf("%s: %s: got %q, want %q", name, path, got, tt.want)
			}
		}
	}
}
