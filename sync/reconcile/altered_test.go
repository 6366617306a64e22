package reconcile_test

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"

	"github.com/google/go-cmp/cmp"

	"gatehouse/sync/bundle"
)

// TestAlteredAnywhere brings a good bundle with one byte of it altered: every byte of the
// signature file, and a sample of those of the archive. Whichever it is, the bundle is refused
// with exit code 6, and what is in force and what is remembered stays. In the end the bundle as
// it was signed is taken.
func TestAlteredAnywhere(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := newGateway(t)
		g.start()
		g.bring("first", g.build(1, g.key, oneMore, moreUsers(1)))
		g.expect(1, 3, "")
		good := g.build(2, g.key, oneMore, moreUsers(2))
		before, brought := g.kept(), 0
		refused := func(what string, m made) {
			t.Helper()
			g.bringOnce(fmt.Sprintf("n%d", brought), m)
			brought++
			r := g.Bundles().Refused
			if r == nil || r.ExitCode != int(bundle.Untrusted) || r.SHA256 == "" || r.Serial != 0 {
				t.Fatalf("%s: got %+v, want exit code 6 and nothing read of the manifest", what, r)
			}
			if diff := cmp.Diff(before, g.kept()); diff != "" {
				t.Fatalf("%s: something is not as it was (- before, + now)\n%s", what, diff)
			}
		}
		prefix, comment := len("untrusted comment: "), bytes.IndexByte(good.signature, '\n')
		for i := range good.signature {
			if i >= prefix && i < comment { // nobody signs it, and nobody reads it
				continue
			}
			refused(fmt.Sprintf("byte %d of the signature", i), made{good.archive, flipped(good.signature, i)})
		}
		edge := 64
		for i := 0; i < len(good.archive); i++ {
			if i >= edge && i < len(good.archive)-edge && i%29 != 0 {
				continue
			}
			refused(fmt.Sprintf("byte %d of the archive", i), made{flipped(good.archive, i), good.signature})
		}
		g.bringOnce("good", made{good.archive, flipped(good.signature, prefix+2)})
		g.expect(2, 4, g.Bundles().Refused.Code)
	})
}

// flipped returns a copy of data with one bit of byte i changed.
func flipped(data []byte, i int) []byte {
	out := bytes.Clone(data)
	out[i] ^= 1 << (i % 7)
	return out
}

// bringOnce brings a bundle in files that were never there before, and takes them away again.
func (g *gateway) bringOnce(name string, m made) {
	g.t.Helper()
	g.bring(name, m)
	if r := g.Bundles().Refused; g.there(name) && (r == nil || r.File != name+".tar.gz") {
		g.t.Fatalf("%s was not looked at", name)
	}
	for _, end := range []string{".tar.gz", ".tar.gz.minisig"} {
		if err := os.Remove(filepath.Join(g.state, "incoming", name+end)); err != nil && !os.IsNotExist(err) {
			g.t.Fatal(err)
		}
	}
}

func (g *gateway) there(name string) bool {
	_, err := os.Lstat(filepath.Join(g.state, "incoming", name+".tar.gz"))
	return err == nil
}

// kept is what a refusal must leave as it is: what is in force, what is remembered (but for the
// refusal itself), and what is on the disk.
func (g *gateway) kept() map[string]string {
	g.t.Helper()
	out := map[string]string{"generation": fmt.Sprint(g.holder.Load().Generation()), "in force": g.Bundles().InForce}
	g.ledger.mu.Lock()
	defer g.ledger.mu.Unlock()
	for key, value := range g.ledger.values {
		if key != "refused" {
			out["ledger "+key] = string(value)
		}
	}
	files, err := filepath.Glob(filepath.Join(g.state, "versions", "*"))
	hidden, err2 := filepath.Glob(filepath.Join(g.state, "versions", ".*"))
	current, err3 := os.Readlink(filepath.Join(g.state, "current"))
	if err != nil || err2 != nil || err3 != nil {
		g.t.Fatal(err, err2, err3)
	}
	out["versions"] = fmt.Sprint(files, hidden, current)
	return out
}
