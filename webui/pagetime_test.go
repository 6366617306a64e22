package webui_test

import (
	"strings"
	"testing"
)

// TestClockPageAsksATimeServer and says by how much the device is wrong.
func TestClockPageAsksATimeServer(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	body := h.do(visit{method: "POST", path: "/check/clock", cookie: h.signIn("tech")}).Body.String()
	if !strings.Contains(body, "/check/clock?off_by=-1m30s") {
		t.Errorf("it leads nowhere: %s", body)
	}
	if !strings.Contains(body, "ahead by 1m30s") || !strings.Contains(body, "pool.ntp.org") || !strings.Contains(body, "192.0.2.9") {
		t.Errorf("got %s", body)
	}
}
