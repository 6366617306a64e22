package load

import (
	"fmt"
	"io"
	"maps"
	"slices"

	"gatehouse/authcore/identity"
	"gatehouse/authcore/policy"
	"gatehouse/authcore/snapshot"
)

// maxNear bounds the groups that are remembered to suggest one for a misspelt one.
const maxNear = 1000

// questions are what the warnings want to know of the users. They are asked while the users are
// read, for nobody holds them afterwards.
type questions struct {
	address  bool            // who has no address, for nobody is found by username
	groups   map[string]bool // who is a member
	priority []string
	rules    []ruleQuestion
}

// A ruleQuestion asks for users whom two reply rules of a server fit.
type ruleQuestion struct {
	file *serverFile
	rule map[string]int // by group: the first that names it
}

// ask collects the questions of everything but the users.
func (l *loader) ask(d *snapshot.Draft) *questions {
	order := d.Policy.Identity.Order
	q := &questions{groups: map[string]bool{}, priority: d.Policy.Groups.Priority,
		address: !slices.Contains(order, policy.CN) && !slices.Contains(order, policy.SANDNS)}
	q.member(d.Policy.Groups.Priority)
	for _, f := range l.servers {
		if f.server == nil {
			continue
		}
		q.member(f.server.Groups)
		rule := map[string]int{}
		for i, r := range slices.Backward(f.server.Reply) {
			q.member(r.Groups)
			for _, g := range r.Groups {
				rule[g] = i
			}
		}
		if len(f.server.Reply) > 1 {
			q.rules = append(q.rules, ruleQuestion{f, rule})
		}
	}
	for _, f := range l.cas {
		if f.ca != nil {
			q.member(f.ca.Scope.Groups)
		}
	}
	return q
}

func (q *questions) member(groups []string) {
	for _, g := range groups {
		q.groups[g] = true
	}
}

// write writes what the answers depend on besides the users.
func (q *questions) write(w io.Writer) {
	fmt.Fprintf(w, "%v %q %q\n", q.address, slices.Sorted(maps.Keys(q.groups)), q.priority)
	for _, r := range q.rules {
		fmt.Fprintf(w, "%q", r.file.name)
		for _, g := range slices.Sorted(maps.Keys(r.rule)) {
			fmt.Fprintf(w, " %q %d", g, r.rule[g])
		}
		fmt.Fprintln(w)
	}
}

// An answer is what the questions are told of some users.
type answer struct {
	unnamed   int    // users without address
	such      string // the first of them
	members   map[string]bool
	near      map[string]bool // groups that nobody has asked for
	conflicts []conflict
}

// A conflict is two rules that fit a user while groups.priority does not decide.
type conflict struct {
	file    *serverFile
	rule    [2]int
	group   [2]string
	example string // username
}

// take hears one user.
func (a *answer) take(u *identity.User, q *questions) {
	if a.members == nil {
		a.members, a.near = map[string]bool{}, map[string]bool{}
	}
	if q.address && u.Email == "" && len(u.Aliases) == 0 {
		if a.unnamed++; a.unnamed == 1 {
			a.such = u.Username
		}
	}
	for _, g := range u.Groups {
		if q.groups[g] {
			a.members[g] = true
		} else if len(a.near) < maxNear {
			a.near[g] = true
		}
	}
	for _, r := range q.rules {
		for _, c := range r.conflicts(u, q.priority) {
			a.conflict(c)
		}
	}
}

// conflict takes c in, unless these rules are known to be in conflict.
func (a *answer) conflict(c conflict) {
	if !slices.ContainsFunc(a.conflicts, func(have conflict) bool {
		return have.file == c.file && have.rule == c.rule
	}) {
		a.conflicts = append(a.conflicts, c)
	}
}

// conflicts returns the rules that the first rule for u is in conflict with.
func (r ruleQuestion) conflicts(u *identity.User, priority []string) (found []conflict) {
	first := ""
	for _, g := range u.Groups {
		i, ok := r.rule[g]
		if !ok {
			continue
		}
		if slices.Contains(priority, g) {
			return nil // decided
		}
		if first == "" || i < r.rule[first] {
			first = g
		}
	}
	for _, g := range u.Groups {
		if i, ok := r.rule[g]; ok && i != r.rule[first] {
			found = append(found,
				conflict{r.file, [2]int{r.rule[first], i}, [2]string{first, g}, u.Username})
		}
	}
	return found
}

// add takes the answer of further users in.
func (a *answer) add(b *answer) {
	if a.members == nil {
		a.members, a.near = map[string]bool{}, map[string]bool{}
	}
	if a.unnamed == 0 {
		a.such = b.such
	}
	a.unnamed += b.unnamed
	maps.Copy(a.members, b.members)
	maps.Copy(a.near, b.near)
	for _, c := range b.conflicts {
		a.conflict(c)
	}
}
