package packaging_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gatehouse/appliance"
	"gatehouse/authcore/audit"
)

// TestScriptCertificatesAreAccepted makes a CA and a certificate of every kind with the example
// scripts, and asks the decision about each.
func TestScriptCertificatesAreAccepted(t *testing.T) {
	t.Parallel()
	lab, conf := t.TempDir(), t.TempDir()
	script := func(args ...string) (string, error) {
		out, err := exec.CommandContext(t.Context(), "sh", append([]string{"scripts/make-certificates.sh"}, args...)...).CombinedOutput()
		return string(out), err
	}
	if out, err := script("ca", lab, "Acme 4711"); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	if err := os.CopyFS(conf, os.DirFS("example")); err != nil {
		t.Fatal(err)
	}
	ca, err := os.ReadFile(filepath.Join(lab, "ca.pem"))
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"ca/acme.pem": string(ca), "policy.yaml": "revocation: {ocsp: off}\nidentity: {order: [san_email, dn_email, cn]}\n",
		"users/script.yaml": "- {username: scripted, email: Scripted@acme.example, groups: [staff]}\n",
	} {
		if err := os.WriteFile(filepath.Join(conf, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for kind, name := range map[string]string{
		"email-san": "scripted@acme.example", "email-dn": "SCRIPTED@acme.example", "username-cn": "scripted",
	} {
		args := []string{"user", lab, kind, name}
		if kind != "email-san" {
			args = append(args, "--ocsp", "http://localhost:9000")
		}
		out, err := script(args...)
		if err != nil || !strings.Contains(out, "Password of the .p12: ") {
			t.Fatalf("%s: %v: %s", kind, err, out)
		}
		if _, err := script(args...); err == nil {
			t.Errorf("%s: the key was overwritten", kind)
		}
		pem, err := os.ReadFile(filepath.Join(lab, name+".pem"))
		if err != nil {
			t.Fatal(err)
		}
		tests, err := appliance.TestCertificate(os.DirFS(conf), pem, "", time.Now())
		if err != nil || len(tests) == 0 || tests[0].Result != audit.Accept || tests[0].User != "scripted" {
			t.Errorf("%s: got %+v, %v", kind, tests, err)
		}
	}
	for _, bad := range []string{"../x", "a\nb", "a/b", "$(id)", "-x", ""} {
		if out, err := script("user", lab, "username-cn", bad); err == nil {
			t.Errorf("the name %q was taken: %s", bad, out)
		}
	}
}
