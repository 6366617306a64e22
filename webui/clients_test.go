package webui_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/authcore/audit"
	"gatehouse/webui"
)

// TestSeenByAddress: many access points share a prefix, and each is told apart by what it sent.
func TestSeenByAddress(t *testing.T) {
	t.Parallel()
	now := time.Now()
	quiet, loud, single := netip.MustParseAddr("192.0.2.7"), netip.MustParseAddr("192.0.2.8"), netip.MustParseAddr("192.0.2.9")
	h := newHouse(t, func(c *webui.Config) {
		c.Backend.RADIUS.List = func() []webui.RADIUSServer {
			return []webui.RADIUSServer{
				{Name: "all", Clients: []webui.RADIUSClient{{Name: "any", Address: "0.0.0.0/0"}, {Name: "tls", TLS: "san x"}}},
				{Name: "wifi", Clients: []webui.RADIUSClient{{Name: "floor", Address: "192.0.2.0/24"}, {Name: "lift", Address: "192.0.2.9"}}},
				{Name: "guests", Clients: []webui.RADIUSClient{{Name: "floor", Address: "192.0.2.0/24"}}},
			}
		}
		c.Backend.RADIUS.Counts = func() webui.RADIUS {
			return webui.RADIUS{
				Heard:        []webui.HeardClient{{Server: "wifi", Client: "floor", Address: loud, Count: 3, Last: now}},
				WrongSecrets: []webui.WrongSecret{{Server: "wifi", Client: "lift", Address: single, Count: 2, Last: now}},
				Unknown:      []webui.UnknownSource{{Address: netip.MustParseAddr("198.51.100.7"), Count: 1, Last: now}},
			}
		}
		c.Backend.Decisions = decisions{
			{ID: 1, Event: audit.Event{Server: "wifi", Client: "floor", NAS: loud.String(), Result: audit.Accept, Time: now, User: "alice"}}}
	})
	for address, want := range map[string]map[string]string{
		"":                     {"all/any": "silent", "all/tls": "silent", "wifi/floor": "accepted", "wifi/lift": "wrong_secret", "guests/floor": "silent"},
		loud.String():          {"wifi/floor": "accepted", "guests/floor": "elsewhere"},
		"::ffff:192.0.2.8":     {"wifi/floor": "accepted", "guests/floor": "elsewhere"},
		quiet.String():         {"wifi/floor": "elsewhere", "guests/floor": "elsewhere"},
		single.String():        {"wifi/lift": "wrong_secret"},
		"203.0.113.1":          {"all/any": "elsewhere"},
		"2001:db8::1":          {},
		"192.0.2.0/24&x=y":     nil,
		"gateway.acme.example": nil,
	} {
		w := h.do(visit{path: "/api/v1/clients/seen?address=" + address, cookie: h.signIn("viewer")})
		if want == nil {
			if w.Code != http.StatusBadRequest {
				t.Errorf("%q: got %d", address, w.Code)
			}
			continue
		}
		var seen webui.ClientsSeen
		if err := json.Unmarshal(w.Body.Bytes(), &seen); err != nil || seen.LastDecision != 1 || len(seen.Unknown) != 1 {
			t.Fatalf("%q: %d %v: %s", address, w.Code, err, w.Body)
		}
		got := map[string]string{}
		for _, c := range seen.Clients {
			got[fmt.Sprintf("%s/%s", c.Server, c.Client)] = c.State
			if c.Summary == "" || c.Sentence == "" || (c.Configured == "") != (c.Client == "tls") {
				t.Errorf("%q: %+v", address, c)
			}
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got)\n%s", address, diff)
		}
	}
}
