// Package load turns a configuration directory into a snapshot.Draft and every problem in it,
// each with file, line, column and remedy. It reads strictly: an unknown key is an error.
//
// The directory is a set of objects: policy.yaml, admins.yaml, each CA, server credential, RADIUS
// server and file of users. An object with an error keeps its last good version, or is left out, and the
// rest goes live; whoever wants all or nothing asks Problems.HasErrors. gatehouse.yaml is not
// read here, for it takes a restart.
//
// The wall: it reads through fs.FS and never imports os, net, the store or the watcher. It does
// not log, starts no goroutine and asks no clock.
package load

import (
	"fmt"
	"hash/maphash"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"
	"time"

	"gatehouse/authcore/identity"
	"gatehouse/authcore/pki"
	"gatehouse/authcore/policy"
	"gatehouse/authcore/snapshot"
)

// Options says against what a directory is judged.
type Options struct {
	Now      time.Time          // for warnings about expiry
	LastGood *snapshot.Snapshot // what broken objects fall back on; nil: they are left out

	// LastUsers returns the users that broken files of users fall back on while there is no
	// LastGood, or nil if there are none: an index outlives the process. Nil: there are none.
	LastUsers func() identity.Users

	// Unchanged returns the users that are indexed already, if they are those that hash stands
	// for: then no file of users is parsed. Nil: all are.
	Unchanged func(hash [32]byte) (identity.Users, bool)

	// Secrets are the values that the files name by secret_ref and password_ref: those of a
	// bundle. Nil: these are loose files, which may name none. It is not written.
	Secrets map[string]string

	// Managed says that this is a bundle: what it says of pairs of apps is not to be changed here.
	Managed bool

	// Activates are the fingerprints of the certificates that apps are to show, by app: those of a
	// bundle's manifest.
	Activates map[string]string

	// WithoutSecrets loads a bundle whose secrets cannot be opened, to look at it or compare it,
	// never to serve it: references stand for themselves, credentials may lack their keys, and
	// users may be missing.
	WithoutSecrets bool

	// NoUsers leaves users out, and that there are none is no problem: they are elsewhere.
	// Draft.Users is left for the caller to fill.
	NoUsers bool

	// Named are files that have a meaning elsewhere: those that gatehouse.yaml names.
	Named []string

	// Hold is asked for every object of LastGood of which a file has been deleted whether that
	// is to wait: then its last good version stays in force, as a warning with Effect Kept. A
	// copy in progress deletes what it is about to bring. Nil: deletions count at once.
	Hold func(object string) bool
}

// Load reads the configuration directory fsys.
//
// It returns a Draft whenever something usable is left, and nil when that is not so: the directory
// or policy.yaml cannot be read and there is no last good one, or no server credential, RADIUS
// server or user is left. Warnings never cost anything.
//
// Users are judged one at a time and not held. Those of Unchanged, and those in force if the Draft
// is to have exactly these, are in Draft.Users; otherwise that is nil, an indexer makes them of
// Draft.UserSets, which read the files again, and knows them by Draft.UsersHash. Users with
// problems have a hash that Unchanged is never asked for, so that the problems are found again.
//
// The last CA and the last user do not go away by deletion alone: without allow_empty: true in
// policy.yaml those in force are kept, and that is an error.
func Load(fsys fs.FS, opt Options) (*snapshot.Draft, Problems) {
	draft, _, problems := LoadObjects(fsys, opt)
	return draft, problems
}

// LoadObjects is Load that also says what the Draft consists of.
func LoadObjects(fsys fs.FS, opt Options) (*snapshot.Draft, Objects, Problems) {
	t, err := openTree(fsys)
	if err != nil {
		return nil, nil, Problems{{File: ".", Severity: Error,
			Text: fmt.Sprintf("the configuration directory cannot be read: %v", err)}}
	}
	t.secrets = secrets{values: opt.Secrets, closed: opt.WithoutSecrets}
	l := &loader{tree: t, now: opt.Now, last: &snapshot.Draft{}, unchanged: opt.Unchanged,
		hold: opt.Hold, noUsers: opt.NoUsers, named: opt.Named,
		managed: opt.Managed, activates: opt.Activates,
		usersInForce: func() identity.Users { return nil }, seed: maphash.MakeSeed(),
		live: Objects{}}
	if opt.LastUsers != nil {
		l.usersInForce = opt.LastUsers
	}
	if opt.LastGood != nil {
		l.last, l.hasLast = opt.LastGood.Draft(), true
		l.usersInForce = opt.LastGood.Users
	}
	draft := l.load()
	draft.Hash = t.secrets.hash(t.hash())
	problems := l.collect()
	if l.lost || len(draft.Servers) == 0 || len(draft.Credentials) == 0 {
		return nil, nil, problems
	}
	return draft, l.live, problems
}

// loader is one run of Load.
type loader struct {
	tree    *tree
	now     time.Time
	last    *snapshot.Draft
	hasLast bool
	lost    bool // nothing may go live

	policy      *object
	policyDoc   *document
	cas         []*caFile
	credentials []*credentialFile
	servers     []*serverFile
	objects     []*object // all of the above, those of users, and those of no file
	live        Objects

	seed         maphash.Seed // of claims
	questions    *questions
	unchanged    func([32]byte) (identity.Users, bool) // nil: never
	hold         func(string) bool                     // nil: never
	noUsers      bool
	named        []string
	managed      bool
	activates    map[string]string
	usersInForce func() identity.Users
	kept         keptUsers
}

func (l *loader) object(name string) *object {
	o := &object{name: name}
	l.objects = append(l.objects, o)
	return o
}

// load reads every object and settles what becomes of it, in the order in which they build on
// each other.
func (l *loader) load() *snapshot.Draft {
	d := &snapshot.Draft{}
	d.Policy = l.loadPolicy()
	d.Admins = l.loadAdmins()
	d.CAs = l.loadCAs(&d.Policy)
	l.loadLists(d.CAs)
	d.Credentials = l.loadCredentials()
	d.Servers = l.loadServers(d.CAs)
	d.IDP = l.loadIDP(d.CAs)
	d.Apps = l.loadApps()
	if !l.noUsers {
		l.loadUsers(d)
	}
	l.warnings(d)
	l.unknownFiles()
	return d
}

func (l *loader) loadPolicy() policy.Policy {
	o := l.object("policy")
	l.policy = o
	p, doc := readPolicy(o, l.tree)
	l.policyDoc = doc
	switch {
	case l.lostPolicy(o):
		l.bringKept(o.name)
		return l.last.Policy
	case !o.failed:
		l.bring(o.name, o)
	case l.hasLast:
		o.settle(Kept)
		l.bringKept(o.name)
		return l.last.Policy
	default:
		// The defaults are not what was asked for, and may be laxer.
		o.settle(LeftOut)
		l.lost = true
	}
	return p
}

func (l *loader) loadCAs(p *policy.Policy) []*snapshot.CA {
	nameOf := func(ca *snapshot.CA) string { return ca.Name }
	last := byName(l.last.CAs, nameOf)
	var out []*snapshot.CA
	present := l.names("ca", ".pem", ".yaml")
	for _, name := range present {
		f := readCA(l.tree, name, &p.Revocation, l.now)
		l.cas, l.objects = append(l.cas, f), append(l.objects, f.object)
		if l.lostSettings(f, last[name]) {
			f.ca = last[name]
		}
		if ca := settle(f.object, f.ca, last[name]); ca != nil {
			out = append(out, ca)
		}
	}
	out = append(out, awaited(l, "ca", present, l.last.CAs, nameOf)...)
	sortCAs(out)
	whole := l.kind("ca")
	if !whole.failed && len(out) == 0 && !p.AllowEmpty {
		whole.fail("ca", 0, "no CA is left: nobody could be accepted by certificate",
			"put a chain into ca/NAME.pem; allow_empty: true in policy.yaml permits none")
	}
	out = settleKind(whole, out, l.last.CAs)
	bringAll(l, "ca", out, last, nameOf)
	return out
}

func (l *loader) loadCredentials() []*pki.Credential {
	nameOf := func(c *pki.Credential) string { return c.Name }
	last := byName(l.last.Credentials, nameOf)
	var out []*pki.Credential
	present := l.folders("server")
	for _, name := range present {
		f := readCredential(l.tree, name, l.now)
		l.credentials, l.objects = append(l.credentials, f), append(l.objects, f.object)
		if c := settle(f.object, f.credential, last[name]); c != nil {
			out = append(out, c)
		}
	}
	out = append(out, awaited(l, "server", present, l.last.Credentials, nameOf)...)
	whole := l.kind("server")
	if !whole.failed && len(out) == 0 {
		whole.fail("server", 0, "no server credential is left: no EAP conversation can begin",
			"put certificate.pem and key.pem into server/NAME/")
	}
	out = settleKind(whole, out, l.last.Credentials)
	bringAll(l, "server", out, last, nameOf)
	pki.SortCredentials(out)
	return out
}

// names returns the sorted names of the objects whose files lie in dir and have one of the
// extensions.
func (l *loader) names(dir string, extensions ...string) []string {
	set := map[string]bool{}
	for _, file := range l.tree.under(dir) {
		if path.Dir(file) == dir && slices.Contains(extensions, path.Ext(file)) {
			set[stem(file)] = true
		}
	}
	for file := range l.tree.unreadable {
		if path.Dir(file) == dir && slices.Contains(extensions, path.Ext(file)) {
			set[stem(file)] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// folders returns the sorted names of the folders in dir that hold a file, or cannot be read.
func (l *loader) folders(dir string) []string {
	set := map[string]bool{}
	for _, file := range l.tree.under(dir) {
		if name, _, in := strings.Cut(strings.TrimPrefix(file, dir+"/"), "/"); in {
			set[name] = true
		}
	}
	for file := range l.tree.unreadable {
		if rest, below := strings.CutPrefix(file, dir+"/"); below {
			name, _, _ := strings.Cut(rest, "/")
			set[name] = true
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// settle returns what goes live of an object: what was read, or the last good one, or nil.
func settle[T any](o *object, fresh, last *T) *T {
	switch {
	case !o.failed:
		return fresh
	case last != nil:
		o.settle(Kept)
		return last
	}
	o.settle(LeftOut)
	return nil
}

// kind returns the object that stands for all in a folder. It has failed when the folder cannot
// be read: what cannot be seen has not been deleted.
func (l *loader) kind(dir string) *object {
	o := l.object(dir)
	if err := l.tree.unreadable[dir]; err != nil {
		o.fail(dir, 0, "the folder cannot be read: "+err.Error(), "")
	}
	return o
}

// settleKind returns what goes live of a kind: what was read or, when the kind as a whole has
// failed, all that was in force.
func settleKind[T any](whole *object, fresh, last []T) []T {
	switch {
	case !whole.failed:
		return fresh
	case len(last) == 0:
		whole.settle(LeftOut)
		return fresh
	}
	whole.settle(Kept)
	return slices.Clone(last)
}

func byName[T any](list []*T, name func(*T) string) map[string]*T {
	m := make(map[string]*T, len(list))
	for _, v := range list {
		m[name(v)] = v
	}
	return m
}

// collect gathers the problems of all objects.
func (l *loader) collect() Problems {
	var all Problems
	for _, o := range l.objects {
		all = append(all, o.problems...)
	}
	all.sort()
	return all
}
