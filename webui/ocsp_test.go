package webui_test

import (
	"context"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"gatehouse/authcore/revocation"
	"gatehouse/webui"
)

// ocsp knows of three certificates.
func ocsp() webui.OCSP {
	return webui.OCSP{
		List: func() []revocation.EntryReport {
			return []revocation.EntryReport{
				{Serial: "0A1B", CA: "acme", Status: "good"},
				{Serial: "0A1B", CA: "other", Status: "revoked"},
				{Serial: "02", CA: "acme", Status: "revoked"},
			}
		},
		Check: func(ctx context.Context, certificate []byte) (revocation.Check, error) {
			if _, limited := ctx.Deadline(); !limited {
				return revocation.Check{}, fmt.Errorf("it may take for ever")
			}
			if string(certificate) == "stranger" {
				return revocation.Check{}, fmt.Errorf("%w: %w", webui.ErrNotFound, revocation.ErrNoIssuer)
			}
			return revocation.Check{Serial: string(certificate)}, nil
		},
		Purge: func(p revocation.Purge) (webui.OCSPPurged, error) {
			if p != (revocation.Purge{Serial: "0A1B", Revoked: true}) && p != (revocation.Purge{All: true}) &&
				p != (revocation.Purge{CA: "acme"}) {
				return webui.OCSPPurged{}, fmt.Errorf("got %+v", p)
			}
			return webui.OCSPPurged{Forgotten: 2, KeptRevoked: 1}, nil
		},
	}
}

func TestOCSPRoutes(t *testing.T) {
	t.Parallel()
	local := webui.NewLocal(config())
	for _, tt := range []struct {
		method, path, body string
		code               int
		want               string
	}{
		{"GET", "ocsp", "", 200, `{"matching":3,"certificates":[{"serial":"0A1B",`},
		{"GET", "ocsp?ca=acme", "", 200, `{"matching":2,`},
		{"GET", "ocsp?status=revoked&ca=acme", "", 200, `{"matching":1,"certificates":[{"serial":"02",`},
		{"GET", "ocsp?serial=0x0a:1b", "", 200, `{"matching":2,`},
		{"GET", "ocsp?serial=3", "", 200, `{"matching":0,"certificates":[]}`},
		{"GET", "ocsp?limit=0", "", 200, `{"matching":3,"certificates":[]}`},
		{"GET", "ocsp?serial=alice", "", 400, "no serial number"},
		{"GET", "ocsp?limit=-1", "", 400, "limit is no number"},
		{"POST", "ocsp", "", 405, ""},
		{"POST", "ocsp/check", "PEM", 200, `"serial":"PEM"`},
		{"POST", "ocsp/check", "stranger", 404, "its issuer is in no CA"},
		{"POST", "ocsp/check", strings.Repeat("x", 300<<10), 400, "too large"},
		{"GET", "ocsp/check", "", 405, ""},
		{"POST", "ocsp/purge", `{"serial":"a:1b","revoked":true}`, 200, `{"forgotten":2,"kept_revoked":1}`},
		{"POST", "ocsp/purge", `{"all":true}`, 200, `"forgotten":2`},
		{"POST", "ocsp/purge", `{"ca":"acme"}`, 200, `"forgotten":2`},
		{"POST", "ocsp/purge", `{}`, 400, "exactly one of serial, ca and all is needed, not 0"},
		{"POST", "ocsp/purge", `{"revoked":true}`, 400, "not 0"},
		{"POST", "ocsp/purge", `{"ca":"acme","all":true}`, 400, "not 2"},
		{"POST", "ocsp/purge", `{"serial":"alice"}`, 400, "no serial number"},
		{"POST", "ocsp/purge", `{"al":true}`, 400, `unknown field \"al\"`},
		{"POST", "ocsp/purge", `{"ca":"` + strings.Repeat("x", 5<<10) + `"}`, 400, "too large"},
		{"POST", "ocsp/purge", ``, 400, "reading what to forget"},
		{"GET", "ocsp/purge", "", 405, ""},
	} {
		w := httptest.NewRecorder()
		local.ServeHTTP(w, httptest.NewRequest(tt.method, "/api/v1/"+tt.path, strings.NewReader(tt.body)))
		if w.Code != tt.code || !strings.Contains(w.Body.String(), tt.want) {
			t.Errorf("%s %s %.40s: got %d %s, want %d with %s", tt.method, tt.path, tt.body, w.Code, w.Body,
				tt.code, tt.want)
		}
	}
}
