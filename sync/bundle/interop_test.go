package bundle_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"gatehouse/sync/bundle"
)

// peer returns a function that runs a program which we did not write, in dir.
func peer(t *testing.T, program, dir string) func(stdin string, args ...string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatalf("%s is not installed", program)
		}
		t.Skipf("%s is not installed: make peers", program)
	}
	return func(stdin string, args ...string) string {
		t.Helper()
		cmd := exec.Command(path, args...)
		cmd.Dir, cmd.Stdin = dir, strings.NewReader(stdin)
		var out, problems bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &problems
		if err := cmd.Run(); err != nil {
			t.Fatalf("%s %v: %v\n%s%s", program, args, err, out.String(), problems.String())
		}
		return out.String() + problems.String()
	}
}

func write(t *testing.T, dir, name string, data []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func read(t *testing.T, dir, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// What we sign minisign verifies, with its own key files too, and the other way round.
func TestMinisignInterop(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	minisign := peer(t, "minisign", dir)
	built := minimal(t).seal(t, newIdentity(t)).build(t, bundle.BuildOptions{})
	write(t, dir, "b.tar.gz", built.Archive)

	ours := newKey(t)
	secret, err := ours.Text("")
	if err != nil {
		t.Fatal(err)
	}
	write(t, dir, "ours.key", secret)
	write(t, dir, "ours.pub", ours.Trusted("").Text())
	write(t, dir, "b.tar.gz.minisig", sign(t, ours, built.Archive))
	out := minisign("", "-V", "-H", "-p", "ours.pub", "-m", "b.tar.gz")
	if !strings.Contains(out, "Signature and comment signature verified") || !strings.Contains(out, "bundle=branch-emea serial=42") {
		t.Errorf("minisign -V:\n%s", out)
	}

	minisign("", "-G", "-W", "-p", "theirs.pub", "-s", "theirs.key")
	theirs, err := bundle.ParseTrustedKey("theirs.pub", read(t, dir, "theirs.pub"))
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"theirs", "ours"} {
		minisign("", "-S", "-W", "-s", key+".key", "-m", "b.tar.gz", "-x", key+".minisig")
		opt := trusting(ours, nil)
		opt.Keys = append(opt.Keys, theirs)
		b, err := verify(built.Archive, read(t, dir, key+".minisig"), opt)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(b.Comment, "file:b.tar.gz") {
			t.Errorf("got the comment %q", b.Comment)
		}
	}
	signing, err := bundle.ParseSigningKey(read(t, dir, "theirs.key"), "")
	if err != nil || !signing.Trusted("").Equal(theirs) {
		t.Errorf("reading their secret key: %v", err)
	}

	minisign("", "-S", "-W", "-l", "-s", "ours.key", "-m", "b.tar.gz", "-x", "old.minisig")
	b, err := verify(built.Archive, read(t, dir, "old.minisig"), trusting(ours, nil))
	refusal(t, b, err, bundle.SignatureLegacy, bundle.Untrusted)
}

// age opens what we seal, and we open what age seals.
func TestAgeInterop(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	age, keygen := peer(t, "age", dir), peer(t, "age-keygen", dir)
	keygen("", "-o", "theirs.txt")
	theirs, err := bundle.ParseIdentity(read(t, dir, "theirs.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.TrimSpace(keygen("", "-y", "theirs.txt")); got != theirs.Recipient() {
		t.Errorf("got the recipient %s, want %s", theirs.Recipient(), got)
	}
	ours := newIdentity(t)
	write(t, dir, "ours.txt", ours.Text())
	src := minimal(t).seal(t, ours, theirs)
	write(t, dir, "fleet.age", []byte(src["secrets/fleet.age"]))
	for _, identity := range []string{"ours.txt", "theirs.txt"} {
		var got struct{ Values, Files map[string]string }
		if err := json.Unmarshal([]byte(age("", "-d", "-i", identity, "fleet.age")), &got); err != nil {
			t.Fatal(err)
		}
		if got.Values["radius/branch/ap-floor1"] != "golden-secret-0001" ||
			got.Files["server/main/key.pem"] != minimal(t)["server/main/key.pem"] {
			t.Errorf("with %s: got %v", identity, got)
		}
	}

	// A group whose file a person makes with age, from the recipients that lie beside it.
	write(t, dir, "fleet.recipients", []byte(src["secrets/fleet.recipients"]))
	age(`{"format":1,"values":{"radius/branch/ap-floor1":"made by age"},"files":{"server/main/key.pem":"key"}}`,
		"-R", "fleet.recipients", "-o", "by-hand.age")
	for _, id := range []*bundle.Identity{ours, theirs} {
		if got := secretsOf(t, src.with("secrets/fleet.age", string(read(t, dir, "by-hand.age"))), id); got["radius/branch/ap-floor1"] != "made by age" {
			t.Errorf("got %v", got)
		}
	}
}
