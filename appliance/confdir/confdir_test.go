package confdir_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/appliance/confdir"
	"gatehouse/authcore/pki/lab"
	"gatehouse/sync/load"
)

const wifi = "# written by hand\nauthentication: {method: passwordless, ca: [acme]}\n" +
	"clients:\n  - {name: ap1, address: 192.0.2.0/24, secret: a secret of the tests}\n"

// A world is a configuration directory that works.
type world struct {
	t    *testing.T
	path string
	dir  *confdir.Dir
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return newWorldAt(t, t.TempDir())
}

func newWorldAt(t *testing.T, path string) *world {
	t.Helper()
	w := &world{t: t, path: path}
	ca, err := lab.NewCA(lab.CAOptions{Name: "Acme"})
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := ca.IssueServer(lab.ServerOptions{DNSNames: []string{"radius.example"}})
	if err != nil {
		t.Fatal(err)
	}
	w.put("ca/acme.pem", string(ca.CertificatePEM()))
	w.put("server/ecdsa/certificate.pem", string(leaf.CertificatePEM()))
	w.put("server/ecdsa/key.pem", string(leaf.KeyPEM()))
	w.put("radius/wifi.yaml", wifi)
	w.put("users/staff.yaml", "- {username: alice, email: alice@acme.example}\n")
	w.dir = confdir.Open(w.path, nil)
	return w
}

func (w *world) put(name, content string) {
	w.t.Helper()
	file := filepath.Join(w.path, filepath.FromSlash(name))
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, []byte(content), 0o644)); err != nil {
		w.t.Fatal(err)
	}
}

// files returns everything in the directory, by path.
func (w *world) files() map[string]string {
	w.t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(w.path, func(file string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := os.ReadFile(file)
		name, _ := filepath.Rel(w.path, file)
		all[filepath.ToSlash(name)] = string(data)
		return err
	})
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

func write(name, data string) confdir.Change {
	return confdir.Change{Write: []confdir.File{{Path: name, Data: []byte(data)}}}
}

func TestApply(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	lan := strings.ReplaceAll(wifi, "192.0.2.0", "198.51.100.0")
	change := confdir.Change{Write: []confdir.File{
		{Path: "radius/lan.yaml", Data: []byte(lan), Secret: true},
		{Path: "crl/deep/er.pem", Data: []byte("# nothing")},
	}, Remove: []string{"radius/wifi.yaml", "radius/never.yaml", "nowhere/never.yaml"}}
	want := w.files()
	delete(want, "radius/wifi.yaml")
	want["radius/lan.yaml"], want["crl/deep/er.pem"] = lan, "# nothing"
	if err := w.dir.Apply(t.Context(), change); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, w.files()); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for name, mode := range map[string]fs.FileMode{"radius/lan.yaml": 0o600, "crl/deep/er.pem": 0o644} {
		if info, err := os.Stat(filepath.Join(w.path, name)); err != nil || info.Mode() != mode {
			t.Errorf("%s: %v %v, want %v", name, info.Mode(), err, mode)
		}
	}
	if data, err := w.dir.Read("radius/lan.yaml"); string(data) != lan || err != nil {
		t.Errorf("Read: %q, %v", data, err)
	}
	if _, err := w.dir.Read("radius/wifi.yaml"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Read of what was removed: %v", err)
	}
}

// TestApplyRefuses what would break the directory, and writes nothing.
func TestApplyRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		change confdir.Change
		want   string // in the error
	}{
		{"unknown_ca", write("radius/wifi.yaml", strings.Replace(wifi, "[acme]", "[amce]", 1)), `there is no CA "amce"`},
		{"no_yaml", write("radius/lan.yaml", "a: [b"), "radius/lan.yaml: a [ that is never closed"},
		{"overlap", write("radius/lan.yaml", wifi), "address of client"},
		{"no_secret", write("radius/lan.yaml", strings.Replace(wifi, ", secret: a secret of the tests", "", 1)), "has no secret"},
		{"last_ca", confdir.Change{Remove: []string{"ca/acme.pem"}}, "no CA is left"},
		{"last_server", confdir.Change{Remove: []string{"radius/wifi.yaml"}}, "no RADIUS server is left"},
		{"last_users", confdir.Change{Remove: []string{"users/staff.yaml"}}, "no user is left"},
		{"user_twice", write("users/more.csv", "username\nalice\n"), "alice"},
		{"one_of_two", confdir.Change{Write: []confdir.File{
			{Path: "radius/lan.yaml", Data: []byte(strings.Replace(wifi, "192.0.2.0", "198.51.100.0", 1))},
			{Path: "ca/empty.pem", Data: nil}}}, "ca/empty.pem"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			before := w.files()
			err := w.dir.Apply(t.Context(), tt.change)
			var refused *confdir.RefusedError
			if !errors.As(err, &refused) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want a refusal with %q", err, tt.want)
			}
			if refused != nil && (len(refused.Problems) == 0 || strings.Contains(err.Error(), "a secret of the tests")) {
				t.Errorf("the refusal is %v", err)
			}
			if diff := cmp.Diff(before, w.files()); diff != "" {
				t.Errorf("it was refused, and changed something:\n%s", diff)
			}
		})
	}
}

// TestApplyMindsItsOwnBusiness: what is broken already stops nobody, and may be mended.
func TestApplyMindsItsOwnBusiness(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.put("radius/broken.yaml", "# one\nclinets: []\n")
	lan := strings.ReplaceAll(wifi, "192.0.2.0", "198.51.100.0")
	if err := w.dir.Apply(t.Context(), write("radius/lan.yaml", lan)); err != nil {
		t.Errorf("beside a broken file: %v", err)
	}
	var refused *confdir.RefusedError
	if err := w.dir.Apply(t.Context(), write("radius/broken.yaml", "clinets: []\n")); !errors.As(err, &refused) {
		t.Errorf("a file as broken as before: %v, want a refusal", err)
	}
	if err := w.dir.Apply(t.Context(), confdir.Change{Remove: []string{"radius/broken.yaml"}}); err != nil {
		t.Errorf("removing the broken file: %v", err)
	}
}

func TestApplyRefusesPaths(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := os.Symlink("wifi.yaml", filepath.Join(w.path, "radius", "link.yaml")); err != nil {
		t.Fatal(err)
	}
	before := w.files()
	for _, name := range []string{"", ".", "..", "../x", "/etc/passwd", "radius/../x", "radius//x", "radius/", ".hidden",
		"radius/.wifi.yaml.new", ".git/config", "gatehouse.yaml", `radius\x`, "a\x00b"} {
		for _, c := range []confdir.Change{write(name, "x"), {Remove: []string{name}}} {
			if err := w.dir.Apply(t.Context(), c); !errors.Is(err, fs.ErrInvalid) {
				t.Errorf("Apply(%q): %v, want fs.ErrInvalid", name, err)
			}
		}
		if _, err := w.dir.Read(name); !errors.Is(err, fs.ErrInvalid) {
			t.Errorf("Read(%q): %v, want fs.ErrInvalid", name, err)
		}
	}
	twice := confdir.Change{Write: []confdir.File{{Path: "ca/acme.yaml"}}, Remove: []string{"ca/acme.yaml"}}
	huge := write("radius/wifi.yaml", wifi+strings.Repeat("#", 1<<20))
	for i, c := range []confdir.Change{twice, huge, {Remove: []string{"radius/link.yaml"}}, {Remove: []string{"radius"}}} {
		if err := w.dir.Apply(t.Context(), c); err == nil {
			t.Errorf("change %d was carried out", i)
		}
	}
	if diff := cmp.Diff(before, w.files()); diff != "" {
		t.Errorf("something has changed:\n%s", diff)
	}
}

// TestApplyOnAFullDisk fails at each step: nothing is lost and nothing is half.
func TestApplyOnAFullDisk(t *testing.T) {
	t.Parallel()
	for n := 0; ; n++ {
		w := newWorld(t)
		before := w.files()
		steps, failed := 0, ""
		w.dir.OnStep(func(step string) error {
			if steps++; steps > n && failed == "" {
				failed = step
				return syscall.ENOSPC
			}
			return nil
		})
		err := w.dir.Apply(t.Context(), bigChange)
		after := w.files()
		if failed == "" {
			if err != nil || n < 8 {
				t.Errorf("with %d steps: %v", n, err)
			}
			return
		}
		if !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("%s: got %v", failed, err)
		}
		checkWhole(t, failed, before, after)
		if same := cmp.Equal(before, after); errors.Is(err, confdir.ErrPartly) == same {
			t.Errorf("%s: nothing has changed: %t, and the error is %v", failed, same, err)
		}
		if strings.HasPrefix(failed, "prepare") || strings.HasPrefix(failed, "sync") || failed == "place ca/acme.yaml" {
			if diff := cmp.Diff(before, after); diff != "" {
				t.Errorf("%s: something has changed:\n%s", failed, diff)
			}
		}
		w.dir.OnStep(nil)
		if err := w.dir.Apply(t.Context(), bigChange); err != nil {
			t.Errorf("%s: again: %v", failed, err)
		}
	}
}

// bigChange writes two files and removes one.
var bigChange = confdir.Change{Write: []confdir.File{
	{Path: "ca/acme.yaml", Data: []byte("scope: {domains: [acme.example]}\n")},
	{Path: "radius/lan.yaml", Data: []byte(strings.ReplaceAll(wifi, "192.0.2.0", "198.51.100.0")), Secret: true},
}, Remove: []string{"radius/wifi.yaml"}}

// checkWhole demands that every file that is read is the old or the new one.
func checkWhole(t *testing.T, step string, before, after map[string]string) {
	t.Helper()
	wrote := map[string]string{}
	for _, f := range bigChange.Write {
		wrote[f.Path] = string(f.Data)
	}
	for name, data := range after {
		old, was := before[name]
		if fresh, is := wrote[name]; !(was && data == old) && !(is && data == fresh) && !strings.HasPrefix(filepath.Base(name), ".") {
			t.Errorf("%s: %s is neither old nor new: %q", step, name, data)
		}
	}
	for name := range before {
		if _, ok := after[name]; !ok && name != "radius/wifi.yaml" {
			t.Errorf("%s: %s is lost", step, name)
		}
	}
}

// TestApplyWithoutPermission says so with the error of the disk, from which the API makes a sentence.
func TestApplyWithoutPermission(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.dir.OnStep(func(string) error { return &fs.PathError{Op: "open", Path: "x", Err: syscall.EROFS} })
	if err := w.dir.Apply(t.Context(), bigChange); !errors.Is(err, syscall.EROFS) {
		t.Errorf("got %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	w.dir.OnStep(nil)
	if err := w.dir.Apply(ctx, bigChange); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

// TestEditsComeOneAfterTheOther: none builds on what another is about to change.
func TestEditsComeOneAfterTheOther(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var all sync.WaitGroup
	for i := range 8 {
		all.Go(func() {
			err := w.dir.Edit(t.Context(), func() (confdir.Change, error) {
				data, err := w.dir.Read("radius/wifi.yaml")
				line := fmt.Sprintf("  - {name: ap%d, address: 203.0.113.%d, secret: a secret of the tests}\n", i+10, i)
				return write("radius/wifi.yaml", string(data)+line), err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	data, err := w.dir.Read("radius/wifi.yaml")
	if n := bytes.Count(data, []byte("name: ap")); n != 9 || err != nil {
		t.Errorf("%d clients after 8 edits, %v:\n%s", n, err, data)
	}
	stop := errors.New("no")
	if err := w.dir.Edit(t.Context(), func() (confdir.Change, error) { return confdir.Change{}, stop }); err != stop {
		t.Errorf("prepare's error came back as %v", err)
	}
}

// TestUsersAreNotReadForNothing: there may be very many.
func TestUsersAreNotReadForNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	asked := 0
	w.dir = confdir.Open(w.path, func() load.Options {
		asked++
		return load.Options{}
	})
	w.put("users/broken.yaml", "- {usrename: bob}\n")
	lan := strings.ReplaceAll(wifi, "192.0.2.0", "198.51.100.0")
	if err := w.dir.Apply(t.Context(), write("radius/lan.yaml", lan)); err != nil || asked != 1 {
		t.Errorf("%v, asked %d times", err, asked)
	}
	err := w.dir.Apply(t.Context(), confdir.Change{Remove: []string{"users/staff.yaml"}})
	if err == nil || !strings.Contains(err.Error(), "no user is left") {
		t.Errorf("the last user is removed: %v", err)
	}
}
