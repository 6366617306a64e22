package appliance_test

import (
	"flag"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write golden and generated files anew")

// A wall is what a package never imports, and why. What is ours and what is of other modules
// may not be reached through other packages either; of the standard library only the package's
// own imports count. Tests may import what they like.
type wall struct {
	pkg   string   // below the module; "x/..." is x and all below it, "x/*" all below it only
	ours  []string // packages of ours, likewise
	mods  []string // packages of other modules
	std   []string // "os", "net" and "i/o" are groups, see stdGroups
	calls []string // functions that it never calls, as "time.Now"
	only  []string // if not nil, the packages of ours that it may import itself, and no other
	via   []string // where the look through other packages ends
	why   string
}

// walls holds every package of ours, those to come too, with its walls. A package that is
// missing here fails the test: decide what it must never know before it grows.
var walls = []wall{
	{pkg: "cmd/gatehouse", ours: []string{"webui/..."}, mods: []string{badger, fsnotify},
		only: []string{"appliance/...", "authcore/supplicant", "authcore/audit", "authcore/pki/lab",
			"authcore/accesspoint", "sync/bundle", "sync/load"},
		via: []string{"appliance/..."},
		why: "argv in, exit code out: what decides, stores or serves is put together by appliance"},
	{pkg: "appliance", why: "the composition root may know everybody"},
	{pkg: "appliance/bootconf", only: []string{"sync/strictyaml"},
		why: "settings are values: they are read before anything else is there"},
	{pkg: "appliance/store", ours: []string{"sync/...", "webui/..."}, std: []string{"net"},
		why: "a store that can reach the network or the configuration is no longer rebuildable"},
	{pkg: "appliance/journal", mods: []string{badger},
		why: "what must never be forgotten may not depend on the cache that may be thrown away"},
	{pkg: "appliance/control", why: "the unix socket says what the API says"},
	{pkg: "appliance/health", why: "readiness is asked for by everybody and asks nobody itself"},
	{pkg: "appliance/clock", why: "the guarded clock is the only one that decides"},
	{pkg: "appliance/eventlog", ours: []string{"webui/..."}, mods: []string{badger},
		why: "the last decisions live in memory: flash is not written for an accepted sign-in"},
	{pkg: "appliance/confdir", only: []string{"sync/load"},
		why: "it changes files that load has judged; what is in force is not its business"},
	{pkg: "appliance/contents", ours: []string{"sync/reconcile", "sync/versions", "appliance/..."},
		mods: []string{badger, fsnotify}, std: []string{"net", "os"},
		why: "it says what was opened by others, and never a secret of it"},
	{pkg: "appliance/pairstore", only: []string{"authcore/saml/pair"},
		why: "it carries steps out and judges nothing"},
	{pkg: "appliance/notice", why: "when, once, to whom"},
	{pkg: "appliance/support", only: []string{"sync/strictyaml"}, std: []string{"os", "net/http"},
		why: "it packs what it is handed, and takes secrets out"},
	{pkg: "appliance/webhook", only: []string{}, why: "it posts, and knows nothing of what it posts"},
	{pkg: "appliance/heartbeat", only: []string{}, why: "nothing depends on it, and it on nothing"},
	{pkg: "appliance/syslog", only: []string{},
		why: "it carries lines of the log; who logs what is not its business"},
	{pkg: "authcore", ours: []string{"appliance/...", "sync/...", "webui/..."},
		mods: []string{badger}, std: []string{"os"},
		why: "the one walk from request to decision opens no file and knows no database or page"},
	{pkg: "authcore/radius", std: []string{"os", "log/slog"}, calls: []string{"time.Now"},
		why: "a codec is pure: the same bytes always mean the same"},
	{pkg: "authcore/radserver", ours: []string{"authcore/eap/...", "authcore/snapshot"},
		std: []string{"os"},
		why: "transport moves packets; what is in them and what is configured comes by interface"},
	{pkg: "authcore/accounting", ours: []string{"webui/...", "sync/..."},
		why: "sessions are told to others, not fetched by pages"},
	{pkg: "authcore/eap", ours: []string{"authcore/radius"}, std: []string{"crypto/tls", "net"},
		why: "RFC 3748 knows neither what carries it nor what its methods carry"},
	{pkg: "authcore/eap/eaptls", ours: notInMethods, std: []string{"os"}, why: whyMethods},
	{pkg: "authcore/eap/ttls", ours: notInMethods, std: []string{"os"}, why: whyMethods},
	{pkg: "authcore/eap/peap", ours: notInMethods, std: []string{"os"}, why: whyMethods},
	{pkg: "authcore/eap/mschapv2", ours: notInMethods, std: []string{"os"}, why: whyMethods},
	{pkg: "authcore/pki", std: []string{"net/http", "os"},
		why: "a path is judged by the certificates at hand; nothing is fetched while judging"},
	{pkg: "authcore/pki/lab", std: []string{"net/http", "os"},
		why: "it makes certificates as values; whoever wants them on disk writes them"},
	{pkg: "authcore/revocation", ours: []string{"appliance/store"}, mods: []string{badger},
		std: []string{"os"},
		why: "the cache is an interface: a broken store must never stop a check"},
	{pkg: "authcore/identity", mods: []string{badger}, std: []string{"net", "os"},
		why: "who a certificate names follows from the certificate and the users alone"},
	{pkg: "authcore/onboard", only: []string{}, std: []string{"i/o"},
		why: "profiles are values: whoever wants them on disk writes them"},
	{pkg: "authcore/accesspoint", only: []string{}, std: []string{"i/o"},
		why: "settings and codes are values: pages and commands show them"},
	{pkg: "authcore/password", std: []string{"net", "os"},
		why: "verifiers compute; what they need is handed to them"},
	{pkg: "authcore/policy", std: []string{"i/o"},
		why: "values in, outcome out"},
	{pkg: "authcore/saml", ours: []string{"webui/..."}, std: []string{"os", "net/http"},
		why: "assertions are made for pages, not by them"},
	{pkg: "authcore/saml/pair", only: []string{}, std: []string{"os", "net"}, calls: []string{"time.Now"},
		why: "pairs are values; whoever owns the disk carries the steps out"},
	{pkg: "authcore/snapshot", ours: []string{"sync/...", "authcore/eap/..."}, std: []string{"os"},
		why: "the sealed configuration knows neither where it came from nor who reads it"},
	{pkg: "authcore/audit", only: []string{}, std: []string{"i/o"},
		why: "a leaf: everybody speaks of decisions with its words"},
	{pkg: "authcore/supplicant",
		ours: []string{"appliance/...", "sync/...", "webui/...", "authcore/eap/...", "authcore/radius"},
		why:  "a judge that shares the server's code shares its faults"},
	{pkg: "sync/watch", only: []string{},
		why: "it says only \"look again\"; a watcher that reads configuration reads it torn"},
	{pkg: "sync/strictyaml", only: []string{}, why: "a decoder knows no particular file"},
	{pkg: "sync/bundle", ours: []string{"authcore/snapshot"}, mods: []string{fsnotify},
		std: []string{"net"},
		why: "signatures are checked before anything inside is understood"},
	{pkg: "sync/load", mods: []string{badger, fsnotify}, std: []string{"net", "os"},
		why: "fs.FS in, Draft out: the same for a bundle, a directory and a test"},
	{pkg: "sync/reconcile", ours: []string{"appliance/store", "webui/...", "authcore/radserver"},
		why: "it swaps the Snapshot; who reads it finds out by itself"},
	{pkg: "sync/versions", only: []string{}, std: []string{"net"},
		why: "it keeps archives as they came, and understands nothing of what is in them"},
	{pkg: "sync/fetch", ours: []string{"sync/load", "authcore/snapshot"},
		why: "what comes over the network is verified before it is read"},
	{pkg: "webui", ours: notInPages, mods: []string{badger}, why: whyPages},
	{pkg: "webui/websession", ours: notInPages, mods: []string{badger}, why: whyPages},
	{pkg: "packaging", only: []string{}, why: "it holds no code of the program"},
	{pkg: "packaging/checkelf", only: []string{}, why: "a tool of the build"},
}

const (
	badger   = "github.com/dgraph-io/badger/..."
	fsnotify = "github.com/fsnotify/fsnotify/..."
	goccy    = "github.com/goccy/go-yaml/..."

	whyMethods = "a method steps by what it is handed: neither RADIUS nor the decision is its business"
	whyPages   = "pages and API stand over interfaces that webui declares itself"
)

var (
	notInMethods = []string{"authcore/radius", "authcore/pki/...", "authcore/revocation"}
	notInPages   = []string{"appliance/...", "sync/...", "authcore/eap/...", "authcore/radserver"}
)

// directions says that arrows run cmd → appliance → {sync, webui, store} → authcore → its
// leaves: nothing points up.
var directions = []wall{
	{pkg: "appliance/*", ours: []string{"appliance", "cmd/..."}, why: "parts do not know the whole"},
	{pkg: "sync/...", ours: []string{"appliance/...", "webui/...", "cmd/..."},
		why: "files become a Snapshot without knowing who uses it"},
	{pkg: "webui/...", ours: []string{"cmd/..."}, why: "pages do not know who serves them"},
	{pkg: "authcore/...", ours: []string{"appliance/...", "sync/...", "webui/...", "cmd/..."},
		why: "authcore decides: it opens no files, knows no database and serves no web"},
	{pkg: "authcore/*", ours: []string{"authcore"}, why: "leaves do not know the walk"},
}

// A monopoly is a package that only some may import themselves.
type monopoly struct {
	pkg string
	by  []string // packages of ours
	why string
}

var monopolies = []monopoly{
	{pkg: "gatehouse/appliance", by: []string{"cmd/gatehouse"},
		why: "a composition root with two users is a library"},
	{pkg: badger, by: []string{"appliance/store"},
		why: "its limits on small devices are kept in one place"},
	{pkg: fsnotify, by: []string{"sync/watch"}, why: "its traps are kept in one place"},
	{pkg: goccy, by: []string{"sync/strictyaml"},
		why: "there is one strict way to read YAML, with positions"},
	{pkg: "gatehouse/authcore/pki/lab", by: []string{"cmd/gatehouse"},
		why: "nothing that decides may be able to issue certificates"},
}

func TestArchWalls(t *testing.T) {
	t.Parallel()
	g := loadGraph(t)
	if _, ok := g["gatehouse/authcore/audit"]; !ok || len(g) < 20 {
		t.Fatalf("go list found %d packages, authcore/audit among them: %v", len(g), ok)
	}
	for _, finding := range g.check(walls, directions, monopolies) {
		t.Error(finding)
	}
	for _, finding := range callsForbidden(t, walls) {
		t.Error(finding)
	}
}

// TestArchWallsHaveReasons keeps the tables readable: a wall without a reason is torn down by
// the first who finds it in the way.
func TestArchWallsHaveReasons(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, w := range walls {
		if seen[w.pkg] {
			t.Errorf("%s stands in the table twice", w.pkg)
		}
		seen[w.pkg] = true
	}
	for _, w := range append(append([]wall{}, walls...), directions...) {
		if strings.TrimSpace(w.why) == "" {
			t.Errorf("the wall around %s has no reason", w.pkg)
		}
	}
	for _, m := range monopolies {
		if strings.TrimSpace(m.why) == "" {
			t.Errorf("the monopoly on %s has no reason", m.pkg)
		}
	}
}
