package main

import (
	"strings"
	"testing"

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
