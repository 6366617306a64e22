package accesspoint_test

import (
	"strings"
	"testing"

	"gatehouse/authcore/accesspoint"
)

// TestBlocksSayWhereAndWhat: address, port and secret stand in each, as the make wants them.
func TestBlocksSayWhereAndWhat(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]map[string]string{
		"192.0.2.1": {"unifi": "Authentication server: 192.0.2.1\nPort: 1645\nShared secret: S3CRET\n", "mikrotik": `secret="S3CRET"`,
			"openwrt": "auth_server_shared_secret=S3CRET\n", "cisco": " address ipv4 192.0.2.1 auth-port 1645\n key 0 S3CRET\n",
			"probe": "--server 192.0.2.1:1645 ", "eapol": "-a 192.0.2.1 -p 1645 -s S3CRET\n"},
		"2001:db8::1": {"unifi": "server: 2001:db8::1\n", "mikrotik": "address=2001:db8::1 ", "openwrt": "addr=2001:db8::1\n",
			"cisco": " address ipv6 2001:db8::1 auth-port", "probe": "--server [2001:db8::1]:1645 ", "eapol": "-a 2001:db8::1 "},
	} {
		for _, b := range accesspoint.Blocks(address, "1645", "S3CRET") {
			if w := want[b.ID]; w == "" || !strings.Contains(b.Text, w) {
				t.Errorf("%s %s: no %q in\n%s", address, b.ID, w, b.Text)
			}
			if trial := b.ID == "probe" || b.ID == "eapol"; b.Trial != trial || b.Title == "" || b.Hint == "" {
				t.Errorf("%+v", b)
			}
			delete(want, b.ID)
		}
		if len(want) > 0 {
			t.Errorf("%s: missing %v", address, want)
		}
	}
	for _, b := range accesspoint.Blocks("192.0.2.1", "1812", "") {
		if strings.Contains(b.Text, "secret=\"\"") || b.ID == "openwrt" && !strings.Contains(b.Text, accesspoint.NoSecret) {
			t.Errorf("without a secret: %s", b.Text)
		}
	}
}
