package appliance_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const module = "gatehouse/"

// stdGroups widens the short names of the walls to all packages that give the same power.
// net/netip and net/url are values only, so they are free; syscall has the options of sockets
// too, so it counts as I/O but not as os.
var stdGroups = map[string][]string{
	"os":  {"os/...", "io/ioutil"},
	"net": {"net/..."},
	"i/o": {"os/...", "io/ioutil", "syscall/...", "net/...", "log", "database/...", "plugin"},
}

var stdFree = []string{"net/netip", "net/url"}

// A graph is what each package imports itself, tests left out, by import path.
type graph map[string][]string

// matches reports whether path is what pattern means: itself, "x/..." for x and all below it,
// "x/*" for all below it.
func matches(pattern, path string) bool {
	if root, ok := strings.CutSuffix(pattern, "/..."); ok {
		return path == root || strings.HasPrefix(path, root+"/")
	}
	if root, ok := strings.CutSuffix(pattern, "/*"); ok {
		return strings.HasPrefix(path, root+"/")
	}
	return pattern == path
}

func matchesAny(patterns []string, path string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool { return matches(p, path) })
}

// prefixed returns patterns of ours as import paths.
func prefixed(patterns []string) []string {
	var out []string
	for _, p := range patterns {
		out = append(out, module+p)
	}
	return out
}

// isOurs reports whether path is a package of ours.
func isOurs(path string) bool { return strings.HasPrefix(path, module) }

// check returns every finding, sorted.
func (g graph) check(walls, directions []wall, monopolies []monopoly) []string {
	var found []string
	for path := range g {
		name, ours := strings.CutPrefix(path, module)
		if !ours {
			continue
		}
		known := false
		for _, w := range walls {
			if matches(w.pkg, name) {
				known = true
				found = append(found, g.checkWall(path, w)...)
			}
		}
		if !known {
			found = append(found, name+": is not in the table of walls")
		}
		for _, w := range directions {
			if matches(w.pkg, name) {
				found = append(found, g.checkWall(path, w)...)
			}
		}
		found = append(found, g.checkMonopolies(path, monopolies)...)
	}
	slices.Sort(found)
	return slices.Compact(found)
}

// checkWall returns what path imports although w forbids it.
func (g graph) checkWall(path string, w wall) []string {
	var found []string
	name := strings.TrimPrefix(path, module)
	for _, imported := range g[path] {
		if w.only != nil && isOurs(imported) && !matchesAny(prefixed(w.only), imported) {
			found = append(found, fmt.Sprintf("%s: imports %s, which is not on its short list: %s",
				name, imported, w.why))
		}
		if forbiddenStd(w.std, imported) {
			found = append(found, fmt.Sprintf("%s: imports %s: %s", name, imported, w.why))
		}
	}
	forbidden := append(prefixed(w.ours), w.mods...)
	for _, chain := range g.reach(path, forbidden, prefixed(w.via)) {
		found = append(found, fmt.Sprintf("%s: imports %s: %s", name, chain, w.why))
	}
	return found
}

// forbiddenStd reports whether path is in one of the groups or packages of the standard library.
func forbiddenStd(groups []string, path string) bool {
	if slices.Contains(stdFree, path) {
		return false
	}
	for _, name := range groups {
		patterns, ok := stdGroups[name]
		if !ok {
			patterns = []string{name}
		}
		if matchesAny(patterns, path) {
			return true
		}
	}
	return false
}

// reach returns a chain of imports ("b, through a") for every package that matches forbidden and
// can be reached from path without passing what matches via.
func (g graph) reach(path string, forbidden, via []string) []string {
	var found []string
	from := map[string]string{path: ""}
	for queue := []string{path}; len(queue) > 0; queue = queue[1:] {
		for _, next := range g[queue[0]] {
			if _, seen := from[next]; seen {
				continue
			}
			from[next] = queue[0]
			if matchesAny(forbidden, next) {
				chain := next
				for p := from[next]; p != path; p = from[p] {
					chain += ", through " + p
				}
				found = append(found, chain)
			}
			if !matchesAny(via, next) {
				queue = append(queue, next)
			}
		}
	}
	return found
}

// checkMonopolies returns what path imports itself although it belongs to others.
func (g graph) checkMonopolies(path string, monopolies []monopoly) []string {
	var found []string
	for _, m := range monopolies {
		if matchesAny(prefixed(m.by), path) {
			continue
		}
		for _, imported := range g[path] {
			if matches(m.pkg, imported) {
				found = append(found, fmt.Sprintf("%s: imports %s, which only %s may: %s",
					strings.TrimPrefix(path, module), imported, strings.Join(m.by, ", "), m.why))
			}
		}
	}
	return found
}

// root is the module's directory, seen from this package's.
const root = ".."

// goEnv returns a setting of the go command.
func goEnv(t *testing.T, name string) []byte {
	t.Helper()
	out, err := exec.Command("go", "env", name).Output()
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// goList runs go list in the module's root as the release is built: for Linux, without cgo.
func goList(t *testing.T, args ...string) []byte {
	t.Helper()
	cmd := exec.Command("go", append([]string{"list"}, args...)...)
	cmd.Dir = root
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOOS=linux", "GOARCH=amd64")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list %s: %v\n%s", strings.Join(args, " "), err, stderr.Bytes())
	}
	return out
}

// loadGraph reads the imports of all packages of ours and of everything below them.
func loadGraph(t *testing.T) graph {
	t.Helper()
	g := graph{}
	dec := json.NewDecoder(bytes.NewReader(
		goList(t, "-deps", "-json=ImportPath,Imports,Standard", "./...")))
	for {
		var p struct {
			ImportPath string
			Imports    []string
			Standard   bool
		}
		err := dec.Decode(&p)
		if errors.Is(err, io.EOF) {
			return g
		}
		if err != nil {
			t.Fatal(err)
		}
		if !p.Standard {
			g[p.ImportPath] = p.Imports
		}
	}
}

// callsForbidden returns where the packages of ws mention what they never call.
func callsForbidden(t *testing.T, ws []wall) []string {
	t.Helper()
	var found []string
	for _, w := range ws {
		if len(w.calls) == 0 {
			continue
		}
		files, err := filepath.Glob(filepath.Join(root, w.pkg, "*.go"))
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			src, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			found = append(found, mentions(t, file, src, w)...)
		}
	}
	return found
}

// mentions returns the places of src at which one of w.calls is named.
func mentions(t *testing.T, file string, src []byte, w wall) []string {
	t.Helper()
	set := token.NewFileSet()
	tree, err := parser.ParseFile(set, file, src, 0)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	ast.Inspect(tree, func(n ast.Node) bool {
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		if x, ok := sel.X.(*ast.Ident); ok && slices.Contains(w.calls, x.Name+"."+sel.Sel.Name) {
			found = append(found, fmt.Sprintf("%s: names %s.%s: %s",
				set.Position(sel.Pos()), x.Name, sel.Sel.Name, w.why))
		}
		return true
	})
	return found
}
