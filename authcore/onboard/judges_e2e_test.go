//go:build e2e

package onboard_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/authcore/onboard"
)

// peer is the path of a program, without which there is no verdict.
func peer(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is not here: testdata/peers/install.sh e2e installs it", name)
		}
		t.Skipf("%s is not here: testdata/peers/install.sh e2e installs it", name)
	}
	return path
}

func run(t *testing.T, in []byte, program string, args ...string) ([]byte, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Stdin = bytes.NewReader(in)
	var complaint bytes.Buffer
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err == nil {
		return out, nil
	}
	return out, fmt.Errorf("%s: %w: %s%s", filepath.Base(program), err, complaint.Bytes(), out)
}

// TestE2EProfileOfWindowsBySchema has libxml judge the WLAN profile by the schema.
func TestE2EProfileOfWindowsBySchema(t *testing.T) {
	t.Parallel()
	xmllint, w := peer(t, "xmllint"), newWorld(t)
	args := []string{"--nonet", "--noout", "--schema", "testdata/wlan/profile.xsd", "-"}
	for i, name := range hostile {
		p := profile(w, clip(name), name)
		p.Machine = i%2 == 1
		data := filesOf(t, p)["wifi-profile.xml"]
		if _, err := run(t, data, xmllint, args...); err != nil {
			t.Errorf("%q: %v\n%s", name, err, data)
		}
		for _, change := range [][2]string{
			{"<connectionType>ESS</connectionType>\n", ""}, {"<authMode>", "<mode>"}, {">WPA2<", ">WPA2000<"},
			{"<Type>13</Type>", "<Type>1300</Type>"}, {"<DifferentUsername>false</DifferentUsername>\n", ""},
			{"<useOneX>", "<useOneX>\n<!-- --><x/>"},
		} {
			worse := bytes.Replace(data, []byte(change[0]), []byte(change[1]), 1)
			if _, err := run(t, worse, xmllint, args...); err == nil || bytes.Equal(worse, data) {
				t.Errorf("%q instead of %q was not seen", change[1], change[0])
			}
		}
	}
}

// TestE2EMobileConfigIsReadByLibplist has the library of libimobiledevice read the profile, and
// hand on what it has read.
func TestE2EMobileConfigIsReadByLibplist(t *testing.T) {
	t.Parallel()
	plistutil, w := peer(t, "plistutil"), newWorld(t)
	const show = "import plistlib,sys\nprint(repr(plistlib.loads(sys.stdin.buffer.read())))"
	for _, name := range hostile {
		data := filesOf(t, profile(w, clip(name), name))["wifi.mobileconfig"]
		binary, err := run(t, data, plistutil, "-i", "-", "-o", "-", "-f", "bin")
		if err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		if diff := cmp.Diff(string(python(t, show, data)), string(python(t, show, binary))); diff != "" {
			t.Errorf("%q (-read by Python, +by libplist)\n%s", name, diff)
		}
	}
}

// TestE2EScriptOfWindowsParses has a parser of PowerShell that is not ours read the script.
func TestE2EScriptOfWindowsParses(t *testing.T) {
	t.Parallel()
	node, w := peer(t, "node"), newWorld(t)
	judge := "../../testdata/peers/powershell/judge.mjs"
	if _, err := os.Stat(filepath.Join(filepath.Dir(judge), "node_modules")); err != nil {
		peer(t, "tree-sitter-powershell")
	}
	args, dir := []string{judge}, t.TempDir()
	for i, p := range []onboard.Profile{
		profile(w, "acme", "alice"), {SSID: clip(hostile[4]), Trust: w.trust, Machine: true},
	} {
		file := filepath.Join(dir, fmt.Sprintf("%d.ps1", i))
		if err := os.WriteFile(file, filesOf(t, p)["install-wifi.ps1"], 0o600); err != nil {
			t.Fatal(err)
		}
		args = append(args, file)
	}
	if _, err := run(t, nil, node, args...); err != nil {
		t.Error(err)
	}
}

// TestE2ENetworkManagerReadsIt: what NetworkManager makes of the keyfile is what it makes of the
// same settings, told one by one.
func TestE2ENetworkManagerReadsIt(t *testing.T) {
	t.Parallel()
	nmcli, w := peer(t, "nmcli"), newWorld(t)
	uuid := regexp.MustCompile(`(?m)^uuid=(.*)$`)
	certs := t.TempDir() + "/" // nmcli wants to see the files
	for name, data := range filesOf(t, profile(w, "acme", "alice")) {
		if err := os.WriteFile(certs+name, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range hostile {
		data := filesOf(t, profile(w, clip(name), name))["wifi.nmconnection"]
		data = bytes.ReplaceAll(data, []byte("/etc/NetworkManager/certs/"), []byte(certs))
		got, err := run(t, data, nmcli, "--offline", "connection", "modify", "connection.zone", "")
		if err != nil {
			t.Errorf("%q: %v\n%s", name, err, data)
			continue
		}
		want, err := run(t, nil, nmcli, "--offline", "connection", "add", "type", "wifi", "ifname", "*",
			"con-name", "Wi-Fi "+clip(name), "ssid", clip(name),
			"connection.uuid", string(uuid.FindSubmatch(data)[1]), "wifi.mode", "infrastructure",
			"wifi-sec.key-mgmt", "wpa-eap", "802-1x.eap", "tls", "802-1x.identity", name,
			"802-1x.ca-cert", certs+"ca.crt", "802-1x.client-cert", certs+"user.p12",
			"802-1x.private-key", certs+"user.p12", "802-1x.private-key-password-flags", "1",
			"802-1x.domain-suffix-match", "radius.acme.example;wifi.acme.example")
		if err != nil {
			t.Fatalf("%q: %v", name, err)
		}
		if diff := cmp.Diff(lines(want), lines(got)); diff != "" {
			t.Errorf("%q (-told one by one, +read from the file)\n%s", name, diff)
		}
	}
}

// lines leaves out what both sides set by themselves.
func lines(keyfile []byte) []string {
	var all []string
	for _, l := range strings.Split(string(keyfile), "\n") {
		if l != "" && !strings.HasPrefix(l, "addr-gen-mode=") && l != "[proxy]" {
			all = append(all, l)
		}
	}
	return all
}
