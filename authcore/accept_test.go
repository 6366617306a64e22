package authcore_test

import (
	"crypto/tls"
	"strings"
	"testing"
	"unicode/utf8"

	"gatehouse/authcore/audit"
	"gatehouse/authcore/policy"
	"gatehouse/authcore/snapshot"
	"gatehouse/authcore/supplicant"
)

func TestAccept(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	for _, c := range []struct {
		name, user, version string
		change              func(*supplicant.Config)
	}{
		{"tls13", "alice", "1.3", nil},
		{"tls12", "alice", "1.2", func(c *supplicant.Config) { c.TLSMax = tls.VersionTLS12 }},
		{"rsa-user", "alice-rsa", "1.3", nil},
		{"rsa-server", "alice", "1.2", func(c *supplicant.Config) {
			c.TLSMax = tls.VersionTLS12
			c.CipherSuites = []uint16{tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256}
		}},
		{"small-fragments", "alice", "1.3", func(c *supplicant.Config) { c.FragmentSize = 100 }},
		{"framed-mtu", "alice", "1.3", func(c *supplicant.Config) { c.FramedMTU = 250 }},
		{"length-everywhere", "alice", "1.3", func(c *supplicant.Config) { c.AlwaysLength = true }},
		{"key-name", "alice", "1.3", func(c *supplicant.Config) { c.EAPKeyName = true }},
		{"key-name-tls12", "alice", "1.2", func(c *supplicant.Config) {
			c.EAPKeyName, c.TLSMax = true, tls.VersionTLS12
		}},
		{"identity-empty-realm", "alice", "1.3", func(c *supplicant.Config) { c.Identity = "@acme.example" }},
		{"identity-odd", "alice", "1.3", func(c *supplicant.Config) { c.Identity = "\x1b[31m\xff" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			device := g.device(c.user)
			if c.change != nil {
				c.change(&device)
			}
			report, event := g.run(device)
			if !report.OK() || report.UserName != "alice" || report.VLAN != "20" {
				t.Errorf("the device saw %+v", report)
			}
			checkAccept(t, event, c.version)
			if strings.Contains(event.OuterIdentity, "\x1b") || !utf8.ValidString(event.OuterIdentity) {
				t.Errorf("got outer identity %q", event.OuterIdentity)
			}
		})
	}
}

func checkAccept(t *testing.T, e audit.Event, version string) {
	t.Helper()
	if e.Result != audit.Accept || e.Reason != audit.Accepted || e.User != "alice" ||
		e.Server != "branch-wifi" || e.Client != "ap-floor1" || e.CA != "acme" ||
		e.TLSVersion != version || e.Method != audit.MethodEAPTLS || e.OCSP != "off" ||
		len(e.CertSHA256) != 64 || e.Generation != 1 || e.Rounds < 4 {
		t.Errorf("got event %+v", e)
	}
	for _, s := range e.Ladder {
		if s.State != audit.Passed {
			t.Errorf("step %s: got %s, want passed", s.Name, s.State)
		}
	}
}

// EA-12: what an accept carries beside the keys that the supplicant checks.
func TestEA12ReplyAttributes(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	device := g.device("alice")
	device.Attributes = []supplicant.Attribute{{Type: 89, Value: []byte{0}}} // CUI asked for
	report, _ := g.run(device)
	again, _ := g.run(device2(g, device))
	values := map[string]string{}
	for _, a := range report.ReplyAttributes {
		values[a.Name] = a.Value
	}
	cui := values["Chargeable-User-Identity"]
	if cui == "" || strings.Contains(cui, "alice") || values["Filter-Id"] != "staff" ||
		values["Class"] == "" {
		t.Errorf("got attributes %v", values)
	}
	for _, a := range again.ReplyAttributes {
		switch {
		case a.Name == "Chargeable-User-Identity" && a.Value != cui:
			t.Errorf("got CUI %q, then %q", cui, a.Value)
		case a.Name == "Class" && a.Value == values["Class"]:
			t.Errorf("two sessions share the Class %q", a.Value)
		}
	}
}

// device2 is d behind another station.
func device2(g *gateway, d supplicant.Config) supplicant.Config {
	d.CallingStationID = g.device("").CallingStationID
	return d
}

// EA-13: packets fill what the configuration and Framed-MTU allow, and stay below what every
// link carries where the NAS does not say. The supplicant reports whatever is larger.
func TestEA13FragmentSize(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	g.holder.Swap(newSnapshot(t, 1, func(d *snapshot.Draft) {
		d.Policy.EAP.FragmentSize = 4000
		d.Credentials = d.Credentials[1:] // RSA: a flight of more than 1020 octets
	}))
	rounds := map[int]int{}
	for _, mtu := range []int{0, 64, 1000, 1400} {
		device := g.device("alice")
		device.FramedMTU, device.TLSMax = mtu, tls.VersionTLS12
		report, _ := g.run(device)
		if !report.OK() {
			t.Errorf("Framed-MTU %d: got %+v", mtu, report)
		}
		rounds[mtu] = report.Rounds
	}
	if rounds[64] <= rounds[1000] || rounds[0] <= rounds[1400] {
		t.Errorf("got rounds %v by Framed-MTU, want fewer with larger packets", rounds)
	}
}

// The decision is taken on the Snapshot in force, with the credentials of the one in force
// when the conversation began.
func TestSwapInMidConversation(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	g.good()

	device := g.device("alice")
	c := g.until(device, supplicant.StageHello)
	g.holder.Swap(newSnapshot(t, 2, func(d *snapshot.Draft) {
		d.Users = accounts(t, "alice")
		d.Credentials = d.Credentials[1:]
	}))
	report, err := c.Finish(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	event := g.event(device.CallingStationID)
	if report.Result != supplicant.ResultReject || event.Reason != audit.UserSuspended ||
		event.Generation != 2 {
		t.Errorf("got %+v and %+v, want user_suspended on generation 2", report, event)
	}
	if _, event = g.run(g.device("alice")); event.Reason != audit.UserSuspended {
		t.Errorf("got %+v, want user_suspended", event)
	}
	g.holder.Swap(newSnapshot(t, 3, nil))
	g.good()
}

// An answer that cannot be built is no accept, neither on the air nor in the log.
func TestAcceptThatCannotBeBuilt(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	g.holder.Swap(newSnapshot(t, 1, func(d *snapshot.Draft) {
		d.Servers[0].Reply[0].Attributes[0].Value = nil
	}))
	report, event := g.run(g.device("alice"))
	if report.Result != supplicant.ResultReject || event.Reason != audit.Internal ||
		g.events.count(audit.Accepted) != 0 {
		t.Errorf("got %+v and %+v, want internal", report, event)
	}
}

func TestPasswordMethodOffersNothing(t *testing.T) {
	t.Parallel()
	g := newGateway(t, nil)
	g.holder.Swap(newSnapshot(t, 2, func(d *snapshot.Draft) {
		d.Servers[0].Method = policy.PasswordMethod
	}))
	if _, event := g.run(g.device("alice")); event.Reason != audit.EAPNoCommonMethod {
		t.Errorf("got %+v, want eap_no_common_method", event)
	}
}
