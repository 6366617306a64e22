//go:build e2e

package e2e

import (
	"strings"
	"testing"
)

const (
	eapSuccess = "CTRL-EVENT-EAP-SUCCESS"
	eapFailure = "CTRL-EVENT-EAP-FAILURE"
)

// TestE2EBranchInABox plugs a device into a switch that asks Gatehouse: the port opens for the
// demo user, stays closed while she is suspended, and opens again when that is mended.
func TestE2EBranchInABox(t *testing.T) {
	b := newBox(t)
	for _, version := range []string{"1.2", "1.3"} {
		t.Run("TLS"+version, func(t *testing.T) {
			b.demandOpen(t, version)
			b.server.setState("suspended")
			b.demandClosed(t, version, "user_suspended")
			b.server.setState("active")
			b.demandOpen(t, version)
		})
	}
}

// demandOpen plugs a device in, demands that it gets in, and unplugs it.
func (b *box) demandOpen(t *testing.T, version string) {
	t.Helper()
	d := b.plugIn(t, version)
	text := d.outcome(t)
	got := b.server.decision()
	want := decision{
		Msg: "decision", Result: "accept", Reason: "accepted", Client: "switch",
		Station: stationID, User: "demo", TLSVersion: version,
	}
	if !strings.Contains(text, eapSuccess) || got != want {
		t.Fatalf("TLS %s: decision %+v, want %+v and EAP-SUCCESS; the device:\n%s",
			version, got, want, tail(text))
	}
	eventually(t, "authorized at the switch", within, b.authorized)
	eventually(t, "authorized at the device", within, func() (bool, string) {
		status, err := d.status()
		return err == nil && strings.Contains(status, "suppPortStatus=Authorized") &&
			strings.Contains(status, "eap_tls_version=TLSv"+version), status
	})
	d.unplug(t)
}

// demandClosed plugs a device in, demands that it is refused for reason, and unplugs it.
func (b *box) demandClosed(t *testing.T, version, reason string) {
	t.Helper()
	d := b.plugIn(t, version)
	text := d.outcome(t)
	got := b.server.decision()
	want := decision{
		Msg: "decision", Result: "reject", Reason: reason, Client: "switch",
		Station: stationID, User: "demo", TLSVersion: version,
	}
	if !strings.Contains(text, eapFailure) || got != want {
		t.Fatalf("TLS %s: decision %+v, want %+v and EAP-FAILURE; the device:\n%s",
			version, got, want, tail(text))
	}
	if authorized, said := b.authorized(); authorized {
		t.Fatalf("the switch lets in whom the server refused:\n%s", said)
	}
	d.unplug(t)
}

// outcome waits until the device knows whether it is in, and returns what it printed.
func (d *device) outcome(t *testing.T) string {
	t.Helper()
	var text string
	d.process.waitFor(t, "EAP-SUCCESS or EAP-FAILURE", within, func(out string) bool {
		text = out
		return strings.Contains(out, eapSuccess) || strings.Contains(out, eapFailure)
	})
	return text
}
