package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/sync/bundle"
	"gatehouse/sync/reconcile"
	"gatehouse/webui"
)

// A refusedBundle is one that a gateway must not take, and what it says.
type refusedBundle struct {
	name  string
	make  func(*bundleGateway, *forge) (archive, signature []byte)
	exit  int
	code  bundle.Code
	words []string // in the text of the refusal, or in those of its problems
	here  bool     // only this gateway can know: bundle verify takes it
}

// forged signs what change makes of a bundle that would work.
func forged(change func(*forge)) func(*bundleGateway, *forge) ([]byte, []byte) {
	return func(g *bundleGateway, f *forge) ([]byte, []byte) {
		change(f)
		archive := f.archive(g.t)
		return archive, sign(g.t, g.key, archive)
	}
}

// TestRefusals brings one bad bundle after the other to a gateway on which a bundle is in force.
// Each is refused for its cause, with the exit code that bundle verify has for the same file; what
// is in force goes on signing people in, and nothing else is left of it: no serial is used up, no
// file stays behind. In the end the next good one is taken.
func TestRefusals(t *testing.T) {
	g := newBundleGateway(t)
	g.applied(&forge{files: g.office(), manifest: func(m *bundle.Manifest) { m.Serial = 100 }}, 100)
	g.signIn()
	before := g.picture()
	list := slices.Concat(untrustedBundles, elsewhereBundles, malformedBundles, manifestBundles, invalidBundles)
	for i, r := range list {
		t.Run(r.name, func(t *testing.T) {
			g.t = t
			archive, signature := r.make(g, &forge{files: g.office()})
			g.refuses(r, archive, signature)
			g.verifyAgrees(r, archive, signature)
			if i%7 == 0 {
				g.pushAgrees(r, archive, signature)
			}
			g.signIn()
			if diff := cmp.Diff(before, g.picture()); diff != "" {
				t.Errorf("something is not as it was (- before, + now)\n%s", diff)
			}
		})
	}
	g.t = t
	if n := strings.Count(g.log.String(), "ALARM"); n == 0 {
		t.Error("no alarm for a serial with two contents")
	}
	g.applied(&forge{files: g.office(), manifest: func(m *bundle.Manifest) { m.Serial = 101 }}, 101)
	g.signIn()
}

// refuses brings a bundle and checks what is said of it.
func (g *bundleGateway) refuses(r refusedBundle, archive, signature []byte) {
	g.t.Helper()
	name := r.name + ".tar.gz"
	g.arrives(name, archive, signature)
	var got *webui.BundleRefusal
	g.eventually("refused", func() bool {
		got = g.bundle().Refused
		return got != nil && got.File == name
	})
	g.remove(name)
	g.judge(r, got)
	if !strings.Contains(g.log.String(), fmt.Sprintf(`"bundle refused","part":"reconcile","file":%q,"code":%q`, name, r.code)) {
		g.t.Errorf("the log says nothing of it:\n%s", g.log.tail())
	}
}

// judge compares a refusal with what it is to be.
func (g *bundleGateway) judge(r refusedBundle, got *webui.BundleRefusal) {
	g.t.Helper()
	if got.Code != string(r.code) || got.ExitCode != r.exit {
		g.t.Errorf("got %s, exit code %d: %q; want %s, %d", got.Code, got.ExitCode, got.Text, r.code, r.exit)
	}
	text := got.Text
	for _, p := range got.Problems {
		text += fmt.Sprintf("\n%s:%d: %s", p.File, p.Line, p.Text)
	}
	for _, word := range r.words {
		if !strings.Contains(text, word) {
			g.t.Errorf("got %q, want %q in it", text, word)
		}
	}
}

// verifyAgrees demands that bundle verify ends as the gateway did.
func (g *bundleGateway) verifyAgrees(r refusedBundle, archive, signature []byte) {
	g.t.Helper()
	file := g.fileOf(archive, signature)
	args := []string{"bundle", "verify", file, "--json", "--key", filepath.Join(g.config, "fleet.pub"),
		"--as", "oslo-1", "--identity", filepath.Join(g.state, bundle.IdentityFile)}
	for key, value := range gatewayLabels {
		args = append(args, "--label", key+"="+value)
	}
	code, stdout, stderr := gatehouse(args...)
	want := r
	if r.here {
		want.exit = 0
	}
	if code != want.exit {
		g.t.Errorf("bundle verify: exit code %d, want %d: %s%s", code, want.exit, stdout, stderr)
		return
	}
	report := decoded[verifyReport](g.t, stdout)
	switch {
	case report.Refused != nil && report.Refused.Code != string(r.code):
		g.t.Errorf("bundle verify: %+v, want %s", report.Refused, r.code)
	case report.Refused == nil && (report.Errors > 0) != (r.code == reconcile.CodeInvalid):
		g.t.Errorf("bundle verify: %d errors, and the gateway says %s", report.Errors, r.code)
	}
}

// pushAgrees demands that bundle push says the same.
func (g *bundleGateway) pushAgrees(r refusedBundle, archive, signature []byte) {
	g.t.Helper()
	code, stdout, stderr := gatehouse("bundle", "push", g.fileOf(archive, signature), "--state", g.state, "--json")
	if code != r.exit {
		g.t.Errorf("bundle push: exit code %d, want %d: %s%s", code, r.exit, stdout, stderr)
		return
	}
	push := decoded[webui.BundlePush](g.t, stdout)
	if push.State != webui.PushRefused {
		g.t.Errorf("bundle push: %s", stdout)
		return
	}
	g.judge(r, push.Refusal)
}

// fileOf puts a bundle where the gateway does not look.
func (g *bundleGateway) fileOf(archive, signature []byte) string {
	g.t.Helper()
	file := filepath.Join(g.t.TempDir(), "b.tar.gz")
	for name, data := range map[string][]byte{file: archive, file + signatureExt: signature} {
		if err := os.WriteFile(name, data, 0o600); err != nil {
			g.t.Fatal(err)
		}
	}
	return file
}

// remove takes away what lies in incoming/.
func (g *bundleGateway) remove(name string) {
	g.t.Helper()
	for _, file := range []string{name + signatureExt, name} {
		err := os.Remove(filepath.Join(g.state, "incoming", file))
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			g.t.Fatal(err)
		}
	}
}

var farAhead = time.Date(2126, 1, 1, 0, 0, 0, 0, time.UTC)

// TestNotForNow brings a bundle before its time: it waits, and nothing changes meanwhile.
func TestNotForNow(t *testing.T) {
	g := newBundleGateway(t)
	f := &forge{files: g.office(), manifest: func(m *bundle.Manifest) { m.NotBefore = farAhead }}
	archive := f.archive(t)
	signature := sign(t, g.key, archive)
	g.arrives("later.tar.gz", archive, signature)
	g.eventually("waiting", func() bool { return strings.Contains(g.log.String(), "bundle waits for its time") })
	if b := g.bundle(); b.InForce != nil || b.Refused != nil || !g.there("incoming/later.tar.gz") {
		t.Errorf("got %+v", b)
	}
	g.verifyAgrees(refusedBundle{exit: 7, code: bundle.NotYet}, archive, signature)
	g.signIn()
}

// TestNoFileInIncoming puts what is no file where bundles arrive: nobody opens it, and the good
// bundle beside it is taken.
func TestNoFileInIncoming(t *testing.T) {
	g := newBundleGateway(t)
	g.eventually("asked", func() bool { return g.there("incoming") })
	f := &forge{files: g.office()}
	archive := f.archive(t)
	g.write("elsewhere.tar.gz", archive)
	g.write("elsewhere.tar.gz.minisig", sign(t, g.key, archive))
	in := func(name string) string { return filepath.Join(g.state, "incoming", name) }
	for _, err := range []error{
		syscall.Mkfifo(in("a.tar.gz"), 0o600),
		syscall.Mkfifo(in("a.tar.gz.minisig"), 0o600),
		os.Symlink(filepath.Join(g.root, "elsewhere.tar.gz"), in("b.tar.gz")),
		os.Symlink(filepath.Join(g.root, "elsewhere.tar.gz.minisig"), in("b.tar.gz.minisig")),
		os.WriteFile(in("c.tar.gz"), archive, 0o600),
		syscall.Mkfifo(in("c.tar.gz.minisig"), 0o600),
		os.WriteFile(in("d.tar.gz"), archive, 0o600),
		os.Symlink(filepath.Join(g.root, "elsewhere.tar.gz.minisig"), in("d.tar.gz.minisig")),
		os.Mkdir(in("e.tar.gz"), 0o700),
		os.Mkdir(in("e.tar.gz.minisig"), 0o700),
		os.Symlink("/dev/zero", in("f.tar.gz")),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	g.appliance.Reload()
	g.eventually("waiting for two signatures", func() bool { return len(g.bundle().Waiting) == 2 })
	if b := g.bundle(); b.InForce != nil || b.Refused != nil || b.Problem != "" {
		t.Errorf("got %+v", b)
	}
	g.signIn()
	g.applied(&forge{files: g.office()}, 200)
	if !g.there("incoming/a.tar.gz") || !g.there("incoming/b.tar.gz") {
		t.Error("what is no file was removed")
	}
	g.signIn()
}
