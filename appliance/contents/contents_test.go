package contents_test

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/appliance/contents"
	"gatehouse/authcore/snapshot"
	"gatehouse/sync/bundle"
	"gatehouse/sync/load"
	"gatehouse/webui"
)

// tree is a directory in memory.
type tree map[string]string

// golden returns the directory good/NAME, as far as it may be in a bundle.
func golden(t testing.TB, name string) tree {
	t.Helper()
	dir := os.DirFS(filepath.Join("../../testdata/configdirs/good", name))
	files := tree{}
	err := fs.WalkDir(dir, ".", func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		data, err := fs.ReadFile(dir, path)
		files[path] = string(data)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func (f tree) with(pairs ...string) tree {
	out := maps.Clone(f)
	for pair := range slices.Chunk(pairs, 2) {
		out[pair[0]] = pair[1]
		if pair[1] == "-" {
			delete(out, pair[0])
		}
	}
	return out
}

func (f tree) fs() fs.FS {
	m := fstest.MapFS{}
	for path, content := range f {
		m[path] = &fstest.MapFile{Data: []byte(content)}
	}
	return m
}

// seal moves the secrets of f to where only id reads them.
func (f tree) seal(t testing.TB, id *bundle.Identity) tree {
	t.Helper()
	s, err := bundle.Seal(f.fs(), bundle.SealOptions{Recipients: map[string][]string{"fleet": {id.Recipient()}}})
	if err != nil {
		t.Fatal(err)
	}
	out := maps.Clone(f)
	for _, set := range []map[string][]byte{s.Secrets, s.Edits} {
		for name, data := range set {
			out[name] = string(data)
		}
	}
	for _, name := range s.Remove {
		delete(out, name)
	}
	return out
}

// open returns f as the bundle that is made of it, with the files that keep asks for.
func (f tree) open(t testing.TB, id *bundle.Identity, keep func(bundle.File) bool) *bundle.Bundle {
	t.Helper()
	built, err := bundle.Build(f.fs(), bundle.BuildOptions{ID: "branch", Serial: 1, AllowPlain: true})
	if err != nil {
		t.Fatal(err)
	}
	b, err := bundle.OpenUnverified(bytes.NewReader(built.Archive), int64(len(built.Archive)),
		bundle.VerifyOptions{Identity: id, Keep: keep})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// objects lists what f consists of as a bundle, a line each: path, kind, what is said of it.
func (f tree) objects(t testing.TB, id *bundle.Identity) []string {
	t.Helper()
	return f.lines(contents.Of(f.open(t, id, contents.Wanted())).Objects)
}

func (f tree) lines(list []webui.BundleObject) (lines []string) {
	for _, o := range list {
		line := o.Path + ": " + o.Kind
		if o.Encrypted {
			line += ", sealed"
		}
		if o.Secret {
			line += ", secret"
		}
		if o.Size > 0 {
			line += ", size"
		}
		if o.SHA256 != "" {
			line += ", hash"
			if content, ok := f[o.Path]; ok && o.SHA256 != fmt.Sprintf("%x", sha256.Sum256([]byte(content))) {
				line += " of something else"
			}
		}
		if o.Fingerprint != "" {
			line += ", fingerprint"
		}
		lines = append(lines, line)
	}
	return lines
}

func newIdentity(t testing.TB) *bundle.Identity {
	t.Helper()
	id, err := bundle.NewIdentity()
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// TestObjectsOfASealedBundle: whatever travels encrypted is there, and nothing more is said of it.
func TestObjectsOfASealedBundle(t *testing.T) {
	t.Parallel()
	id := newIdentity(t)
	f := golden(t, "minimal").with("users/guests.csv", "username,password\nzoe,$2y$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy\n").seal(t, id)
	want := []string{
		"ca/acme.pem: CA chain, size, hash, fingerprint",
		"policy.yaml: policy, size, hash",
		"radius/branch.yaml: RADIUS server, size, hash",
		"secrets/fleet.age: encrypted secrets, sealed, size, hash",
		"server/main/certificate.pem: server certificate, size, hash, fingerprint",
		"server/main/key.pem: key of a server certificate, sealed, secret, fingerprint",
		"users/guests.csv: users file, sealed, secret",
		"users/staff.yaml: users file, size, hash",
	}
	got := f.objects(t, id)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("objects (-want +got)\n%s", diff)
	}
}

// TestObjectsOfAPlainBundle: a lab's bundle holds secrets in the clear. Neither size nor hash of
// such a file is said, by which a short one could be guessed.
func TestObjectsOfAPlainBundle(t *testing.T) {
	t.Parallel()
	f := golden(t, "minimal").with("users/staff.yaml", "- {username: anna, totp: JBSWY3DPEHPK3PXPJBSWY3DP}\n",
		"admins.yaml", "accounts: [{username: root, role: admin, password: $2y$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy}]\n",
		"policy.yaml", "notices: {webhook: \"https://hooks.example/T0/short\"}\n")
	want := []string{
		"admins.yaml: accounts and tokens, secret",
		"ca/acme.pem: CA chain, size, hash, fingerprint",
		"policy.yaml: policy, secret",
		"radius/branch.yaml: RADIUS server, secret",
		"server/main/certificate.pem: server certificate, size, hash, fingerprint",
		"server/main/key.pem: key of a server certificate, secret, fingerprint",
		"users/staff.yaml: users file, secret",
	}
	if diff := cmp.Diff(want, f.objects(t, nil)); diff != "" {
		t.Errorf("objects (-want +got)\n%s", diff)
	}
}

// TestKeyOfAnotherCertificate has no fingerprint of its own.
func TestKeyOfAnotherCertificate(t *testing.T) {
	t.Parallel()
	f := golden(t, "minimal")
	f = f.with("server/other/certificate.pem", f["ca/acme.pem"], "server/other/key.pem", f["server/main/key.pem"])
	got := strings.Join(f.objects(t, nil), "\n")
	if want := "\nserver/other/key.pem: key of a server certificate, secret\n"; !strings.Contains(got, want) {
		t.Errorf("got %s", got)
	}
}

// TestWantedIsBounded: what is not held is listed, with less to say of it.
func TestWantedIsBounded(t *testing.T) {
	t.Parallel()
	wanted := contents.Wanted()
	var held int64
	for range 100 {
		f := bundle.File{Path: "ca/large.pem", Size: 1 << 20}
		if wanted(f) {
			held += f.Size
		}
	}
	if held == 0 || held > 8<<20 {
		t.Errorf("%d bytes are held", held)
	}
	if wanted(bundle.File{Path: "users/staff.yaml", Size: 1}) {
		t.Error("users are held")
	}
}

// TestObjectsOfLooseFiles are those that were judged, with no word of what may hold a secret.
func TestObjectsOfLooseFiles(t *testing.T) {
	t.Parallel()
	f := golden(t, "whole")
	_, objects, problems := load.LoadObjects(f.fs(), load.Options{Now: now, Named: []string{"fleet.pub"}})
	if objects == nil {
		t.Fatal(problems)
	}
	want := []string{
		"admins.yaml: accounts and tokens, secret",
		"ca/acme.pem: CA chain, hash",
		"ca/acme.yaml: settings of a CA, hash",
		"ca/globex.pem: CA chain, hash",
		"ca/globex.yaml: settings of a CA, hash",
		"policy.yaml: policy, secret",
		"radius/branch-wifi.yaml: RADIUS server, secret",
		"radius/guest-wifi.yaml: RADIUS server, secret",
		"radius/secrets/lobby.txt: file, secret",
		"saml/idp.yaml: identity provider, hash",
		"saml/wiki/app.yaml: SAML app, hash",
		"server/main/certificate.pem: server certificate, hash",
		"server/main/key.pem: key of a server certificate, secret",
		"users/guests.yaml: users file, secret",
		"users/staff.yaml: users file, secret",
	}
	if diff := cmp.Diff(want, f.lines(contents.OfLoose(objects))); diff != "" {
		t.Errorf("objects (-want +got)\n%s", diff)
	}
}

var now = time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)

// changes compares b with a in every way.
func changes(t *testing.T, a, b *bundle.Bundle) *webui.BundleChanges {
	t.Helper()
	var drafts [2]*snapshot.Draft
	for i, x := range []*bundle.Bundle{a, b} {
		d, problems := load.Load(x.FS(), load.Options{Now: now, Secrets: x.Secrets(), Managed: true})
		if d == nil {
			t.Fatal(problems)
		}
		drafts[i] = d
	}
	c := &webui.BundleChanges{}
	contents.Files(c, contents.Of(a), contents.Of(b))
	if err := contents.Meaning(c, drafts[0], drafts[1], a.NextKeys, b.NextKeys); err != nil {
		t.Fatal(err)
	}
	return c
}

// TestChanges: a secret that changes is said to, whether it is in the clear or sealed.
func TestChanges(t *testing.T) {
	t.Parallel()
	id := newIdentity(t)
	key, err := bundle.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	before := golden(t, "minimal")
	after := before.with("radius/branch.yaml", strings.Replace(before["radius/branch.yaml"], "secret-0001", "secret-0002", 1),
		"ca/second.pem", before["ca/acme.pem"], "users/more.csv", "username\nzoe\n",
		"admins.yaml", "accounts: [{username: root, role: admin, password: $2y$10$N9qo8uLOickgx2ZMRZoMyeIjZAgcfl7p92ldGxad68LJZdL17lhWy}]\n",
		"fleet/trusted_keys/next.pub", string(key.Trusted("next").Text()))
	got := changes(t, before.open(t, nil, nil), after.open(t, nil, nil))
	want := &webui.BundleChanges{
		Objects: []webui.BundleFileChange{
			{Op: "added", Path: "admins.yaml", Kind: "accounts and tokens"},
			{Op: "added", Path: "ca/second.pem", Kind: "CA chain"},
			{Op: "added", Path: "fleet/trusted_keys/next.pub", Kind: "key that may sign bundles"},
			{Op: "changed", Path: "radius/branch.yaml", Kind: "RADIUS server"},
			{Op: "added", Path: "users/more.csv", Kind: "users file"},
		},
		Changes: []webui.BundleChange{
			{Op: "added", Kind: "trusted key", Name: key.Trusted("").ID()},
			{Op: "added", Kind: "CA", Name: "second"},
			{Op: "changed", Kind: "client", Name: "ap-floor1", Of: "branch", Text: "secret changed", Secret: true},
		},
		Access:        []webui.BundleChange{{Op: "added", Kind: "account", Name: "root", Secret: true}},
		AccessChanged: 1,
		Users:         webui.BundleUserChanges{Added: 1},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("in the clear (-want +got)\n%s", diff)
	}
	got = changes(t, before.seal(t, id).open(t, id, nil), after.seal(t, id).open(t, id, nil))
	if diff := cmp.Diff(want.Changes, got.Changes); diff != "" {
		t.Errorf("sealed (-want +got)\n%s", diff)
	}
}

// TestChangesAreBounded: beyond the first rows there is a number.
func TestChangesAreBounded(t *testing.T) {
	t.Parallel()
	before := golden(t, "minimal")
	after := maps.Clone(before)
	var clients strings.Builder
	for i := range 300 {
		after[fmt.Sprintf("users/u%03d.csv", i)] = fmt.Sprintf("username\nu%d\n", i)
		fmt.Fprintf(&clients, "  - {name: c%d, address: 10.0.%d.%d, secret: golden-secret-%d}\n", i, i/100, i%100, i)
	}
	after["radius/branch.yaml"] += clients.String()
	c := changes(t, before.open(t, nil, nil), after.open(t, nil, nil))
	got := []int{len(c.Objects), c.MoreObjects, len(c.Changes), c.MoreChanges, c.Users.Added}
	if diff := cmp.Diff([]int{contents.MaxRows, 101, contents.MaxRows, 100, 300}, got); diff != "" {
		t.Errorf("rows (-want +got)\n%s", diff)
	}
}
