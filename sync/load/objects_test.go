package load_test

import (
	"crypto/sha256"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/sync/load"
)

// TestObjects says of every object that is in force from which files it is.
func TestObjects(t *testing.T) {
	ca := newCRLCA(t, "acme")
	f := base(t).with("ca/acme.pem", ca.pem(), "ca/acme.crl", string(ca.list(t, now.AddDate(1, 0, 0))),
		"radius/other.yaml", "authentication: {ca: [second]}\nclients:\n"+
			"- {name: sw, address: 198.51.100.0/24, secret_file: other.secret}\n",
		"radius/other.secret", "golden-secret-0002", "notes.txt", "x")
	last, _ := seal(t, f.fs(), nil)
	all := map[string]string{
		"policy": "policy.yaml", "ca/acme": "ca/acme.pem ca/acme.yaml", "ca/acme.crl": "ca/acme.crl",
		"ca/second": "ca/second.pem ca/second.yaml", "radius/branch": "radius/branch.yaml",
		"radius/other":   "radius/other.secret radius/other.yaml",
		"server/main":    "server/main/certificate.pem server/main/key.pem",
		"server/spare":   "server/spare/certificate.pem server/spare/key.pem",
		"users/more.csv": "users/more.csv", "users/staff.yaml": "users/staff.yaml",
	}
	for _, tt := range []struct {
		name   string
		change []string
		kept   []string
		gone   []string
	}{
		{name: "good"},
		{name: "no_policy", change: []string{"policy.yaml", "-"}},
		{"policy", []string{"policy.yaml", "eap: 1\n"}, []string{"policy"}, nil},
		{"half_pair", []string{"server/main/key.pem", "-"}, []string{"server/main"}, nil},
		{"secret", []string{"radius/other.secret", "-"}, []string{"radius/other"}, nil},
		{"list", []string{"ca/acme.crl", "rubbish"}, []string{"ca/acme.crl"}, nil},
		{"list_deleted", []string{"ca/acme.crl", "-"}, nil, []string{"ca/acme.crl"}},
		{"users", []string{"users/more.csv", "rubbish"}, []string{"users/more.csv"}, nil},
		{"all_credentials", []string{"server/main/key.pem", "x", "server/spare/key.pem", "x"},
			[]string{"server/main", "server/spare"}, nil},
	} {
		changed := f.with(tt.change...)
		_, objects, problems := load.LoadObjects(changed.fs(), load.Options{Now: now, LastGood: last})
		got, want := map[string]string{}, maps.Clone(all)
		for name, o := range objects {
			got[name] = strings.Join(slices.Sorted(maps.Keys(o.Files)), " ")
			if o.Kept {
				got[name] = "kept"
			}
			for file, sum := range o.Files {
				if sum != sha256.Sum256([]byte(changed[file])) {
					t.Errorf("%s: another hash of %s", tt.name, file)
				}
			}
		}
		for _, name := range tt.kept {
			want[name] = "kept"
		}
		for _, name := range tt.gone {
			delete(want, name)
		}
		if tt.name == "no_policy" {
			want["policy"] = ""
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got)\n%s\n%v", tt.name, diff, problems)
		}
	}
}

// The same files with another value of a secret are not the same object.
func TestObjectsKnowSecrets(t *testing.T) {
	files := minimal(t)
	for name, text := range bundled() {
		files[name] = text
	}
	objects := func(coa string) load.Objects {
		_, objects, _ := load.LoadObjects(files.fs(), load.Options{Now: now, Secrets: map[string]string{
			"radius/branch/ap-floor1": "golden-secret-0001", "coa": coa, "smtp": "hush"}})
		return objects
	}
	one, same, other := objects("golden-secret-0002"), objects("golden-secret-0002"), objects("golden-secret-0003")
	if !one["radius/branch"].Same(same["radius/branch"]) || one["radius/branch"].Same(other["radius/branch"]) {
		t.Error("another value is the same, or the same value another")
	}
	if !one["policy"].Same(other["policy"]) {
		t.Error("the secret of one object is that of another")
	}
}
