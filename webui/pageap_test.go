package webui_test

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"gatehouse/authcore/accesspoint"
	"gatehouse/webui"
)

var apForm = url.Values{"server": {"wifi"}, "name": {"ap2"}, "address": {"192.0.2.7"}}

// TestAPIsAdded with a secret that is told once, in lines to be copied.
func TestAPIsAdded(t *testing.T) {
	t.Parallel()
	var put []webui.RADIUSChange
	h := newHouse(t, func(c *webui.Config) {
		c.Backend.RADIUS.Put = func(_ string, change webui.RADIUSChange) (webui.RADIUSSaved, error) {
			if len(put) > 0 {
				return webui.RADIUSSaved{}, fmt.Errorf("%w: there already", webui.ErrRefused)
			}
			put = append(put, change)
			return webui.RADIUSSaved{Generation: 7, Secrets: map[string]string{"ap2": "TOLDONCE"}}, nil
		}
		c.Backend.RADIUS.Get = func(string) (webui.RADIUSServer, error) {
			s := wifi()
			if len(put) > 0 {
				s.Clients = append(s.Clients, webui.RADIUSClient{Name: "ap2", Address: "192.0.2.7"})
			}
			return s, nil
		}
	})
	cookie := h.signIn("admin")
	w := h.do(visit{method: "POST", path: "/check/ap", cookie: cookie, form: apForm})
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/check/ap/wifi/ap2" {
		t.Fatalf("got %d to %q: %s", w.Code, w.Header().Get("Location"), w.Body)
	}
	if len(put) != 1 || put[0].By != "account admin" || len(put[0].Clients) != 1 ||
		put[0].Clients[0] != (webui.RADIUSClientChange{Name: "ap2", Address: "192.0.2.7", Create: true, Generate: true}) {
		t.Errorf("put %+v", put)
	}
	page := h.do(visit{path: "/check/ap/wifi/ap2", cookie: cookie}).Body.String()
	for _, want := range []string{"No packet yet", "auth_server_shared_secret=TOLDONCE", "generation 7", "gw.example",
		"UniFi", "MikroTik", "hostapd", "IOS-XE", "gatehouse probe", "eapol_test -c", "The shared secret as a QR code"} {
		if !strings.Contains(page, want) {
			t.Errorf("no %q in\n%s", want, page)
		}
	}
	checkQR(t, page, "TOLDONCE")
	if again := h.do(visit{path: "/check/ap/wifi/ap2", cookie: cookie}).Body.String(); strings.Contains(again, "TOLDONCE") || strings.Contains(again, "QR code") ||
		!strings.Contains(again, "auth_server_shared_secret=THE-SHARED-SECRET") {
		t.Errorf("the secret is told twice:\n%s", again)
	}
	if w := h.do(visit{method: "POST", path: "/check/ap", cookie: cookie, form: apForm}); w.Code != http.StatusConflict || len(put) != 1 {
		t.Errorf("sent again: got %d, put %d times: %s", w.Code, len(put), w.Body)
	}
}

// checkQR demands the QR code of a text on a page: with a name for who does not see it, black on a
// white of its own, small, and with nothing in it that the policy for content refuses.
func checkQR(t *testing.T, page, text string) {
	t.Helper()
	q, err := accesspoint.NewQR(text)
	if err != nil {
		t.Fatal(err)
	}
	_, svg, _ := strings.Cut(page, `<svg class="qr"`)
	svg, _, _ = strings.Cut(svg, "</svg>")
	for _, want := range []string{` role="img"`, ` aria-label="QR code of the shared secret"`, ` shape-rendering="crispEdges"`,
		fmt.Sprintf(` viewBox="0 0 %d %d"`, q.Side(), q.Side()), fmt.Sprintf(`<path fill="#fff" d="M0 0h%dv%[1]dH0z"/>`, q.Side()),
		`<path fill="#000" d="` + q.Path() + `"/>`} {
		if !strings.Contains(svg, want) {
			t.Errorf("the QR code lacks %s: %s", want, svg)
		}
	}
	if strings.Contains(svg, "style") || strings.Contains(svg, "script") || len(svg) > 6<<10 {
		t.Errorf("the QR code has %d bytes: %s", len(svg), svg)
	}
}

// TestAPUnderABundle is not saved: the lines to be sent to head office are shown.
func TestAPUnderABundle(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(c *webui.Config) {
		c.Backend.RADIUS.Managed = func() string { return "A bundle is in force." }
		c.Backend.RADIUS.Put = func(string, webui.RADIUSChange) (webui.RADIUSSaved, error) {
			t.Error("it was saved")
			return webui.RADIUSSaved{}, nil
		}
	})
	form := url.Values{"server": {"wifi"}, "name": {"x\"\nsecret: y"}, "address": {"192.0.2.7"}}
	body := h.do(visit{method: "POST", path: "/check/ap", cookie: h.signIn("admin"), form: form}).Body.String()
	if !strings.Contains(body, "radius/wifi.yaml") || !strings.Contains(body, "address: &#34;192.0.2.7&#34;") ||
		strings.Contains(body, "\nsecret: y") {
		t.Errorf("got %s", body)
	}
}

// TestAPStatesAreSaid in words, each with what to do.
func TestAPStatesAreSaid(t *testing.T) {
	t.Parallel()
	now := time.Now()
	from := netip.MustParseAddr("198.51.100.7")
	for name, c := range map[string]struct {
		counts webui.RADIUS
		want   []string
	}{
		"silent":  {webui.RADIUS{}, []string{"No packet yet", "firewall"}},
		"unknown": {webui.RADIUS{Unknown: []webui.UnknownSource{{Address: from, Count: 1, Last: now}}}, []string{"no client", "198.51.100.7", "give the client this address"}},
		"old":     {webui.RADIUS{Unknown: []webui.UnknownSource{{Address: from, Count: 1, Last: now.Add(-time.Hour)}}}, []string{"No packet yet"}},
		"wrong":   {webui.RADIUS{WrongSecrets: []webui.WrongSecret{{Server: "wifi", Client: "ap1", Address: from, Count: 3, Last: now}}}, []string{"Wrong secret", "Message-Authenticator", "198.51.100.7", "Type the secret anew"}},
		"heard":   {webui.RADIUS{Heard: []webui.HeardClient{{Server: "wifi", Client: "ap1", Address: from, Count: 1, Last: now}}}, []string{"First packet seen", "198.51.100.7"}},
		"mended": {webui.RADIUS{Heard: []webui.HeardClient{{Server: "wifi", Client: "ap1", Address: from, Count: 1, Last: now}},
			WrongSecrets: []webui.WrongSecret{{Server: "wifi", Client: "ap1", Address: from, Count: 3, Last: now.Add(-time.Second)}}}, []string{"First packet seen"}},
		"another": {webui.RADIUS{WrongSecrets: []webui.WrongSecret{{Server: "other", Client: "ap1", Address: from, Last: now}}}, []string{"No packet yet"}},
	} {
		h := newHouse(t, func(config *webui.Config) {
			config.Backend.RADIUS.Counts = func() webui.RADIUS { return c.counts }
			config.Backend.Decisions = &decisions{}
		})
		page := h.do(visit{path: "/check/ap/wifi/ap1", cookie: h.signIn("viewer")}).Body.String()
		for _, want := range c.want {
			if !strings.Contains(page, want) {
				t.Errorf("%s: no %q in\n%s", name, want, page)
			}
		}
	}
	h := newHouse(t)
	if w := h.do(visit{path: "/check/ap/wifi/nobody", cookie: h.signIn("viewer")}); w.Code != http.StatusNotFound {
		t.Errorf("an access point that is none: got %d", w.Code)
	}
}

// TestAPIsWatchedLive sends a row when the state changes, and none when it is what the page shows.
func TestAPIsWatchedLive(t *testing.T) {
	t.Parallel()
	var heard atomic.Bool
	h := newHouse(t, func(c *webui.Config) {
		c.Backend.Decisions = &decisions{}
		c.Backend.RADIUS.Counts = func() (r webui.RADIUS) {
			if heard.Load() {
				r.Heard = []webui.HeardClient{{Server: "wifi", Client: "ap1", Address: netip.MustParseAddr("192.0.2.7"), Count: 1, Last: time.Now()}}
			}
			return r
		}
	})
	cookie := h.signIn("viewer")
	page := h.do(visit{path: "/check/ap/wifi/ap1", cookie: cookie}).Body.String()
	_, after, _ := strings.Cut(page, `data-after="`)
	after, _, _ = strings.Cut(after, `"`)
	server := httptest.NewServer(h.handler)
	t.Cleanup(server.Close)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, "GET", server.URL+"/check/ap/wifi/ap1/stream?after="+after, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Host = "gw.example"
	r.AddCookie(&http.Cookie{Name: "__Host-gatehouse", Value: cookie})
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	heard.Store(true)
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		if line := lines.Text(); strings.HasPrefix(line, "data:") {
			if !strings.Contains(line, "First packet seen") {
				t.Errorf("the first row is %s", line)
			}
			return
		}
	}
	t.Error("the stream ended without a row")
}
