package webui_test

import (
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/webui"
)

// wifi is a RADIUS server with everything that one may have.
func wifi() webui.RADIUSServer {
	return webui.RADIUSServer{
		Name: "wifi", Primary: "Certificate", CAs: []string{"acme"}, SSID: []string{"corp"}, NASIdentifier: []string{},
		State: webui.RADIUSInForce, Version: "abcd", Problems: []webui.Problem{},
		Clients: []webui.RADIUSClient{{Name: "ap1", Address: "192.0.2.0/24", MessageAuthenticator: "require", SecretSet: true},
			{Name: "proxy", TLS: "san proxy.example", MessageAuthenticator: "require"}},
	}
}

// radiusServers knows one, and takes every change.
func radiusServers() webui.RADIUSServers {
	return webui.RADIUSServers{
		List: func() []webui.RADIUSServer { return []webui.RADIUSServer{wifi()} },
		Get: func(name string) (webui.RADIUSServer, error) {
			if name != "wifi" {
				return webui.RADIUSServer{}, fmt.Errorf("%w: no such server", webui.ErrNotFound)
			}
			return wifi(), nil
		},
		CAs: func() []string { return []string{"acme", "globalsign"} }, Managed: func() string { return "" },
		Counts: func() webui.RADIUS { return webui.RADIUS{} },
		Put: func(string, webui.RADIUSChange) (webui.RADIUSSaved, error) {
			return webui.RADIUSSaved{Generation: 7, Secrets: map[string]string{"ap2": "TOLDONCE"}}, nil
		},
		Delete: func(string, string) (webui.RADIUSSaved, error) { return webui.RADIUSSaved{Generation: 8}, nil },
	}
}

// TestRADIUSAPI hands on what was asked, and who asked it.
func TestRADIUSAPI(t *testing.T) {
	t.Parallel()
	var put []webui.RADIUSChange
	c := config()
	c.Backend.RADIUS.Put = func(_ string, change webui.RADIUSChange) (webui.RADIUSSaved, error) {
		put = append(put, change)
		return webui.RADIUSSaved{Generation: 7}, nil
	}
	local := webui.NewLocal(c)
	for _, tt := range []struct {
		method, path, body string
		code               int
		want               string
	}{
		{"GET", "", "", 200, `[{"name":"wifi","primary":"Certificate"`},
		{"GET", "/wifi", "", 200, `"secret_set":true`},
		{"GET", "/nowhere", "", 404, "no such server"},
		{"PUT", "/wifi", `{"ca":["acme"],"clients":[{"name":"ap1","secret":"s"}]}`, 200, `"generation":7`},
		{"PUT", "/wifi", `{"ca":["acme"],"colour":"red"}`, 400, "colour"},
		{"PUT", "/wifi", `{"ca":"` + strings.Repeat("x", 1<<20) + `"}`, 400, "too large"},
		{"PUT", "/wifi", ``, 400, "reading the change"},
		{"POST", "/wifi/clients", `{"name":"ap2","address":"::1","generate":true}`, 200, `"generation":7`},
		{"DELETE", "/wifi/clients/ap%2F2", ``, 200, `"generation":7`},
		{"DELETE", "/wifi", ``, 200, `"generation":8`},
	} {
		r := httptest.NewRecorder()
		local.ServeHTTP(r, httptest.NewRequest(tt.method, "/api/v1/radius"+tt.path, strings.NewReader(tt.body)))
		if r.Code != tt.code || !strings.Contains(r.Body.String(), tt.want) {
			t.Errorf("%s %s: got %d %s, want %d with %q", tt.method, tt.path, r.Code, r.Body, tt.code, tt.want)
		}
	}
	want := []webui.RADIUSChange{
		{By: "console", CAs: []string{"acme"}, Clients: []webui.RADIUSClientChange{{Name: "ap1", Secret: "s"}}},
		{By: "console", Clients: []webui.RADIUSClientChange{{Name: "ap2", Address: "::1", Generate: true}}},
		{By: "console", Clients: []webui.RADIUSClientChange{{Name: "ap/2", Remove: true}}},
	}
	if diff := cmp.Diff(want, put); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}
