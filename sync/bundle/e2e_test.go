//go:build e2e

package bundle_test

import (
	"testing"

	"gatehouse/sync/bundle"
)

// TestE2EPassword takes the 1 GiB of memory that minisign wants for a password.
func TestE2EPassword(t *testing.T) {
	key := newKey(t)
	text, err := key.Text("open sesame")
	if err != nil {
		t.Fatal(err)
	}
	again, err := bundle.ParseSigningKey(text, "open sesame")
	if err != nil || !again.Trusted("").Equal(key.Trusted("")) {
		t.Errorf("got %v, %v", again, err)
	}
}
