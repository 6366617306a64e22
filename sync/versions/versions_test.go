package versions_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/sync/versions"
)

const (
	first  = "000042-0123abcd"
	second = "10000000-89abcdef"
)

// open opens the Dir of a state directory.
func open(t *testing.T, state string) *versions.Dir {
	t.Helper()
	return openWith(t, versions.Config{State: state})
}

func openWith(t *testing.T, cfg versions.Config) *versions.Dir {
	t.Helper()
	d, err := versions.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// write writes a file below a directory, making those between.
func write(t *testing.T, content string, parts ...string) {
	t.Helper()
	name := filepath.Join(parts...)
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

// arrive puts a pair into incoming/ and opens it.
func arrive(t *testing.T, d *versions.Dir, content string) *versions.Version {
	t.Helper()
	write(t, content, d.Incoming(), "x.tar.gz")
	write(t, "signature of "+content, d.Incoming(), "x.tar.gz.minisig")
	list, err := d.Arrivals()
	if err != nil || len(list) != 1 {
		t.Fatalf("arrivals: %v, %v", list, err)
	}
	v, err := d.OpenArrival(list[0])
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.Archive.Close() }) // opened for reading
	v.Key = []byte("key")
	return v
}

// add adds a version of that content.
func add(t *testing.T, d *versions.Dir, name, content string) {
	t.Helper()
	if err := d.Add(name, *arrive(t, d, content), sha256.Sum256([]byte(content))); err != nil {
		t.Fatal(err)
	}
}

// contentOf reads a version: archive, signature and key.
func contentOf(t *testing.T, d *versions.Dir, name string) string {
	t.Helper()
	v, err := d.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer v.Archive.Close() // opened for reading
	data, err := io.ReadAll(v.Archive)
	if err != nil || int64(len(data)) != v.Size {
		t.Fatalf("%d of %d bytes: %v", len(data), v.Size, err)
	}
	return fmt.Sprintf("%s, %s, %s", data, v.Signature, v.Key)
}

// tree lists what is below a directory: names with their modes and where links lead.
func tree(t *testing.T, dir string) []string {
	t.Helper()
	var list []string
	err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		line := fmt.Sprintf("%s %v", strings.TrimPrefix(path, dir+"/"), info.Mode())
		if to, err := os.Readlink(path); err == nil {
			line = strings.TrimPrefix(path, dir+"/") + " -> " + to
		}
		list = append(list, line)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func TestLayout(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	for _, dir := range []string{"incoming", "versions"} { // made by hand, open to all
		if err := os.Mkdir(filepath.Join(state, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	d := open(t, state)
	add(t, d, first, "one")
	if err := d.SetCurrent(first); err != nil {
		t.Fatal(err)
	}
	want := []string{"current -> versions/" + first,
		"incoming drwx------", "incoming/x.tar.gz -rw-------", "incoming/x.tar.gz.minisig -rw-------",
		"versions drwx------", "versions/" + first + " drwx------",
		"versions/" + first + "/bundle.tar.gz -rw-------",
		"versions/" + first + "/bundle.tar.gz.minisig -rw-------",
		"versions/" + first + "/signer.pub -rw-------"}
	if diff := cmp.Diff(want, tree(t, state)); diff != "" {
		t.Errorf("on the disk (-want +got):\n%s", diff)
	}
	if got := contentOf(t, d, first); got != "one, signature of one, key" {
		t.Errorf("version: got %q", got)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"incoming", "versions"} {
		for what, make := range map[string]func(string) error{
			"file": func(path string) error { return os.WriteFile(path, nil, 0o600) },
			"link": func(path string) error { return os.Symlink(t.TempDir(), path) },
		} {
			state := t.TempDir()
			if err := make(filepath.Join(state, name)); err != nil {
				t.Fatal(err)
			}
			if _, err := versions.Open(versions.Config{State: state}); err == nil {
				t.Errorf("%s is a %s: got no error", name, what)
			}
		}
	}
	if _, err := versions.Open(versions.Config{State: filepath.Join(t.TempDir(), "none")}); err == nil {
		t.Error("no state directory: got no error")
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	d := open(t, state)
	add(t, d, first, "one")
	add(t, d, second, "two")
	for _, other := range []string{"42-0123abcd", "000042-0123ABCD", "000042-0123abcd.bak", "lost+found",
		"123456789012345678901-0123abcd"} {
		write(t, "", state, "versions", other, "bundle.tar.gz")
	}
	write(t, "", state, "versions", "000077-0123abcd") // no directory
	names, err := d.Names()
	slices.Sort(names)
	if diff := cmp.Diff([]string{first, second}, names); diff != "" || err != nil {
		t.Errorf("names (-want +got): %v\n%s", err, diff)
	}
	for _, name := range []string{"", "..", "../000042-0123abcd", "000042-0123abcd/", "000042", ".new-" + first} {
		if err := d.SetCurrent(name); err == nil && name != "" {
			t.Errorf("SetCurrent(%q): got no error", name)
		}
		if err := d.Delete(name); err == nil {
			t.Errorf("Delete(%q): got no error", name)
		}
		if v, err := d.Open(name); err == nil {
			t.Errorf("Open(%q): got %+v", name, v)
		}
		if err := d.Add(name, *arrive(t, d, "x"), sha256.Sum256([]byte("x"))); err == nil {
			t.Errorf("Add(%q): got no error", name)
		}
	}
}

func TestCurrent(t *testing.T) {
	t.Parallel()
	state := t.TempDir()
	d := open(t, state)
	is := func(want string) {
		t.Helper()
		if got, err := d.Current(); got != want || err != nil {
			t.Errorf("current: got %q, %v, want %q", got, err, want)
		}
	}
	is("")
	for _, name := range []string{first, second, second, "", "", first} {
		if err := d.SetCurrent(name); err != nil {
			t.Fatal(err)
		}
		is(name)
	}
	link := filepath.Join(state, "current")
	for _, to := range []string{"/etc/passwd", "versions", "versions/../" + first, "../versions/" + first, first,
		"versions/.new-" + first} {
		if err := errors.Join(os.Remove(link), os.Symlink(to, link)); err != nil {
			t.Fatal(err)
		}
		if got, err := d.Current(); err == nil {
			t.Errorf("current leads to %q: got %q", to, got)
		}
	}
	if err := errors.Join(os.Remove(link), os.WriteFile(link, []byte(first), 0o600)); err != nil {
		t.Fatal(err)
	}
	if got, err := d.Current(); err == nil {
		t.Errorf("current is a file: got %q", got)
	}
}

func TestOpenDamaged(t *testing.T) {
	t.Parallel()
	for name, damage := range map[string]func(string) error{
		"nothing there": os.RemoveAll,
		"no archive":    func(dir string) error { return os.Remove(filepath.Join(dir, "bundle.tar.gz")) },
		"no signature":  func(dir string) error { return os.Remove(filepath.Join(dir, "bundle.tar.gz.minisig")) },
		"no key":        func(dir string) error { return os.Remove(filepath.Join(dir, "signer.pub")) },
		"link": func(dir string) error {
			key := filepath.Join(dir, "signer.pub")
			return errors.Join(os.Remove(key), os.Symlink("bundle.tar.gz", key))
		},
		"directory": func(dir string) error {
			key := filepath.Join(dir, "signer.pub")
			return errors.Join(os.Remove(key), os.Mkdir(key, 0o700))
		},
	} {
		t.Run(strings.ReplaceAll(name, " ", "_"), func(t *testing.T) {
			t.Parallel()
			state := t.TempDir()
			d := open(t, state)
			add(t, d, first, "one")
			if err := damage(filepath.Join(state, "versions", first)); err != nil {
				t.Fatal(err)
			}
			if v, err := d.Open(first); !errors.Is(err, versions.ErrDamaged) {
				t.Errorf("got %+v, %v, want ErrDamaged", v, err)
			}
		})
	}
}
