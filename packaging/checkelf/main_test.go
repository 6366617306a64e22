package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// build compiles a program of one line with the flags of a release, or with others.
func build(t *testing.T, name, arch string, flags ...string) string {
	t.Helper()
	dir := t.TempDir()
	src := filepath.Join(dir, "main.go")
	if err := os.WriteFile(src, []byte("package main\n\nfunc main() {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(dir, "gatehouse-linux-"+name)
	cmd := exec.Command("go", append([]string{"build", "-trimpath", "-o", out}, flags...)...)
	cmd.Args = append(cmd.Args, src)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH="+arch, "GOARM=7")
	if msg, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("building: %v\n%s", err, msg)
	}
	return out
}

func TestCheck(t *testing.T) {
	t.Parallel()
	stripped := "-ldflags=-s -w"
	for _, c := range []struct {
		name, target, arch string
		flags              []string
		want               string // part of the error; empty: none
	}{
		{"release", "amd64", "amd64", []string{stripped}, ""},
		{"with-symbols", "amd64", "amd64", nil, "not stripped"},
		{"wrong-machine", "arm64", "amd64", []string{stripped}, "is for EM_X86_64"},
		{"dynamic", "amd64", "amd64", []string{"-buildmode=pie", stripped}, "not static"},
		{"unknown-name", "mips", "amd64", []string{stripped}, "no target is called"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := check(build(t, c.target, c.arch, c.flags...))
			if c.want == "" && err != nil {
				t.Errorf("check: got %v, want none", err)
			}
			if c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
				t.Errorf("check: got %v, want %q in it", err, c.want)
			}
		})
	}
}

func TestCheckTextFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "gatehouse-linux-amd64")
	if err := os.WriteFile(path, []byte("#!/bin/sh\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := check(path); err == nil {
		t.Error("check of a script: got no error")
	}
}
