package load

import (
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"gatehouse/authcore/policy"
	"gatehouse/authcore/snapshot"
	"gatehouse/sync/strictyaml"
)

// warnings reports what only the whole shows.
func (l *loader) warnings(d *snapshot.Draft) {
	l.warnCAs(d)
	l.warnRevocation()
}

// warnUsers reports what the users say about the rest. Users who are what they were have been
// asked the same before, and there was nothing to say.
func (l *loader) warnUsers(a *answer) {
	l.warnUnnamed(a)
	l.warnGroups(a)
	l.warnConflicts(a)
}

// warnUnnamed is about users whom no kind of name in identity.order can find.
func (l *loader) warnUnnamed(a *answer) {
	if a.unnamed > 0 && l.policyDoc != nil {
		l.policyDoc.report(Warning, "identity.order", fmt.Sprintf(
			"%d users have no e-mail address, such as %q: no certificate can name them", a.unnamed, clip(a.such)),
			"give them one, or let identity.order name cn")
	}
}

// warnCAs is about CAs that no server names, and about several that may vouch for anyone.
func (l *loader) warnCAs(d *snapshot.Draft) {
	used := map[string]bool{}
	unreadable := false
	for _, f := range l.servers {
		unreadable = unreadable || f.doc == nil
		for _, ca := range f.named {
			used[ca] = true
		}
	}
	for _, s := range d.Servers {
		for _, ca := range s.CAs {
			used[ca] = true
		}
	}
	open := 0
	for _, ca := range d.CAs {
		if used[ca.Name] && isOpen(ca.Scope) {
			open++
		}
	}
	for _, f := range l.cas {
		switch {
		case f.ca == nil:
		case !used[f.ca.Name] && unreadable: // a file that cannot be read may name it
		case !used[f.ca.Name]:
			f.warn(f.chain, 0, "no RADIUS server names this CA", "name it in authentication.ca, or remove it")
		case open > 1 && isOpen(f.ca.Scope):
			f.warn(f.chain, 0, fmt.Sprintf("%d CAs may vouch for anyone, this one among them", open),
				fmt.Sprintf("write scope: {domains: [DOMAIN]} into ca/%s.yaml", f.ca.Name))
		}
	}
}

func isOpen(s policy.Scope) bool { return len(s.Domains) == 0 && len(s.Groups) == 0 }

// warnGroups is about groups that have no member: most are misspelt.
func (l *loader) warnGroups(a *answer) {
	known := slices.Concat(slices.Collect(maps.Keys(a.members)), slices.Collect(maps.Keys(a.near)))
	slices.Sort(known)
	check := func(doc *document, path string, groups []string) {
		for i, g := range groups {
			if doc != nil && !a.members[g] {
				remedy := ""
				if near := strictyaml.Nearest(g, known); near != "" {
					remedy = fmt.Sprintf("did you mean %q?", near)
				}
				doc.report(Warning, fmt.Sprintf("%s[%d]", path, i), fmt.Sprintf("no user is in the group %q", clip(g)), remedy)
			}
		}
	}
	for _, f := range l.servers {
		if f.server == nil {
			continue
		}
		check(f.doc, "users.groups", f.server.Groups)
		for i, rule := range f.server.Reply {
			check(f.doc, fmt.Sprintf("reply[%d].groups", i), rule.Groups)
		}
	}
	for _, f := range l.cas {
		if f.ca != nil {
			check(f.doc, "scope.groups", f.ca.Scope.Groups)
		}
	}
}

// warnConflicts is about users whom two reply rules fit while groups.priority names neither
// group (AZ-2): the order in the file decides, which may not be what was meant.
func (l *loader) warnConflicts(a *answer) {
	for _, c := range a.conflicts {
		c.file.doc.report(Warning, fmt.Sprintf("reply[%d].groups", c.rule[1]), fmt.Sprintf(
			"users in the groups %q and %q, such as %q, get the rule for the first of these",
			c.group[0], c.group[1], clip(c.example)),
			"say in policy.yaml, groups: {priority: […]}, which group counts")
	}
}

// unknownFiles warns of files that mean nothing here: most are misspelt or misplaced.
func (l *loader) unknownFiles() {
	o := l.object("")
	for _, file := range slices.Sorted(maps.Keys(l.tree.files)) {
		if _, read := l.tree.sums[file]; read || slices.Contains(l.named, file) || l.reported(file) {
			continue
		}
		text, remedy := "the file has no meaning here and is not read", ""
		switch dir, ext := path.Dir(file), path.Ext(file); {
		case ext == ".yml":
			remedy = "name it " + strings.TrimSuffix(file, ext) + ".yaml"
		case dir == "ca" && slices.Contains([]string{".crt", ".cer", ".der", ".p7b"}, ext):
			remedy = "name it " + strings.TrimSuffix(file, ext) + ".pem, in PEM form"
		case dir == "server":
			remedy = "put certificate.pem and key.pem into a folder, server/NAME/"
		}
		o.warn(file, 0, text, remedy)
	}
	for _, file := range slices.Sorted(maps.Keys(l.tree.unreadable)) {
		if !l.reported(file) {
			o.warn(file, 0, "it cannot be read: "+l.tree.unreadable[file].Error(), "")
		}
	}
}

// reported reports whether a problem of file has been found already.
func (l *loader) reported(file string) bool {
	return slices.ContainsFunc(l.objects, func(o *object) bool {
		return slices.ContainsFunc(o.problems, func(p Problem) bool { return p.File == file })
	})
}
