package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"github.com/spf13/cobra"
)

// A secrecy runs commands and a gateway on files with secrets planted in them, and keeps all that
// anybody was told.
type secrecy struct {
	t       *testing.T
	root    string
	planted map[string]string // the secrets, by what they are
	told    []told
	used    map[string]bool // commands that were run
	serve   *exec.Cmd
	log     lockedBuffer
	metrics string // address
}

// told is what one command or page has said.
type told struct{ face, text string }

// notListened are the commands that cannot say a secret, with the reason.
var notListened = map[string]string{
	"gatehouse help":                  "prints text of the program",
	"gatehouse completion bash":       "prints text of the program",
	"gatehouse completion zsh":        "prints text of the program",
	"gatehouse completion fish":       "prints text of the program",
	"gatehouse completion powershell": "prints text of the program",
	"gatehouse setup-code":            "prints the set-up code, which is what it is for",
	"gatehouse pki ocsp":              "serves until it is stopped; its own tests read what it prints",
}

func newSecrecy(t *testing.T) *secrecy {
	t.Helper()
	root, err := os.MkdirTemp("", "gh") // t.TempDir is too long for a control socket
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(root) }) // it lies in a temporary directory
	t.Chdir(root)
	return &secrecy{t: t, root: root, planted: map[string]string{}, used: map[string]bool{}}
}

func (s *secrecy) path(name string) string { return filepath.Join(s.root, filepath.FromSlash(name)) }

func (s *secrecy) write(name, content string) {
	s.t.Helper()
	err := os.MkdirAll(filepath.Dir(s.path(name)), 0o700)
	if err == nil {
		err = os.WriteFile(s.path(name), []byte(content), 0o600)
	}
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *secrecy) read(name string) string {
	s.t.Helper()
	data, err := os.ReadFile(s.path(name))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(data)
}

// plant remembers a secret, and returns it.
func (s *secrecy) plant(what, secret string) string {
	s.t.Helper()
	if was, ok := s.planted[what]; ok && was != secret || len(secret) < 10 {
		s.t.Fatalf("%s cannot be planted as %q", what, secret)
	}
	s.planted[what] = secret
	return secret
}

// run carries out a command line; what is a file below root is written as {NAME}. It returns the
// exit code and all that was printed.
func (s *secrecy) run(args ...string) (code int, output string) {
	s.t.Helper()
	line := strings.Join(args, " ")
	for i, arg := range args {
		name, isFile := strings.CutPrefix(arg, "{")
		name, rest, closed := strings.Cut(name, "}")
		if isFile && closed {
			args[i] = s.path(name) + rest
		}
	}
	if cmd, _, err := newRootCommand().Find(args); err == nil {
		s.used[cmd.CommandPath()] = true
	}
	code, stdout, stderr := gatehouse(args...)
	s.told = append(s.told, told{line, stdout + stderr})
	return code, stdout + stderr
}

// runs is run, which must end with code.
func (s *secrecy) runs(code int, args ...string) string {
	s.t.Helper()
	got, output := s.run(args...)
	if got != code {
		s.t.Errorf("%s: exit code %d, want %d: %s", strings.Join(args, " "), got, code, output)
	}
	return output
}

// both is runs with and without --json.
func (s *secrecy) both(code int, args ...string) {
	s.t.Helper()
	s.runs(code, slices.Clone(args)...)
	s.runs(code, append(args, "--json")...)
}

// listen has a gateway serve {conf} with its state in {state}.
func (s *secrecy) listen() {
	s.t.Helper()
	s.serve = exec.Command("gatehouse", "serve", "--config", s.path("conf"), "--state", s.path("state"))
	s.serve.Stderr = &s.log
	s.serve.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := s.serve.Start(); err != nil {
		s.t.Fatal(err)
	}
	s.used["gatehouse serve"] = true
	s.eventually("ready", func() bool { code, _, _ := gatehouse("health", "--state", s.path("state")); return code == 0 })
}

// stop ends the gateway.
func (s *secrecy) stop() {
	s.t.Helper()
	if err := s.serve.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	if err := s.serve.Wait(); err != nil {
		s.t.Errorf("serve: %v\n%s", err, s.log.tail())
	}
	s.told = append(s.told, told{"the log", s.log.String()})
}

func (s *secrecy) hangUp() {
	s.t.Helper()
	if err := s.serve.Process.Signal(syscall.SIGHUP); err != nil {
		s.t.Fatal(err)
	}
}

// eventually waits for something that the gateway brings about.
func (s *secrecy) eventually(what string, ok func() bool) {
	s.t.Helper()
	s.log.wait(s.t, what, ok)
}

// logged waits until the log holds all texts.
func (s *secrecy) logged(texts ...string) {
	s.t.Helper()
	for _, text := range texts {
		s.eventually("logged: "+text, func() bool { return strings.Contains(s.log.String(), text) })
	}
}

// scrape reads the metrics.
func (s *secrecy) scrape() {
	s.t.Helper()
	response, err := http.Get("http://" + s.metrics + "/metrics")
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }() // it was only read
	text, err := io.ReadAll(response.Body)
	if err != nil || !bytes.Contains(text, []byte("gatehouse_")) {
		s.t.Fatalf("%v: %s", err, text)
	}
	s.told = append(s.told, told{"the metrics", string(text)})
}

// spareAddress returns a loopback address whose port nobody had a moment ago.
func spareAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return l.Addr().String()
}

// check demands that nobody was told any secret, in any form, and that every command was run.
func (s *secrecy) check() {
	s.t.Helper()
	lower := make([]string, len(s.told))
	for i, heard := range s.told {
		lower[i] = strings.ToLower(heard.text)
	}
	for what, secret := range s.planted {
		for form, text := range formsOf(secret) {
			text = strings.ToLower(text)
			for k, heard := range s.told {
				if i := strings.Index(lower[k], text); i >= 0 {
					line := heard.text[strings.LastIndexByte(heard.text[:i], '\n')+1:]
					line, _, _ = strings.Cut(line, "\n")
					s.t.Errorf("%s: the %s is in it, as %s: %s", heard.face, what, form, line)
				}
			}
		}
	}
	for _, name := range leaves(newRootCommand()) {
		if !s.used[name] && notListened[name] == "" {
			s.t.Errorf("nobody has listened to %s: run it here, or give the reason in notListened", name)
		}
	}
}

// formsOf returns what would give a secret away: itself, in base64 at every alignment, in hex and,
// of a key, each line of its PEM and parts of its DER.
func formsOf(secret string) map[string]string {
	forms := map[string]string{}
	if block, _ := pem.Decode([]byte(secret)); block != nil {
		// The public half of the key stands in certificates, for everybody to see.
		from, to := publicHalf(block.Bytes)
		isPublic := func(at, n int) bool { return at >= from && at+n <= to }
		for i, line := range strings.Split(strings.TrimSpace(secret), "\n") {
			if at := (i - 1) * 48; i > 0 && len(line) >= 40 && !strings.HasPrefix(line, "-----") && !isPublic(at, len(line)*3/4) {
				forms[fmt.Sprintf("line %d of PEM", i)] = line
			}
		}
		for at := 0; at+20 <= len(block.Bytes); at += 20 {
			if at+20 <= from || at >= to {
				forms[fmt.Sprintf("hex from byte %d", at)] = hex.EncodeToString(block.Bytes[at : at+20])
			}
		}
		return forms
	}
	forms["plain text"], forms["hex"] = secret, hex.EncodeToString([]byte(secret))
	for shift := range 3 {
		text := base64.RawStdEncoding.EncodeToString(append(make([]byte, shift), secret...))
		// The digits at both ends depend on what stands beside the secret.
		forms[fmt.Sprintf("base64, shifted by %d", shift)] = text[(shift*8+5)/6 : len(text)-2]
	}
	return forms
}

// publicHalf returns where in a PKCS #8 key the public half stands.
func publicHalf(der []byte) (from, to int) {
	key, err := x509.ParsePKCS8PrivateKey(der)
	if err != nil {
		return 0, 0
	}
	var public []byte
	switch k := key.(type) {
	case *rsa.PrivateKey:
		public = k.N.Bytes()
	case *ecdsa.PrivateKey:
		if p, err := k.ECDH(); err == nil {
			public = p.PublicKey().Bytes()
		}
	}
	if from = bytes.Index(der, public); len(public) == 0 || from < 0 {
		return 0, 0
	}
	return from, from + len(public)
}

// leaves returns the commands that do something.
func leaves(cmd *cobra.Command) []string {
	var names []string
	for _, c := range cmd.Commands() {
		if c.Hidden {
			continue
		}
		names = append(names, leaves(c)...)
		if !c.HasSubCommands() || len(c.Flags().FlagUsages()) > 0 && c.Example != "" {
			names = append(names, c.CommandPath())
		}
	}
	return names
}
