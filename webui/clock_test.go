package webui_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"gatehouse/webui"
)

// TestRefusedResetOfTheClock is told with its reason, and is no answer of the clock.
func TestRefusedResetOfTheClock(t *testing.T) {
	t.Parallel()
	c := config()
	c.Backend.ResetClock = func() error { return fmt.Errorf("%w: it is 1970", webui.ErrRefused) }
	got := answer(webui.NewLocal(c), "POST", "/api/v1/clock/reset", "10.0.0.1:1")
	if got.Code != http.StatusConflict || !strings.Contains(got.Body.String(), `"error":"refused: it is 1970"`) {
		t.Errorf("got %d %s, want 409 with the reason", got.Code, got.Body)
	}
}
