//go:build e2e

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

const (
	serverAddress = "192.0.2.1"
	switchAddress = "192.0.2.2"
	station       = "02:00:5e:00:53:01" // the device's address, RFC 7042 §2.1.2
	stationID     = "02-00-5E-00-53-01"

	switchPort = "port0"
	devicePort = "eth0"

	// within is how long anything in the box may take: hostapd and wpa_supplicant begin after
	// two or three seconds, a reject waits one more.
	within = 30 * time.Second
)

// A box is a branch in three network namespaces:
//
//	device, wpa_supplicant ──EAPOL── switch, hostapd ──RADIUS── gatehouse serve
//
// No interface leads out of it.
type box struct {
	t            *testing.T
	dir          string
	server       *server
	switchNetns  string
	deviceNetns  string
	switchDaemon *process
}

func newBox(t *testing.T) *box {
	t.Helper()
	need(t, "ip", "hostapd", "hostapd_cli", "wpa_supplicant", "wpa_cli")
	sweepNetns(t)
	// Control sockets have 108 bytes for their names: t.TempDir is too long.
	dir, err := os.MkdirTemp("", "gh")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })

	b := &box{t: t, dir: dir, switchNetns: newNetns(t, "switch"), deviceNetns: newNetns(t, "device")}
	serverNetns := newNetns(t, "server")
	cable(t, serverNetns, "up0", b.switchNetns, "up1")
	run(t, "ip", "-n", serverNetns, "addr", "add", serverAddress+"/24", "dev", "up0")
	run(t, "ip", "-n", b.switchNetns, "addr", "add", switchAddress+"/24", "dev", "up1")
	cable(t, b.switchNetns, switchPort, b.deviceNetns, devicePort)
	run(t, "ip", "-n", b.deviceNetns, "link", "set", devicePort, "address", station)

	b.server = newServer(t, dir, native)
	b.server.listen(serverAddress + ":1812")
	b.server.write("radius/demo.yaml", `authentication: {method: passwordless, ca: [demo]}
clients:
  - {name: switch, address: %s, secret: %q}
`, switchAddress, b.server.secret())
	b.server.start(within, "ip", "netns", "exec", serverNetns)
	b.startSwitch()
	return b
}

// file writes a file of the box and returns its path.
func (b *box) file(name, content string) string {
	b.t.Helper()
	path := filepath.Join(b.dir, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		b.t.Fatal(err)
	}
	return path
}

// startSwitch runs the authenticator: it asks the server, and opens its port or does not.
func (b *box) startSwitch() {
	b.t.Helper()
	conf := b.file("hostapd.conf", strings.Join([]string{
		"interface=" + switchPort, "driver=wired", "ieee8021x=1", "use_pae_group_addr=1",
		"eap_reauth_period=0", "logger_stdout=-1", "logger_stdout_level=1",
		"ctrl_interface=" + filepath.Join(b.dir, "hostapd"),
		"own_ip_addr=" + switchAddress, "nas_identifier=switch",
		"auth_server_addr=" + serverAddress, "auth_server_port=1812",
		"auth_server_shared_secret=" + b.server.secret(), "",
	}, "\n"))
	b.switchDaemon = start(b.t, "hostapd",
		"ip", "netns", "exec", b.switchNetns, "hostapd", "-t", conf)
	b.switchDaemon.waitFor(b.t, "that its port is enabled", within,
		func(text string) bool { return strings.Contains(text, "AP-ENABLED") })
}

// askSwitch asks the switch by its control socket.
func (b *box) askSwitch(words ...string) (string, error) {
	return try(append([]string{"hostapd_cli", "-p", filepath.Join(b.dir, "hostapd"),
		"-i", switchPort}, words...)...)
}

// A device is the wpa_supplicant of a person, plugged into the switch.
type device struct {
	box     *box
	control string
	process *process
}

// plugIn starts a device whose highest version of TLS is "1.2" or "1.3".
func (b *box) plugIn(t *testing.T, tlsVersion string) *device {
	t.Helper()
	phase1 := "tls_disable_tlsv1_3=1"
	if tlsVersion == "1.3" {
		phase1 = "tls_disable_tlsv1_3=0"
	}
	d := &device{box: b, control: filepath.Join(b.dir, "wpa")}
	conf := b.file("wpa_supplicant.conf", fmt.Sprintf(`ctrl_interface=%s
ap_scan=0
network={
  key_mgmt=IEEE8021X
  eapol_flags=0
  eap=TLS
  identity="demo"
  ca_cert=%q
  domain_match="radius.demo.example"
  client_cert=%q
  private_key=%q
  phase1=%q
}
`, d.control, b.server.demo("server-ca.pem"), b.server.demo("user.pem"),
		b.server.demo("user-key.pem"), phase1))
	d.process = start(t, "wpa_supplicant", "ip", "netns", "exec", b.deviceNetns,
		"wpa_supplicant", "-t", "-D", "wired", "-i", devicePort, "-c", conf)
	return d
}

// unplug ends the device and lets the switch see that it is gone: its port closes.
func (d *device) unplug(t *testing.T) {
	t.Helper()
	d.process.stop()
	if out, err := d.box.askSwitch("deauthenticate", station); err != nil {
		t.Fatalf("hostapd_cli deauthenticate: %v\n%s", err, out)
	}
	eventually(t, "closed at the switch", within, func() (bool, string) {
		authorized, said := d.box.authorized()
		return !authorized, said
	})
}

// authorized reports whether the switch lets the device in, and all that it says about it.
func (b *box) authorized() (bool, string) {
	said, err := b.askSwitch("all_sta")
	return err == nil && strings.Contains(said, "[AUTHORIZED]"), said
}

// status returns what the device says about itself.
func (d *device) status() (string, error) {
	return try("wpa_cli", "-p", d.control, "-i", devicePort, "status")
}
