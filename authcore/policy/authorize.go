package policy

import (
	"fmt"
	"slices"
	"strings"
)

// A Subject is a user as far as authorization is concerned.
type Subject struct {
	Username string
	Groups   []string
	VLAN     string // the user's own; empty: what the reply rules say
}

// An Outcome is what an admitted user gets. Rule says in words where it comes from.
type Outcome struct {
	VLAN       string // number or name; empty: none is sent
	Attributes []Attribute
	Rule       string
}

// Authorize reports whether the server admits the user, and with what. False means that the
// user is in none of the server's groups; a server without groups admits every user.
//
// One reply rule applies: of those that name a group of the user, the one whose group stands
// first in priority; rules whose groups are not in priority come after these, in the order of
// the file; rules without groups match everybody and come last. The user's own VLAN wins over
// the rule's, whose attributes are sent all the same. Group names are compared exactly.
func Authorize(server *Server, u Subject, priority []string) (Outcome, bool) {
	if server == nil || len(server.Groups) > 0 && !overlap(server.Groups, u.Groups) {
		return Outcome{}, false
	}
	out := Outcome{Rule: "no reply rule applies"}
	if i, group := chooseRule(server.Reply, u.Groups, priority); i >= 0 {
		r := server.Reply[i]
		out.VLAN, out.Attributes = r.VLAN, slices.Clone(r.Attributes)
		out.Rule = fmt.Sprintf("reply rule %d (everybody)", i+1)
		if group != "" {
			out.Rule = fmt.Sprintf("reply rule %d (group %s)", i+1, group)
		}
	}
	if u.VLAN != "" {
		out.VLAN = u.VLAN
		out.Rule = "the user's own vlan; " + out.Rule
	}
	return out, true
}

// chooseRule returns the index of the rule that applies and the group that made it so, or -1.
func chooseRule(rules []ReplyRule, groups, priority []string) (int, string) {
	best, bestGroup := -1, ""
	bestRank := len(priority) + 2
	for i, r := range rules {
		rank, group := len(priority)+1, ""
		if len(r.Groups) > 0 {
			if rank, group = rankOf(r.Groups, groups, priority); rank < 0 {
				continue
			}
		}
		if rank < bestRank {
			best, bestGroup, bestRank = i, group, rank
		}
	}
	return best, bestGroup
}

// rankOf returns the best place in priority of a group that is in both lists, len(priority)
// for one that has none, and -1 if the lists have nothing in common.
func rankOf(rule, user, priority []string) (int, string) {
	best, bestGroup := -1, ""
	for _, g := range rule {
		if !slices.Contains(user, g) {
			continue
		}
		rank := slices.Index(priority, g)
		if rank < 0 {
			rank = len(priority)
		}
		if best < 0 || rank < best {
			best, bestGroup = rank, g
		}
	}
	return best, bestGroup
}

// InScope reports whether a CA with this scope may vouch for the user with that e-mail address
// and those groups. Where the scope names domains, the address must be in one of them (not in
// a domain below it); where it names groups, the user must be in one; where it names both,
// both must hold. A user without address is outside of every scope that names domains.
func InScope(scope Scope, email string, groups []string) bool {
	if len(scope.Domains) > 0 {
		at := strings.LastIndexByte(email, '@')
		if at < 0 || at == len(email)-1 {
			return false
		}
		domain := strings.ToLower(email[at+1:])
		same := func(d string) bool { return strings.ToLower(d) == domain }
		if !slices.ContainsFunc(scope.Domains, same) {
			return false
		}
	}
	return len(scope.Groups) == 0 || overlap(scope.Groups, groups)
}

func overlap(a, b []string) bool {
	return slices.ContainsFunc(a, func(s string) bool { return slices.Contains(b, s) })
}
