package load

import (
	"reflect"
	"slices"
	"sort"
	"strings"

	"gatehouse/authcore/policy"
	"gatehouse/authcore/snapshot"
)

// holds asks whether the deletion of file, all or part of o, is to wait, and says so if it is.
func (l *loader) holds(o *object, file string) bool {
	if l.hold == nil || !l.hold(o.name) {
		return false
	}
	o.add(Problem{File: file, Severity: Warning, Effect: Kept,
		Text:   "it has been deleted; what it held stays in force until nothing has changed for a while",
		Remedy: "reload (SIGHUP) if the deletion is to count at once"})
	return true
}

// isGone reports whether file is known to be there no more.
func (l *loader) isGone(file string) bool {
	dir, _, _ := strings.Cut(file, "/")
	return !l.tree.files[file] && l.tree.unreadable[file] == nil && l.tree.unreadable[dir] == nil
}

// awaited returns those of last, all of dir that was in force, of which nothing is present and
// whose deletion is to wait.
func awaited[T any](l *loader, dir string, present []string, last []*T, name func(*T) string) []*T {
	if l.hold == nil || l.tree.unreadable[dir] != nil {
		return nil // what is in a folder that cannot be read is kept anyway
	}
	var out []*T
	for _, v := range last {
		n := name(v)
		if !slices.Contains(present, n) && l.holds(l.object(dir+"/"+n), dir+"/"+n+extensions[dir]) {
			out = append(out, v)
		}
	}
	return out
}

// extensions says in which file the content of an object is, for messages.
var extensions = map[string]string{"ca": ".pem", "radius": ".yaml", "server": "/certificate.pem", "saml": "/app.yaml"}

// awaitedUsers returns the files of users that were in force, are there no more, and whose
// deletion is to wait.
func (l *loader) awaitedUsers() []userChoice {
	if l.hold == nil {
		return nil
	}
	var out []userChoice
	for _, set := range l.last.UserSets {
		if !l.isGone(set.Source) || l.lastUsers()[set.Source] == nil {
			continue
		}
		f := &usersFile{object: l.object(set.Source), file: set.Source}
		if l.holds(f.object, f.file) {
			out = append(out, userChoice{f, l.lastUsers()[f.file]})
		}
	}
	return out
}

// awaitedServers returns likewise the RADIUS servers that can go on.
func (l *loader) awaitedServers(present []string, t trust) []choice {
	var out []choice
	for _, s := range awaited(l, "radius", present, t.usable(l.last.Servers),
		func(s *policy.Server) string { return s.Name }) {
		out = append(out, choice{&serverFile{object: l.object("radius/" + s.Name)}, s, s})
	}
	return out
}

// lostSettings reports whether f is a CA in force that has lost its ca/NAME.yaml, and whether
// that is to wait: without a scope it could vouch for anyone.
func (l *loader) lostSettings(f *caFile, last *snapshot.CA) bool {
	settings := f.name + ".yaml"
	if f.failed || last == nil || !l.isGone(settings) {
		return false
	}
	had := !isOpen(last.Scope) || !reflect.DeepEqual(last.Revocation, l.last.Policy.Revocation)
	return had && l.holds(f.object, settings)
}

// lostPolicy reports whether policy.yaml was in force, is there no more, and that is to wait.
func (l *loader) lostPolicy(o *object) bool {
	return l.hasLast && l.isGone(policyFile) &&
		!reflect.DeepEqual(l.last.Policy, policy.Default()) && l.holds(o, policyFile)
}

func sortCAs(cas []*snapshot.CA) {
	sort.Slice(cas, func(i, j int) bool { return cas[i].Name < cas[j].Name })
}
