package webui_test

import (
	"strings"
	"testing"
	"time"

	"gatehouse/webui"
)

// TestConfigPageTellsOfTheHeartbeat: that there is none, that head office hears it, and why not.
func TestConfigPageTellsOfTheHeartbeat(t *testing.T) {
	t.Parallel()
	for want, beat := range map[string]*webui.Heartbeat{
		"No heartbeat is sent":           nil,
		"Last heard":                     {Address: "https://fleet.example", LastSuccess: time.Unix(1, 0), Next: time.Unix(2, 0)},
		"the fleet manager answered 500": {Address: "https://fleet.example", Problem: "the fleet manager answered 500", Failures: 3},
	} {
		h := newHouse(t, func(c *webui.Config) {
			status := c.Backend.Status
			c.Backend.Status = func() webui.Status {
				s := status()
				s.Heartbeat = beat
				return s
			}
		})
		page := h.do(visit{path: "/setup/config", cookie: h.signIn("viewer")}).Body.String()
		if !strings.Contains(page, want) || strings.Contains(page, "does not hear from here") != (beat != nil && beat.Problem != "") {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
}
