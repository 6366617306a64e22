package reconcile_test

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"strings"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"gatehouse/sync/reconcile"
)

// keeper is a Keeper in memory.
type keeper struct {
	files fstest.MapFS
	err   error
	kept  int
}

func (k *keeper) Keep(files map[string][]byte) error {
	if k.err != nil {
		return k.err
	}
	k.kept++
	k.files = fstest.MapFS{}
	for name, data := range files {
		k.files[name] = &fstest.MapFile{Data: bytes.Clone(data)}
	}
	return nil
}

func (k *keeper) Last() (fs.FS, error) {
	if k.files == nil {
		return nil, k.err
	}
	return k.files, k.err
}

// startKeeping is start with a Keeper, and with an index that outlives the process.
func startKeeping(t *testing.T, dir *directory, k *keeper, x *indexer) *setup {
	t.Helper()
	s := &setup{}
	s.run(t, reconcile.Config{FS: dir.fs, Holder: &s.holder, Now: time.Now, Indexer: x, Keeper: k,
		Logger:   slog.New(slog.NewTextHandler(&s.log, nil)),
		OnResult: func(r reconcile.Result) { s.results = append(s.results, r) }})
	return s
}

// TestRestartOverBrokenFiles breaks everything while the process is away.
func TestRestartOverBrokenFiles(t *testing.T) {
	for _, tt := range []struct {
		name   string
		broken map[string]string // "": deleted
	}{
		{"policy", map[string]string{"policy.yaml": "eap: 1\n"}},
		{"half_pair", map[string]string{"server/main/key.pem": ""}},
		{"CA", map[string]string{"ca/acme.pem": "rubbish"}},
		{"server", map[string]string{"radius/branch.yaml": "clients: 7\n"}},
		{"users", map[string]string{"users/staff.yaml": "- {nobody: x}\n"}},
		{"all", map[string]string{"policy.yaml": "eap: 1\n", "server/main/key.pem": "x", "ca/acme.pem": "x",
			"radius/branch.yaml": "x", "users/staff.yaml": "x"}},
		{"all_deleted", map[string]string{"policy.yaml": "", "server/main/key.pem": "", "ca/acme.pem": "",
			"server/main/certificate.pem": "", "radius/branch.yaml": "", "users/staff.yaml": ""}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				dir, k, x := newDirectory(t), &keeper{}, &indexer{}
				good := dir.files
				start := startKeeping(t, dir, k, x)
				if k.kept != 1 || k.files["users/staff.yaml"] != nil || k.files["server/main/key.pem"] == nil {
					t.Fatalf("kept %d times: %v", k.kept, k.files)
				}
				for file, text := range tt.broken {
					dir.put(file, text)
				}
				for range 2 { // what is kept of what was kept is kept
					s := startKeeping(t, dir, k, x)
					sn, was := s.holder.Load(), start.holder.Load()
					if sn == nil || !s.Last().Problems.HasErrors() && tt.name != "all_deleted" {
						t.Fatalf("nothing in force: %v", s.Last().Problems)
					}
					if sn.Users().Len() != was.Users().Len() || sn.Policy().Revocation.OCSP != "off" ||
						sn.CA("acme") == nil || sn.Server("branch") == nil {
						t.Errorf("not what it was: %v", s.Last().Problems)
					}
				}
				dir.mu.Lock()
				dir.files = good
				dir.mu.Unlock()
				if s := startKeeping(t, dir, k, x); s.holder.Load() == nil || s.Last().Problems.HasErrors() {
					t.Errorf("after the repair: %v", s.Last().Problems)
				}
			})
		})
	}
}

// TestKeepsChangesOnly keeps what is new of a configuration, and nothing when only users are, or
// nothing that is in force.
func TestKeepsChangesOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, k := newDirectory(t), &keeper{}
		s := startKeeping(t, dir, k, &indexer{})
		policy := string(dir.files["policy.yaml"].Data)
		for _, step := range []struct {
			file, text string
			kept       int
			holds      string // of policy.yaml
		}{
			{"users/more.csv", "username\nzoe\n", 1, policy},
			{"policy.yaml", "eap: 1\n", 1, policy},
			{"policy.yaml", policy + "# x\n", 2, policy + "# x\n"},
			{"server/main/key.pem", "x", 2, policy + "# x\n"},
			{"policy.yaml", policy, 3, policy}, // while the pair is broken
		} {
			dir.put(step.file, step.text)
			s.look()
			if got := string(k.files["policy.yaml"].Data); k.kept != step.kept || got != step.holds {
				t.Errorf("%+v: kept %d times, %q", step, k.kept, got)
			}
			if !strings.Contains(string(k.files["server/main/key.pem"].Data), "PRIVATE KEY") {
				t.Errorf("%+v: the key is lost", step)
			}
		}
		k.err = errors.New("the disk is full")
		dir.put("policy.yaml", policy+"# y\n")
		s.look()
		if r := s.Last(); !r.Swapped || !strings.Contains(s.log.String(), "cannot be kept") {
			t.Errorf("%+v", r)
		}
		k.err = nil
		dir.put("users/more.csv", "username\nyan\n")
		s.look()
		if got := string(k.files["policy.yaml"].Data); got != policy+"# y\n" {
			t.Errorf("not tried again: %q", got)
		}
	})
}

// TestNothingKept has broken files at the first start of all, and a copy that cannot be read.
func TestNothingKept(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, k := range []*keeper{{}, {err: errors.New("unreadable")},
			{files: fstest.MapFS{"policy.yaml": {Data: []byte("eap: 1\n")}}}} {
			dir := newDirectory(t)
			dir.put("server/main/key.pem", "")
			if s := startKeeping(t, dir, k, &indexer{}); s.holder.Load() != nil {
				t.Error("something is in force")
			}
		}
	})
}
