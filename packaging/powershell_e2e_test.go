//go:build e2e

package packaging_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// TestE2EPowerShellParses has a parser that is not ours read the scripts of PowerShell.
func TestE2EPowerShellParses(t *testing.T) {
	t.Parallel()
	judge := filepath.Join("..", "testdata", "peers", "powershell", "judge.mjs")
	if _, err := os.Stat(filepath.Join(filepath.Dir(judge), "node_modules")); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("the parser is not here: testdata/peers/install.sh e2e installs it")
		}
		t.Skip("the parser is not here: testdata/peers/install.sh e2e installs it")
	}
	scripts, err := filepath.Glob("scripts/*.ps1")
	if err != nil || len(scripts) < 2 {
		t.Fatalf("%d scripts: %v", len(scripts), err)
	}
	if out, err := exec.CommandContext(t.Context(), "node", append([]string{judge}, scripts...)...).CombinedOutput(); err != nil {
		t.Errorf("%v:\n%s", err, out)
	}
	broken := filepath.Join(t.TempDir(), "broken.ps1")
	if err := os.WriteFile(broken, []byte("function Get-It { return @( 1, 2 }\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "node", judge, broken).CombinedOutput(); err == nil {
		t.Errorf("a bracket that nobody closes was not seen: %s", out)
	}
}
