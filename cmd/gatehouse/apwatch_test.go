package main

import (
	"strings"
	"testing"

	"gatehouse/appliance"
)

// TestAPWatchSaysWhatIsNew: each state once, and no silence after something was heard, which means
// that another access point of the prefix sent the last packet.
func TestAPWatchSaysWhatIsNew(t *testing.T) {
	t.Parallel()
	var out strings.Builder
	w := apWatch{out: &out, shown: map[string]string{}}
	for _, c := range []appliance.ClientSeen{
		{State: "silent", Summary: "No packet yet"},
		{State: "elsewhere", Summary: "A packet from an address that is no client"},
		{State: "silent", Summary: "No packet yet"},
		{State: "heard", Summary: "First packet seen"},
		{State: "heard", Summary: "First packet seen"},
		{State: "silent", Summary: "No packet yet"},
		{State: "wrong_secret", Summary: "Wrong secret"},
		{State: "elsewhere", Summary: "A packet from an address that is no client"},
		{State: "rejected", Summary: "Access-Reject sent: cert_expired", Decision: 3},
		{State: "rejected", Summary: "Access-Reject sent: cert_expired", Decision: 3},
		{State: "rejected", Summary: "Access-Reject sent: cert_expired", Decision: 4},
	} {
		c.Server, c.Client = "wifi", "lift\x1b"
		if err := w.say(&c); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, line := range strings.Split(strings.TrimSpace(out.String()), "\n") {
		_, text, _ := strings.Cut(line, "  ")
		_, text, _ = strings.Cut(text, "  ")
		got = append(got, strings.TrimRight(text, ". "))
	}
	want := []string{"No packet yet", "A packet from an address that is no client", "No packet yet", "First packet seen", "Wrong secret",
		"Access-Reject sent: cert_expired", "Access-Reject sent: cert_expired"}
	if strings.Join(got, "\n") != strings.Join(want, "\n") || strings.Contains(out.String(), "\x1b") {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestAPAddFindsTheGateway by what is listened on, by the way to the access point, or by its name.
func TestAPAddFindsTheGateway(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ given, listen, ap, gateway, port string }{
		{"", "192.0.2.1:1645", "127.0.0.7", "192.0.2.1", "1645"},
		{"gw.example", "192.0.2.1:1645", "127.0.0.7", "gw.example", "1645"},
		{"", ":1812", "127.0.0.7", "127.0.0.1", "1812"},
		{"", "[::]:1812", "127.0.0.0/8", "127.0.0.1", "1812"},
		{"", "", "127.0.0.7", "127.0.0.1", "1812"},
		{"", ":1812", "0.0.0.0/0", sourceTowards("nobody"), "1812"},
	} {
		f := apAdd{gateway: tt.given, apAdded: apAdded{Address: tt.ap}}
		f.reach(tt.listen)
		if f.Gateway != tt.gateway || f.Port != tt.port || f.Gateway == "" {
			t.Errorf("%+v: got %q, %q", tt, f.Gateway, f.Port)
		}
	}
}
