package bundle_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/sync/bundle"
)

// TestKeepHoldsWhatIsWanted: the rest is verified all the same, and secrets are opened.
func TestKeepHoldsWhatIsWanted(t *testing.T) {
	t.Parallel()
	key, id := newKey(t), newIdentity(t)
	built := minimal(t).seal(t, id).build(t, bundle.BuildOptions{})
	for name, dir := range map[string]string{"memory": "", "disk": t.TempDir()} {
		opt := trusting(key, id)
		opt.Dir, opt.Keep = dir, func(f bundle.File) bool { return f.Path == "ca/acme.pem" }
		b, err := verify(built.Archive, sign(t, key, built.Archive), opt)
		if err != nil {
			t.Fatal(err)
		}
		got := slices.Sorted(maps.Keys(content(t, b.FS())))
		if diff := cmp.Diff([]string{"ca/acme.pem", "server/main/key.pem"}, got); diff != "" || !b.SecretsOpened {
			t.Errorf("%s: opened %v, files (-want +got)\n%s", name, b.SecretsOpened, diff)
		}
	}
}

// TestKeepVerifiesWhatIsNotWanted: a file that is not what the manifest says refuses the bundle.
func TestKeepVerifiesWhatIsNotWanted(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	forged := forged{entries: files("policy.yaml"), manifest: func(m *bundle.Manifest) {
		m.Files[0].SHA256 = strings.Repeat("0", 64)
	}}.archive(t)
	opt := trusting(key, nil)
	opt.Keep = func(bundle.File) bool { return false }
	b, err := verify(forged, sign(t, key, forged), opt)
	refusal(t, b, err, bundle.HashWrong, bundle.Untrusted)
}

func TestKeyChanges(t *testing.T) {
	t.Parallel()
	a, b, c := newKey(t).Trusted("a"), newKey(t).Trusted("b"), newKey(t).Trusted("c")
	ids := func(keys []bundle.TrustedKey) (list []string) {
		for _, k := range keys {
			list = append(list, k.Name)
		}
		return list
	}
	for name, tt := range map[string]struct {
		before, after  []bundle.TrustedKey
		added, removed []string
	}{
		"same":    {[]bundle.TrustedKey{a, b}, []bundle.TrustedKey{b, a}, nil, nil},
		"rotated": {[]bundle.TrustedKey{a, b}, []bundle.TrustedKey{b, c}, []string{"c"}, []string{"a"}},
		"brings":  {nil, []bundle.TrustedKey{a}, []string{"a"}, nil},
		"silent":  {[]bundle.TrustedKey{a}, nil, nil, nil},
	} {
		added, removed := bundle.KeyChanges(tt.before, tt.after)
		if diff := cmp.Diff([2][]string{tt.added, tt.removed}, [2][]string{ids(added), ids(removed)}); diff != "" {
			t.Errorf("%s (-want +got)\n%s", name, diff)
		}
	}
}

func TestHoldsSecret(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		file, content string
		want          bool
	}{
		"client":    {"radius/a.yaml", "clients: [{name: x, secret: \"short\"}]\n", true},
		"coa":       {"radius/a.yaml", "clients: [{name: x, coa: {secret: short}}]\n", true},
		"reference": {"radius/a.yaml", "clients: [{name: x, secret_ref: a/x, coa: {secret_ref: a/x/coa}}]\n", false},
		"file":      {"radius/a.yaml", "clients: [{name: x, secret_file: a.txt}]\n", false},
		"broken":    {"radius/a.yaml", "clients: [\n", true},
		"policy":    {"policy.yaml", "notices: {smtp: {password_ref: policy/smtp}}\n", false},
		"totp":      {"users/a.csv", "username,totp\nzoe,ABC\n", true},
		"users":     {"users/a.csv", "username,totp\nzoe,\n", false},
		"chain":     {"ca/a.pem", "-----BEGIN CERTIFICATE-----\n", false},
		"accounts":  {"admins.yaml", "", true},
	} {
		if got := bundle.HoldsSecret(tt.file, []byte(tt.content)); got != tt.want {
			t.Errorf("%s: got %v", name, got)
		}
	}
}
