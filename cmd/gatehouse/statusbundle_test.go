package main

import (
	"strings"
	"testing"
	"time"

	"gatehouse/webui"
)

// TestStatusOfWhatIsNotTaken: nobody waits in vain for a bundle that lies in incoming/.
func TestStatusOfWhatIsNotTaken(t *testing.T) {
	t.Parallel()
	got := rendered(t, &webui.Status{Bundle: webui.Bundle{Keys: []webui.BundleKey{{Name: "fleet"}},
		Waiting: []string{"a.tar.gz"}, Strays: []string{"b.tar.gz is a link"}}})
	const want = "  a.tar.gz waits for its signature, a.tar.gz.minisig\n" +
		"  YELLOW: not taken from incoming: b.tar.gz is a link; copy the file itself there\n"
	if !strings.Contains(got, want) {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

func TestStatusOfTheHeartbeat(t *testing.T) {
	t.Parallel()
	last := statusNow.Add(-2 * time.Hour)
	for want, h := range map[string]*webui.Heartbeat{
		"heartbeat      to https://watch.example, last time 2h0m ago\n": {
			Address: "https://watch.example", LastSuccess: last},
		"heartbeat      YELLOW: it does not get to https://watch.example, last time 2h0m ago: it answers with status 500\n": {
			Address: "https://watch.example", LastSuccess: last, Problem: "it answers with status 500"},
		"": nil,
	} {
		got := rendered(t, &webui.Status{Heartbeat: h})
		if !strings.Contains(got, want) || want == "" && strings.Contains(got, "heartbeat") {
			t.Errorf("got %s\nwant %q", got, want)
		}
	}
}
