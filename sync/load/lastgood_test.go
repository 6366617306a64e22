package load_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"gatehouse/sync/load"
)

// base is a directory in which every kind of object occurs.
func base(t *testing.T) tree {
	m := minimal(t)
	return m.with(
		"ca/second.pem", m["ca/acme.pem"],
		"ca/second.yaml", "scope: {domains: [acme.example]}\n",
		"ca/acme.yaml", "scope: {domains: [acme.example]}\n",
		"server/spare/certificate.pem", m["server/main/certificate.pem"],
		"server/spare/key.pem", m["server/main/key.pem"],
		"radius/other.yaml", "authentication: {ca: [second]}\nclients:\n"+
			"- {name: sw, address: 198.51.100.0/24, secret: golden-secret-0002}\n",
		"users/more.csv", "username,email\ncarla,carla@acme.example\n",
	)
}

const baseLive = "ca/acme ca/second server/main server/spare radius/branch[acme] radius/other[second] " +
	"users/more.csv(1) users/staff.yaml(2)"

// TestLastGoodObjectByObject breaks one thing at a time in a directory that is in force.
func TestLastGoodObjectByObject(t *testing.T) {
	all := base(t)
	last, problems := seal(t, all.fs(), nil)
	if problems.HasErrors() || describe(last.Draft()) != baseLive {
		t.Fatalf("%s with %v", describe(last.Draft()), problems)
	}
	without := func(s string) string { return strings.Replace(baseLive, s+" ", "", 1) }
	for _, tt := range []struct {
		name    string
		change  []string
		effects []string
		live    string
	}{
		{"policy", []string{"policy.yaml", "eap: 1\n"}, []string{"policy kept"}, baseLive},
		{"CA chain", []string{"ca/acme.pem", "rubbish"}, []string{"ca/acme kept"}, baseLive},
		{"CA settings", []string{"ca/acme.yaml", "scpe: {}\n"}, []string{"ca/acme kept"}, baseLive},
		{"CA chain deleted, settings left", []string{"ca/acme.pem", "-"}, []string{"ca/acme kept"}, baseLive},
		{"CA deleted though a server names it", []string{"ca/second.pem", "-", "ca/second.yaml", "-"},
			[]string{"radius/other left_out"}, strings.Replace(without("ca/second"), " radius/other[second]", "", 1)},
		{"half pair", []string{"server/main/key.pem", "-"}, []string{"server/main kept"}, baseLive},
		{"credential deleted", []string{"server/spare/key.pem", "-", "server/spare/certificate.pem", "-"},
			nil, without("server/spare")},
		{"all credentials deleted", []string{"server/spare/key.pem", "-", "server/spare/certificate.pem", "-",
			"server/main/key.pem", "-", "server/main/certificate.pem", "-"}, []string{"server kept"}, baseLive},
		{"server", []string{"radius/branch.yaml", "authentication: {ca: [acme]}\nclients: 7\n"},
			[]string{"radius/branch kept"}, baseLive},
		{"server names an unknown CA", []string{"radius/branch.yaml", "authentication: {ca: [acem]}\n"},
			[]string{"radius/branch kept"}, baseLive},
		{"server deleted", []string{"radius/other.yaml", "-"}, nil, without("radius/other[second]")},
		{"all servers deleted", []string{"radius/other.yaml", "-", "radius/branch.yaml", "-"},
			[]string{"radius kept"}, baseLive},
		{"new server collides", []string{"radius/a-new.yaml", "authentication: {ca: [acme]}\nclients:\n" +
			"- {name: x, address: 192.0.2.0/24, secret: golden-secret-0003}\n"},
			[]string{"radius/a-new left_out"}, baseLive},
		{"changed server collides", []string{"radius/branch.yaml", "authentication: {ca: [acme]}\nclients:\n" +
			"- {name: x, address: 198.51.100.0/24, secret: golden-secret-0003}\n"},
			[]string{"radius/branch kept"}, baseLive},
		{"users", []string{"users/staff.yaml", "- {username: anna}\n- {nobody: x}\n"},
			[]string{"users/staff.yaml kept"}, baseLive},
		{"users deleted", []string{"users/more.csv", "-"}, nil, strings.Replace(baseLive, " users/more.csv(1)", "", 1)},
		{"all users deleted", []string{"users/more.csv", "-", "users/staff.yaml", "-"},
			[]string{"users kept"}, baseLive},
		{"users emptied", []string{"users/more.csv", "", "users/staff.yaml", "[]\n"},
			[]string{"users kept"}, baseLive},
		{"no users, permitted", []string{"users/more.csv", "-", "users/staff.yaml", "-",
			"policy.yaml", "allow_empty: true\n"}, nil,
			strings.TrimSuffix(baseLive, " users/more.csv(1) users/staff.yaml(2)")},
		{"new file takes a user's name", []string{"users/a-new.jsonl", `{"username": "ANNA"}`},
			[]string{"users/a-new.jsonl left_out"}, baseLive},
		{"changed file takes a user's address", []string{"users/more.csv", "username,email\nx,anna@acme.example\n"},
			[]string{"users/more.csv kept"}, baseLive},
		{"everything deleted but policy", deleteAll(all), []string{"ca kept", "radius kept", "server kept", "users kept"},
			baseLive},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s, problems := seal(t, all.with(tt.change...).fs(), last)
			if diff := cmp.Diff(tt.effects, effects(problems)); diff != "" {
				t.Errorf("effects (-want +got)\n%s\n%v", diff, problems)
			}
			if diff := cmp.Diff(tt.live, describe(s.Draft())); diff != "" {
				t.Errorf("live (-want +got)\n%s\n%v", diff, problems)
			}
		})
	}
}

func deleteAll(f tree) []string {
	var change []string
	for path := range f {
		if path != "policy.yaml" {
			change = append(change, path, "-")
		}
	}
	return change
}

// What is kept of a broken object is its last good content, not a mixture.
func TestLastGoodContent(t *testing.T) {
	last, _ := seal(t, base(t).fs(), nil)
	broken := base(t).with(
		"radius/branch.yaml", "authentication: {ca: [second]}\nclients:\n"+
			"- {name: ap-floor1, address: 192.0.2.0/24, secret: another-secret-01}\n- {}\n",
		"policy.yaml", "eap: {fragment_size: 500, reject_delay: 1}\n")
	s, _ := seal(t, broken.fs(), last)
	got := s.Server("branch")
	if string(got.Clients[0].Secret) != "golden-secret-0001" || got.CAs[0] != "acme" {
		t.Errorf("the broken server is in force: %v", got.CAs)
	}
	if n := s.Policy().EAP.FragmentSize; n != 1020 {
		t.Errorf("the broken policy is in force: fragment_size %d", n)
	}
}

// A broken CA at the first start costs a server that names others only that one.
func TestBrokenCAReducesServer(t *testing.T) {
	f := base(t).with("ca/second.pem", "rubbish", "radius/branch.yaml", "authentication: {ca: [acme, second]}\n"+
		"clients:\n- {name: ap, address: 192.0.2.0/24, secret: golden-secret-0001}\n")
	s, problems := seal(t, f.fs(), nil)
	want := []string{"ca/second left_out", "radius/branch reduced", "radius/other left_out"}
	if diff := cmp.Diff(want, effects(problems)); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if diff := cmp.Diff([]string{"acme"}, s.Server("branch").CAs); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
}

// blocked is a file system in which some paths cannot be opened.
type blocked struct {
	fstest.MapFS
	paths []string
}

func (b blocked) Open(name string) (fs.File, error) {
	for _, p := range b.paths {
		if name == p {
			return nil, &fs.PathError{Op: "open", Path: name, Err: fs.ErrPermission}
		}
	}
	return b.MapFS.Open(name)
}

func (b blocked) ReadDir(name string) ([]fs.DirEntry, error) {
	if _, err := b.Open(name); err != nil {
		return nil, err
	}
	return b.MapFS.ReadDir(name)
}

// What cannot be read has not been deleted.
func TestUnreadableKeepsLastGood(t *testing.T) {
	last, _ := seal(t, base(t).fs(), nil)
	for path, want := range map[string]string{
		"ca": "ca kept", "radius": "radius kept", "users": "users kept", "server": "server kept",
		"server/main": "server/main kept", "server/main/key.pem": "server/main kept",
		"ca/acme.pem": "ca/acme kept", "ca/acme.yaml": "ca/acme kept", "policy.yaml": "policy kept",
		"radius/other.yaml": "radius/other kept", "users/more.csv": "users/more.csv kept",
	} {
		s, problems := seal(t, blocked{base(t).fs(), []string{path}}, last)
		if got := effects(problems); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %v", path, problems)
		}
		if got := describe(s.Draft()); got != baseLive {
			t.Errorf("%s: live %s", path, got)
		}
	}
	d, problems := load.Load(blocked{base(t).fs(), []string{"."}}, load.Options{Now: now, LastGood: last})
	if d != nil || !problems.HasErrors() || !strings.Contains(problems[0].Text, "permission denied") {
		t.Errorf("the directory itself: %v", problems)
	}
	if _, err := load.Hash(blocked{base(t).fs(), []string{"."}}); err == nil {
		t.Error("a hash of what cannot be read")
	}
}

func TestHash(t *testing.T) {
	hash := func(f fs.FS) [32]byte {
		h, err := load.Hash(f)
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	all := base(t)
	want := hash(all.fs())
	if d, _ := load.Load(all.fs(), load.Options{Now: now}); d.Hash != want {
		t.Error("Load and Hash differ")
	}
	for _, same := range []tree{
		all.with("gatehouse.yaml", "x"), all.with("README.md", "x"), all.with("users/.staff.yaml.swp", "x"),
		all.with("users/staff.yaml~", "x"), all.with("radsec/key.pem", "x"), all.with(".git/HEAD", "x"),
	} {
		if hash(same.fs()) != want {
			t.Error("the hash depends on what is passed over")
		}
	}
	for _, other := range []fs.FS{
		all.with("users/staff.yaml", all["users/staff.yaml"]+"\n").fs(), all.with("users/more.csv", "-").fs(),
		all.with("admins.yaml", "x").fs(), all.with("notes", "x").fs(), blocked{all.fs(), []string{"users/staff.yaml"}},
		all.with("users/more.csv", "-", "users/less.csv", all["users/more.csv"]).fs(),
	} {
		if hash(other) == want {
			t.Error("the hash misses a change")
		}
	}
}

// growing is a file system in which a file has another size whenever it is asked for.
type growing struct {
	fstest.MapFS
	path string
	size *int64
}

func (g growing) Open(name string) (fs.File, error) {
	f, err := g.MapFS.Open(name)
	if err != nil || name != g.path {
		return f, err
	}
	return growingFile{f, g.size}, nil
}

type growingFile struct {
	fs.File
	size *int64
}

type growingInfo struct {
	fs.FileInfo
	size int64
}

func (i growingInfo) Size() int64 { return i.size }

func (f growingFile) Stat() (fs.FileInfo, error) {
	info, err := f.File.Stat()
	*f.size++
	return growingInfo{info, info.Size() + *f.size}, err
}

// A file that is being written is not half of a configuration.
func TestTornFile(t *testing.T) {
	last, _ := seal(t, base(t).fs(), nil)
	for path, want := range map[string]string{
		"users/more.csv": "users/more.csv kept", "radius/other.yaml": "radius/other kept",
	} {
		_, problems := seal(t, growing{base(t).fs(), path, new(int64)}, last)
		if got := effects(problems); len(got) != 1 || got[0] != want ||
			!strings.Contains(problems[0].Text, "changed while it was read") {
			t.Errorf("%s: %v", path, problems)
		}
	}
}

func TestTooLarge(t *testing.T) {
	big := strings.Repeat("# x\n", 300_000)
	last, _ := seal(t, base(t).fs(), nil)
	for _, path := range []string{"radius/other.yaml", "ca/acme.pem", "server/main/key.pem", "policy.yaml"} {
		_, problems := seal(t, base(t).with(path, big+base(t)[path]).fs(), last)
		if got := effects(problems); len(got) != 1 || !strings.HasSuffix(got[0], "kept") {
			t.Errorf("%s: %v", path, problems)
		}
	}
	many := base(t).fs()
	for i := range 10_001 {
		many["users/x"+strconv.Itoa(i)] = &fstest.MapFile{}
	}
	if d, problems := load.Load(many, load.Options{Now: now}); d != nil || !problems.HasErrors() {
		t.Error("more files than are allowed")
	}
	deep := base(t).with("a/b/c/d/e/f/g/h", "x")
	if _, problems := load.Load(deep.fs(), load.Options{Now: now}); len(problems) == 0 {
		t.Error("deeper than is allowed, without a word")
	}
}

func TestProblem(t *testing.T) {
	p := load.Problem{File: "a.yaml", Severity: load.Warning, Text: "odd", Remedy: "change it"}
	if got := p.String(); got != "a.yaml:1:1: warning: odd — change it" {
		t.Error(got)
	}
	p = load.Problem{File: "a.yaml", Line: 3, Column: 4, Severity: load.Error, Text: "bad"}
	if got := p.String(); got != "a.yaml:3:4: bad" {
		t.Error(got)
	}
	if (load.Problems{{Severity: load.Warning}}).HasErrors() || !(load.Problems{p}).HasErrors() {
		t.Error("HasErrors")
	}
}

// TestHashIsLoads has every directory of the fixtures, and one with a file that is too large:
// Hash and Load agree, or a directory at rest would be loaded for ever.
func TestHashIsLoads(t *testing.T) {
	dirs := map[string]fs.FS{
		"too large": base(t).with("radius/other.yaml", strings.Repeat("# x\n", 300_000)).fs(),
	}
	for _, kind := range []string{"good", "bad"} {
		entries, err := os.ReadDir(filepath.Join(golden, kind))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.IsDir() {
				dirs[kind+"/"+e.Name()] = os.DirFS(filepath.Join(golden, kind, e.Name()))
			}
		}
	}
	compared := 0
	for name, dir := range dirs {
		hash, err := load.Hash(dir)
		if err != nil {
			t.Fatal(err)
		}
		d, problems := load.Load(dir, load.Options{Now: now})
		if d == nil {
			continue
		}
		if compared++; d.Hash != hash {
			t.Errorf("%s: the hash of Load is another", name)
		}
		if name == "too large" && len(problems) != 1 {
			t.Errorf("%s: %v", name, problems)
		}
	}
	if compared < 10 {
		t.Errorf("%d directories compared", compared)
	}
}
