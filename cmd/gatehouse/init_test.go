package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"gatehouse/appliance/bootconf"
)

// What the starter files show as the default is one: with every comment taken away they say
// the same, and no key is misspelt.
func TestStarterCommentsAreDefaults(t *testing.T) {
	comment := regexp.MustCompile(`(?m)^( *)# ( *[a-z_]+:( |$))`)
	uncomment := func(s string) string { return comment.ReplaceAllString(s, "$1$2") }

	boot := uncomment(starterBoot)
	if strings.Count(boot, "\n#") > 1 {
		t.Errorf("comments are left in gatehouse.yaml:\n%s", boot)
	}
	if _, problems := bootconf.Parse([]byte(boot)); len(problems) > 0 {
		t.Errorf("gatehouse.yaml without comments: %v\n%s", problems, boot)
	}
	for _, key := range strings.Fields("auth acct ui metrics radsec gops trusted_keys level") {
		if !regexp.MustCompile(`\b` + key + `: `).MatchString(boot) {
			t.Errorf("gatehouse.yaml does not show %s", key)
		}
	}

	dir := t.TempDir()
	if _, err := initDirectory(filepath.Join(dir, "gw"), true); err != nil {
		t.Fatal(err)
	}
	text := uncomment(starterPolicy)
	if err := os.WriteFile(filepath.Join(dir, "gw", "policy.yaml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	r, err := checkDirectory(filepath.Join(dir, "gw"), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	if r.Errors > 0 {
		t.Errorf("policy.yaml without comments: %v\n%s", r.Findings, text)
	}
	for _, key := range strings.Fields(
		"methods order ocsp skew when_unsure lockout smtp priority allow_empty") {
		if !regexp.MustCompile(`\b` + key + `: `).MatchString(text) {
			t.Errorf("policy.yaml does not show %s", key)
		}
	}
}

func TestShellWord(t *testing.T) {
	for in, want := range map[string]string{
		"/etc/gatehouse": "/etc/gatehouse", "": "''", "my demo": "'my demo'",
		"it's": `'it'\''s'`, "$HOME": "'$HOME'", "~": "'~'", "alice@acme.example": "alice@acme.example",
	} {
		if got := shellWord(in); got != want {
			t.Errorf("shellWord(%q) = %s, want %s", in, got, want)
		}
	}
}
