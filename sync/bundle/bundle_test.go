package bundle_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/sync/bundle"
)

// What is built, signed and verified comes out as it went in, the secrets in their places, from
// memory and from a directory.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	id, key := newIdentity(t), newKey(t)
	src := minimal(t).seal(t, id)
	built := src.build(t, bundle.BuildOptions{Selector: bundle.Selector{IDs: []string{"oslo-1"}}})
	sig := sign(t, key, built.Archive)
	for _, where := range []string{"memory", "directory"} {
		opt := trusting(key, id)
		if where == "directory" {
			opt.Dir = t.TempDir()
		}
		b, err := verify(built.Archive, sig, opt)
		if err != nil {
			t.Fatalf("%s: %v", where, err)
		}
		want := minimal(t)
		want["radius/branch.yaml"] = src["radius/branch.yaml"]
		if diff := cmp.Diff(want, content(t, b.FS())); diff != "" {
			t.Errorf("%s (-want +got)\n%s", where, diff)
		}
		if diff := cmp.Diff(map[string]string{"radius/branch/ap-floor1": "golden-secret-0001"}, b.Secrets()); diff != "" {
			t.Errorf("%s (-want +got)\n%s", where, diff)
		}
		if err := fstest.TestFS(b.FS(), "radius/branch.yaml", "server/main/key.pem"); err != nil {
			t.Errorf("%s: %v", where, err)
		}
		if len(b.Warnings) > 0 || !b.SecretsOpened || !b.Signer.Equal(key.Trusted("")) {
			t.Errorf("%s: got warnings %v, opened %v, signer %v", where, b.Warnings, b.SecretsOpened, b.Signer)
		}
		if opt.Dir != "" {
			if _, err := os.Stat(opt.Dir + "/server/main/key.pem"); err == nil {
				t.Error("a key was written to disk in plain")
			}
		}
	}
}

// Two builds of two directories with the same content are the same bytes.
func TestBuildIsReproducible(t *testing.T) {
	t.Parallel()
	src := minimal(t).seal(t, newIdentity(t))
	opt := bundle.BuildOptions{Expires: now.AddDate(0, 3, 0), BuiltBy: "gatehouse 1.4.0",
		Selector: bundle.Selector{Labels: map[string]string{"b": "2", "a": "1"}, IDs: []string{"y", "x"}}}
	first := src.build(t, opt)
	dir := t.TempDir()
	if err := os.CopyFS(dir, src.fs()); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(dir+"/policy.yaml", old, old); err != nil {
		t.Fatal(err)
	}
	opt.ID, opt.Serial, opt.Selector.IDs = "branch-emea", 42, []string{"x", "y", "y"}
	second, err := bundle.Build(os.DirFS(dir), opt)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first.Archive, second.Archive) {
		t.Error("the archives differ")
	}
}

// A secret in plain, or a file that is none of a configuration, is never packed.
func TestBuildRefuses(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		with []string
		want string
	}{
		"client_secret":  {nil, "radius/branch.yaml:5:54: a secret in plain"},
		"key":            {nil, "server/main/key.pem: a secret in plain"},
		"yaml_password":  {[]string{"users/x.yaml", "- {username: a, password: $2b$x}\n"}, "users/x.yaml: a secret"},
		"jsonl_nt_hash":  {[]string{"users/x.jsonl", `{"username":"a","nt_hash":"00"}`}, "users/x.jsonl: a secret"},
		"csv_totp":       {[]string{"users/x.csv", "username, totp\na,\nb,ABC\n"}, "users/x.csv: a secret"},
		"admins":         {[]string{"admins.yaml", "accounts: []\n"}, "admins.yaml: a secret"},
		"smtp_password":  {[]string{"policy.yaml", "notices: {smtp: {password_file: p.txt}}\n", "p.txt", "x"}, "policy.yaml:1:33"},
		"unknown_file":   {[]string{"notes.txt", "x"}, "notes.txt: nothing of this name"},
		"misplaced":      {[]string{"server/main/more/key.pem", "x"}, "server/main/more/key.pem: nothing of"},
		"no_public_key":  {[]string{"fleet/trusted_keys/a.pub", "x"}, "a.pub: this is no minisign public key"},
		"broken_yaml":    {[]string{"radius/b.yaml", "clients: [\n"}, "radius/b.yaml:"},
		"broken_group":   {[]string{"secrets/a.recipients", "\nage1x\n"}, "secrets/a.recipients:2:1: this is no recipient"},
		"other_alphabet": {[]string{"ca/ä.pem", "x"}, "ca/ä.pem: nothing of this name"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := bundle.Build(minimal(t).with(tc.with...).fs(), bundle.BuildOptions{ID: "a", Serial: 1})
			if e := bundle.AsError(err); e == nil || e.Class != bundle.Malformed || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("got %v, want %q", err, tc.want)
			}
		})
	}
}

// A lab may pack its secrets in plain; what belongs to one gateway stays out, and is named.
func TestBuildPlain(t *testing.T) {
	t.Parallel()
	src := minimal(t).with("gatehouse.yaml", "schema: 1\n", "README.md", "x", ".git/config", "x")
	built := src.build(t, bundle.BuildOptions{AllowPlain: true})
	if diff := cmp.Diff([]string{"gatehouse.yaml"}, built.Skipped); diff != "" {
		t.Errorf("skipped (-want +got)\n%s", diff)
	}
	key := newKey(t)
	b, err := verify(built.Archive, sign(t, key, built.Archive), trusting(key, nil))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(minimal(t), content(t, b.FS())); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	for _, f := range b.Manifest.Files {
		if want := f.Path == "server/main/key.pem"; f.Secret != want {
			t.Errorf("%s: secret is %v", f.Path, f.Secret)
		}
	}
}

// What compresses better than the ratio allows is accepted all the same.
func TestBuildKeepsTheRatio(t *testing.T) {
	t.Parallel()
	src := minimal(t).seal(t, newIdentity(t)).with("ca/acme.crl", strings.Repeat("\x00", 4<<20))
	built := src.build(t, bundle.BuildOptions{})
	key := newKey(t)
	opt := trusting(key, nil)
	if _, err := verify(built.Archive, sign(t, key, built.Archive), opt); err != nil {
		t.Error(err)
	}
}

// The options that a manifest cannot hold are refused when building.
func TestBuildRefusesOptions(t *testing.T) {
	t.Parallel()
	src := minimal(t).seal(t, newIdentity(t))
	for name, opt := range map[string]bundle.BuildOptions{
		"no_id":        {Serial: 1},
		"bad_id":       {ID: "a/b", Serial: 1},
		"no_serial":    {ID: "a"},
		"huge_serial":  {ID: "a", Serial: 1 << 60},
		"never":        {ID: "a", Serial: 1, NotBefore: now, Expires: now},
		"version":      {ID: "a", Serial: 1, MinVersion: "new"},
		"escape":       {ID: "a", Serial: 1, Changelog: "\x1b[2J"},
		"label":        {ID: "a", Serial: 1, Selector: bundle.Selector{Labels: map[string]string{"": "x"}}},
		"commit_lines": {ID: "a", Serial: 1, Source: bundle.Source{Commit: "a\nb"}},
	} {
		if _, err := bundle.Build(src.fs(), opt); bundle.AsError(err) == nil {
			t.Errorf("%s: got %v, want a refusal", name, err)
		}
	}
}

// Nothing that a bundle prints, whatever the verb, shows a secret.
func TestPrintingShowsNoSecret(t *testing.T) {
	t.Parallel()
	id, key := newIdentity(t), newKey(t)
	built := minimal(t).seal(t, id).build(t, bundle.BuildOptions{})
	b, err := verify(built.Archive, sign(t, key, built.Archive), trusting(key, id))
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "bundle", b, "id", id, "key", key, "manifest", b.Manifest)
	secret := strings.Fields(string(id.Text()))[4]
	keyText, err := key.Text("")
	if err != nil {
		t.Fatal(err)
	}
	text := log.String() + fmt.Sprintf("%v %+v %#v %s %+v %#v %v %+v %#v %v %+v %#v", b, b, b, b, *b, *b, id, id, id, key, key, key)
	for _, planted := range []string{"golden-secret", "PRIVATE KEY", secret, strings.Fields(string(keyText))[6]} {
		if len(planted) < 10 {
			t.Fatalf("the planted secret %q is not one", planted)
		}
		if strings.Contains(text, planted) {
			t.Errorf("%q is shown in %s", planted, text)
		}
	}
}
