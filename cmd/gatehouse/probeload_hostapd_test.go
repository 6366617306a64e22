package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/authcore/supplicant"
)

// makeLab makes a CA, a server credential and a user certificate with the commands that people
// use, and returns their directory.
func makeLab(t *testing.T) string {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "lab")
	for _, args := range [][]string{
		{"pki", "ca", dir},
		{"pki", "issue", dir, "--kind", "server", "--name", "radius.lab.example", "--file", "server"},
		{"pki", "issue", dir, "--kind", "email-san", "--name", "alice@lab.example", "--file", "alice"},
	} {
		var out bytes.Buffer
		if code := run(args, strings.NewReader(""), &out, &out); code != exitOK {
			t.Fatalf("%v: %s", args, &out)
		}
	}
	return dir
}

// hostapd starts hostapd as a RADIUS server that resumes, and returns its address.
func hostapd(t *testing.T, dir, secret string) string {
	t.Helper()
	path, err := exec.LookPath("hostapd")
	if err != nil {
		path, err = exec.LookPath("/usr/sbin/hostapd")
	}
	if err != nil && os.Getenv("CI") == "true" {
		t.Fatal("hostapd is not installed, and CI=true")
	}
	if err != nil {
		t.Skip("hostapd is not installed")
	}
	port := freeUDPPort(t)
	conf := fmt.Sprintf(`driver=none
eap_server=1
eap_user_file=%[1]s/users
radius_server_clients=%[1]s/clients
radius_server_auth_port=%[2]d
ca_cert=%[1]s/ca.pem
server_cert=%[1]s/server.pem
private_key=%[1]s/server-key.pem
tls_flags=[ENABLE-TLSv1.3]
tls_session_lifetime=3600
`, dir, port)
	for name, text := range map[string]string{
		"hostapd.conf": conf, "users": "* TLS\n", "clients": "127.0.0.1 " + secret + "\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(path, filepath.Join(dir, "hostapd.conf"))
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _, _ = cmd.Process.Kill(), cmd.Wait() })
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if strings.Contains(lines.Text(), "AP-ENABLED") {
			go func() { // hostapd must never wait for us; this ends with it
				for lines.Scan() {
				}
			}()
			return fmt.Sprintf("127.0.0.1:%d", port)
		}
	}
	t.Fatal("hostapd did not start")
	return ""
}

func freeUDPPort(t *testing.T) int {
	t.Helper()
	c, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).Port
}

// TestProbeLoadHostapd shows that probe loads a server that is not ours, and tells what it
// gets wrong: hostapd 2.10 sends Message-Authenticator last, and no commitment on resumption.
func TestProbeLoadHostapd(t *testing.T) {
	dir := makeLab(t)
	server := hostapd(t, dir, "hostapd-testing-secret")
	args := []string{
		"--server", server, "--secret-file", "-", "--identity", "anonymous@lab.example",
		"--cert", dir + "/alice.pem", "--key", dir + "/alice-key.pem", "--ca", dir + "/ca.pem",
		"--server-name", "radius.lab.example", "--count", "24", "--parallel", "3",
	}
	tests := []struct {
		name    string
		args    []string
		resumed int
		line    string
	}{
		{"full", nil, 0, "24 of 24 accepted, rules broken in 24, all keys right"},
		{"resumed", []string{"--resume"}, 21, "all keys right, 21 resumed"},
		{"TLS 1.2", []string{"--tls-max", "1.2"}, 0, "24 of 24 accepted"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			args := append(args[:len(args):len(args)], tt.args...)
			code, stdout, stderr := probe(t, "hostapd-testing-secret", args...)
			if code != exitNo || stderr != "" || !strings.Contains(stdout, tt.line) ||
				!strings.Contains(stdout, "✗ 24 ×: rule broken: MA-3") {
				t.Errorf("code %d, stdout %s, stderr %q", code, stdout, stderr)
			}
			_, stdout, _ = probe(t, "hostapd-testing-secret", append(args, "--json")...)
			var r supplicant.LoadReport
			if err := json.Unmarshal([]byte(stdout), &r); err != nil {
				t.Fatal(err)
			}
			if r.Accepted != 24 || r.KeysWrong != 0 || r.Resumed.Count != tt.resumed {
				t.Errorf("%s", stdout)
			}
			if tt.resumed > 0 && (r.Saved == nil || r.Saved.Rounds <= 0 || r.Saved.Bytes <= 0) {
				t.Errorf("saved %+v", r.Saved)
			}
		})
	}
}
