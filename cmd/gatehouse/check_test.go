package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const goldenDirectories = "../../testdata/configdirs"

// check says of every golden directory what stands beside it, and ends with a summary.
func TestCheckGolden(t *testing.T) {
	now := time.Date(2026, 12, 1, 0, 0, 0, 0, time.UTC) // when they are judged
	for _, kind := range []string{"good", "bad"} {
		entries, err := os.ReadDir(filepath.Join(goldenDirectories, kind))
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			if e.IsDir() {
				t.Run(kind+"/"+e.Name(), func(t *testing.T) {
					checkGolden(t, filepath.Join(goldenDirectories, kind, e.Name()), now)
				})
			}
		}
	}
}

func checkGolden(t *testing.T, dir string, now time.Time) {
	data, err := os.ReadFile(dir + ".txt")
	if err != nil {
		t.Fatal(err)
	}
	want, live, _ := strings.Cut("\n"+string(data), "\n= ")
	r, err := checkDirectory(dir, now)
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := r.print(&out); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
	last := len(lines) - 1
	if diff := cmp.Diff(strings.TrimPrefix(want, "\n"), strings.Join(lines[:last], "\n")); diff != "" {
		t.Errorf("check %s (-want +got)\n%s", dir, diff)
	}
	verdict := "would go live"
	if strings.HasPrefix(live, "nothing") {
		verdict = "nothing could go live"
	}
	if !strings.Contains(lines[last], verdict) || r.Errors+r.Warnings != last {
		t.Errorf("summary %q after %d findings, want %q", lines[last], last, verdict)
	}
}
