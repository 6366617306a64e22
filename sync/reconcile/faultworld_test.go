package reconcile_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"gatehouse/authcore/identity"
	"gatehouse/authcore/pki/lab"
	"gatehouse/authcore/snapshot"
	"gatehouse/sync/bundle"
	"gatehouse/sync/reconcile"
)

// world is what the tests of faults share: bundles, each with users and a server credential of its
// own, and the key that is trusted. All of it lies in a directory, where the processes that are to
// be killed find it too.
type world struct {
	dir     string
	key     bundle.TrustedKey
	bundles map[string]content // by name; loose: the loose files
}

// content is by what a configuration is known.
type content struct {
	serial uint64 // 0: loose files
	hash   string // of the archive, lower hex
	users  []string
	leaf   []byte // of the server credential, DER
}

const loose = "loose"

// worldBundles are all bundles that there are. What another key is trusted by is signed by fleet,
// but for 44.
var worldBundles = []struct {
	name   string
	serial uint64
}{{"40", 40}, {"41", 41}, {"42", 42}, {"43", 43}, {"rotating", 43}, {"44", 44}, {"old44", 44}}

// newWorld makes a world in a temporary directory.
func newWorld(t *testing.T) *world {
	t.Helper()
	dir := t.TempDir()
	ca, err := lab.NewCA(lab.CAOptions{Name: "Server CA"})
	if err != nil {
		t.Fatal(err)
	}
	fleet, next := newKey(t), newKey(t)
	save := func(name string, data []byte) {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	save("fleet.pub", fleet.Trusted("fleet").Text())
	for _, b := range worldBundles {
		leaf, err := ca.IssueServer(lab.ServerOptions{DNSNames: []string{"radius" + b.name + ".example"}})
		if err != nil {
			t.Fatal(err)
		}
		changes := []string{oneMore, "username\n" + strings.Join(usersOf(b.name), "\n") + "\n",
			"server/main/certificate.pem", string(leaf.CertificatePEM()),
			"server/main/key.pem", string(leaf.KeyPEM())}
		key := fleet
		switch b.name {
		case "rotating":
			changes = append(changes, "fleet/trusted_keys/next.pub", string(next.Trusted("next").Text()))
		case "44":
			key = next
		}
		m := (&gateway{t: t}).build(b.serial, key, changes...)
		save(b.name+".tar.gz", m.archive)
		save(b.name+".tar.gz.minisig", m.signature)
		save(b.name+".der", leaf.Raw)
	}
	return openWorld(t, dir)
}

// usersOf returns who is in a bundle besides those of the loose files.
func usersOf(name string) []string {
	users := []string{"only-" + name}
	for i := range len(name) {
		users = append(users, fmt.Sprintf("user%d-%s", i, name))
	}
	return users
}

// openWorld reads what newWorld has made.
func openWorld(t *testing.T, dir string) *world {
	t.Helper()
	w := &world{dir: dir, bundles: map[string]content{}}
	read := func(name string) []byte {
		data, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return data
	}
	var err error
	if w.key, err = bundle.ParseTrustedKey("fleet", read("fleet.pub")); err != nil {
		t.Fatal(err)
	}
	always := []string{"anna", "bert"}
	for _, b := range worldBundles {
		sum := sha256.Sum256(read(b.name + ".tar.gz"))
		w.bundles[b.name] = content{serial: b.serial, hash: hex.EncodeToString(sum[:]),
			users: slices.Sorted(slices.Values(append(usersOf(b.name), always...))), leaf: read(b.name + ".der")}
	}
	file, err := os.ReadFile(filepath.Join(golden, "server/main/certificate.pem"))
	if err != nil {
		t.Fatal(err)
	}
	leaf, err := lab.ReadCertificate(file)
	if err != nil {
		t.Fatal(err)
	}
	w.bundles[loose] = content{users: always, leaf: leaf.Raw}
	return w
}

// made returns a bundle.
func (w *world) made(t *testing.T, name string) made {
	t.Helper()
	path := filepath.Join(w.dir, name+".tar.gz")
	archive, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	signature, err := os.ReadFile(path + ".minisig")
	if err != nil {
		t.Fatal(err)
	}
	return made{archive, signature}
}

// place puts a bundle into incoming/.
func (w *world) place(t *testing.T, state, name string) {
	t.Helper()
	m := w.made(t, name)
	path := filepath.Join(state, "incoming", "branch.tar.gz")
	for file, data := range map[string][]byte{path: m.archive, path + ".minisig": m.signature} {
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// version returns the name of a bundle on the disk.
func (w *world) version(name string) string {
	b := w.bundles[name]
	return fmt.Sprintf("%06d-%s", b.serial, b.hash[:8])
}

// identify returns of which configuration a Snapshot is, users and credential. An error says that
// it is of none, or of two.
func (w *world) identify(sn *snapshot.Snapshot) (string, error) {
	if sn == nil {
		return "", fmt.Errorf("nothing is in force")
	}
	lister, ok := sn.Users().(identity.Lister)
	if !ok {
		return "", fmt.Errorf("users that cannot be listed: %T", sn.Users())
	}
	var users []string
	for u, err := range lister.All() {
		if err != nil {
			return "", err
		}
		users = append(users, u.Username)
	}
	slices.Sort(users)
	leaf := sn.Certificates()[0].Certificate[0]
	for name, b := range w.bundles {
		if bytes.Equal(b.leaf, leaf) {
			if diff := cmp.Diff(b.users, users); diff != "" {
				return "", fmt.Errorf("the credential of %s with other users (-want +got):\n%s", name, diff)
			}
			return name, nil
		}
	}
	return "", fmt.Errorf("a credential that nothing has, with the users %v", users)
}

// agrees checks that what is said to be in force is what is named.
func (w *world) agrees(b *reconcile.BundleState, name string) error {
	want := w.bundles[name]
	v, _ := b.Version()
	if v.Serial != want.serial || v.SHA256 != want.hash {
		return fmt.Errorf("serial %d with the hash %s is said to be in force, and %s is", v.Serial, v.SHA256, name)
	}
	return nil
}
