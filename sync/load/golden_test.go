package load_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"gatehouse/authcore/identity"
	"gatehouse/sync/load"
)

var update = flag.Bool("update", false, "write the expected lines of the golden directories")

// now is when the golden directories are judged.
var now = time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC)

const golden = "../../testdata/configdirs"

// TestGolden loads every directory in good and bad, and compares the lines that `gatehouse
// check` prints, and after them what would go live, with the file NAME.txt beside it.
func TestGolden(t *testing.T) {
	for _, kind := range []string{"good", "bad"} {
		entries, err := os.ReadDir(filepath.Join(golden, kind))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.IsDir() {
				t.Run(kind+"/"+e.Name(), func(t *testing.T) { testGolden(t, kind, e.Name()) })
			}
		}
	}
}

func testGolden(t *testing.T, kind, name string) {
	dir := filepath.Join(golden, kind, name)
	draft, problems := load.Load(os.DirFS(dir), load.Options{Now: now})
	var got strings.Builder
	for _, p := range problems {
		got.WriteString(p.String() + "\n")
	}
	if kind == "good" && len(problems) > 0 {
		t.Errorf("problems in a good directory:\n%s", got.String())
	}
	if draft == nil {
		got.WriteString("= nothing goes live\n")
	} else {
		got.WriteString("= live: " + describe(draft) + "\n")
		if users, err := identity.NewMemory(draft.UserSets); err != nil {
			t.Errorf("indexing: %v", err)
		} else {
			draft.Users = users
		}
		if _, err := draft.Seal(1); err != nil {
			t.Errorf("a Draft that cannot be sealed: %v", err)
		}
	}
	if strings.Contains(got.String(), "hunter2") || strings.Contains(got.String(), "testing123") ||
		strings.Contains(got.String(), "golden-secret") {
		t.Errorf("a secret is shown:\n%s", got.String())
	}
	compareGolden(t, dir+".txt", got.String())
}

func compareGolden(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (-want +got)\n%s", file, diff)
	}
}
